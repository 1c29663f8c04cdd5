//! Zones that no message told of: what somebody changed in Odoo or in PowerDNS behind the agent's back is found and put
//! right, and what is not the agent's is let alone.

use super::lab::dns;
use super::node::{CONFIG, INSTALL, Node};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Zones of the test, below this name.
const PARENT: &str = "u.hams.test.";
const COUNT: usize = 30;
/// More than the cap that the test sets.
const ORPHANS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(120);

/// Before Odoo's key is there, an order is told so.
#[track_caller]
pub fn says_what_it_lacks(node: &Node) {
    let said = node.host.run(&["hams-agent", "sync", "--all"]).expect(1);
    assert!(said.stderr.contains("no key to Odoo"), "{}", said.text());
}

/// All of it; Odoo has zones of earlier tests, which stay as they are.
#[track_caller]
pub fn puts_zones_right(node: &Node) {
    node.host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/pdns.py"), "/root/");
    creates_what_no_message_told(node);
    compares_one_zone(node);
    let foreign = repairs_and_holds(node);
    removes_with_force(node, &foreign);
    follows_within_a_minute(node);
    removes_nothing_without_odoo(node);
}

/// Zones that Odoo has and did not tell of, as when its message was lost.
#[track_caller]
fn creates_what_no_message_told(node: &Node) {
    let zones: Vec<String> = (0..COUNT).map(|n| format!("{{'name': '{}'}}", zone(n))).collect();
    in_odoo(
        node,
        &format!(
            "zones = env['ham.dns.zone'].create([{}])
env['ham.dns.record'].create([{{'zone_id': zone.id, 'name': 'www', 'record_type': 'A', 'content': '192.0.2.%d' % number}}
    for number, zone in enumerate(zones)])",
            zones.join(", ")
        ),
    );
    let before = serials(node);
    let dry = node.host.run(&["hams-agent", "sync", "--all", "--dry-run"]).expect(10);
    assert_eq!(dry.stdout.matches(" would be created\n").count(), COUNT, "{}", dry.text());
    assert!(dry.stdout.contains("  + www.s07.u.hams.test. 300 A 192.0.2.7\n"), "{}", dry.text());
    assert_eq!(serials(node), before, "a dry run changes nothing");
    let done = node.host.run(&["hams-agent", "sync", "--all"]).expect(0);
    assert_eq!(done.stdout.matches(" created\n").count(), COUNT, "{}", done.text());
    for (n, last) in (0..COUNT).zip(0..) {
        answers(node, n, last);
    }
    is_noted(node, &format!("name like 's__.{PARENT}'"));
    is_in_step(node);
}

/// One zone that PowerDNS has otherwise.
#[track_caller]
fn compares_one_zone(node: &Node) {
    pdns(node, &[drift(5)]);
    let name = "s05.u.hams.test";
    let dry = node.host.run(&["hams-agent", "sync", name, "--dry-run"]).expect(10);
    let lines = "s05.u.hams.test. would be changed
  - odd.s05.u.hams.test. 60 TXT \"odd\"
  - www.s05.u.hams.test. 60 A 203.0.113.9
  + www.s05.u.hams.test. 300 A 192.0.2.5
";
    assert_eq!(dry.stdout, lines, "{}", dry.text());
    let done = node.host.run(&["hams-agent", "sync", name]).expect(0);
    assert_eq!(done.stdout, lines.replace("would be ", ""), "{}", done.text());
    answers(node, 5, 5);
    let again = node.host.run(&["hams-agent", "sync", name]).expect(0);
    assert!(again.stderr.contains("1 zone compared: all as they should be"), "{}", again.text());
    let outside = node.host.run(&["hams-agent", "sync", "s05.example.org"]).expect(1);
    assert!(outside.stderr.contains("not below a managed suffix"), "{}", outside.text());
}

/// The sweep at the agent's start: it repairs, and removes nothing where more would have to go than it may remove. Gives what
/// is not the agent's.
#[track_caller]
fn repairs_and_holds(node: &Node) -> BTreeMap<String, u64> {
    node.host.ok("systemctl stop hams-agent");
    let post = |name: &str, account: &str| {
        let rrset = json!({ "name": format!("www.{name}"), "type": "A", "ttl": 60,
            "records": [{ "content": "203.0.113.9", "disabled": false }] });
        let body = json!({ "name": name, "kind": "Native", "account": account, "nameservers": ["ns.example.org."],
            "rrsets": [rrset] });
        json!(["POST", "", body])
    };
    let foreign = [format!("f0.{PARENT}"), format!("f1.{PARENT}"), "f2.example.org.".to_owned()];
    let mut asked = vec![drift(0), json!(["DELETE", format!("/{}", zone(1)), null]), drift(2)];
    asked.extend((0..ORPHANS).map(|n| post(&format!("o{n}.{PARENT}"), "hams")));
    asked.extend([post(&foreign[0], "somebody"), post(&foreign[1], ""), post(&foreign[2], "hams")]);
    pdns(node, &asked);
    let before = serials(node);
    let foreign: BTreeMap<_, _> = foreign.into_iter().map(|name| (name.clone(), before[&name])).collect();
    // One of them is in Odoo, too.
    in_odoo(
        node,
        &format!(
            "env['ham.dns.zone'].create({{'name': 'f0.{PARENT}'}})
env['ham.dns.record'].search([('zone_id.name', '=', '{}')]).write({{'content': '192.0.2.203'}})
zones = env['ham.dns.zone'].search([('name', '=', '{}')])
zones.write({{'pdns_synced': False}})",
            zone(3),
            zone(4),
        ),
    );
    let text = node.host.read(CONFIG);
    let caps = "[sync]\nsweep_minutes = 1\nmax_removals = 3\nmax_removals_percent = 0\n";
    node.host.write(CONFIG, &format!("{text}\n{caps}"));
    node.host.run(&INSTALL).expect(0);
    node.host.ok("systemctl start hams-agent");
    let swept = wait_for(node, "a full sweep", |status| {
        let full = &status["sync"]["sweep"]["last_full"];
        full.is_object().then(|| full.clone())
    });
    assert_eq!((&swept["changed"], &swept["removed"]), (&json!(4), &json!(0)), "{swept}");
    assert_eq!((&swept["held"], &swept["failed"]), (&json!(ORPHANS), &json!(1)), "{swept}");
    for (n, last) in [(0, 0), (1, 1), (2, 2), (3, 203)] {
        answers(node, n, last);
    }
    is_noted(node, &format!("name = '{}'", zone(4)));
    assert_eq!(kept(node, &foreign), foreign);
    let status = node.host.run(&["hams-agent", "status"]).expect(1);
    assert!(status.stdout.contains("5 kept, though Odoo does not have them, 1 failed"), "{}", status.text());

    let one = node.host.run(&["hams-agent", "sync", "f0.u.hams.test"]).expect(1);
    assert!(one.stdout.contains("belongs to the account `somebody`"), "{}", one.text());
    in_odoo(node, &format!("env['ham.dns.zone'].search([('name', '=', 'f0.{PARENT}')]).unlink()"));
    let held = node.host.run(&["hams-agent", "sync", "--all"]).expect(1);
    assert_eq!(
        held.stdout.matches(" kept, though Odoo does not have it\n").count(),
        ORPHANS,
        "{}",
        held.text()
    );
    assert!(
        held.stderr.contains("a sweep removes at most 3") && held.stderr.contains("--force"),
        "{}",
        held.text()
    );
    assert!((0..ORPHANS).all(|n| serials(node).contains_key(&format!("o{n}.{PARENT}"))));
    foreign
}

#[track_caller]
fn removes_with_force(node: &Node, foreign: &BTreeMap<String, u64>) {
    let before = serials(node);
    let dry = node.host.run(&["hams-agent", "sync", "--all", "--force", "--dry-run"]).expect(10);
    assert_eq!(dry.stdout.matches(" would be removed\n").count(), ORPHANS, "{}", dry.text());
    assert!(dry.stdout.contains("  - www.o2.u.hams.test. 60 A 203.0.113.9\n"), "{}", dry.text());
    assert_eq!(serials(node), before, "a dry run changes nothing");
    let done = node.host.run(&["hams-agent", "sync", "--all", "--force"]).expect(0);
    assert_eq!(done.stdout.matches(" removed\n").count(), ORPHANS, "{}", done.text());
    let after = serials(node);
    let mut expected = before;
    expected.retain(|name, _| !(0..ORPHANS).any(|n| *name == format!("o{n}.{PARENT}")));
    assert_eq!(after, expected, "nothing else has changed");
    assert_eq!(kept(node, foreign), *foreign);
    is_in_step(node);
    wait_for(node, "a sync that is ok", |status| (status["sync"]["state"] == "ok").then_some(()));
}

/// What was written in Odoo, and what was changed in PowerDNS, comes right at the next sweep, without an order.
#[track_caller]
fn follows_within_a_minute(node: &Node) {
    in_odoo(
        node,
        &format!(
            "env['ham.dns.record'].search([('zone_id.name', '=', '{}')]).write({{'content': '192.0.2.207'}})",
            zone(7)
        ),
    );
    pdns(node, &[drift(8), json!(["DELETE", format!("/{}", zone(9)), null])]);
    wait_for(node, "the zones as Odoo has them", |_| {
        let is_right = [(7, 207), (8, 8), (9, 9)].into_iter().all(|(n, last)| has(node, n, last));
        is_right.then_some(())
    });
}

/// Whatever is not read is not gone.
#[track_caller]
fn removes_nothing_without_odoo(node: &Node) {
    let before = serials(node);
    node.host.ok("systemctl stop odoo.service");
    let failed = node.host.run(&["hams-agent", "sync", "--all", "--force"]).expect(1);
    assert!(failed.stderr.contains("Odoo at http://127.0.0.1:8069 does not answer"), "{}", failed.text());
    assert_eq!(serials(node), before);
    node.host.ok("systemctl start odoo.service");
    is_in_step(node);
}

fn zone(number: usize) -> String {
    format!("s{number:02}.{PARENT}")
}

/// A change of a zone behind the agent's back.
fn drift(number: usize) -> Value {
    let set = |name: &str, rtype: &str, content: &str| {
        json!({ "name": format!("{name}.{}", zone(number)), "type": rtype, "ttl": 60, "changetype": "REPLACE",
            "records": [{ "content": content, "disabled": false }] })
    };
    let body = json!({ "rrsets": [set("www", "A", "203.0.113.9"), set("odd", "TXT", "\"odd\"")] });
    json!(["PATCH", format!("/{}", zone(number)), body])
}

/// Does this in Odoo, of which no message tells.
#[track_caller]
pub fn in_odoo(node: &Node, script: &str) {
    let shell =
        "runuser -u odoo -- /usr/bin/odoo shell --config /etc/odoo/hams.conf -d hams_prod --no-http 2>&1";
    let block: String = script.lines().map(|line| format!("    {line}\n")).collect();
    let input = format!(
        "if True:\n{block}    env.cr.postcommit.clear()\n    env.cr.commit()\n    print('DO' + 'NE')\n\n"
    );
    let said = node.host.run_with(&input, &["sh", "-c", shell]);
    assert!(said.stdout.contains("DONE"), "{}", said.text());
}

/// Asks PowerDNS's API; none may be refused.
#[track_caller]
pub fn pdns(node: &Node, asked: &[Value]) -> Vec<Value> {
    let key = node.hams(&["secrets", "show", "PDNS_API_KEY"]).expect(0).stdout;
    let lines: String = asked.iter().map(|one| format!("{one}\n")).collect();
    let said =
        node.host.run_with(&format!("{}\n{lines}", key.trim()), &["python3", "/root/pdns.py"]).expect(0);
    let answers: Vec<(u16, Value)> = serde_json::from_str(&said.stdout).expect("JSON");
    for (answer, one) in answers.iter().zip(asked) {
        assert!((200..300).contains(&answer.0), "{one}: {answer:?}");
    }
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// All zones of PowerDNS, with their serials.
#[track_caller]
pub fn serials(node: &Node) -> BTreeMap<String, u64> {
    let list = pdns(node, &[json!(["GET", "", null])]).remove(0);
    let zones = list.as_array().expect("a list").iter();
    zones
        .map(|zone| {
            let name = zone["name"].as_str().expect("a name").to_owned();
            (name, zone["serial"].as_u64().expect("a serial"))
        })
        .collect()
}

/// Those of `foreign` that are still there.
#[track_caller]
fn kept(node: &Node, foreign: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut all = serials(node);
    all.retain(|name, _| foreign.contains_key(name));
    all
}

/// A sweep finds nothing to do, and does nothing.
#[track_caller]
pub fn is_in_step(node: &Node) {
    let before = serials(node);
    let said = wait_for(node, "an agent in step with Odoo", |_| {
        let said = node.host.run(&["hams-agent", "sync", "--all"]);
        (said.code == 0).then_some(said)
    });
    assert!(said.stderr.contains("all as they should be") && said.stdout.is_empty(), "{}", said.text());
    assert_eq!(serials(node), before);
}

#[track_caller]
fn answers(node: &Node, number: usize, last: u8) {
    assert!(has(node, number, last), "{} is not 192.0.2.{last}", zone(number));
}

fn has(node: &Node, number: usize, last: u8) -> bool {
    let name = format!("www.{}", zone(number));
    let reply = dns::ask_a(node.host.address().into(), name.trim_end_matches('.'));
    // While it changes, UDP and TCP may differ.
    reply.is_ok_and(|reply| reply.addresses() == [Ipv4Addr::new(192, 0, 2, last)])
}

/// Waits until Odoo shows all of these zones as synced.
#[track_caller]
fn is_noted(node: &Node, condition: &str) {
    let query = format!("select count(*) from ham_dns_zone where {condition} and pdns_synced is not true");
    wait_for(node, &format!("zones that Odoo shows as synced: {condition}"), |_| {
        let said =
            node.host.run(&["runuser", "-u", "postgres", "--", "psql", "-qtAd", "hams_prod", "-c", &query]);
        (said.expect(0).stdout.trim() == "0").then_some(())
    });
}

#[track_caller]
pub fn wait_for<T>(node: &Node, what: &str, is_so: impl Fn(&Value) -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        let said = node.host.run(&["hams-agent", "status", "--json"]).stdout;
        let status: Value = serde_json::from_str(&said).unwrap_or_default();
        if let Some(found) = is_so(&status) {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}; {}", status["sync"]);
        std::thread::sleep(Duration::from_millis(300));
    }
}
