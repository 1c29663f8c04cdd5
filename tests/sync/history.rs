//! Changes that go back and forth between a few states of each zone, as they come from a queue that may repeat and reorder
//! them, and what must be there when all of them are through. What is expected is written down beside what is sent.
//!
//! Few states, so that a later change often wants what the zone held before an attempt that failed.

use super::lab::random::Random;
use super::node::Content;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const STATES: usize = 4;
/// Every so many events one can never be applied, not whole.
const BAD: usize = 100;

/// What is known of every zone, over all chapters.
#[derive(Default)]
pub struct History {
    /// Each zone's content, or none where it is gone.
    pub zones: BTreeMap<String, Option<Content>>,
    /// The newest version of each zone that has versions.
    versions: BTreeMap<String, u64>,
    /// What was sent last for each zone.
    last: BTreeMap<String, Vec<u8>>,
    bad: usize,
}

/// A part of the history.
#[derive(Default)]
pub struct Chapter {
    /// In the order of publishing.
    pub bodies: Vec<Vec<u8>>,
    /// What must lie with the dead, and for which reason.
    pub letters: BTreeMap<Vec<u8>, &'static str>,
    /// Events that come twice.
    pub repeated: usize,
    /// Events whose version is past when they come.
    pub old: usize,
    /// Late events: how many are to be sent before each.
    late: Vec<(usize, Vec<u8>)>,
}

impl History {
    /// `events` more on `zones` zones.
    pub fn tell(&mut self, random: &mut Random, events: usize, zones: usize) -> Chapter {
        let mut chapter = Chapter::default();
        while chapter.bodies.len() + chapter.late.len() < events {
            chapter.come_late();
            let number = random.below(zones);
            if chapter.bodies.len() % BAD == BAD / 2 {
                self.bad(&mut chapter);
            }
            let zone = format!("f{number}.u.hams.test.");
            let has_versions = number % 2 == 0;
            match (random.below(10), has_versions, self.last.get(&zone)) {
                (0, _, Some(last)) => {
                    chapter.repeated += 1;
                    chapter.bodies.push(last.clone());
                }
                (1, true, Some(last)) => {
                    // Back to what was: the same event once more, after one that is newer.
                    let last = last.clone();
                    self.change(random, &zone, number, &mut chapter.bodies);
                    chapter.old += 1;
                    chapter.bodies.push(last);
                }
                (2, true, _) => {
                    let (mut sent, due) = (Vec::new(), chapter.bodies.len() + 1 + random.below(50));
                    self.change(random, &zone, number, &mut sent);
                    chapter.late.extend(sent.pop().map(|body| (due, body)));
                    chapter.old += 1;
                    self.change(random, &zone, number, &mut chapter.bodies);
                }
                _ => self.change(random, &zone, number, &mut chapter.bodies),
            }
        }
        let late = std::mem::take(&mut chapter.late);
        chapter.bodies.extend(late.into_iter().map(|(_, body)| body));
        chapter
    }

    /// Another state of a zone, or its end.
    fn change(&mut self, random: &mut Random, zone: &str, number: usize, sent: &mut Vec<Vec<u8>>) {
        let mut event = json!({"action": "delete", "zone": zone});
        let mut after = None;
        if !random.one_in(6) {
            let (rrsets, content) = state(zone, number, random.below(STATES));
            event = json!({"action": "upsert", "zone": zone, "rrsets": rrsets});
            after = Some(content);
        }
        if number % 2 == 0 {
            let version = self.versions.entry(zone.to_owned()).or_default();
            *version += 1;
            event["version"] = (*version).into();
        }
        let body = event.to_string().into_bytes();
        self.zones.insert(zone.to_owned(), after);
        self.last.insert(zone.to_owned(), body.clone());
        sent.push(body);
    }

    /// An event that is not, or not wholly, to be applied; its zone is its own.
    fn bad(&mut self, chapter: &mut Chapter) {
        let number = self.bad;
        self.bad += 1;
        let zone = format!("bad{number}.u.hams.test.");
        let (mut rrsets, content) = state(&zone, number, 0);
        let (reason, worse) = match number % 3 {
            0 => ("malformed", None),
            1 => ("bad-rrset", Some(("bad", "192.0.2.999"))),
            // faulty.py refuses it as PowerDNS would.
            _ => ("refused", Some(("poison", "192.0.2.1"))),
        };
        let body = match worse {
            None => format!("{{not JSON {number}").into_bytes(),
            Some((name, address)) => {
                rrsets.push(json!({"name": name, "type": "A", "ttl": 300, "records": [address]}));
                self.zones.insert(zone.clone(), Some(content));
                json!({"action": "upsert", "zone": zone, "rrsets": rrsets}).to_string().into_bytes()
            }
        };
        chapter.letters.insert(body.clone(), reason);
        chapter.bodies.push(body);
    }
}

impl Chapter {
    fn come_late(&mut self) {
        let sent = self.bodies.len();
        let (due, late): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|(due, _)| *due <= sent);
        self.late = late;
        self.bodies.extend(due.into_iter().map(|(_, body)| body));
    }
}

/// One of the few states of a zone: as it is sent, and as it must lie in PowerDNS.
fn state(zone: &str, number: usize, state: usize) -> (Vec<Value>, Content) {
    let address = format!("10.{state}.{}.{}", number / 250, number % 250);
    let mut sets = vec![("www", "A", address)];
    match state {
        1 => sets.push(("", "TXT", "\"state 1\"".into())),
        2 => sets.push(("*", "AAAA", format!("2001:db8::{}", number + 1))),
        3 => sets.push(("mail", "MX", "10 www.example.com.".into())),
        _ => {}
    }
    let (mut rrsets, mut content) = (Vec::new(), Content::new());
    for (name, rtype, record) in sets {
        rrsets.push(json!({"name": name, "type": rtype, "ttl": 300, "records": [record]}));
        let owner = if name.is_empty() { zone.to_owned() } else { format!("{name}.{zone}") };
        content.insert((owner, rtype.to_owned()), (300, BTreeSet::from([record])));
    }
    (rrsets, content)
}
