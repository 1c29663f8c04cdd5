//! What an agent does when nothing changes, and when PowerDNS or the broker is away.

use super::events::Story;
use super::node::{Content, Node, UNIT};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const EVENTS: usize = 100;

/// The last state of every zone once more: no write, no new serial.
pub fn the_same_again_changes_nothing(node: &Node, story: &Story) {
    let serials = |node: &Node| -> BTreeMap<_, _> {
        node.zones().into_iter().map(|(name, zone)| (name, zone.serial)).collect()
    };
    let (before, counters) = (serials(node), node.status().1["sync"]["counters"].clone());
    let bodies: Vec<_> = story.last.values().map(|event| event.to_string().into_bytes()).collect();
    node.publish(&[], bodies.iter().map(Vec::as_slice));
    node.drained(0);
    assert_eq!(serials(node), before);
    let now = node.status().1["sync"]["counters"].clone();
    let grown = |key: &str| now[key].as_u64().zip(counters[key].as_u64()).map(|(now, then)| now - then);
    for (key, by) in
        [("received", bodies.len()), ("unchanged", bodies.len()), ("applied", 0), ("dropped_old", 0)]
    {
        assert_eq!(grown(key), Some(by as u64), "{key}: from {counters} to {now}");
    }
}

/// PowerDNS is away while changes come: they wait, and arrive.
pub fn of_powerdns(node: &Node, dead: u64) {
    let before = node.start();
    node.host.ok("systemctl stop pdns.service");
    let (bodies, wanted) = changes("power");
    node.publish(&[], bodies.iter().map(Vec::as_slice));
    let waits = || {
        let (_, status) = node.status();
        status["sync"]["phase"] == "waiting" && status["sync"]["reason"].to_string().contains("PowerDNS")
    };
    node.wait_for("an agent that waits for PowerDNS", waits);
    let [waiting, in_hand, letters] = node.queues();
    assert_eq!((waiting + in_hand, letters), (EVENTS as u64, dead), "all of them are still with the broker");
    node.host.ok("systemctl start pdns.service");
    is_over(node, dead, &before, &wanted);
}

/// The broker restarts while changes come: they arrive, and the dead letters are still there.
pub fn of_the_broker(node: &Node, dead: u64) {
    let broker = || node.host.ok("systemctl show --property=InvocationID --value rabbitmq-server.service");
    let (before, broker_before) = (node.start(), broker());
    let (bodies, wanted) = changes("rabbit");
    let said = node.publish(&["--restart-broker", "30"], bodies.iter().map(Vec::as_slice));
    assert_eq!(said["confirmed"], EVENTS, "{said}");
    assert!(said["lost"].as_u64() > Some(0), "the broker was never away: {said}");
    assert_ne!(broker(), broker_before);
    is_over(node, dead, &before, &wanted);
}

fn is_over(node: &Node, dead: u64, before: &super::node::Start, wanted: &BTreeMap<String, Option<Content>>) {
    node.drained(dead);
    node.holds(wanted);
    assert_eq!(&node.start(), before, "{UNIT} was started again by somebody else's outage");
    node.wait_for("a node that is well", || node.is_well());
}

/// Changes of a few zones of their own, each zone several times.
fn changes(word: &str) -> (Vec<Vec<u8>>, BTreeMap<String, Option<Content>>) {
    let (mut bodies, mut wanted) = (Vec::new(), BTreeMap::new());
    for number in 0..EVENTS {
        let (zone, address) = (format!("{word}{}.u.hams.test.", number % 25), format!("198.51.100.{number}"));
        let rrsets = json!([{"name": "www", "type": "A", "ttl": 60, "records": [address]}]);
        let event: Value = json!({"action": "upsert", "zone": zone, "rrsets": rrsets});
        bodies.push(event.to_string().into_bytes());
        let key = (format!("www.{zone}"), "A".to_owned());
        wanted.insert(zone, Some(Content::from([(key, (60, BTreeSet::from([address])))])));
    }
    (bodies, wanted)
}
