//! A thousand changes of two hundred zones, and what must be there when all of them are through.
//!
//! What is expected is written down beside what is sent, never computed by the code under test.

use super::lab::random::Random;
use super::node::Content;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub const ZONES: usize = 200;
pub const EVENTS: usize = 1000;
/// The last events are no accident: 10 zones go, 10 go and come back, 20 get an old version.
const TAIL: usize = 10 + 2 * 10 + 20;

/// Events in the order of publishing, and what they come to.
pub struct Story {
    pub events: Vec<Value>,
    /// Each zone's content, or none where it is gone.
    pub zones: BTreeMap<String, Option<Content>>,
    /// The last event that counts for each zone.
    pub last: BTreeMap<String, Value>,
    /// Events that must be dropped as older than one before them.
    pub old: usize,
    /// Zones that were made again after they had been removed.
    pub recreated: usize,
    versions: BTreeMap<String, u64>,
    step: usize,
}

/// The zone of a number; every third is two labels below its parent.
pub fn zone(number: usize) -> String {
    let between = if number % 3 == 0 { "club." } else { "" };
    format!("k{number}bp.{between}u.hams.test.")
}

impl Story {
    pub fn tell(random: &mut Random) -> Self {
        let (zones, last, versions) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut story = Self { events: vec![], zones, last, old: 0, recreated: 0, versions, step: 1 };
        for number in 0..ZONES {
            story.upsert(random, number);
        }
        while story.events.len() < EVENTS - TAIL {
            let number = random.below(ZONES);
            match random.below(8) {
                0 => story.delete(number),
                1 if story.versions.contains_key(&zone(number)) => story.old(random, number),
                _ => story.upsert(random, number),
            }
        }
        // Zones of each kind in turn, so that some have versions and some have none.
        for number in 0..20 {
            story.delete(number);
        }
        for number in 10..20 {
            story.upsert(random, number);
        }
        let with_version = |number: &usize| story.versions.contains_key(&zone(*number));
        for number in (20..ZONES).filter(with_version).take(20).collect::<Vec<_>>() {
            story.old(random, number);
        }
        assert_eq!((story.events.len(), story.zones.len()), (EVENTS, ZONES));
        story
    }

    fn upsert(&mut self, random: &mut Random, number: usize) {
        let (rrsets, content) = self.content(random, number);
        let mut event = json!({"action": "upsert", "zone": zone(number), "rrsets": rrsets});
        if number % 5 == 0 {
            event["zone"] = zone(number).to_uppercase().trim_end_matches('.').into();
        }
        self.recreated += usize::from(self.zones.get(&zone(number)) == Some(&None));
        self.tell_of(number, event, Some(content));
    }

    fn delete(&mut self, number: usize) {
        self.tell_of(number, json!({"action": "delete", "zone": zone(number), "schema": 1}), None);
    }

    fn tell_of(&mut self, number: usize, mut event: Value, after: Option<Content>) {
        let name = zone(number);
        // Of the zones with versions every seventh event has none: it counts all the same.
        if is_versioned(number) && self.step % 7 != 0 {
            let version = self.versions.entry(name.clone()).or_default();
            *version += 1 + self.step as u64 % 3;
            event["version"] = (*version).into();
        }
        self.last.insert(name.clone(), event.clone());
        self.zones.insert(name, after);
        self.push(event);
    }

    /// An event that comes too late: another content, or a removal, under a version that is past.
    fn old(&mut self, random: &mut Random, number: usize) {
        let version = self.versions.get(&zone(number)).copied().expect("a zone with a version");
        let mut event = json!({"action": "delete", "zone": zone(number)});
        if !random.one_in(3) {
            let (rrsets, _) = self.content(random, number);
            event = json!({"action": "upsert", "zone": zone(number), "rrsets": rrsets});
        }
        event["version"] = (version - 1).into();
        self.old += 1;
        self.push(event);
    }

    fn push(&mut self, mut event: Value) {
        event["id"] = format!("event {}", self.step).into();
        self.events.push(event);
        self.step += 1;
    }

    /// A content that no event before had, and what PowerDNS holds for it.
    fn content(&self, random: &mut Random, number: usize) -> (Vec<Value>, Content) {
        let (apex, step) = (zone(number), self.step);
        let (high, low) = (step / 250, step % 250);
        let address = format!("10.{number}.{high}.{low}");
        let own = |text: &str| text.replace("APEX", &apex);
        // Name, type, and each record as it is sent and as it must lie in PowerDNS.
        let mut rrsets = vec![("www", "A", vec![(address.clone(), address.clone())])];
        if random.one_in(2) {
            rrsets[0].2.push((format!(" 192.0.2.{low} "), format!("192.0.2.{low}")));
        }
        let mut others = vec![
            ("www", "AAAA", format!("2001:0DB8:0:0::{step:X}"), format!("2001:db8::{step:x}")),
            ("@", "MX", format!("010 Mail{step}"), own(&format!("10 mail{step}.APEX"))),
            ("", "TXT", format!("v=spf1 ip4:{address} -all"), format!("\"v=spf1 ip4:{address} -all\"")),
            (
                "_Sip._udp",
                "SRV",
                format!("1 2 {step} SIP.example.com."),
                format!("1 2 {step} sip.example.com."),
            ),
            ("@", "CAA", "0 ISSUE letsencrypt.org".into(), "0 issue \"letsencrypt.org\"".into()),
            ("key", "SSHFP", format!("1 1 {step:040X}"), format!("1 1 {step:040x}")),
            (
                "shack",
                "LOC",
                format!("37 S 122 W {low}"),
                format!("37 0 0.000 S 122 0 0.000 W {low}.00m 1.00m 10000.00m 10.00m"),
            ),
            (
                "tel",
                "NAPTR",
                format!("{step} 10 u E2U+sip \"\" ."),
                format!("{step} 10 \"u\" \"E2U+sip\" \"\" ."),
            ),
            ("sub", "NS", format!("ns{step}.example.com."), format!("ns{step}.example.com.")),
            // This name is a CNAME in one state and has an address in another.
            ("turn", if step % 2 == 0 { "CNAME" } else { "A" }, "www".into(), own("www.APEX")),
            ("*", "A", address.clone(), address.clone()),
        ];
        for other in &mut others {
            if (other.0, other.1) == ("turn", "A") {
                (other.2, other.3) = (address.clone(), address.clone());
            }
        }
        for (name, rtype, sent, held) in others {
            if random.one_in(3) {
                rrsets.push((name, rtype, vec![(sent, held)]));
            }
        }
        let (mut sent, mut held) = (Vec::new(), Content::new());
        for (name, rtype, records) in rrsets {
            let ttl = 60 + (step % 9) as u64 * 60;
            let texts: Vec<_> = records.iter().map(|(sent, _)| sent).collect();
            sent.push(json!({"name": name, "type": rtype, "ttl": ttl, "records": texts}));
            let owner = match name {
                "" | "@" => apex.clone(),
                _ => format!("{}.{apex}", name.to_lowercase()),
            };
            let records: BTreeSet<_> = records.into_iter().map(|(_, held)| held).collect();
            held.insert((owner, rtype.to_owned()), (ttl, records));
        }
        (sent, held)
    }
}

fn is_versioned(number: usize) -> bool {
    number % 4 != 1
}
