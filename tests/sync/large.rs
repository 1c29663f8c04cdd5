//! What is larger than it has to be: it must not hold up the others for minutes.

use super::node::{Content, Node};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const RRSETS: usize = 8000;
/// Of the 128 KiB that a publisher can send, and more than the agent asks for at first.
const HEADER: &str = "120000";

/// Properties longer than the agent's frames: RabbitMQ sends them all the same.
pub fn properties_are_read(node: &Node, dead: u64) {
    let zone = "headers.u.hams.test.";
    let rrset = json!({"name": "www", "type": "A", "ttl": 300, "records": ["192.0.2.9"]});
    let event = json!({"action": "upsert", "zone": zone, "rrsets": [rrset]}).to_string();
    node.publish(&["--header", HEADER], [event.as_bytes()]);
    node.drained(dead);
    let key = (format!("www.{zone}"), "A".to_owned());
    let content = Content::from([(key, (300, BTreeSet::from(["192.0.2.9".to_owned()])))]);
    node.holds(&BTreeMap::from([(zone.to_owned(), Some(content))]));
}

/// A zone that is short as an event and too long for one request to PowerDNS arrives within the patience of every other wait, and whole.
pub fn goes_in_parts(node: &Node, dead: u64) {
    let zone = format!("large.{0}.{0}.{0}.u.hams.test.", "y".repeat(60));
    let (mut rrsets, mut content) = (Vec::new(), Content::new());
    for number in 0..RRSETS {
        let name = if number == 0 { "www".to_owned() } else { format!("h{number}") };
        let address = format!("10.0.{}.{}", number / 250, number % 250);
        rrsets.push(json!({"name": name, "type": "A", "ttl": 300, "records": [address]}));
        content.insert((format!("{name}.{zone}"), "A".into()), (300, BTreeSet::from([address])));
    }
    let event = json!({"action": "upsert", "zone": zone, "rrsets": rrsets}).to_string();
    node.publish(&[], [event.as_bytes()]);
    node.drained(dead);
    node.holds(&BTreeMap::from([(zone, Some(content))]));
}
