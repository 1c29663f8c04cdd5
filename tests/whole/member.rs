//! A member's certificate leads to the real Odoo, and nothing else does.

use super::node::{CERTIFICATES, CONFIG, DOMAIN, INSTALL, Node};

/// `auth.DOMAIN` refuses all while there is no root; with one, who shows a member's certificate reaches Odoo's own page.
#[track_caller]
pub fn reaches_odoo(node: &Node) {
    let url = format!("https://auth.{DOMAIN}/web/login");
    let member =
        ["--cert", &format!("{CERTIFICATES}/member.pem"), "--key", &format!("{CERTIFICATES}/member.key")];
    let (status, _) = node.curl(&url, &member);
    assert!(status == 0 || status >= 400, "auth opens without a root: {status}");

    let root = node.client.read(&format!("{CERTIFICATES}/root.pem"));
    node.host.write("/etc/hams/members-root.pem", &root);
    let before = node.host.read(CONFIG);
    node.host.write(CONFIG, &format!("{before}\n[nginx]\nclient_ca = \"/etc/hams/members-root.pem\"\n"));
    node.host.run(&INSTALL).expect(0);
    for (name, expected) in [("member", 200), ("stranger", 400), ("expired", 400)] {
        let words =
            ["--cert", &format!("{CERTIFICATES}/{name}.pem"), "--key", &format!("{CERTIFICATES}/{name}.key")];
        let (status, page) = node.curl(&url, &words);
        assert_eq!(status, expected, "{name}: {page}");
        assert_eq!(status == 200, page.contains("name=\"login\""), "{name}: {page}");
    }
    assert_eq!(node.curl(&url, &[]).0, 400, "no certificate");
}
