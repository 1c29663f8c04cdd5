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

/// Odoo knows whose certificate it is, and believes nobody who says it himself.
#[track_caller]
pub fn is_known_to_odoo(node: &Node) {
    let subject = node.client.ok(&format!(
        "openssl x509 -in {CERTIFICATES}/member.pem -noout -subject -nameopt RFC2253 | sed 's/^subject=//'"
    ));
    let forged = ["--header", "X-Client-Verify: SUCCESS", "--header", "X-Client-DN: CN=Somebody Else"];
    let member =
        ["--cert", &format!("{CERTIFICATES}/member.pem"), "--key", &format!("{CERTIFICATES}/member.key")];
    let words = [&member[..], &forged].concat();
    for (host, words, expected) in [
        (format!("auth.{DOMAIN}"), words, ["SUCCESS", subject.trim()]),
        (DOMAIN.to_owned(), forged.to_vec(), ["", ""]),
    ] {
        let (status, said) = node.curl(&format!("https://{host}/ham_dns/certificate"), &words);
        assert_eq!(status, 200, "{host}: {said}");
        let said: serde_json::Value = serde_json::from_str(said.trim()).expect("JSON");
        assert_eq!([&said["X-Client-Verify"], &said["X-Client-DN"]], expected, "{host}: {said}");
    }
}
