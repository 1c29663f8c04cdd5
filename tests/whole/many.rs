//! A sweep of 50,000 zones: what differs is found among all that does not, in the memory that the agent may have.

use super::idle;
use super::lab::is_long_run;
use super::node::{CONFIG, INSTALL, Node};
use super::octodns;
use super::sweep::{pdns, serials};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

const COUNT: usize = 50_000;
const DRIFTED: usize = 1000;
const ORPHANS: usize = 100;
const FOREIGN: usize = 50;
/// The first sweep asks PowerDNS for every zone; the machine is shared.
const PATIENCE: Duration = Duration::from_secs(1500);
/// What the agent may have (design, speed).
const MOST_KIB: u64 = 40 * 1024;
/// Zones and records of Odoo, written past it so that no message tells of them.
const FILL: &str = "
insert into ham_dns_zone (name, pdns_synced, create_uid, write_uid, create_date, write_date)
    select 'm' || lpad(n::text, 5, '0') || '.u.hams.test.', true, 1, 1, now() at time zone 'UTC', now() at time zone 'UTC'
    from generate_series(0, COUNT - 1) n;
insert into ham_dns_record (zone_id, name, record_type, content, ttl, priority, create_uid, write_uid, create_date, write_date)
    select zone.id, set.name, set.rtype, set.content, 300, set.priority, 1, 1, zone.create_date, zone.write_date
    from ham_dns_zone zone cross join (values
        ('www', 'A', '192.0.2.1', 0), ('@', 'TXT', 'v=spf1 -all', 0), ('@', 'MX', 'mail.example.com.', 10)
    ) set (name, rtype, content, priority)
    where zone.name like 'm_____.u.hams.test.';
analyze ham_dns_zone; analyze ham_dns_record;
";

#[track_caller]
pub fn zones_are_swept(node: &Node) {
    if !is_long_run("a sweep of 50,000 zones") {
        return;
    }
    fill(node);
    let begun = Instant::now();
    node.host.ok("systemctl start hams-agent");
    let first = first_sweep(node);
    tell(node, "the first sweep, which asks PowerDNS for every zone", begun);
    assert_eq!((&first["changed"], &first["failed"]), (&json!(0), &json!(0)), "{first}");

    let before = serials(node);
    octodns::is_compared(node, COUNT, || {
        let begun = Instant::now();
        let same = node.host.run(&["hams-agent", "sync", "--all"]).expect(0);
        tell(node, "a sweep that finds nothing to do", begun);
        assert!(same.stderr.contains("all as they should be"), "{}", same.text());
    });
    assert_eq!(serials(node), before);

    let foreign = disturb(node);
    let begun = Instant::now();
    let held = node.host.run(&["hams-agent", "sync", "--all"]).expect(1);
    tell(node, &format!("a sweep that repairs {DRIFTED} zones"), begun);
    assert_eq!(held.stdout.matches(" changed\n").count(), DRIFTED, "{}", held.stderr);
    assert_eq!(
        held.stdout.matches(" kept, though Odoo does not have it\n").count(),
        ORPHANS,
        "{}",
        held.stderr
    );
    let after = serials(node);
    assert_eq!(after.keys().filter(|name| name.starts_with("orphan")).count(), ORPHANS);
    is_let_alone(&after, &foreign);

    removes_nothing_when_odoo_dies(node);
    let forced = node.host.run(&["hams-agent", "sync", "--all", "--force"]).expect(0);
    assert_eq!(forced.stdout.matches(" removed\n").count(), ORPHANS, "{}", forced.stderr);
    let after = serials(node);
    assert_eq!(after.keys().filter(|name| name.starts_with("orphan")).count(), 0);
    is_let_alone(&after, &foreign);
    assert_eq!(after.keys().filter(|name| name.starts_with('m')).count(), COUNT);

    idle::costs_little(node);
    // What a sweep took is given back.
    let [resident, peak] = memory(node);
    eprintln!("{COUNT} zones: the agent has {resident} KiB, and had {peak} KiB at most");
    assert!(resident <= MOST_KIB, "the agent has {resident} KiB");
}

#[track_caller]
fn fill(node: &Node) {
    node.host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole/many.py"), "/srv/");
    // Only the sweeps that the test orders meet what it disturbs: the one of the schedule comes at the start alone.
    let text = node.host.read(CONFIG);
    assert_eq!(text.matches("\nsweep_minutes = 1\n").count(), 1, "{text}");
    node.host.write(CONFIG, &text.replace("\nsweep_minutes = 1\n", "\nsweep_minutes = 1440\n"));
    node.host.run(&INSTALL).expect(0);
    node.host.ok("systemctl stop hams-agent");
    insert(node, COUNT);
    node.host.ok(&format!(
        "systemctl stop pdns; chmod 0644 /srv/many.py
        runuser -u pdns -- python3 /srv/many.py /var/lib/powerdns/pdns.sqlite3 {COUNT} && systemctl start pdns"
    ));
}

/// So many zones in Odoo, m00000.u.hams.test. the first, of which nobody is told.
#[track_caller]
pub fn insert(node: &Node, count: usize) {
    sql(node, &FILL.replace("COUNT", &count.to_string()));
}

/// What Odoo's database says, a row a line, its columns with `|` between them.
#[track_caller]
pub fn sql(node: &Node, text: &str) -> String {
    let psql =
        ["runuser", "-u", "postgres", "--", "psql", "--quiet", "-At", "-v", "ON_ERROR_STOP=1", "hams_prod"];
    node.host.run_with(text, &psql).expect(0).stdout
}

/// Waits for a sweep that has met all zones; the one at the start fails where PowerDNS or Odoo is not up yet.
#[track_caller]
fn first_sweep(node: &Node) -> Value {
    let begun = Instant::now();
    loop {
        let said = node.host.run(&["hams-agent", "status", "--json"]).stdout;
        let status: Value = serde_json::from_str(&said).unwrap_or_default();
        let full = &status["sync"]["sweep"]["last_full"];
        if full["zones"].as_u64().is_some_and(|zones| zones >= COUNT as u64) {
            return full.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "no sweep: {}", status["sync"]);
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Changes zones behind the agent's back; gives those that are somebody else's.
#[track_caller]
fn disturb(node: &Node) -> BTreeMap<String, u64> {
    let set = |name: &str| {
        json!({ "name": format!("www.{name}"), "type": "A", "ttl": 60, "changetype": "REPLACE",
            "records": [{ "content": "203.0.113.9", "disabled": false }] })
    };
    let post = |name: &str, account: &str| {
        json!(["POST", "", { "name": name, "kind": "Native", "account": account, "nameservers": ["ns.example.org."],
            "rrsets": [set(name)] }])
    };
    let drifted = (0..DRIFTED).map(|n| {
        let name = format!("m{:05}.u.hams.test.", n * (COUNT / DRIFTED));
        json!(["PATCH", format!("/{name}"), { "rrsets": [set(&name)] }])
    });
    let orphans = (0..ORPHANS).map(|n| post(&format!("orphan{n}.u.hams.test."), "hams"));
    let foreign: Vec<String> = (0..FOREIGN).map(|n| format!("foreign{n}.u.hams.test.")).collect();
    let others = foreign.iter().map(|name| post(name, "somebody"));
    pdns(node, &drifted.chain(orphans).chain(others).collect::<Vec<_>>());
    let mut all = serials(node);
    all.retain(|name, _| name.starts_with("foreign"));
    assert_eq!(all.len(), FOREIGN);
    all
}

/// The reading is cut while it is under way, with the caps lifted.
#[track_caller]
fn removes_nothing_when_odoo_dies(node: &Node) {
    let before = serials(node);
    let sweep = "hams-agent sync --all --force >/srv/cut 2>&1 & pid=$!; sleep 1; systemctl kill --signal=KILL odoo; wait $pid";
    let cut = node.host.sh(sweep);
    let said = node.host.read("/srv/cut");
    assert_eq!(cut.code, 1, "it was over before: {said}");
    assert!(said.contains("Odoo"), "{said}");
    assert_eq!(serials(node), before);
    // systemd starts it anew.
    let begun = Instant::now();
    while node.host.run(&["hams-agent", "sync", "m00000.u.hams.test"]).code != 0 {
        assert!(begun.elapsed() < Duration::from_secs(120), "Odoo does not come back");
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[track_caller]
fn is_let_alone(all: &BTreeMap<String, u64>, foreign: &BTreeMap<String, u64>) {
    for (name, serial) in foreign {
        assert_eq!(all.get(name), Some(serial), "{name}");
    }
}

fn tell(node: &Node, what: &str, begun: Instant) {
    let (seconds, [resident, peak]) = (begun.elapsed().as_secs_f64(), memory(node));
    eprintln!(
        "{COUNT} zones: {what} takes {seconds:.1} s; the agent has {resident} KiB, and had {peak} KiB at most"
    );
}

/// What the agent has, and the most that it had, in KiB.
#[track_caller]
fn memory(node: &Node) -> [u64; 2] {
    let words = "cat /proc/$(systemctl show --property=MainPID --value hams-agent)/status";
    let text = node.host.ok(words);
    ["VmRSS:", "VmHWM:"].map(|key| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    })
}
