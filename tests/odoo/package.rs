//! Where Odoo's package comes from, and what is repaired in it.

use super::node::Node;

/// Of what else unstable has, nothing is a candidate, although much is newer there.
pub fn nothing_else_comes_from_unstable(node: &Node) {
    let policy = node.host.ok("apt-cache policy curl python3 odoo-19");
    let blocks: Vec<&str> = policy.split("\n").filter(|line| line.contains("Candidate: ")).collect();
    assert_eq!(blocks.len(), 3, "{policy}");
    assert!(
        policy.contains("/debian sid/main") || policy.contains(" sid/main "),
        "unstable is no source: {policy}"
    );
    let newer = node.host.ok("for name in curl python3 systemd openssl nginx; do \
         candidate=$(apt-cache policy $name | sed -n 's/^  Candidate: //p'); \
         newest=$(apt-cache madison $name | head -n 1 | cut -d '|' -f 2 | tr -d ' '); \
         from=$(apt-cache madison $name | grep -F \" $candidate \" | grep -vc sid/); \
         echo $name $candidate $newest $from; done");
    let mut held_back = 0;
    for line in newer.lines() {
        let [_, candidate, newest, from] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_ne!(from, "0", "the candidate comes from unstable: {line}");
        held_back += usize::from(candidate != newest);
    }
    assert!(held_back >= 3, "unstable has nothing newer, so that this proves nothing: {newer}");
    let upgrade = node.host.ok("apt-get --simulate dist-upgrade | grep '^Inst' || true");
    assert!(!upgrade.contains("sid") && !upgrade.contains("unstable"), "{upgrade}");
}

/// What a package asks for, and nobody has, is named before anything is touched.
pub fn a_misfit_is_told(node: &Node) {
    node.host.ok("mkdir -p /srv/odd/DEBIAN; printf 'Package: odoo\\nVersion: 19.0\\nArchitecture: all\\nMaintainer: x <x@x>\\n\
        Description: x\\nDepends: adduser, python3-nobody-has (>= 3)\\n' >/srv/odd/DEBIAN/control; \
        dpkg-deb --build /srv/odd /srv/odd.deb >&2; sed 's/^\\[postgresql\\]/odoo.package = \"\\/srv\\/odd.deb\"\\n&/' \
        /root/hams.toml >/run/odd.toml");
    let ended = node.host.run(&["hams-install", "--yes", "--config", "/run/odd.toml"]).expect(3);
    for text in ["the package `odoo` does not fit", "python3-nobody-has", "hint: "] {
        assert!(ended.stderr.contains(text), "{}", ended.text());
    }
    assert_eq!(node.host.sh("test -e /etc/apt/sources.list.d/hams-odoo-local.sources").code, 1);
}

/// One name that nobody has is told before any package is installed; the plain run goes on from there.
pub fn an_unknown_package_is_told(node: &Node) {
    node.host.ok("cat /root/hams.toml - >/run/odd.toml <<'E'\n[odoo]\npackages = [\"python3-pika\", \"no-such-package\"]\nE\n");
    let ended = node.host.run(&["hams-install", "--yes", "--config", "/run/odd.toml"]).expect(4);
    for text in
        ["no package source of apt's has `no-such-package`", "hint: correct the name", "odoo.packages"]
    {
        assert!(ended.stderr.contains(text), "{}", ended.text());
    }
    assert_ne!(node.host.sh("dpkg --status python3-pika").code, 0, "something of it was installed");
}

pub fn the_repair_is_shown(node: &Node) {
    let plan = node.hams(&["plan"]).expect(10);
    for text in ["Depends: drop python3-lxml-html-clean", "python3-tz for python3-pytz", "fonts-montserrat"] {
        assert!(plan.stderr.contains(text), "{}", plan.text());
    }
}

/// The package is ours by its version and Debian's by its data.
pub fn is_repaired(node: &Node) {
    let version = node.host.ok("dpkg-query --show --showformat='${Version}' odoo-19");
    assert!(version.ends_with("+hams1"), "{version}");
    assert_eq!(node.host.ok("dpkg --audit; apt-get --quiet=2 check 2>&1"), "");
    let original = version.trim_end_matches("+hams1");
    let same = node.host.ok(&format!(
        "cd /run; apt-get --quiet=2 -o APT::Sandbox::User=root download odoo-19={original} 2>/dev/null; \
         digest() {{ dpkg-deb --fsys-tarfile $1 | sha256sum; }}; \
         test \"$(digest odoo-19_*_all.deb)\" = \"$(digest /var/lib/hams-odoo/odoo-19_*_all.deb)\" && echo same; rm odoo-19_*"
    ));
    assert_eq!(same, "same\n");
}

/// The vendor's name and dependencies on the data of Debian's package, in a signed flat repository.
pub fn of_the_vendor(suite: &str) {
    let node = Node::prepare(
        suite,
        "[odoo]\nsource = \"nightly\"\n[apt.odoo-nightly]\nuri = \"file:/srv/odoo-nightly\"\n\
        signed_by = \"/srv/odoo-nightly/key.asc\"\n",
    );
    let script = include_str!("../lab/odoo-nightly");
    node.host.run_with(script, &["bash", "-s"]).expect(0);
    let plan = node.hams(&["plan"]).expect(10);
    assert!(plan.stderr.contains("python3-pypdf for python3-pypdf2"), "{}", plan.text());
    node.installed();
    let version = node.host.ok("dpkg-query --show --showformat='${Version}' odoo");
    assert!(version.ends_with("+hams1"), "{version}");
    node.is_clean();
    super::keep::runs_as_configured(&node);
}
