//! A host with daemons of a site's own: how it is made, and how its daemons are asked.

use super::lab::{Ended, Host};
use std::path::Path;
use std::time::{Duration, Instant};

pub const CONSUMER: &str = "hams-daemon@sample.consumer.service";
pub const CACHE: &str = "hams-daemon@sample.cache.service";
pub const TIMER: &str = "hams-daemon@sample.timer.timer";
pub const CODE: &str = "/opt/hams/daemons";
/// A value that no reader but the right one gets right.
pub const ODD_PASSWORD: &str = r##"it's "100 %" $HOME #1 \n `id`"##;
const CONFIG: &str = "domain = \"hams.test\"\ncomponents = [\"redis\", \"rabbitmq\", \"powerdns\", \"daemons\", \"agent\"]\n\
                      [daemons]\ncatalogue = \"/srv/site.toml\"\n";
const LIMIT: Duration = Duration::from_secs(60);

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemons").join(name)
}

/// What an operator brings: the code, a catalogue, and how pip reaches its index from here.
pub fn prepare(host: &Host) {
    host.push(&fixture("code"), CODE);
    host.push(&fixture("site.toml"), "/srv/site.toml");
    host.push(&fixture("publish.py"), "/srv/publish.py");
    host.push(Path::new("/etc/ssl/certs/ca-certificates.crt"), "/srv/authorities.crt");
    host.write("/etc/pip.conf", "[global]\ncert = /srv/authorities.crt\ntimeout = 60\nretries = 10\n");
    host.write("/srv/hams.toml", CONFIG);
    host.ok("chmod -R a+rX,go-w /opt/hams /srv");
}

/// What the site's wrong daemons are, from then on.
pub fn bring_wrong_ones(host: &Host) {
    host.push(&fixture("wrong"), CODE);
    host.ok("chmod -R a+rX,go-w /opt/hams/daemons");
}

/// Runs hams-install with the node's configuration.
pub fn hams(host: &Host, words: &[&str]) -> Ended {
    host.run(&[&["hams-install", "--yes", "--config", "/srv/hams.toml"], words].concat())
}

/// Waits until `is_so` gives something.
#[track_caller]
pub fn wait<T>(what: &str, mut is_so: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        match is_so() {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= end => panic!("{what}: {seen}"),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

/// A property of a unit.
pub fn property(host: &Host, unit: &str, name: &str) -> String {
    host.ok(&format!("systemctl show --value --property={name} '{unit}'")).trim().to_owned()
}

/// Has the sample consumer try `probes` (`read` or `write`, and a path); gives what it saw.
#[track_caller]
pub fn ask_consumer(host: &Host, name: &str, password: &str, probes: &[(&str, &str)]) -> serde_json::Value {
    let python = "/var/lib/hams-daemons/sample.consumer/current/bin/python";
    let probes = serde_json::to_string(probes).expect("JSON");
    host.run_with(password, &[python, "/srv/publish.py", name, &probes]).expect(0);
    report(host, &format!("/opt/hams/spool/sample_consumer/{name}"))
}

/// A report of a sample daemon, once it is there.
#[track_caller]
pub fn report(host: &Host, path: &str) -> serde_json::Value {
    wait("no report of the daemon", || {
        let ended = host.run(&["cat", path]);
        if ended.code == 0 {
            Ok(serde_json::from_str(&ended.stdout).expect("JSON"))
        } else {
            Err(ended.text())
        }
    })
}

/// The names of the variables that a report lists, without those that systemd and Python give everybody.
pub fn variables(report: &serde_json::Value) -> Vec<String> {
    const EVERYBODYS: &[&str] = &[
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "PATH",
        "LANG",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "SYSTEMD_EXEC_PID",
        "MEMORY_PRESSURE_WATCH",
        "MEMORY_PRESSURE_WRITE",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "TRIGGER_UNIT",
        "TRIGGER_TIMER_REALTIME_USEC",
        "TRIGGER_TIMER_MONOTONIC_USEC",
        "LC_CTYPE",
    ];
    let all = report["variables"].as_object().expect("variables");
    all.keys().filter(|name| !EVERYBODYS.contains(&name.as_str())).cloned().collect()
}
