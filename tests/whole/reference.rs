//! From a record that is saved in Odoo to the answer of PowerDNS: the messages name ids alone, and the agent reads what they
//! mean with the key of the service account.

use super::addon::{ZONE, call};
use super::lab::{Ended, dns, is_long_run};
use super::node::{Node, PASSWORD};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where the platform keeps the key, which is the default.
pub const KEY_FILE: &str = "/opt/hams/etc/keys/dns_sync/dns_api_service_internal.key";
/// A key as the platform's key manager makes one.
const MAKE_KEY: &str = "
account = env.ref('ham_dns.user_dns_api_service')
key = account.with_user(account).sudo().env['res.users.apikeys']._generate('rpc', 'dns_sync_key', None)
env.cr.commit()
print('KEY ' + key)
";
/// Publishes messages as Odoo would: the password and a message a line on stdin.
const PUBLISH: &str = "
import sys, pika
login = pika.PlainCredentials('hams_rabbitmq', sys.stdin.readline().strip())
channel = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', credentials=login)).channel()
channel.confirm_delivery()
properties = pika.BasicProperties(content_type='application/json', delivery_mode=2)
for line in sys.stdin:
    channel.basic_publish('', 'dns_zone_updates', line.strip().encode(), properties, mandatory=True)
";
const PATIENCE: Duration = Duration::from_secs(60);
const NO_SUCH_NAME: u8 = 3;
const REFUSED: u8 = 5;
/// Saves that are timed; most of a long run's time is Odoo's own.
const SAVES: usize = 40;
const MANY_SAVES: usize = 200;
/// A change is answered within so many times what its save takes in Odoo. Generous: the machine is shared.
const MOST_RATIO: f64 = 40.0;

/// The zone with the id that the test of the addon has made, and a record in it: none of it was applied yet.
#[track_caller]
pub fn follows_odoo(node: &Node, zone: u64, record: u64) {
    waits_for_the_key(node, zone);
    changes_with_every_save(node, zone, record);
    waits_for_odoo(node);
    takes_up_another_key(node);
    is_quick(node, record);
    zones_come_and_go(node, zone);
    // Nothing lies with the dead, either.
    node_is_idle(node);
    node.is_clean();
}

/// Without a key the message waits, and the status says so; the agent takes up a key that comes later.
#[track_caller]
fn waits_for_the_key(node: &Node, zone: u64) {
    let saved = call(node, "ham.dns.record", "create", json!([[a_record(zone, "mail", "192.0.2.25")]]));
    assert!(saved["result"].is_array(), "{saved}");
    waits_because(node, "no key to Odoo");
    assert_eq!(ask(node, "www").expect("an answer").code, NO_SUCH_NAME);
    let key = make_key(node);
    give_key(node, &format!("# by the test\nODOO_RPC_LOGIN=dns_api_service_internal\nODOO_RPC_KEY={key}\n"));
    answers(node, "www", Some([192, 0, 2, 10]));
    answers(node, "mail", Some([192, 0, 2, 25]));
    is_noted(node, &[zone]);
}

/// A record is saved, changed and deleted.
#[track_caller]
fn changes_with_every_save(node: &Node, zone: u64, record: u64) {
    let done = call(node, "ham.dns.record", "write", json!([[record], { "content": "192.0.2.11" }]));
    assert_eq!(done["result"], true, "{done}");
    answers(node, "www", Some([192, 0, 2, 11]));
    is_noted(node, &[zone]);
    let another = call(node, "ham.dns.record", "create", json!([[a_record(zone, "new", "192.0.2.12")]]));
    answers(node, "new", Some([192, 0, 2, 12]));
    let done = call(node, "ham.dns.record", "unlink", json!([another["result"]]));
    assert_eq!(done["result"], true, "{done}");
    answers(node, "new", None);
    answers(node, "www", Some([192, 0, 2, 11]));
    is_noted(node, &[zone]);
}

/// A message that comes while Odoo is away waits for it.
#[track_caller]
fn waits_for_odoo(node: &Node) {
    node.host.ok("systemctl stop odoo.service");
    publish(node, &json!({ "action": "sync", "model": "ham.dns.zone", "ids": [], "zone": ZONE }));
    waits_because(node, "Odoo at http://127.0.0.1:8069 does not answer");
    node.host.ok("systemctl start odoo.service");
    node_is_idle(node);
    assert!(node.logs_in("admin", PASSWORD), "the session that the next calls use");
}

/// A key that Odoo refuses holds the message; its successor, alone in the file, lets it go on.
#[track_caller]
fn takes_up_another_key(node: &Node) {
    give_key(node, "0123456789abcdef0123456789abcdef01234567\n");
    publish(node, &json!({ "action": "sync", "model": "ham.dns.zone", "ids": [], "zone": ZONE }));
    waits_because(node, &format!("Odoo refuses the key in {KEY_FILE}"));
    give_key(node, &format!("{}\n", make_key(node)));
    node_is_idle(node);
}

/// How long it takes from a save to the answer.
#[track_caller]
fn is_quick(node: &Node, record: u64) {
    let is_long = is_long_run("200 timed saves in Odoo, of which 40 are made");
    let count = if is_long { MANY_SAVES } else { SAVES };
    node.host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole/saves.py"), "/root/");
    let (server, record) = (node.host.address().to_string(), record.to_string());
    let (name, number) = (format!("www.{ZONE}"), count.to_string());
    let command = ["python3", "/root/saves.py", &server, "hams_prod", &record, &name, &number];
    let said = node.host.run_with(&format!("{PASSWORD}\n"), &command).expect(0).stdout;
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let of = |key: &str| {
        let numbers = said[key].as_array().expect("a list").iter();
        let mut numbers: Vec<f64> = numbers.map(|number| number.as_f64().expect("a number")).collect();
        numbers.sort_by(f64::total_cmp);
        assert_eq!(numbers.len(), count);
        [numbers[count / 2], numbers[count * 99 / 100]]
    };
    let [saves, sent, saved] = ["saves", "from_sent", "from_saved"].map(of);
    eprintln!(
        "{count} saves in Odoo: the answer changes {:.0} ms (p50) and {:.0} ms (p99) after the client sent it, {:.0} and \
         {:.0} ms after Odoo said it was saved; a save takes {:.0} and {:.0} ms",
        sent[0], sent[1], saved[0], saved[1], saves[0], saves[1]
    );
    assert!(sent[0] <= MOST_RATIO * saves[0], "the answer takes {} ms, a save {} ms", sent[0], saves[0]);
}

/// Many zones saved at once, a zone renamed, and zones deleted, whose ids Odoo then knows no longer.
#[track_caller]
fn zones_come_and_go(node: &Node, zone: u64) {
    let names: Vec<Value> = (0..3).map(|n| json!({ "name": format!("z{n}.u.hams.test.") })).collect();
    let zones = call(node, "ham.dns.zone", "create", json!([names]));
    let ids: Vec<u64> = serde_json::from_value(zones["result"].clone()).expect("ids");
    is_noted(node, &ids);
    for n in 0..3 {
        is_there(node, &format!("z{n}.u.hams.test"), true);
    }
    let renamed = call(node, "ham.dns.zone", "write", json!([[ids[0]], { "name": "y0.u.hams.test." }]));
    assert_eq!(renamed["result"], true, "{renamed}");
    is_there(node, "y0.u.hams.test", true);
    is_there(node, "z0.u.hams.test", false);
    // This one's message names no zone, as there are two: the agent remembers them.
    let gone = call(node, "ham.dns.zone", "unlink", json!([ids[1..]]));
    assert_eq!(gone["result"], true, "{gone}");
    is_there(node, "z1.u.hams.test", false);
    is_there(node, "z2.u.hams.test", false);
    let gone = call(node, "ham.dns.zone", "unlink", json!([[zone]]));
    assert_eq!(gone["result"], true, "{gone}");
    is_there(node, ZONE.trim_end_matches('.'), false);
    answers(node, "www", None);
    is_there(node, "y0.u.hams.test", true);
}

fn a_record(zone: u64, name: &str, address: &str) -> Value {
    json!({ "zone_id": zone, "name": name, "record_type": "A", "content": address })
}

#[track_caller]
pub fn make_key(node: &Node) -> String {
    let shell =
        "runuser -u odoo -- /usr/bin/odoo shell --config /etc/odoo/hams.conf -d hams_prod --no-http 2>&1";
    let said = node.host.run_with(MAKE_KEY, &["sh", "-c", shell]);
    let key =
        said.stdout.lines().find_map(|line| line.split_once("KEY ").map(|(_, key)| key.trim().to_owned()));
    key.unwrap_or_else(|| panic!("no key: {}", said.text()))
}

/// Puts the file there as Odoo does: under another name first. Then waits for the agent that has it.
#[track_caller]
pub fn give_key(node: &Node, text: &str) {
    let start = || node.host.ok("systemctl show --property=InvocationID --value hams-agent.service");
    let before = start();
    node.host.ok(&format!("install -d -m 0710 $(dirname {KEY_FILE})"));
    let new = format!("{KEY_FILE}.new");
    node.host.write(&new, text);
    node.host.ok(&format!("chmod 0640 {new} && mv {new} {KEY_FILE}"));
    wait_for("an agent with the new key", || {
        (start() != before && node.host.run(&["systemctl", "is-active", "hams-agent.service"]).code == 0)
            .then_some(())
            .ok_or_else(|| node.host.sh("systemctl status 'hams-agent*'").text())
    });
}

#[track_caller]
fn publish(node: &Node, event: &Value) {
    publish_all(node, &[event.to_string()]).expect(0);
}

/// Ends with another code than 0 where the broker has not confirmed all of them.
#[track_caller]
pub fn publish_all(node: &Node, events: &[String]) -> Ended {
    let password = node.hams(&["secrets", "show", "RMQ_PASS"]).expect(0).stdout;
    let input = format!("{}\n{}", password.trim(), events.join("\n"));
    node.host.run_with(&input, &["python3", "-c", PUBLISH])
}

pub fn status(node: &Node) -> Value {
    let said = node.host.run(&["hams-agent", "status", "--json"]).stdout;
    serde_json::from_str(&said).unwrap_or_default()
}

#[track_caller]
pub fn waits_because(node: &Node, reason: &str) {
    wait_for(&format!("an agent that waits: {reason}"), || {
        let sync = status(node)["sync"].clone();
        let says = sync["reason"].as_str().is_some_and(|text| text.contains(reason));
        (sync["phase"] == "waiting" && sync["state"] == "degraded" && says)
            .then_some(())
            .ok_or(sync.to_string())
    });
}

/// Nothing is waiting at the broker or in the agent's hand, and nothing lies with the dead.
#[track_caller]
fn node_is_idle(node: &Node) {
    is_idle_with(node, 0);
}

/// Waits until nothing is waiting at the broker or in the agent's hand, and so many messages lie with the dead.
#[track_caller]
pub fn is_idle_with(node: &Node, dead: usize) {
    let queues = "rabbitmqctl --quiet list_queues name messages | grep dns_zone_updates | sort";
    let wanted = format!("dns_zone_updates\t0\ndns_zone_updates.dlq\t{dead}\n");
    wait_for(&format!("an idle agent and {dead} dead letters"), || {
        let said = node.host.ok(queues);
        (said == wanted && status(node)["sync"]["phase"] == "idle").then_some(()).ok_or(said)
    });
}

/// What UDP and TCP say; an error where one of them had not changed yet.
fn ask(node: &Node, name: &str) -> std::io::Result<dns::Reply> {
    dns::ask_a(node.host.address().into(), &format!("{name}.{}", ZONE.trim_end_matches('.')))
}

/// Waits until the name has this address, or none.
#[track_caller]
fn answers(node: &Node, name: &str, address: Option<[u8; 4]>) {
    let wanted: Vec<Ipv4Addr> = address.map(Ipv4Addr::from).into_iter().collect();
    wait_for(&format!("{name} as {wanted:?}"), || {
        let reply = ask(node, name).map_err(|error| error.to_string())?;
        let is_right = reply.addresses() == wanted && (address.is_some() || reply.code == NO_SUCH_NAME);
        is_right.then_some(()).ok_or_else(|| format!("{reply:?}\n{}", status(node)["sync"]))
    });
}

/// Waits until PowerDNS has the zone, or has it no longer: its parent then answers that there is no such name.
#[track_caller]
fn is_there(node: &Node, zone: &str, is_wanted: bool) {
    const SOA: u16 = 6;
    wait_for(&format!("{zone}: {is_wanted}"), || {
        let reply = dns::ask_udp(node.host.address().into(), zone, SOA).map_err(|error| error.to_string())?;
        assert_ne!(reply.code, REFUSED, "its parent zone is there");
        let is_there = !reply.records.is_empty();
        (is_there == is_wanted).then_some(()).ok_or_else(|| format!("{reply:?}\n{}", status(node)["sync"]))
    });
}

/// Waits until Odoo shows all of these zones as synced.
#[track_caller]
fn is_noted(node: &Node, zones: &[u64]) {
    wait_for("zones that Odoo shows as synced", || {
        let read = call(node, "ham.dns.zone", "read", json!([zones, ["pdns_synced"]]));
        let rows = read["result"].as_array().cloned().unwrap_or_default();
        let is_noted = rows.len() == zones.len() && rows.iter().all(|row| row["pdns_synced"] == true);
        is_noted.then_some(()).ok_or_else(|| format!("{read}\n{}", status(node)["sync"]))
    });
}

#[track_caller]
pub fn wait_for(what: &str, is_so: impl Fn() -> Result<(), String>) {
    let begun = Instant::now();
    while let Err(instead) = is_so() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}; instead: {instead}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
