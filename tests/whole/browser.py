"""What a real browser sees: TASK DOMAIN ADDRESS FOLDER; the password on stdin. Leaves pictures in the folder.

login: logs in at Odoo's page. page: opens the agent's page through nginx, in light and dark, and as a phone does.
"""

import json
import sys
import urllib.parse

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.ui import WebDriverWait

task, domain, address, folder = sys.argv[1:]
password = sys.stdin.readline().rstrip("\n")

options = webdriver.ChromeOptions()
for option in [
    "headless=new",
    "no-sandbox",  # the host's root runs it
    "disable-dev-shm-usage",
    "ignore-certificate-errors",  # self-signed until the operator's is there
    "window-size=1280,900",
    f"host-resolver-rules=MAP {domain} {address}",
]:
    options.add_argument(f"--{option}")
# What the page loads and what the browser has to say of it.
options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
service = webdriver.ChromeService("/usr/bin/chromedriver")


def login(browser):
    wait = WebDriverWait(browser, 60)

    def log_in(word):
        browser.get(f"https://{domain}/web/login")
        for name, value in [("login", "admin"), ("password", word)]:
            field = wait.until(seen.visibility_of_element_located((By.NAME, name)))
            field.clear()
            field.send_keys(value)
        browser.find_element(By.CSS_SELECTOR, "form.oe_login_form button[type=submit]").click()

    browser.get(f"https://{domain}/web/login")
    wait.until(seen.visibility_of_element_located((By.NAME, "password")))
    browser.save_screenshot(f"{folder}/login.png")
    print("login page")
    log_in("admin")
    wait.until(seen.visibility_of_element_located((By.CSS_SELECTOR, ".alert-danger")))
    print("admin/admin refused")
    log_in(password)
    wait.until(seen.visibility_of_element_located((By.CSS_SELECTOR, ".o_main_navbar, .o_action_manager")))
    browser.save_screenshot(f"{folder}/logged-in.png")
    print("logged in")


def page(browser):
    wait = WebDriverWait(browser, 90, poll_frequency=6)

    def opened(_):
        browser.get(f"https://ada:{urllib.parse.quote(password)}@{domain}/hams-status")
        # Logins before may have used up what the limit allows.
        return browser.title.endswith("– hams")

    def requests():
        messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [asked for asked in sent if not asked.startswith("data:")]

    def scheme(name):
        feature = {"name": "prefers-color-scheme", "value": name}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        return browser.execute_script("return getComputedStyle(document.body).backgroundColor")

    def size(width, height):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        return browser.execute_script(
            "const root = document.documentElement; return [root.scrollWidth, root.clientWidth]"
        )

    def picture(name):
        browser.save_screenshot(f"{folder}/page-{name}.png")

    wait.until(opened)
    told = [entry for entry in browser.get_log("browser") if "429" not in entry["message"]]
    assert not told, told
    print("opened:", browser.title)
    colours = []
    for name in ["light", "dark"]:
        colours.append(scheme(name))
        wide, room = size(1280, 900)
        assert wide <= room, f"{name}: {wide} pixels in {room}"
        picture(name)
    assert colours[0] != colours[1], colours
    print("light and dark differ")
    scheme("light")
    wide, room = size(390, 844)
    assert room == 390 and wide <= room, f"narrow: {wide} pixels in {room}"
    picture("narrow")
    print("narrow without scrolling sideways")
    # It renews what it shows where it is: the document and the place that it is scrolled to stay.
    before = browser.find_element(By.CSS_SELECTOR, "footer time").get_attribute("datetime")
    browser.execute_script("window.stayed = true; window.scrollTo(0, 200)")
    now = "return document.querySelector('footer time').dateTime"
    wait.until(lambda _: browser.execute_script(now) != before)
    stayed, place = browser.execute_script("return [window.stayed, window.scrollY]")
    assert stayed and place == 200, (stayed, place)
    print("renews itself in its place")
    # With scripts off the browser does it, and all is there all the same.
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    wait.until(opened)
    before = browser.find_element(By.CSS_SELECTOR, "footer time").get_attribute("datetime")
    wait.until(lambda _: browser.find_element(By.CSS_SELECTOR, "footer time").get_attribute("datetime") != before)
    print("renews itself without scripts")
    told = [entry for entry in browser.get_log("browser") if "429" not in entry["message"]]
    assert not told, told
    asked = {(sent.hostname, sent.path) for sent in map(urllib.parse.urlsplit, requests())}
    assert asked == {(domain, "/hams-status")}, asked
    print("asks nobody else, nothing in the console")


with webdriver.Chrome(options=options, service=service) as browser:
    {"login": login, "page": page}[task](browser)
