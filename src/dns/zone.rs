//! A zone's wanted content, checked as a whole: bad RRsets are set aside with their reason so that the rest
//! can be applied, and the apex NS is the agent's own.

use std::collections::{BTreeMap, BTreeSet};

use super::content::{self, ContentError};
use super::name::{Name, NameError};
use super::rrset::{Key, RrSet, Ttl, TtlError};
use super::rtype::{RecordType, RecordTypeError};

/// Records that a zone may have: PowerDNS takes about a second for so many (facts: powerdns.md §3.5).
const MAX_RECORDS: usize = 10_000;
/// Octets of all contents of one RRset, which must fit one DNS message over TCP (65,535 octets).
const MAX_RRSET_OCTETS: usize = 60_000;
/// TTL of the apex NS records.
const NS_TTL_SECONDS: i64 = 3600;

/// One RRset as an event gives it: `None` is what is missing or has another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The owner, `@` or empty for the apex, relative or absolute.
    pub name: String,
    /// The type's mnemonic.
    pub rtype: String,
    /// Seconds.
    pub ttl: Option<i64>,
    /// Contents.
    pub records: Option<Vec<String>>,
}

/// Why an RRset cannot be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RrSetError {
    /// The owner.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The type.
    #[error(transparent)]
    Type(#[from] RecordTypeError),
    /// The TTL's value.
    #[error(transparent)]
    Ttl(#[from] TtlError),
    /// No TTL, or none that is a whole number.
    #[error("`ttl` must be a whole number of seconds")]
    NoTtl,
    /// No list of texts.
    #[error("`records` must be a list of strings")]
    NoRecords,
    /// An empty list.
    #[error("`records` is empty; leave the rrset out to remove it")]
    Empty,
    /// One record's content.
    #[error("record {place}: {source}")]
    Content {
        /// Its place in the list, from 1.
        place: usize,
        /// What is wrong with it.
        source: ContentError,
    },
    /// The same record twice, perhaps spelt differently.
    #[error("record `{0}` is there twice")]
    TwiceRecord(String),
    /// The same name and type twice.
    #[error("the rrset is there twice")]
    Twice,
    /// A CNAME beside anything else, the apex's SOA and NS included.
    #[error("a CNAME cannot stand beside other records of its name")]
    CnameAndOther,
    /// More than one CNAME.
    #[error("a name can have one CNAME only")]
    ManyCnames,
    /// NS or SOA of the apex.
    #[error("NS of the zone's apex belongs to the agent")]
    Apex,
    /// Too many octets in one RRset.
    #[error("the rrset has {0} octets, at most 60000 fit an answer")]
    Large(usize),
    /// Too many records in the zone.
    #[error("the zone has more than 10000 records")]
    ManyRecords,
}

/// An RRset that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The owner as it was given.
    pub name: String,
    /// The type as it was given.
    pub rtype: String,
    /// Which RRset of the zone stays as it is because of this; `None` if no such RRset can exist.
    pub key: Option<Key>,
    /// Why.
    pub reason: RrSetError,
}

/// A zone's wanted content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// The apex.
    pub name: Name,
    /// All RRsets but the SOA.
    pub rrsets: BTreeMap<Key, RrSet>,
}

/// What `Zone::check` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The content that can be published.
    pub zone: Zone,
    /// What cannot.
    pub rejected: Vec<Rejected>,
}

impl Checked {
    /// The RRsets that must stay as they are, because what was wanted for them is unusable.
    pub fn kept(&self) -> BTreeSet<Key> {
        self.rejected.iter().filter_map(|rejected| rejected.key.clone()).collect()
    }
}

impl Zone {
    /// Checks `drafts` as the whole content of the zone `name`, and adds the apex NS of `nameservers`.
    pub fn check(name: &Name, drafts: Vec<Draft>, nameservers: &[Name]) -> Checked {
        let (mut placed, mut rejected) = (Vec::new(), Vec::new());
        for draft in drafts {
            match place(name, &draft) {
                Ok(key) => placed.push((key, draft)),
                Err(reason) => {
                    rejected.push(Rejected { name: draft.name, rtype: draft.rtype, key: None, reason });
                }
            }
        }
        let mut count = BTreeMap::<Key, usize>::new();
        let mut types = BTreeMap::<Name, BTreeSet<RecordType>>::new();
        for (key, _) in &placed {
            *count.entry(key.clone()).or_default() += 1;
            types.entry(key.name.clone()).or_default().insert(key.rtype);
        }
        let mut zone = Self { name: name.clone(), rrsets: BTreeMap::new() };
        let mut records = 0;
        for (key, draft) in placed {
            let beside = types.get(&key.name);
            let cname_and_other = beside.is_some_and(|types| {
                types.contains(&RecordType::Cname) && (types.len() > 1 || key.name == *name)
            });
            let checked = if count.get(&key).copied().unwrap_or_default() > 1 {
                Err(RrSetError::Twice)
            } else if cname_and_other {
                Err(RrSetError::CnameAndOther)
            } else if key.rtype == RecordType::Ns && key.name == *name {
                Err(RrSetError::Apex)
            } else {
                rrset(key.clone(), &draft, name).and_then(|rrset| {
                    records += rrset.records.len();
                    if records > MAX_RECORDS { Err(RrSetError::ManyRecords) } else { Ok(rrset) }
                })
            };
            match checked {
                Ok(rrset) => {
                    zone.rrsets.insert(key, rrset);
                }
                Err(reason) => {
                    rejected.push(Rejected { name: draft.name, rtype: draft.rtype, key: Some(key), reason });
                }
            }
        }
        if let Ok(ttl) = Ttl::new(NS_TTL_SECONDS) {
            let key = Key { name: name.clone(), rtype: RecordType::Ns };
            let records = nameservers.iter().map(Name::to_string).collect();
            zone.rrsets.insert(key.clone(), RrSet { key, ttl, records });
        }
        Checked { zone, rejected }
    }
}

fn place(zone: &Name, draft: &Draft) -> Result<Key, RrSetError> {
    let name = Name::owner(&draft.name, zone)?;
    Ok(Key { name, rtype: draft.rtype.parse()? })
}

fn rrset(key: Key, draft: &Draft, zone: &Name) -> Result<RrSet, RrSetError> {
    let ttl = Ttl::new(draft.ttl.ok_or(RrSetError::NoTtl)?)?;
    let given = draft.records.as_ref().ok_or(RrSetError::NoRecords)?;
    if given.is_empty() {
        return Err(RrSetError::Empty);
    }
    if key.rtype == RecordType::Cname && given.len() > 1 {
        return Err(RrSetError::ManyCnames);
    }
    let mut records = BTreeSet::new();
    let mut octets = 0;
    for (place, text) in given.iter().enumerate() {
        let record = content::canonical(key.rtype, text, zone)
            .map_err(|source| RrSetError::Content { place: place + 1, source })?;
        // Twelve octets stand around each content in a message (RFC 1035 §4.1.3, compressed owner).
        octets += record.len() + 12;
        if let Some(twice) = records.replace(record) {
            return Err(RrSetError::TwiceRecord(twice));
        }
    }
    if octets > MAX_RRSET_OCTETS {
        return Err(RrSetError::Large(octets));
    }
    Ok(RrSet { key, ttl, records })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str, rtype: &str, records: &[&str]) -> Draft {
        let records = records.iter().map(|&text| text.to_owned()).collect();
        Draft { name: name.to_owned(), rtype: rtype.to_owned(), ttl: Some(300), records: Some(records) }
    }

    fn check(drafts: Vec<Draft>) -> Checked {
        let zone = Name::absolute("k6bp.u.hams.com").unwrap();
        Zone::check(&zone, drafts, &[Name::absolute("ns1.hams.com").unwrap()])
    }

    fn reasons(checked: &Checked) -> Vec<&RrSetError> {
        checked.rejected.iter().map(|rejected| &rejected.reason).collect()
    }

    #[test]
    fn the_apex_ns_is_ours() {
        let checked = check(vec![]);
        let keys: Vec<_> = checked.zone.rrsets.keys().map(ToString::to_string).collect();
        assert_eq!(keys, ["k6bp.u.hams.com. NS"]);
        let checked = check(vec![draft("@", "NS", &["evil.example."]), draft("sub", "NS", &["ns.example."])]);
        assert_eq!(reasons(&checked), [&RrSetError::Apex]);
        assert_eq!(checked.zone.rrsets.len(), 2);
    }

    #[test]
    fn a_bad_rrset_leaves_the_rest() {
        let checked = check(vec![
            draft("www", "A", &["192.0.2.1"]),
            draft("bad", "A", &["not an address"]),
            draft("x", "LUA", &["A \"code\""]),
            draft("out.example.com.", "A", &["192.0.2.1"]),
        ]);
        assert_eq!(checked.rejected.len(), 3);
        assert_eq!(checked.zone.rrsets.len(), 2);
        let kept: Vec<_> = checked.kept().iter().map(ToString::to_string).collect();
        assert_eq!(kept, ["bad.k6bp.u.hams.com. A"]);
    }

    #[test]
    fn conflicts_reject_every_side() {
        let checked = check(vec![
            draft("www", "CNAME", &["a.example."]),
            draft("WWW.k6bp.u.hams.com.", "A", &["192.0.2.1"]),
            draft("@", "CNAME", &["a.example."]),
            draft("two", "CNAME", &["a.example.", "b.example."]),
            draft("dup", "A", &["192.0.2.1"]),
            draft("dup", "a", &["192.0.2.2"]),
            draft("same", "AAAA", &["2001:db8::1", "2001:DB8:0::1"]),
            draft("none", "A", &[]),
        ]);
        assert_eq!(
            reasons(&checked),
            [
                &RrSetError::CnameAndOther,
                &RrSetError::CnameAndOther,
                &RrSetError::CnameAndOther,
                &RrSetError::ManyCnames,
                &RrSetError::Twice,
                &RrSetError::Twice,
                &RrSetError::TwiceRecord("2001:db8::1".into()),
                &RrSetError::Empty,
            ]
        );
        assert_eq!(checked.zone.rrsets.len(), 1);
    }

    #[test]
    fn sizes_and_shapes() {
        let many: Vec<String> = (0..5000).map(|n| format!("10.0.{}.{}", n / 250, n % 250)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut shapeless = draft("a", "A", &["192.0.2.1"]);
        shapeless.ttl = None;
        let mut listless = draft("b", "A", &[]);
        listless.records = None;
        let checked = check(vec![draft("many", "A", &many), shapeless, listless]);
        assert!(matches!(
            reasons(&checked)[..],
            [RrSetError::Large(_), RrSetError::NoTtl, RrSetError::NoRecords]
        ));
    }
}
