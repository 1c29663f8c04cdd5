//! The daemons on fresh hosts: what they see and may do, what they lack, and that they stay, come back and go.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

#[path = "../install/secrets.rs"]
#[allow(dead_code)] // of the searches, this program needs some
mod found;
#[path = "../lab/mod.rs"]
mod lab;
mod node;
#[path = "../install/units.rs"]
#[allow(dead_code)]
mod units;
mod wrong;

use found::{are_not_in, vault};
use lab::Host;
use lab::manifest::{Manifest, difference, manifest, times};
use node::{
    CACHE, CONSUMER, ODD_PASSWORD, TIMER, ask_consumer, hams, prepare, property, report, variables, wait,
};
use sha2::{Digest, Sha256};
use std::time::Instant;
use units::{restarted, starts};

const AGENT: &str = "hams-agent.service";
const REDIS: &str = "redis-server.service";

#[test]
fn daemons_on_a_fresh_bookworm() {
    if lab::is_long_run("the daemons on bookworm") {
        daemons_on_a_fresh("bookworm");
    }
}

#[test]
fn daemons_on_a_fresh_trixie() {
    daemons_on_a_fresh("trixie");
}

/// The whole story on one host.
fn daemons_on_a_fresh(suite: &str) {
    let (host, begun) = (Host::up(suite), Instant::now());
    prepare(&host);
    let before = manifest(&host);
    host.install_package();
    installed(&host);
    they_see_their_own_groups_alone(&host);
    they_can_write_and_read_their_own_alone(&host);
    a_timer_has_a_next_run_and_runs(&host);
    a_second_run_changes_nothing(&host);
    what_was_broken_by_hand_is_repaired(&host);
    a_rotation_restarts_its_readers_alone(&host);
    wrong::what_is_wrong_with_one_is_told_and_stops_no_other(&host);
    wrong::code_of_others_is_not_run(&host);
    wrong::a_port_that_is_taken_is_told(&host);
    a_reboot_brings_all_back(&host);
    the_target_stops_what_is_ours(&host);
    an_uninstall_leaves_nothing(&host, &before);
    eprintln!("{suite}: {:.0} s", begun.elapsed().as_secs_f64());
}

fn installed(host: &Host) {
    host.ok("install -d -m 0755 /etc/hams");
    // As systemd and Compose both read it.
    let quoted = ODD_PASSWORD.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
    host.write(
        "/etc/hams/secrets.env",
        &format!("RMQ_PASS=\"{quoted}\"\nSMTP_USER=none\nSMTP_HOST=mail.hams.test\n"),
    );
    host.ok("chmod 0600 /etc/hams/secrets.env");
    let plan = hams(host, &["plan"]).expect(10);
    assert!(plan.stderr.contains("enable and start hams-daemon@sample.timer.timer"), "{}", plan.text());
    assert!(plan.stderr.contains("daemons without code under /opt/hams/daemons: "), "{}", plan.text());
    let ended = hams(host, &[]).expect(0);
    assert!(ended.stderr.contains("ok       daemon sample.consumer"), "{}", ended.text());
    assert!(ended.stderr.contains("ok       daemon sample.timer: next run "), "{}", ended.text());
    let note = "daemon sample.cache: /opt/hams/daemons/sample_cache/requirements.txt names no hashes";
    assert!(ended.stderr.contains(note), "{}", ended.text());
    assert!(
        !ended.stderr.contains("sample.opt-in") && !ended.stderr.contains("sample.retired"),
        "{}",
        ended.text()
    );
    assert!(!ended.text().contains(ODD_PASSWORD));
    for (unit, expected) in [(CONSUMER, "active"), (CACHE, "active"), (TIMER, "active")] {
        assert_eq!(property(host, unit, "ActiveState"), expected, "{unit}");
        assert_eq!(property(host, unit, "UnitFileState"), "enabled", "{unit}");
    }
    let exposure = host.ok(&format!("systemd-analyze security --no-pager {CONSUMER} | tail -n 1"));
    eprintln!("{}", exposure.trim());
    let level = exposure.split(": ").nth(1).and_then(|rest| rest.split_whitespace().next());
    assert!(level.and_then(|level| level.parse::<f32>().ok()).is_some_and(|level| level < 2.5), "{exposure}");
    let access = host.ok("stat --format='%a %U:%G' /etc/hams/env /etc/hams/env/*");
    assert_eq!(access, format!("700 root:root\n{}", "400 root:root\n".repeat(4)));
    assert_eq!(host.ok("ls /etc/hams/env"), "common.env\nrabbitmq.env\nredis.env\nsmtp.env\n");
    assert_eq!(host.ok("find /var/lib/hams-daemons -not -user root -o -perm /022 -not -type l"), "");
    // No login, no home, a group of its own.
    let account = host.ok("getent passwd hamsd_sample; id -nG hamsd_sample");
    assert!(account.contains(":/nonexistent:/usr/sbin/nologin\nhamsd_sample\n"), "{account}");
    let depends = host.ok("systemctl list-dependencies --plain hams.target");
    for unit in [CONSUMER, CACHE, TIMER, AGENT, REDIS, "rabbitmq-server.service", "pdns.service"] {
        assert!(depends.contains(unit), "{depends}");
    }
    are_not_in("the system's journal", &host.ok("journalctl --no-pager --output=export"), &vault_of(host));
}

/// The vault's passwords; the odd one as it is.
fn vault_of(host: &Host) -> std::collections::BTreeMap<String, String> {
    let mut all: std::collections::BTreeMap<String, String> = host
        .read("/etc/hams/secrets.env")
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| name.contains("PASS") || name.ends_with("KEY"))
        .filter(|(name, value)| !name.ends_with("_SALT") && value.len() >= 8)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if let Some(odd) = all.get_mut("RMQ_PASS").filter(|value| value.starts_with('"')) {
        ODD_PASSWORD.clone_into(odd);
    }
    all
}

fn they_see_their_own_groups_alone(host: &Host) {
    let seen = ask_consumer(host, "first", ODD_PASSWORD, &[]);
    let expected = [
        "DB_NAME",
        "DOMAIN",
        "ODOO_URL",
        "ODOO_USER",
        "RABBITMQ_HOST",
        "RMQ_PASS",
        "RMQ_PORT",
        "RMQ_USER",
        "SYSTEM_USER_AGENT",
    ];
    assert_eq!(variables(&seen), expected);
    let digest =
        |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (name, value) in [
        ("RMQ_PASS", ODD_PASSWORD),
        ("DOMAIN", "hams.test"),
        ("SYSTEM_USER_AGENT", "HamsComSyncDaemon/1.0 (+https://crawler.hams.test)"),
        ("ODOO_USER", "it's 100 % \"sample\" $x \\n"),
        ("ODOO_URL", "http://127.0.0.1:8069"),
    ] {
        assert_eq!(seen["variables"][name], digest(value), "{name}");
    }
    let redis = &vault_of(host)["REDIS_PASSWORD"];
    let names = wait("the cache's client leaves no key", || {
        let words = format!("AUTH hams_redis {redis}\nGET sample:variables\nGET sample:alive\n");
        let answer = host.run_with(&words, &["redis-cli", "--no-raw"]).text();
        if answer.contains("REDIS_URL") && !answer.contains("(nil)") { Ok(answer) } else { Err(answer) }
    });
    for of_others in ["RMQ_", "RABBITMQ", "DB_", "PDNS", "DOMAIN", "SMTP"] {
        assert!(!names.contains(of_others), "{names}");
    }
}

fn they_can_write_and_read_their_own_alone(host: &Host) {
    host.ok("touch /tmp/of-the-host; chmod 0666 /tmp/of-the-host; install -d -m 1777 /srv/open");
    let probes = [
        ("write", "/opt/hams/spool/sample_consumer/x", "ok"),
        ("read", "/opt/hams/daemons/sample_cache/main.py", "ok"),
        ("write", "/tmp/x", "ok"),
        ("read", "/tmp/of-the-host", "FileNotFoundError"),
        ("write", "/opt/hams/daemons/shared.py2", "OSError: Read-only"),
        ("write", "/var/lib/hams-daemons/sample.consumer/current/x", "OSError: Read-only"),
        ("write", "/srv/open/x", "OSError: Read-only"),
        ("write", "/etc/x", "OSError: Read-only"),
        ("read", "/opt/hams/spool/sample_timer", "PermissionError"),
        ("write", "/opt/hams/spool/sample_timer/x", "PermissionError"),
        ("read", "/etc/hams/hams.toml", "PermissionError"),
        ("read", "/etc/hams/env/common.env", "PermissionError"),
        ("read", "/etc/hams/env/redis.env", "PermissionError"),
        ("read", "/var/lib/hams", "PermissionError"),
        ("read", "/var/lib/hams-agent", "PermissionError"),
        ("read", "/root", "PermissionError"),
        ("read", "/run/dbus/system_bus_socket", "PermissionError"),
    ];
    let asked: Vec<_> = probes.iter().map(|(action, path, _)| (*action, *path)).collect();
    let seen = ask_consumer(host, "second", ODD_PASSWORD, &asked);
    let wrong: Vec<_> = probes
        .iter()
        .filter_map(|(action, path, expected)| {
            let found = seen["probes"][format!("{action} {path}")].as_str().unwrap_or_default();
            // Nothing of a folder that may not be entered is told.
            (!found.starts_with(expected)).then(|| format!("{action} {path}: {found}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let processes = seen["processes"].as_array().expect("processes").len();
    assert!(processes <= 2, "it sees processes of others: {}", seen["processes"]);
    assert_ne!(seen["uid"], 0);
    host.ok("rm -r /tmp/of-the-host /srv/open");
}

fn a_timer_has_a_next_run_and_runs(host: &Host) {
    let next = property(host, TIMER, "NextElapseUSecRealtime");
    assert!(next.contains("20"), "no next run: {next}");
    assert_eq!(property(host, TIMER, "RandomizedDelayUSec"), "15min");
    assert!(
        host.run(&["test", "-e", "/opt/hams/spool/sample_timer/run"]).code != 0,
        "it has run before its time"
    );
    host.ok("systemctl start hams-daemon@sample.timer.service");
    let seen = report(host, "/opt/hams/spool/sample_timer/run");
    assert_eq!(variables(&seen), ["DB_NAME", "DOMAIN", "ODOO_URL", "SMTP_HOST", "SYSTEM_USER_AGENT"]);
    assert!(
        seen["probes"]["read /opt/hams/spool/sample_consumer"]
            .as_str()
            .expect("a word")
            .starts_with("Permission")
    );
    wait("the agent does not watch the timer", || {
        let status = host.run(&["hams-agent", "status", "--json"]).stdout;
        let json: serde_json::Value = serde_json::from_str(&status).unwrap_or_default();
        let checks = json["checks"].as_array().cloned().unwrap_or_default();
        let is_ok = |name: &str| checks.iter().any(|check| check["name"] == name && check["state"] == "ok");
        let all = [format!("timer {TIMER}"), format!("unit {CONSUMER}")].iter().all(|name| is_ok(name));
        if all { Ok(()) } else { Err(status) }
    });
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

/// The incidents: a folder that is gone (226/NAMESPACE), a timer that nobody enabled, a venv that was cut short.
fn what_was_broken_by_hand_is_repaired(host: &Host) {
    host.ok("rm -r /opt/hams/spool/sample_consumer");
    assert_ne!(host.run(&["systemctl", "restart", CONSUMER]).code, 0);
    wait("systemd finds the folder", || {
        let status = property(host, CONSUMER, "ExecMainStatus");
        if status == "226" { Ok(()) } else { Err(status) }
    });
    let verified = hams(host, &["verify"]).expect(5);
    assert!(verified.stderr.contains("make /opt/hams/spool/sample_consumer/"), "{}", verified.text());
    hams(host, &[]).expect(0);
    ask_consumer(host, "third", ODD_PASSWORD, &[]);

    host.ok(&format!("systemctl disable --now {TIMER} 2>&1"));
    let verified = hams(host, &["verify"]).expect(5);
    assert!(verified.stderr.contains("daemon sample.timer: it never runs"), "{}", verified.text());
    hams(host, &[]).expect(0);
    assert_ne!(property(host, TIMER, "NextElapseUSecRealtime"), "");

    let units = starts(host);
    host.ok("rm /var/lib/hams-daemons/sample.consumer/current; mkdir /var/lib/hams-daemons/sample.consumer/cut-short");
    hams(host, &[]).expect(0);
    assert_eq!(host.ok("ls /var/lib/hams-daemons/sample.consumer | grep -c cut || true"), "0\n");
    assert_eq!(restarted(&units, &starts(host)), [CONSUMER], "its program was another one");
    ask_consumer(host, "fourth", ODD_PASSWORD, &[]);
}

fn a_rotation_restarts_its_readers_alone(host: &Host) {
    let before = starts(host);
    hams(host, &["secrets", "rotate", "RMQ_PASS"]).expect(0);
    assert_eq!(restarted(&before, &starts(host)), [CONSUMER]);
    let password = vault(host)["RMQ_PASS"].clone();
    ask_consumer(host, "fifth", &password, &[]);
    let before = starts(host);
    hams(host, &["secrets", "rotate", "REDIS_PASSWORD"]).expect(0);
    assert_eq!(restarted(&before, &starts(host)), [CACHE, REDIS]);
    hams(host, &["verify"]).expect(0);
}

fn a_reboot_brings_all_back(host: &Host) {
    host.reboot();
    wait("not all came back", || {
        let ended = hams(host, &["verify"]);
        if ended.code == 0 { Ok(()) } else { Err(ended.text()) }
    });
    assert_eq!(property(host, "hams.target", "ActiveState"), "active");
    ask_consumer(host, "after-boot", &vault(host)["RMQ_PASS"].clone(), &[]);
    let ended = hams(host, &[]).expect(0);
    assert!(ended.stderr.contains("nothing to do"), "{}", ended.text());
}

fn the_target_stops_what_is_ours(host: &Host) {
    host.ok("systemctl stop hams.target");
    for unit in [CONSUMER, CACHE, TIMER, AGENT] {
        assert_eq!(property(host, unit, "ActiveState"), "inactive", "{unit}");
    }
    for unit in [REDIS, "rabbitmq-server.service", "pdns.service"] {
        assert_eq!(property(host, unit, "ActiveState"), "active", "{unit}");
    }
    host.ok("systemctl start hams.target");
    for unit in [CONSUMER, CACHE, TIMER, AGENT] {
        wait(unit, || {
            let state = property(host, unit, "ActiveState");
            if state == "active" { Ok(()) } else { Err(state) }
        });
    }
}

fn an_uninstall_leaves_nothing(host: &Host, before: &Manifest) {
    let kept = host.run(&["hams-install", "uninstall", "--yes"]).expect(0);
    assert!(kept.text().contains("/opt/hams/spool/sample_consumer"), "{}", kept.text());
    assert!(kept.text().contains("account hamsd_sample"), "{}", kept.text());
    for unit in [CONSUMER, TIMER] {
        assert_eq!(property(host, unit, "ActiveState"), "inactive", "{unit}");
    }
    assert_ne!(host.run(&["test", "-e", "/var/lib/hams-daemons"]).code, 0);
    host.run(&["hams-install", "uninstall", "--yes", "--purge-data"]).expect(0);
    let purged =
        host.ok("DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet -o Dpkg::Use-Pty=0 purge hams 2>&1");
    // The vault was the operator's, from before the first run.
    host.ok("rm -r /var/backups/hams; rm /etc/hams/secrets.env; rmdir /etc/hams");
    let left = difference(before, &manifest(host));
    assert!(left.is_empty(), "after a purge there is left:\n{}\n{purged}", left.join("\n"));
}
