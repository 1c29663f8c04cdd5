//! How long a whole install takes, beside what the same packages take without us: `cargo bench --bench install`.
//!
//! On fresh Debian 13 hosts with the same archives in apt's cache, one after the other: `hams-install` from its start to
//! its end; and the bare `apt-get install` of the same packages, then `odoo -i base,web`. Prints the ratio of each pair
//! and of the best of each; at most 1.00 is wanted (design §7), as what overlaps pays for our own work.
#![allow(clippy::print_stdout, clippy::print_stderr)] // figures are what it is for

#[path = "../lab/mod.rs"]
mod lab;
#[allow(dead_code)] // the whole-stack tests use the rest
#[path = "../whole/node.rs"]
mod node;
#[path = "../install/watch.rs"]
mod watch;

use node::{INSTALL, Node};
use std::path::Path;
use std::time::{Duration, Instant};

const PAIRS: usize = 3;
const SUITE: &str = "trixie";
const ARCHIVES: &str = "/var/cache/apt/archives";
/// What of apt's settings is ours: sources, pins and keys.
const SETTINGS: [&str; 3] = ["/etc/apt/sources.list.d", "/etc/apt/preferences.d", "/etc/apt/keyrings"];
const INSTALLED: &str =
    "dpkg-query --show --showformat='${db:Status-Status} ${Package}\\n' | sed -n 's/^installed //p' | sort";

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archives, settings) = (folder.path().join("archives"), folder.path().join("settings"));
    std::fs::create_dir(&archives).expect("a folder");

    let host = Node::prepare(SUITE, &[]);
    let before = host.ok(INSTALLED);
    host.run(&INSTALL).expect(0);
    let after = host.ok(INSTALLED);
    let packages: Vec<&str> = after.lines().filter(|name| !before.lines().any(|old| old == *name)).collect();
    host.ok(&format!("rm -rf {ARCHIVES}/partial {ARCHIVES}/lock"));
    host.pull(ARCHIVES, &archives);
    for (number, from) in SETTINGS.iter().enumerate() {
        host.ok(&format!("mkdir -p {from}"));
        let to = settings.join(number.to_string());
        std::fs::create_dir_all(&to).expect("a folder");
        host.pull(from, &to);
    }
    drop(host);

    println!("{} packages; each pair on fresh hosts, with the same archives", packages.len());
    let mut best = [Duration::MAX; 2];
    for number in 1..=PAIRS {
        let took = [with_hams(&archives), bare(&archives, &settings, &packages)];
        println!("pair {number}: {}", line(took));
        best = [best[0].min(took[0]), best[1].min(took[1])];
    }
    println!("best of {PAIRS}: {}", line(best));
}

fn line([hams, bare]: [Duration; 2]) -> String {
    let (hams, bare) = (hams.as_secs_f64(), bare.as_secs_f64());
    format!(
        "hams-install {hams:.1} s, apt-get and odoo -i {bare:.1} s, ratio {:.2} (wanted: at most 1.00)",
        hams / bare
    )
}

fn with_hams(archives: &Path) -> Duration {
    let host = Node::prepare(SUITE, &[]);
    host.push(archives, ARCHIVES);
    host.ok("sync");
    let begun = Instant::now();
    host.run(&INSTALL).expect(0);
    begun.elapsed()
}

fn bare(archives: &Path, settings: &Path, packages: &[&str]) -> Duration {
    let host = Node::prepare(SUITE, &[]);
    host.push(archives, ARCHIVES);
    for (number, to) in SETTINGS.iter().enumerate() {
        host.ok(&format!("mkdir -p {to}"));
        host.push(&settings.join(number.to_string()), to);
    }
    host.ok("sync");
    let begun = Instant::now();
    host.ok(&format!(
        "export DEBIAN_FRONTEND=noninteractive
         apt-get update --quiet=2
         apt-get install --yes --quiet=2 --no-install-recommends -o Dpkg::Use-Pty=0 {} >/dev/null",
        packages.join(" ")
    ));
    // The package makes the role when the server is up before it is configured, which is a matter of chance.
    host.ok("runuser -u postgres -- createuser -d odoo 2>/dev/null || true
         runuser -u postgres -- createdb --owner odoo bare
         runuser -u odoo -- odoo -d bare -i base,web --without-demo=True --stop-after-init --no-http >/dev/null 2>&1");
    begun.elapsed()
}
