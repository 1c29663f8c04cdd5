//! Odoo's rows as the RRsets that an event of the state form would have: one row is one record there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::dns::{Draft, Name};

/// One `ham.dns.record`. Odoo says `false` for a text that is empty.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Row {
    name: Value,
    record_type: Value,
    content: Value,
    ttl: Value,
    #[serde(default)]
    priority: Value,
}

/// The whole content of `zone`: what cannot be published is among it, for the checks to tell.
pub(super) fn drafts(zone: &Name, rows: &[Row]) -> Vec<Draft> {
    let mut sets = BTreeMap::<(String, String), Draft>::new();
    for row in rows {
        let (name, rtype) = (text(&row.name), text(&row.record_type).to_ascii_uppercase());
        // The same owner can be written in many ways; one that is none keeps its own words.
        let owner = Name::owner(&name, zone).map_or_else(|_| name.clone(), |owner| owner.to_string());
        let content = content(&rtype, row);
        let (ttl, key) = (row.ttl.as_i64(), (owner, rtype.clone()));
        match sets.get_mut(&key) {
            None => {
                sets.insert(key, Draft { name, rtype, ttl, records: Some(vec![content]) });
            }
            Some(set) => {
                // One set has one TTL (RFC 2181 §5.2): the shortest keeps every promise. One that is none spoils the set.
                set.ttl = set.ttl.zip(ttl).map(|(one, other)| one.min(other));
                if let Some(records) = &mut set.records {
                    records.push(content);
                }
            }
        }
    }
    sets.into_values().collect()
}

/// With the priority in front, where it has a field of its own.
fn content(rtype: &str, row: &Row) -> String {
    let content = text(&row.content);
    let fields = content.split_whitespace().count();
    match (rtype, fields) {
        ("MX", 1) | ("SRV", 3) => format!("{} {content}", row.priority.as_i64().unwrap_or_default()),
        _ => content,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map(str::trim).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Zone;
    use serde_json::json;

    fn row(name: &str, rtype: &str, content: &str, ttl: i64, priority: i64) -> Row {
        let row = json!({
            "name": name, "record_type": rtype, "content": content, "ttl": ttl, "priority": priority
        });
        serde_json::from_value(row).unwrap()
    }

    fn zone() -> Name {
        Name::absolute("k6bp.u.hams.com.").unwrap()
    }

    #[test]
    fn rows_of_one_name_and_type_are_one_set() {
        let drafts = drafts(
            &zone(),
            &[
                row("www", "A", "192.0.2.1", 300, 0),
                row("@", "TXT", "v=spf1 -all", 60, 0),
                row("WWW.k6bp.u.hams.com.", "A", " 192.0.2.2 ", 120, 0),
                row("www", "AAAA", "2001:db8::1", 300, 0),
            ],
        );
        assert_eq!(drafts.len(), 3);
        let www = drafts.iter().find(|draft| draft.rtype == "A").unwrap();
        assert_eq!(www.records.as_deref(), Some(&["192.0.2.1".to_owned(), "192.0.2.2".to_owned()][..]));
        assert_eq!(www.ttl, Some(120));
        let checked = Zone::check(&zone(), drafts, &[]);
        assert_eq!(checked.rejected, []);
    }

    #[test]
    fn a_priority_stands_in_its_field_or_in_the_content() {
        let drafts = drafts(
            &zone(),
            &[
                row("@", "MX", "mail.example.com.", 300, 10),
                row("@", "MX", "20 backup.example.com.", 300, 0),
                row("_sip._udp", "SRV", "5 5060 sip.example.com.", 300, 1),
                row("_h._tcp", "SRV", "2 5 80 www.example.com.", 300, 9),
            ],
        );
        let records: Vec<_> = drafts.iter().flat_map(|draft| draft.records.clone().unwrap()).collect();
        assert_eq!(
            records,
            [
                "2 5 80 www.example.com.",
                "1 5 5060 sip.example.com.",
                "10 mail.example.com.",
                "20 backup.example.com.",
            ]
        );
        assert_eq!(Zone::check(&zone(), drafts, &[]).rejected, []);
    }

    #[test]
    fn a_bad_row_spoils_its_own_set() {
        let empty = json!({"name": "x", "record_type": "A", "content": false, "ttl": 300, "priority": false});
        let rows = [
            row("www", "A", "192.0.2.1", 300, 0),
            serde_json::from_value(empty).unwrap(),
            row("out.example.com.", "A", "192.0.2.1", 300, 0),
        ];
        let checked = Zone::check(&zone(), drafts(&zone(), &rows), &[]);
        assert_eq!((checked.zone.rrsets.len(), checked.rejected.len()), (2, 2));
    }
}
