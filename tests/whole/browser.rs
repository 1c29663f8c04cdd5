//! A real browser, on another host, opens the login page over TLS and logs in.

use super::node::{DOMAIN, Node, PASSWORD};
use std::path::Path;

/// Says on stdout what it saw, a line each; leaves pictures in /root/pictures.
const SCRIPT: &str = "browser.py";

/// The page is shown, `admin/admin` is refused in words, and the right password leads to Odoo's own pages.
#[track_caller]
pub fn logs_in(node: &Node) {
    let client = &node.client;
    client.ok("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
         -o Acquire::Retries=3 chromium chromium-driver python3-selenium fonts-dejavu-core >&2");
    client.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole").join(SCRIPT), "/root/");
    client.ok("mkdir -p /root/pictures");
    let address = node.host.address().to_string();
    let script = format!("/root/{SCRIPT}");
    let words = ["python3", &script, DOMAIN, &address, "/root/pictures"];
    let ended = client.run_with(&format!("{PASSWORD}\n"), &words).expect(0);
    let said: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(said, ["login page", "admin/admin refused", "logged in"], "{}", ended.text());
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&pictures).expect("a folder for pictures");
    client.pull("/root/pictures", &pictures);
    for name in ["login.png", "logged-in.png"] {
        let picture = std::fs::read(pictures.join(name)).expect("a picture");
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 5_000, "{name}: {} bytes", picture.len());
    }
    eprintln!("pictures by a browser: {}", pictures.display());
}
