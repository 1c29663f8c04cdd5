//! What must change so that a stored zone has its wanted content.

use std::collections::{BTreeMap, BTreeSet};

use super::content;
use super::name::Name;
use super::rrset::{Key, RrSet};
use super::rtype::RecordType;
use super::zone::Zone;

/// An RRset as a server holds it: texts, because a server may hold names and types that hams never writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The owner, absolute.
    pub name: String,
    /// The type's mnemonic.
    pub rtype: String,
    /// Seconds.
    pub ttl: u32,
    /// The contents that are served.
    pub records: BTreeSet<String>,
    /// True if a record of it is kept but not served.
    pub has_disabled: bool,
}

/// One step from the stored to the wanted content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Remove all records of a name and type.
    Delete {
        /// The owner as the server spells it.
        name: String,
        /// The type's mnemonic.
        rtype: String,
    },
    /// Put these records in place of what is there.
    Replace(RrSet),
}

/// The changes from `stored` to `wanted`: all deletions first, since a CNAME can only follow what stood at
/// its name (facts: powerdns.md §3.12). The apex SOA is never touched, nor is any RRset in `kept`.
pub fn diff(stored: &[Stored], wanted: &Zone, kept: &BTreeSet<Key>) -> Vec<Change> {
    let mut missing: BTreeMap<&Key, &RrSet> = wanted.rrsets.iter().collect();
    let mut deletions = Vec::new();
    for old in stored {
        let key = key(old);
        let is_apex = old.name.eq_ignore_ascii_case(wanted.name.as_str());
        if is_apex && old.rtype.eq_ignore_ascii_case("SOA") {
            continue;
        }
        match key.as_ref().and_then(|key| wanted.rrsets.get(key)) {
            Some(new) if is_equal(old, new, &wanted.name) => {
                missing.remove(&new.key);
            }
            Some(_) => {}
            None if key.is_some_and(|key| kept.contains(&key)) => {}
            None => deletions.push(Change::Delete { name: old.name.clone(), rtype: old.rtype.clone() }),
        }
    }
    let replacements = missing.into_values().cloned().map(Change::Replace);
    deletions.into_iter().chain(replacements).collect()
}

/// The key that hams would give it; `None` for names and types that hams never writes.
fn key(old: &Stored) -> Option<Key> {
    let rtype: RecordType = old.rtype.parse().ok()?;
    let name = old.name.ends_with('.').then(|| Name::owner(&old.name, &Name::root()).ok())??;
    Some(Key { name, rtype })
}

fn is_equal(old: &Stored, new: &RrSet, zone: &Name) -> bool {
    let spelt_alike =
        |text: &String| content::canonical(new.key.rtype, text, zone).unwrap_or_else(|_| text.clone());
    old.ttl == new.ttl.seconds()
        && !old.has_disabled
        && old.records.len() == new.records.len()
        && old.records.iter().map(spelt_alike).collect::<BTreeSet<_>>() == new.records
}

#[cfg(test)]
mod tests {
    use super::super::zone::Draft;
    use super::*;
    use proptest::prelude::*;

    fn apex() -> Name {
        Name::absolute("z.u.hams.com").unwrap()
    }

    fn zone(drafts: Vec<Draft>) -> Zone {
        let checked = Zone::check(&apex(), drafts, &[Name::absolute("ns1.hams.com").unwrap()]);
        checked.zone
    }

    fn stored(name: &str, rtype: &str, ttl: u32, records: &[&str]) -> Stored {
        let records = records.iter().map(|&text| text.to_owned()).collect();
        Stored { name: name.into(), rtype: rtype.into(), ttl, records, has_disabled: false }
    }

    /// What a server does with the changes: refuses a CNAME beside other data, as PowerDNS does.
    fn apply(mut held: Vec<Stored>, changes: &[Change]) -> Vec<Stored> {
        for change in changes {
            match change {
                Change::Delete { name, rtype } => held.retain(|s| s.name != *name || s.rtype != *rtype),
                Change::Replace(new) => {
                    let (name, rtype) = (new.key.name.as_str(), new.key.rtype.as_str());
                    held.retain(|s| s.name != name || s.rtype != rtype);
                    let clash = |s: &Stored| s.name == name && (s.rtype == "CNAME" || rtype == "CNAME");
                    assert!(!held.iter().any(clash), "CNAME beside other data at {name}");
                    let records: Vec<&str> = new.records.iter().map(String::as_str).collect();
                    held.push(stored(name, rtype, new.ttl.seconds(), &records));
                }
            }
        }
        held
    }

    #[test]
    fn soa_stays_and_ns_is_repaired() {
        let held = [
            stored("z.u.hams.com.", "SOA", 3600, &["ns1.hams.com. h.hams.com. 1 2 3 4 5"]),
            stored("z.u.hams.com.", "NS", 3600, &["evil.example."]),
            stored("x.z.u.hams.com.", "LUA", 60, &["A \"code\""]),
        ];
        let changes = diff(&held, &zone(vec![]), &BTreeSet::new());
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0], Change::Delete { name: "x.z.u.hams.com.".into(), rtype: "LUA".into() });
        assert!(matches!(&changes[1], Change::Replace(ns) if ns.records.contains("ns1.hams.com.")));
    }

    #[test]
    fn kept_rrsets_are_left_alone() {
        let held = [stored("www.z.u.hams.com.", "A", 300, &["192.0.2.1"])];
        let key = Key { name: Name::owner("www", &apex()).unwrap(), rtype: RecordType::A };
        let changes = diff(&held, &zone(vec![]), &BTreeSet::from([key]));
        assert!(matches!(&changes[..], [Change::Replace(ns)] if ns.key.rtype == RecordType::Ns));
    }

    #[test]
    fn a_disabled_record_is_a_difference() {
        let drafts = || {
            let records = Some(vec!["192.0.2.1".to_owned()]);
            vec![Draft { name: "w".into(), rtype: "A".into(), ttl: Some(300), records }]
        };
        let mut held = apply(vec![], &diff(&[], &zone(drafts()), &BTreeSet::new()));
        assert_eq!(diff(&held, &zone(drafts()), &BTreeSet::new()), []);
        held[1].has_disabled = true;
        assert_eq!(diff(&held, &zone(drafts()), &BTreeSet::new()).len(), 1);
    }

    fn drafts() -> impl Strategy<Value = Vec<Draft>> {
        let one = (0..4_u8, 0..4_usize, 0..3_i64, 1..4_u8).prop_map(|(name, which, ttl, count)| {
            let (rtype, text): (&str, fn(u8) -> String) = match which {
                0 => ("A", |n| format!("192.0.2.{n}")),
                1 => ("AAAA", |n| format!("2001:DB8::{n}")),
                2 => ("TXT", |n| format!("text {n}")),
                _ => ("CNAME", |_| "Target.Example.".to_owned()),
            };
            let count = if rtype == "CNAME" { 1 } else { count };
            Draft {
                name: format!("N{name}"),
                rtype: rtype.into(),
                ttl: Some(ttl * 60),
                records: Some((0..count).map(text).collect()),
            }
        });
        proptest::collection::vec(one, 0..12)
    }

    proptest! {
        #[test]
        fn diff_then_apply_is_the_wanted_zone(first in drafts(), second in drafts()) {
            let (first, second) = (zone(first), zone(second));
            let held = apply(vec![], &diff(&[], &first, &BTreeSet::new()));
            let changes = diff(&held, &second, &BTreeSet::new());
            let held = apply(held, &changes);
            prop_assert_eq!(diff(&held, &second, &BTreeSet::new()), vec![]);
            let names: BTreeSet<_> = held.iter().map(|s| (s.name.clone(), s.rtype.clone())).collect();
            let wanted: BTreeSet<_> =
                second.rrsets.keys().map(|k| (k.name.to_string(), k.rtype.to_string())).collect();
            prop_assert_eq!(names, wanted);
        }

        #[test]
        fn deletions_come_first(first in drafts(), second in drafts()) {
            let held = apply(vec![], &diff(&[], &zone(first), &BTreeSet::new()));
            let changes = diff(&held, &zone(second), &BTreeSet::new());
            let kinds: Vec<_> = changes.iter().map(|c| matches!(c, Change::Replace(_))).collect();
            prop_assert!(kinds.is_sorted());
        }
    }
}
