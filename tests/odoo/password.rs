//! The password of Odoo's user `admin`.

use super::node::{Node, PASSWORD};

const OTHER: &str = "another battery staple";
const OWN: &str = "an operator's own words";

/// Only the vault's password lets in, and Odoo keeps its hash as it is.
pub fn of_the_vault(node: &Node) {
    let kept = node.kept();
    assert!(kept.starts_with("$pbkdf2-sha512$600000$"), "{kept}");
    let vault = node.host.read("/etc/hams/secrets.env");
    assert!(vault.contains(&kept), "another hash than the vault's");
    assert!(!node.lets_in("admin"));
    assert!(!node.lets_in("wrong wrong wrong"));
    assert!(node.lets_in(PASSWORD));
    assert_eq!(node.kept(), kept, "the login has changed the hash");
}

/// Without a hash in the vault nobody comes in.
pub fn nobodys(node: &Node) {
    assert!(node.kept().starts_with("$pbkdf2-sha512$600000$"));
    for guess in ["admin", "odoo", PASSWORD] {
        assert!(!node.lets_in(guess), "{guess}");
    }
}

/// A password that comes later is set by a plain run.
pub fn first_given_later(node: &Node) {
    node.keep_password(PASSWORD);
    let plan = node.hams(&["plan"]).expect(10);
    assert!(plan.stderr.contains("password of Odoo's user admin"), "{}", plan.text());
    let start = node.start();
    node.installed();
    assert!(node.lets_in(PASSWORD) && !node.lets_in("admin"));
    assert_eq!(node.start(), start, "Odoo was started again for it");
    node.is_clean();
}

/// What an operator sets in Odoo stays, until the vault has another hash.
pub fn an_operators_own_stays(node: &Node) {
    node.host
        .run_with(
            &format!("env.ref('base.user_admin').password = {OWN:?}\nenv.cr.commit()\n"),
            &[
                "runuser",
                "-u",
                "odoo",
                "--",
                "odoo",
                "shell",
                "-c",
                "/etc/odoo/hams.conf",
                "-d",
                "hams_prod",
                "--no-http",
            ],
        )
        .expect(0);
    assert!(node.lets_in(OWN));
    node.is_clean();
    node.installed();
    assert!(node.lets_in(OWN) && !node.lets_in(PASSWORD));
    node.keep_password(OTHER);
    node.installed();
    assert!(node.lets_in(OTHER) && !node.lets_in(OWN));
    let words = node.hams(&["--yes"]).expect(0);
    assert!(words.stderr.contains("nothing to do"), "{}", words.text());
    let journal = node
        .host
        .ok("journalctl --no-pager --output=export; cat /var/lib/hams/journal /var/lib/hams/receipt.json");
    assert!(!journal.contains("$pbkdf2-sha512$"), "a hash stands where others read");
}
