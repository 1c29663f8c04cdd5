//! What PowerDNS holds for a zone, short enough to be kept for every zone: of each RRset its owner, its type and a digest.
//! It tells what a new content changes without asking, and what is not asked for is not sent either.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use sha2::{Digest as _, Sha256};

use crate::dns::{Change, Key, Name, RecordType, RrSet, Zone};

/// Hex digits of an RRset's digest: the first 64 bits of SHA-256. Who makes two contents with one digest hides a change of
/// his own zone from himself.
const DIGITS: usize = 16;
/// Stands in a text for the digest of an RRset of which only its being there is known.
const UNKNOWN: &str = "?";

/// Of an RRset; `None`, where only its being there is known, equals that of no RRset.
type Digest = Option<u64>;

/// The RRsets of one zone, without the SOA. For each: how long its owner is; its owner relative to the zone, `@` for the
/// apex; the place of its type in `RecordType::ALL`; whether there is a digest, and the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents(Box<[u8]>);

impl Contents {
    /// After PowerDNS was given `wanted`; of `before` what stands under `kept` has stayed.
    pub(super) fn after(wanted: &Zone, kept: &BTreeSet<Key>, before: &Self) -> Self {
        let stayed = |(owner, rtype, _): &(&str, RecordType, Digest)| {
            kept.iter().any(|key| (relative(&key.name, &wanted.name), key.rtype) == (*owner, *rtype))
        };
        Self::made(wanted, before.sets().filter(stayed))
    }

    /// After PowerDNS was compared and given `wanted`; what stands under `kept` may be there with any content.
    pub(super) fn compared(wanted: &Zone, kept: &BTreeSet<Key>) -> Self {
        let kept = kept.iter().map(|key| (relative(&key.name, &wanted.name), key.rtype, None));
        Self::made(wanted, kept)
    }

    fn made<'a>(wanted: &'a Zone, more: impl Iterator<Item = (&'a str, RecordType, Digest)>) -> Self {
        let set = |rrset: &'a RrSet| {
            (relative(&rrset.key.name, &wanted.name), rrset.key.rtype, Some(digest(rrset)))
        };
        Self::of(wanted.rrsets.values().map(set).chain(more))
    }

    fn of<'a>(sets: impl Iterator<Item = (&'a str, RecordType, Digest)>) -> Self {
        let mut octets = Vec::new();
        for (owner, rtype, digest) in sets {
            let place = RecordType::ALL.iter().position(|one| *one == rtype).unwrap_or_default();
            // A name has at most 255 octets, and there are few types.
            octets.push(owner.len() as u8);
            octets.extend_from_slice(owner.as_bytes());
            octets.extend_from_slice(&[place as u8, u8::from(digest.is_some())]);
            octets.extend(digest.iter().flat_map(|digest| digest.to_be_bytes()));
        }
        Self(octets.into())
    }

    /// From a text as `text` gives it; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let lines = text.split('\n').filter(|line| !line.is_empty());
        Some(Self::of(lines.map(set).collect::<Option<Vec<_>>>()?.into_iter()))
    }

    /// As it is written down: a line `owner TYPE digest` for each RRset.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (owner, rtype, digest) in self.sets() {
            let separator = if text.is_empty() { "" } else { "\n" };
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{owner} {rtype} ");
            match digest {
                Some(digest) => {
                    let _ = write!(text, "{digest:016x}");
                }
                None => text.push_str(UNKNOWN),
            }
        }
        text
    }

    /// What leads from here to `wanted`, deletions first, as `dns::diff` has it. What stands under `kept` stays.
    pub(super) fn changes(&self, wanted: &Zone, kept: &BTreeSet<Key>) -> Vec<Change> {
        let mut have: BTreeMap<(&str, RecordType), Digest> =
            self.sets().map(|(owner, rtype, digest)| ((owner, rtype), digest)).collect();
        let mut replacements = Vec::new();
        for rrset in wanted.rrsets.values() {
            let key = (relative(&rrset.key.name, &wanted.name), rrset.key.rtype);
            if have.remove(&key).flatten() != Some(digest(rrset)) {
                replacements.push(Change::Replace(rrset.clone()));
            }
        }
        for key in kept {
            have.remove(&(relative(&key.name, &wanted.name), key.rtype));
        }
        let deletions = have.into_keys().map(|(owner, rtype)| {
            let name =
                if owner == "@" { wanted.name.to_string() } else { format!("{owner}.{}", wanted.name) };
            Change::Delete { name, rtype: rtype.to_string() }
        });
        deletions.chain(replacements).collect()
    }

    fn sets(&self) -> impl Iterator<Item = (&str, RecordType, Digest)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (length, more) = rest.split_first()?;
            let (owner, more) = more.split_at_checked(usize::from(*length))?;
            let (&[place, is_known], more) = more.split_first_chunk()?;
            let (digest, more) = if is_known == 1 {
                more.split_first_chunk().map(|(digest, more)| (Some(u64::from_be_bytes(*digest)), more))?
            } else {
                (None, more)
            };
            rest = more;
            let (owner, rtype) =
                (std::str::from_utf8(owner).ok()?, *RecordType::ALL.get(usize::from(place))?);
            Some((owner, rtype, digest))
        })
    }
}

/// The owner without its zone. Every owner is inside its zone (`dns::Zone`).
fn relative<'a>(owner: &'a Name, zone: &Name) -> &'a str {
    let front = owner.as_str().strip_suffix(zone.as_str()).unwrap_or(owner.as_str());
    if front.is_empty() { "@" } else { front.trim_end_matches('.') }
}

fn digest(rrset: &RrSet) -> u64 {
    let mut hash = Sha256::new();
    hash.update(rrset.ttl.seconds().to_be_bytes());
    for record in &rrset.records {
        hash.update(record);
        hash.update("\n");
    }
    hash.finalize().iter().take(size_of::<u64>()).fold(0, |number, octet| number << 8 | u64::from(*octet))
}

/// An RRset from its line.
fn set(line: &str) -> Option<(&str, RecordType, Digest)> {
    let mut words = line.split(' ');
    let owner = words.next().filter(|owner| (1..=255).contains(&owner.len()))?;
    let (rtype, digest) = (words.next()?.parse().ok()?, words.next()?);
    let digest = if digest == UNKNOWN { None } else { Some(number(digest)?) };
    words.next().is_none().then_some((owner, rtype, digest))
}

/// The digest that stands there in hexadecimal digits.
fn number(digits: &str) -> Option<u64> {
    let is_whole = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_whole.then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Draft;
    use proptest::prelude::*;

    fn zone(sets: &[(&str, &str, i64, &str)]) -> Zone {
        let draft = |(name, rtype, ttl, record): &(&str, &str, i64, &str)| Draft {
            name: (*name).to_owned(),
            rtype: (*rtype).to_owned(),
            ttl: Some(*ttl),
            records: Some(vec![(*record).to_owned()]),
        };
        let checked =
            Zone::check(&Name::absolute("a.u.hams.test").unwrap(), sets.iter().map(draft).collect(), &[]);
        assert_eq!(checked.rejected, []);
        checked.zone
    }

    fn key(name: &str, rtype: RecordType) -> Key {
        Key { name: Name::owner(name, &Name::root()).unwrap(), rtype }
    }

    fn told(changes: &[Change]) -> Vec<String> {
        let words = |change: &Change| match change {
            Change::Delete { name, rtype } => format!("-{name} {rtype}"),
            Change::Replace(rrset) => format!("+{}", rrset.key),
        };
        changes.iter().map(words).collect()
    }

    const NONE: &BTreeSet<Key> = &BTreeSet::new();

    #[test]
    fn equal_contents_are_equal() {
        let (one, other) =
            (zone(&[("w", "AAAA", 60, "2001:DB8:0::1")]), zone(&[("w", "AAAA", 60, "2001:db8::1")]));
        assert_eq!(Contents::compared(&one, NONE), Contents::compared(&other, NONE));
        for different in
            [zone(&[("w", "AAAA", 61, "2001:db8::1")]), zone(&[("w", "AAAA", 60, "2001:db8::2")])]
        {
            assert_eq!(
                told(&Contents::compared(&one, NONE).changes(&different, NONE)),
                ["+w.a.u.hams.test. AAAA"]
            );
        }
        assert_eq!(Contents::compared(&one, NONE).changes(&other, NONE), []);
    }

    #[test]
    fn deletions_come_first() {
        let before =
            Contents::compared(&zone(&[("w", "A", 60, "192.0.2.1"), ("@", "MX", 60, "1 m.b.")]), NONE);
        let after = zone(&[("w", "CNAME", 60, "x.b."), ("n", "A", 60, "192.0.2.1")]);
        assert_eq!(
            told(&before.changes(&after, NONE)),
            ["-a.u.hams.test. MX", "-w.a.u.hams.test. A", "+n.a.u.hams.test. A", "+w.a.u.hams.test. CNAME"]
        );
        assert_eq!(Contents::after(&after, NONE, &before), Contents::compared(&after, NONE));
    }

    #[test]
    fn what_is_kept_stays_and_is_remembered() {
        let before = Contents::compared(&zone(&[("w", "A", 60, "192.0.2.1")]), NONE);
        let (empty, kept) = (zone(&[]), BTreeSet::from([key("w.a.u.hams.test.", RecordType::A)]));
        assert_eq!(before.changes(&empty, &kept), []);
        let after = Contents::after(&empty, &kept, &before);
        assert_eq!(after, before);
        assert_eq!(after.changes(&zone(&[("w", "A", 60, "192.0.2.1")]), NONE), []);
        assert_eq!(told(&after.changes(&empty, NONE)), ["-w.a.u.hams.test. A"]);
        // Its content is not known where the zone was only compared, so that it counts as another.
        let compared = Contents::compared(&empty, &kept);
        assert_eq!(
            told(&compared.changes(&zone(&[("w", "A", 60, "192.0.2.1")]), NONE)),
            ["+w.a.u.hams.test. A"]
        );
    }

    #[test]
    fn it_is_read_back() {
        let contents = Contents::compared(
            &zone(&[("*", "A", 60, "192.0.2.1"), ("@", "TXT", 60, "x y")]),
            &BTreeSet::from([key("w.a.u.hams.test.", RecordType::A)]),
        );
        assert_eq!(Contents::parse(&contents.text()).as_ref(), Some(&contents));
        assert_eq!(contents.text().lines().count(), 4);
        assert_eq!(told(&Contents::parse("").unwrap().changes(&zone(&[]), NONE)), ["+a.u.hams.test. NS"]);
        for wrong in [
            "w A",
            "w A 12",
            "w LUA 0123456789abcdef",
            "w A 0123456789abcdeg",
            "w A 0123456789abcdef x",
            " A ?",
        ] {
            assert_eq!(Contents::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn changes_lead_from_any_content_to_any_other(from in any_sets(), to in any_sets()) {
            let (from, to) = (zone_of(&from), zone_of(&to));
            let changes = Contents::compared(&from, NONE).changes(&to, NONE);
            let mut held = from.rrsets.clone();
            for change in &changes {
                match change {
                    Change::Delete { name, rtype } => {
                        let key = key(name, rtype.parse().unwrap());
                        prop_assert!(held.remove(&key).is_some(), "{} was not there", key);
                    }
                    Change::Replace(rrset) => {
                        prop_assert_ne!(held.insert(rrset.key.clone(), rrset.clone()), Some(rrset.clone()));
                    }
                }
            }
            prop_assert_eq!(&held, &to.rrsets);
            let after = Contents::after(&to, NONE, &Contents::compared(&from, NONE));
            prop_assert_eq!(after.changes(&to, NONE), []);
        }
    }

    type Sets = BTreeMap<(u8, bool), u8>;

    fn any_sets() -> impl Strategy<Value = Sets> {
        proptest::collection::btree_map((0..4_u8, any::<bool>()), 0..3_u8, 0..6)
    }

    fn zone_of(sets: &Sets) -> Zone {
        let names = ["@", "w", "*", "a.b"];
        let given: Vec<_> = sets
            .iter()
            .map(|((name, is_text), value)| {
                let rtype = if *is_text { "TXT" } else { "A" };
                let record = if *is_text { format!("text {value}") } else { format!("192.0.2.{value}") };
                (names[usize::from(*name)], rtype, record)
            })
            .collect();
        let given: Vec<_> =
            given.iter().map(|(name, rtype, record)| (*name, *rtype, 60, record.as_str())).collect();
        zone(&given)
    }
}
