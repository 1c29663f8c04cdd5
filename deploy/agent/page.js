// Puts the present state in the place of the last one, so that the page stays where it is scrolled to. What cannot be had
// is said, with the time from which the page is.
"use strict";
const note = document.getElementById("note");
const every = Number(document.body.dataset.refresh) * 1000;
let asking = false;

async function refresh() {
  // Nobody looks, somebody copies, or the last question is still under way.
  if (document.hidden || asking || !getSelection().isCollapsed) return;
  asking = true;
  try {
    const answer = await fetch(location.origin + location.pathname, {
      cache: "no-store",
      signal: AbortSignal.timeout(10000),
    });
    if (!answer.ok) throw new Error("HTTP " + answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = page.querySelector("main");
    if (!main) throw new Error("another page");
    document.querySelector("main").replaceWith(document.adoptNode(main));
    document.title = page.title;
    const icon = "link[rel=icon]";
    document.querySelector(icon).href = page.querySelector(icon).href;
    note.textContent = "";
  } catch (error) {
    const from = document.querySelector("footer time").textContent;
    note.textContent =
      "No answer (" + error.message + "): what stands here is from " + from +
      ". On the host: systemctl status hams-agent";
    document.title = "? no answer – hams";
  }
  asking = false;
}

setInterval(refresh, every);
document.addEventListener("visibilitychange", refresh);
