//! Redis on fresh hosts: who may do what, what others see, and that it stays so and can be taken back.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod client;
#[path = "../install/secrets.rs"]
#[allow(dead_code)] // of the searches, this program needs some
mod found;
#[path = "../lab/mod.rs"]
mod lab;
#[path = "../install/units.rs"]
#[allow(dead_code)]
mod units;
#[path = "../install/watch.rs"]
mod watch;

use client::{MONITOR, PLATFORM, ask, may};
use found::{are_not_in, found, vault};
use lab::manifest::{difference, manifest, times};
use lab::ports::{Sampler, open_tcp};
use lab::{Ended, Host};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use units::{restarted, starts};
use watch::CommandLines;

const INSTALL: [&str; 6] =
    ["hams-install", "--yes", "--domain", "hams.test", "--components", "redis,rabbitmq,powerdns,agent"];
const REDIS: &str = "redis-server.service";
const AGENT: &str = "hams-agent.service";
const SETTINGS: &str = "/etc/redis/hams.conf";
const USERS: &str = "/etc/redis/users.acl";
const DNS: u16 = 53;

/// Where the two passwords may stand in clear.
const CLEAR: [&str; 2] = ["/etc/hams/secrets.env", "/etc/hams/credentials/redis-monitor-password"];
const OF_SYSTEMD: &str = "/run/credentials/hams-agent.service/";

#[test]
fn redis_on_a_fresh_bookworm() {
    redis_on_a_fresh("bookworm");
}

#[test]
fn redis_on_a_fresh_trixie() {
    redis_on_a_fresh("trixie");
}

/// The whole story on one host.
fn redis_on_a_fresh(suite: &str) {
    let host = Host::up(suite);
    let before = manifest(&host);
    host.install_package();
    installed_in_silence(&host);
    eprintln!("{suite}: {}", host.ok("dpkg-query --show redis-server").trim());
    users_may_what_they_must(&host);
    runs_as_configured(&host);
    passwords_stand_with_root_alone(&host);
    a_second_run_changes_nothing(&host);
    a_hand_edit_is_repaired(&host);
    rotated(&host, "REDIS_PASSWORD", &[REDIS]);
    rotated(&host, "HAMS_REDIS_MONITOR_PASS", &[AGENT, REDIS]);
    users_may_what_they_must(&host);
    a_reboot_brings_it_back(&host);
    an_uninstall_leaves_nothing(&host, &before);
}

fn hams(host: &Host, words: &[&str]) -> Ended {
    host.run(&[&INSTALL[..], words].concat())
}

/// The two passwords by their names.
fn passwords(host: &Host) -> BTreeMap<String, String> {
    vault(host).into_iter().filter(|(name, _)| name.contains("REDIS")).collect()
}

/// During the install nothing but DNS was open to others, no command line had a password, and Redis was started once.
fn installed_in_silence(host: &Host) {
    let (ports, lines) = (Sampler::start(host), CommandLines::start(host));
    let ended = hams(host, &[]).expect(0);
    let (seen, lines) = (ports.stop(), lines.stop());
    assert!(seen.sweeps >= 2 && seen.samples >= 20, "hardly anybody looked: {seen:?}");
    let of_redis = seen.listeners.iter().filter(|(_, _, port)| *port == client::PORT);
    assert_eq!(of_redis.count(), 0, "Redis for others: {:?}", seen.listeners);
    assert!(seen.open_tcp.is_subset(&BTreeSet::from([DNS])), "open from outside: {:?}", seen.open_tcp);
    assert_eq!(open_tcp(host.address().into()), BTreeSet::from([DNS]));
    assert_eq!(open_tcp(host.address6().into()), BTreeSet::from([DNS]));
    are_not_in("a command line", &lines.into_iter().collect::<String>(), &passwords(host));
    are_not_in("what the run says", &ended.text(), &passwords(host));
    assert!(ended.stderr.contains("redis ping: version "), "{}", ended.text());
    let journal = host.ok(&format!("journalctl --unit={REDIS} --output=cat"));
    assert_eq!(journal.matches("Started").count(), 1, "it was started before it was configured: {journal}");
}

fn users_may_what_they_must(host: &Host) {
    let passwords = passwords(host);
    let (platform, monitor) = (&passwords["REDIS_PASSWORD"], &passwords["HAMS_REDIS_MONITOR_PASS"]);
    for way in [client::TCP, client::SOCKET] {
        for nobody in ["", "AUTH default \"\"\n", "AUTH default default\n", "AUTH hams_redis wrong\n"] {
            let answer = ask(host, way, &format!("{nobody}PING\nSET k v\nINFO\n"));
            let refusals = answer.lines().filter(|line| line.starts_with("NOAUTH ")).count();
            assert_eq!(refusals, 3, "{way:?} {nobody:?}: {answer}");
        }
        may(host, way, "hams_redis", platform, PLATFORM);
        may(host, way, "hams_monitor", monitor, MONITOR);
    }
    let swapped =
        ask(host, client::TCP, &format!("AUTH hams_redis {monitor}\nAUTH hams_monitor {platform}\n"));
    assert_eq!(swapped.matches("WRONGPASS").count(), 2, "{swapped}");
    // From another host there is nobody to talk to; other accounts of this one do not even reach the socket.
    let nobody = ["runuser", "-u", "nobody", "--", "redis-cli", "-s", "/run/redis/redis.sock", "ping"];
    let refused = host.run(&nobody);
    assert!(refused.text().contains("Permission denied"), "{}", refused.text());
}

/// Memory is limited as the host is large, nothing is kept on disk, the process can change none of its settings.
fn runs_as_configured(host: &Host) {
    let monitor = &passwords(host)["HAMS_REDIS_MONITOR_PASS"];
    let info = ask(host, client::TCP, &format!("AUTH hams_monitor {monitor}\nINFO\n"));
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = host.ok("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo");
    let share = (kib.trim().parse::<u64>().expect("a number") * 1024 / 16).next_power_of_two();
    assert_eq!(value("maxmemory"), Some(share.clamp(64 << 20, 1 << 30).to_string().as_str()), "{info}");
    assert_eq!(value("maxmemory_policy"), Some("noeviction"), "{info}");
    assert_eq!((value("aof_enabled"), value("config_file")), (Some("0"), Some(SETTINGS)), "{info}");
    let platform = &passwords(host)["REDIS_PASSWORD"];
    ask(host, client::TCP, &format!("AUTH hams_redis {platform}\nSET kept 1\n"));
    host.ok(&format!("systemctl stop {REDIS}"));
    hams(host, &[]).expect(0);
    assert_eq!(host.ok("ls -A /var/lib/redis"), "", "something is on disk");
    // As the process sees the host: programs of ours cannot run there.
    let touch = |file: &str| host.sh(&format!("touch /proc/$(pidof redis-server)/root{file}")).stderr;
    assert!(
        touch(USERS).contains("Read-only file system"),
        "Redis may write its own settings: {}",
        touch(USERS)
    );
    assert_eq!(touch("/var/log/redis/redis-server.log"), "");
    let maxmemory = "/run/with-maxmemory.toml";
    host.write(maxmemory, "domain = \"hams.test\"\ncomponents = [\"redis\"]\nredis.maxmemory = \"512MB\"\n");
    let plan = host.run(&["hams-install", "--config", maxmemory, "plan"]).expect(10);
    assert!(plan.stderr.contains("+ maxmemory 512mb"), "{}", plan.text());
}

fn passwords_stand_with_root_alone(host: &Host) {
    let passwords = passwords(host);
    host.write("/srv/planted", &passwords["REDIS_PASSWORD"]);
    let mut by_root = found(host, &[], &passwords);
    assert_eq!(
        found(host, &["runuser", "-u", "nobody", "--"], &passwords),
        ["/srv/planted".to_owned()].into()
    );
    host.ok("rm /srv/planted");
    assert!(by_root.remove("/srv/planted"), "the search would find a password: {by_root:?}");
    by_root.retain(|path| !path.starts_with(OF_SYSTEMD));
    assert_eq!(by_root, CLEAR.map(str::to_owned).into(), "where passwords stand");
    assert_eq!(
        host.ok(&format!("stat --format='%a %U:%G' {USERS} {SETTINGS}")),
        "640 root:redis\n640 root:redis\n"
    );
    let hash = host.read(USERS);
    let hash = hash.lines().find_map(|line| line.strip_prefix("user hams_redis ")?.split_once('#'));
    let hashes = [("hash".to_owned(), hash.expect("a hash").1.to_owned())].into();
    assert_eq!(
        found(host, &["runuser", "-u", "nobody", "--"], &hashes),
        BTreeSet::new(),
        "hashes for all to read"
    );
    are_not_in("the system's journal", &host.ok("journalctl --no-pager --output=export"), &passwords);
}

fn a_second_run_changes_nothing(host: &Host) {
    let (files, units) = (times(host), starts(host));
    let begun = Instant::now();
    let ended = hams(host, &[]).expect(0);
    eprintln!("a run with nothing to do: {:.1} s", begun.elapsed().as_secs_f64());
    assert!(ended.stderr.contains("nothing to do"), "{}", ended.text());
    let touched: Vec<_> =
        times(host).into_iter().filter(|(path, time)| files.get(path) != Some(time)).collect();
    assert!(touched.is_empty(), "touched {touched:?}");
    assert_eq!(restarted(&units, &starts(host)), Vec::<String>::new());
}

/// A run; gives the units that it started again.
fn repaired(host: &Host) -> Vec<String> {
    let units = starts(host);
    hams(host, &[]).expect(0);
    hams(host, &["plan"]).expect(0);
    restarted(&units, &starts(host))
}

fn a_hand_edit_is_repaired(host: &Host) {
    let right = (host.read(SETTINGS), host.read(USERS));
    host.ok(&format!("sed -i 's/^maxmemory .*/maxmemory 0/' {SETTINGS}; chmod 0644 {USERS}"));
    let plan = hams(host, &["plan"]).expect(10).stderr;
    assert!(plan.contains("- maxmemory 0") && plan.contains("its mode is 0644, not 0640"), "{plan}");
    assert_eq!(repaired(host), Vec::<String>::new(), "nobody had read the edit");

    host.ok(&format!(
        "sed -i 's/^user default .*/user default on nopass ~* +@all/' {USERS}; systemctl restart {REDIS}"
    ));
    assert!(ask(host, client::TCP, "PING\n").starts_with("PONG"), "the edit is in force");
    let plan = hams(host, &["plan"]).expect(10).stderr;
    let hash = right.1.lines().find_map(|line| Some(line.split_once(" #")?.1)).expect("a hash");
    assert!(plan.contains("- user default on nopass") && !plan.contains(hash), "{plan}");
    assert!(plan.contains("#***"), "{plan}");
    assert_eq!(repaired(host), [REDIS]);
    assert_eq!((host.read(SETTINGS), host.read(USERS)), right);
    users_may_what_they_must(host);

    host.ok(&format!("systemctl stop {REDIS}"));
    let verified = hams(host, &["verify"]).expect(5);
    assert!(verified.stderr.contains("redis ping: 127.0.0.1:6379"), "{}", verified.text());
    repaired(host);
    hams(host, &["verify"]).expect(0);
}

/// A rotated password opens, the old one does not and stands nowhere, `units` alone are started again.
fn rotated(host: &Host, name: &str, units: &[&str]) {
    let (old, before) = (passwords(host)[name].clone(), starts(host));
    let ended = hams(host, &["secrets", "rotate", name]).expect(0);
    let new = passwords(host);
    assert_eq!(restarted(&before, &starts(host)), units, "{}", ended.text());
    assert_ne!(new[name], old);
    are_not_in("what the run says", &ended.text(), &new);
    let user = if name == "REDIS_PASSWORD" { "hams_redis" } else { "hams_monitor" };
    assert!(ask(host, client::TCP, &format!("AUTH {user} {old}\n")).contains("WRONGPASS"));
    assert_eq!(
        found(host, &[], &[(name.to_owned(), old)].into()),
        BTreeSet::new(),
        "where the old one stands"
    );
    hams(host, &["verify"]).expect(0);
    the_agent_asks(host);
}

/// The agent's own check passes, with the credential that systemd gave it.
fn the_agent_asks(host: &Host) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let status = host.run(&["hams-agent", "status", "--json"]).stdout;
        let json: serde_json::Value = serde_json::from_str(&status).unwrap_or_default();
        let checks = json["checks"].as_array().cloned().unwrap_or_default();
        if checks.iter().any(|check| check["name"] == "redis ping" && check["state"] == "ok") {
            return;
        }
        assert!(Instant::now() < end, "the agent's check of Redis never passed: {status}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn a_reboot_brings_it_back(host: &Host) {
    host.reboot();
    let end = Instant::now() + Duration::from_secs(60);
    while hams(host, &["verify"]).code != 0 {
        assert!(Instant::now() < end, "{}", hams(host, &["verify"]).text());
        std::thread::sleep(Duration::from_millis(500));
    }
    the_agent_asks(host);
}

fn an_uninstall_leaves_nothing(host: &Host, before: &lab::manifest::Manifest) {
    host.run(&["hams-install", "uninstall", "--yes", "--purge-data"]).expect(0);
    let purged =
        host.ok("DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet -o Dpkg::Use-Pty=0 purge hams 2>&1");
    host.ok("rm -r /var/backups/hams");
    let left = difference(before, &manifest(host));
    assert!(left.is_empty(), "after a purge there is left:\n{}\n{purged}", left.join("\n"));
}
