//! Messages that can never be applied: each lies with the dead, once, whole and with its reason, and holds up nothing.

use super::node::{Content, Node, parsed};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A zone that is in PowerDNS, and not hams'.
const FOREIGN: &str = "foreign.u.hams.test.";
/// Each: a `name` for people, the `reason` in the header, what the reason in words `says`, and the message: `body` (JSON),
/// `text`, or `base64`; with a `length` it is filled up by blanks. A message that is only partly bad has one good rrset.
const FIXTURE: &str = include_str!("../fixtures/bad-messages.json");

/// What must lie with the dead.
struct Bad {
    name: String,
    body: Vec<u8>,
    reason: String,
    says: String,
}

/// Publishes good and bad messages in turn; gives how many dead letters there are after that.
pub fn is_set_aside(node: &Node) -> u64 {
    node.host.ok(&format!("pdnsutil create-zone {FOREIGN} ns1.example.com >&2"));
    let before = node.zones();
    let given = parsed(FIXTURE);
    let mut bad: Vec<Bad> = given.as_array().expect("a list").iter().map(message).collect();
    assert!(bad.len() >= 30);
    let mut wanted: BTreeMap<String, Option<Content>> = BTreeMap::new();
    for entry in given.as_array().expect("a list").iter().filter(|entry| entry["reason"] == "bad-rrset") {
        let zone = entry["body"]["zone"].as_str().expect("a zone");
        wanted.insert(zone.into(), Some(content(zone, &[("www", 300, "192.0.2.77")])));
    }

    let mut bodies = Vec::new();
    for (number, bad) in bad.iter().enumerate() {
        bodies.push(bad.body.clone());
        let (zone, address) = (format!("good{number}.u.hams.test."), format!("203.0.113.{number}"));
        bodies.push(upsert(&zone, &[("www", "A", 60, &address)]));
        wanted.insert(zone.clone(), Some(content(&zone, &[("www", 60, &address)])));
    }
    // Of a zone that is there the rrset that is bad stays as it was, and all others change.
    let zone = "mixed.u.hams.test.";
    bodies.push(upsert(
        zone,
        &[("www", "A", 60, "192.0.2.1"), ("mail", "A", 60, "192.0.2.2"), ("old", "A", 60, "192.0.2.3")],
    ));
    let mixed = upsert(
        zone,
        &[("www", "A", 90, "192.0.2.11"), ("mail", "A", 90, "192.0.2.999"), ("new", "A", 90, "192.0.2.13")],
    );
    let left =
        content(zone, &[("www", 90, "192.0.2.11"), ("mail", 60, "192.0.2.2"), ("new", 90, "192.0.2.13")]);
    wanted.insert(zone.into(), Some(left));
    bodies.push(mixed.clone());
    let (reason, says) = ("bad-rrset".into(), "192.0.2.999".into());
    bad.push(Bad { name: "one bad rrset of three".into(), body: mixed, reason, says });

    let (_, status) = node.status();
    let counted = |status: &Value| status["sync"]["counters"]["dead_lettered"].as_u64().expect("a number");
    let start = node.start();
    node.publish(&[], bodies.iter().map(Vec::as_slice));
    let dead = bad.len() as u64;
    node.drained(dead);
    assert_eq!(counted(&node.status().1) - counted(&status), dead);
    assert_eq!(node.start(), start, "a bad message ended the agent");

    let mut letters = node.letters();
    for bad in &bad {
        let place = letters.iter().position(|(body, ..)| *body == bad.body);
        let (_, reason, words) =
            letters.swap_remove(place.unwrap_or_else(|| panic!("{}: no letter", bad.name)));
        assert_eq!(reason, bad.reason, "{}: {words}", bad.name);
        assert!(words.contains(&bad.says), "{}: `{words}` does not say `{}`", bad.name, bad.says);
    }
    assert_eq!(letters, [], "letters that nobody wrote");

    node.holds(&wanted);
    let mut after = node.zones();
    after.retain(|name, _| !wanted.contains_key(name));
    assert_eq!(after, before, "other zones were changed by messages that are refused");
    dead
}

fn message(given: &Value) -> Bad {
    let text = |key: &str| given[key].as_str().map(str::to_owned);
    let json = || given["body"].is_object().then(|| given["body"].to_string().into_bytes());
    let from_base64 = || text("base64").map(|text| BASE64.decode(text).expect("base64"));
    let mut body =
        text("text").map(String::into_bytes).or_else(from_base64).or_else(json).expect("a message");
    if let Some(length) = given["length"].as_u64() {
        body.resize(length as usize, b' ');
    }
    let word = |key: &str| text(key).unwrap_or_else(|| panic!("no {key}: {given}"));
    Bad { name: word("name"), body, reason: word("reason"), says: word("says") }
}

fn upsert(zone: &str, rrsets: &[(&str, &str, u64, &str)]) -> Vec<u8> {
    let rrsets: Vec<_> = rrsets
        .iter()
        .map(|(name, rtype, ttl, record)| json!({"name": name, "type": rtype, "ttl": ttl, "records": [record]}))
        .collect();
    json!({"action": "upsert", "zone": zone, "rrsets": rrsets}).to_string().into_bytes()
}

fn content(zone: &str, addresses: &[(&str, u64, &str)]) -> Content {
    let rrset = |(name, ttl, address): &(&str, u64, &str)| {
        ((format!("{name}.{zone}"), "A".to_owned()), (*ttl, BTreeSet::from([(*address).to_owned()])))
    };
    addresses.iter().map(rrset).collect()
}
