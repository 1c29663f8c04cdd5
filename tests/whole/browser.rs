//! A real browser, on another host, over TLS: the login page and a login; the agent's page behind a password.

use super::node::{CONFIG, DOMAIN, INSTALL, Node, PASSWORD};
use std::path::Path;

/// Says on stdout what it saw, a line each; leaves pictures in /root/pictures.
const SCRIPT: &str = "browser.py";
/// Who may see the agent's page.
const USERS: &str = "/etc/hams/status.htpasswd";

/// The page is shown, `admin/admin` is refused in words, and the right password leads to Odoo's own pages.
#[track_caller]
pub fn logs_in(node: &Node) {
    let client = &node.client;
    client.ok("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
         -o Acquire::Retries=3 chromium chromium-driver python3-selenium fonts-dejavu-core >&2");
    client.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole").join(SCRIPT), "/root/");
    client.ok("mkdir -p /root/pictures");
    let said = sees(node, "login", &["login.png", "logged-in.png"]);
    assert_eq!(said, ["login page", "admin/admin refused", "logged in"]);
}

/// The operator asks for the agent's page: it is shown to whom he names, in light, in dark and on a phone, renews itself
/// in its place, and asks nobody else for anything. Needs what `logs_in` has installed.
#[track_caller]
pub fn shows_the_agents_page(node: &Node) {
    let host = &node.host;
    let hash = node.client.run_with(&format!("{PASSWORD}\n"), &["openssl", "passwd", "-6", "-stdin"]);
    host.write(USERS, &format!("ada:{}", hash.expect(0).stdout));
    host.ok(&format!("chown root:www-data {USERS}; chmod 0640 {USERS}"));
    let before = host.read(CONFIG);
    assert!(before.contains("[nginx]\n"), "{before}");
    let asked = before.replace("[nginx]\n", &format!("[nginx]\nstatus_users = \"{USERS}\"\n"));
    host.write(CONFIG, &format!("{asked}\n[health]\nhttp_port = 9853\n"));
    host.run(&INSTALL).expect(0);
    node.is_clean();
    let said = sees(node, "page", &["page-light.png", "page-dark.png", "page-narrow.png"]);
    assert!(said[0].starts_with("opened: ") && said[0].ends_with("– hams"), "{said:?}");
    let then = [
        "light and dark differ",
        "narrow without scrolling sideways",
        "renews itself in its place",
        "renews itself without scripts",
        "asks nobody else, nothing in the console",
    ];
    assert_eq!(said[1..], then);
}

/// What the browser says of a task; its pictures are there and show something.
#[track_caller]
fn sees(node: &Node, task: &str, names: &[&str]) -> Vec<String> {
    let address = node.host.address().to_string();
    let script = format!("/root/{SCRIPT}");
    let words = ["python3", &script, task, DOMAIN, &address, "/root/pictures"];
    let ended = node.client.run_with(&format!("{PASSWORD}\n"), &words).expect(0);
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&pictures).expect("a folder for pictures");
    node.client.pull("/root/pictures", &pictures);
    for name in names {
        let picture = std::fs::read(pictures.join(name)).expect("a picture");
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 5_000, "{name}: {} bytes", picture.len());
    }
    eprintln!("pictures by a browser: {}", pictures.display());
    ended.stdout.lines().map(str::to_owned).collect()
}
