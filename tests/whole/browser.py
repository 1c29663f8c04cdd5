"""Logs in at Odoo's page in a real browser: DOMAIN ADDRESS FOLDER; the password on stdin."""

import sys

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.ui import WebDriverWait

domain, address, folder = sys.argv[1:]
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
service = webdriver.ChromeService("/usr/bin/chromedriver")
with webdriver.Chrome(options=options, service=service) as browser:
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
