//! A sweep that has nothing to do, beside octodns on the same zones: the row of design §7 that needs Odoo, so that it is no
//! part of `cargo bench --bench sync`.

use super::node::Node;
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

/// Of the zones, octodns compares so many; it takes as long for each.
const ZONES: usize = 1000;
/// What both have a part in; who works for how long tells what bounds the sweep.
const SERVICES: [&str; 4] = ["hams-agent", "odoo", "postgresql@16-main", "pdns"];
const INSTALL: &str =
    "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends python3-venv >&2
    python3 -m venv /srv/octodns && /srv/octodns/bin/pip install --quiet --cert /srv/authorities.crt octodns octodns-powerdns >&2";

/// Tells how long `sweep` takes, which compares `count` zones, and how long octodns would.
#[track_caller]
pub fn is_compared(node: &Node, count: usize, sweep: impl Fn()) {
    node.host.push(Path::new("/etc/ssl/certs/ca-certificates.crt"), "/srv/authorities.crt");
    node.host.ok(INSTALL);
    node.host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/octodns.py"), "/srv/");
    let before = SERVICES.map(|service| cpu(node, service));
    let begun = Instant::now();
    sweep();
    let ours = begun.elapsed().as_secs_f64();
    let after = SERVICES.map(|service| cpu(node, service));

    let key = node.hams(&["secrets", "show", "PDNS_API_KEY"]).expect(0).stdout;
    let command = ["/srv/octodns/bin/python", "/srv/octodns.py", &ZONES.to_string()];
    let said: Value =
        serde_json::from_str(&node.host.run_with(&key, &command).expect(0).stdout).expect("JSON");
    let theirs = said["seconds"].as_f64().expect("seconds");
    let ratio = (theirs / ZONES as f64) / (ours / count as f64);
    eprintln!(
        "a sweep that finds nothing to do: {ours:.1} s for {count} zones | octodns {theirs:.1} s for {ZONES} | a zone {ratio:.1} \
         times as fast | wanted at least 50"
    );
    for ((service, before), after) in SERVICES.iter().zip(before).zip(after) {
        eprintln!("  of the sweep, {service} was on a core for {:.1} s", after - before);
    }
}

/// Seconds on a core, of all processes of the service.
#[track_caller]
fn cpu(node: &Node, service: &str) -> f64 {
    let nanoseconds =
        node.host.ok(&format!("systemctl show --property=CPUUsageNSec --value {service}.service"));
    nanoseconds.trim().parse::<f64>().expect("a number") / 1e9
}
