//! Behind Cloudflare: its word on a client's address counts where it is Cloudflare that speaks, and nowhere else.

use super::edge::{Answer, CERTIFICATES, DOMAIN, Edge, wait_for};
use super::outside::forgery;

/// One of Cloudflare's addresses, which the edge's own host wears for a while.
const CLOUDFLARES: &str = "173.245.48.10";
const CLIENT: &str = "192.0.2.99";

/// Asks from the edge's own host, with `from` as the address it comes from.
fn ask(edge: &Edge, from: &str, words: &[&str]) -> Answer {
    let to = format!("::{}:", edge.host.address());
    let fixed =
        ["curl", "--silent", "--insecure", "--max-time", "8", "--connect-to", &to, "--interface", from];
    let ended = edge.host.run(&[&fixed[..], words, &[&format!("https://{DOMAIN}/")]].concat());
    let status = if ended.stdout.starts_with('{') { 200 } else { 0 };
    Answer { status, head: String::new(), body: ended.stdout }
}

/// The client's address comes from Cloudflare alone.
pub fn only_cloudflare_is_believed(edge: &Edge) {
    edge.host.ok(&format!("ip address add {CLOUDFLARES}/32 dev lo"));
    let said = ["--header", "CF-Connecting-IP: 192.0.2.99", "--header", "X-Forwarded-For: 192.0.2.98"];
    let before = ask(edge, CLOUDFLARES, &said);
    assert_eq!(before.echo().headers["x-real-ip"], CLOUDFLARES, "not switched on: {before:?}");

    edge.configure("[nginx]\ncloudflare = true\n");
    edge.change();
    edge.is_clean();
    wait_for("the address of Cloudflare's client", || {
        ask(edge, CLOUDFLARES, &said).echo().headers["x-real-ip"] == CLIENT
    });
    let headers = ask(edge, CLOUDFLARES, &said).echo().headers;
    assert_eq!(headers["x-forwarded-for"], CLIENT, "{headers:#?}");
    assert!(!headers.contains_key("cf-connecting-ip"), "{headers:#?}");

    let own = edge.host.address().to_string();
    let other = ask(edge, &own, &said).echo().headers;
    assert_eq!((&other["x-real-ip"], &other["x-forwarded-for"]), (&own, &own), "{other:#?}");
    let forgery = forgery();
    let forgery: Vec<&str> = forgery.iter().map(String::as_str).collect();
    let outside = edge.get(DOMAIN, "/", &forgery);
    super::outside::forgery_did_not_get_through(&outside, &edge.client.address().to_string());
}

/// With a root of origin pulls nobody gets to the domain but who shows a certificate below it.
pub fn origin_pulls_are_authenticated(edge: &Edge) {
    edge.configure(&format!("[nginx]\ncloudflare = true\norigin_pull_ca = \"{CERTIFICATES}/root.pem\"\n"));
    edge.change();
    edge.is_clean();
    assert_eq!(edge.get(DOMAIN, "/", &[]).status, 400, "anybody is let in");
    let with = |name: &str| {
        let words = [format!("{CERTIFICATES}/{name}.pem"), format!("{CERTIFICATES}/{name}.key")];
        edge.get("www.hams.test", "/", &["--cert", &words[0], "--key", &words[1]])
    };
    assert_eq!(with("stranger").status, 400);
    let pulled = with("member");
    let headers = pulled.echo().headers;
    assert!(pulled.status == 200 && !headers.keys().any(|name| name.starts_with("x-client")), "{pulled:?}");
    edge.host.ok(&format!("ip address delete {CLOUDFLARES}/32 dev lo"));
}
