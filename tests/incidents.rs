//! Incidents of the platform that no other test meets: tests/incidents.md has all of them, and where each is tested.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

#[path = "install/units.rs"]
#[allow(dead_code)] // of the units, this program needs none by name
mod units;

mod lab;

use lab::{Ended, Host};
use units::{restarted, starts};

const COMPONENTS: &str = "rabbitmq,powerdns,agent";
const SETTINGS: &str = "/etc/powerdns/pdns.d/50-hams.conf";

fn hams(host: &Host, components: &str, words: &[&str]) -> Ended {
    let fixed = ["hams-install", "--yes", "--domain", "hams.test", "--components", components];
    host.run(&[&fixed[..], words].concat())
}

#[test]
fn incidents_of_a_node() {
    let host = Host::up("bookworm");
    host.install_package();
    a_name_that_nobody_resolves(&host);
    a_folder_in_the_place_of_a_file(&host);
    hams(&host, COMPONENTS, &[]).expect(0);
    stock_settings(&host);
    packages_of_the_operator(&host);
}

/// The host's own name is in no table and no zone: nothing depends on it.
fn a_name_that_nobody_resolves(host: &Host) {
    host.ok("echo nobody-knows.invalid >/etc/hostname; hostname nobody-knows.invalid; sed -i '/^127.0.1.1/d' /etc/hosts");
    assert_ne!(host.sh("getent hosts \"$(hostname)\"").code, 0, "it is resolved: this shows nothing");
}

/// It is named before anything is touched, and not taken away.
fn a_folder_in_the_place_of_a_file(host: &Host) {
    host.ok(&format!("mkdir -p {SETTINGS}; touch {SETTINGS}/the-operators"));
    let refused = hams(host, COMPONENTS, &[]).expect(3);
    assert!(refused.stderr.contains(&format!("`{SETTINGS}` is a folder")), "{}", refused.text());
    assert_ne!(host.sh("dpkg --status pdns-server").code, 0, "a refused run installed packages");
    host.ok(&format!("rm {SETTINGS}/the-operators; rmdir {SETTINGS}"));
}

/// pdns.conf is put back to what the package ships, or no longer names the folder of the settings.
fn stock_settings(host: &Host) {
    host.ok("sed -i 's/^include-dir=/#&/; s/^launch=/#&/' /etc/powerdns/pdns.conf; systemctl restart pdns.service");
    let started = host.ok("systemctl show --property=InvocationID pdns.service");
    let verified = hams(host, COMPONENTS, &["verify"]).expect(0);
    assert!(verified.stderr.contains("ok       powerdns api: version "), "{}", verified.text());
    assert!(verified.stderr.contains("u.hams.test. SOA"), "{}", verified.text());
    assert_eq!(host.ok("systemctl show --property=InvocationID pdns.service"), started);
}

/// A run that installs one component more leaves what is there at its version, held or not, and starts none of it again.
fn packages_of_the_operator(host: &Host) {
    let versions =
        "dpkg-query --show --showformat='${Package} ${Version}\n' pdns-server pdns-backend-sqlite3 sqlite3";
    let before = host.ok(versions);
    host.ok(NEWER);
    let candidates = host.ok("apt-cache policy pdns-backend-sqlite3 sqlite3 | grep --count 'Candidate: 99:'");
    assert_eq!(candidates.trim(), "2", "nothing is newer: this shows nothing");
    host.ok("apt-mark hold sqlite3");
    let units = starts(host);
    hams(host, &format!("{COMPONENTS},redis"), &[]).expect(0);
    assert_eq!(host.ok(versions), before);
    assert_eq!(host.ok("apt-mark showhold"), "sqlite3\n");
    let again: Vec<String> = restarted(&units, &starts(host));
    assert_eq!(again, ["hams-agent.service"], "it reads Redis' password now");
    assert_eq!(host.ok("systemctl is-active redis-server.service"), "active\n");
}

/// A repository of the operator's with newer versions of two packages of PowerDNS's component.
const NEWER: &str = "set -e; mkdir -p /srv/newer; cd /srv/newer
    apt-get --quiet=2 -o APT::Sandbox::User=root download sqlite3 pdns-backend-sqlite3
    for deb in *.deb; do
        dpkg-deb --raw-extract \"$deb\" tree; rm \"$deb\"
        sed -i 's/^Version: .*/Version: 99:1/' tree/DEBIAN/control
        dpkg-deb --build tree \"${deb%%_*}_99.deb\" >/dev/null; rm -r tree
    done
    for deb in *.deb; do
        dpkg-deb --field \"$deb\"
        echo \"Filename: ./$deb\"; echo \"Size: $(stat --format=%s \"$deb\")\"; echo \"SHA256: $(sha256sum \"$deb\" | cut -c -64)\"; echo
    done >Packages
    echo 'deb [trusted=yes] file:/srv/newer ./' >/etc/apt/sources.list.d/newer.list
    apt-get --quiet=2 update >/dev/null";
