//! A zone that is short as an event and too long for one request to PowerDNS: it must not hold up the others for minutes.

use super::node::{Content, Node};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const RRSETS: usize = 8000;

/// It arrives within the patience of every other wait, and whole.
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
