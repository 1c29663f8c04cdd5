//! Zones of four RRsets, the events that change one of the four, and what PowerDNS must hold after the last of them.

use super::api::{Api, replacement};
use super::lab::dns;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

const TTL: u32 = 300;
const TYPE_A: u16 = 1;
/// Between two questions of whoever waits: a busy server is not asked all the time.
const PAUSE: Duration = Duration::from_millis(10);

/// Zones that one alone writes to, so that nobody finds them changed behind his back.
#[derive(Debug)]
pub struct Fleet {
    prefix: &'static str,
    /// The change that each zone is at.
    steps: Vec<u32>,
    next: u32,
    /// The zones that have been changed since all were seen to be right, once a change.
    changed: Vec<usize>,
}

impl Fleet {
    /// Zones that are not there yet.
    pub fn new(prefix: &'static str, count: usize) -> Self {
        Self { prefix, steps: vec![0; count], next: 1, changed: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The event that brings a zone to a content it never had.
    pub fn change(&mut self, number: usize) -> Vec<u8> {
        self.advance(number);
        self.repeat(number)
    }

    /// The event that a zone had last.
    pub fn repeat(&self, number: usize) -> Vec<u8> {
        let rrset = |(name, rtype, records): (&str, &str, String)| json!({"name": name, "type": rtype, "ttl": TTL, "records": [records]});
        let rrsets: Vec<Value> = self.content(number).into_iter().map(rrset).collect();
        json!({"action": "upsert", "zone": self.zone(number), "rrsets": rrsets}).to_string().into_bytes()
    }

    /// The same change without an event: the zone, and the body of its PATCH.
    pub fn patch(&mut self, number: usize) -> (String, String) {
        self.advance(number);
        let zone = self.zone(number);
        let body = replacement(&format!("www.{zone}"), "A", TTL, &self.address(number).to_string());
        (zone, body)
    }

    /// The body that makes a zone as the agent would.
    pub fn creation(&self, number: usize) -> String {
        let zone = self.zone(number);
        let mut rrsets: Vec<Value> = Vec::new();
        for (name, rtype, content) in self.content(number) {
            let records = json!([{"content": content, "disabled": false}]);
            rrsets.push(json!({"name": owner(name, &zone), "type": rtype, "ttl": TTL, "records": records}));
        }
        let nameservers = ["ns1.hams.test.", "ns2.hams.test."];
        json!({"name": zone, "kind": "Native", "account": "hams", "nameservers": nameservers, "rrsets": rrsets})
            .to_string()
    }

    /// The zones of the last `count` changes since all were seen to be right, each once, the last one first: whoever waits for
    /// that finds the others done.
    pub fn last_changed(&self, count: usize) -> Vec<usize> {
        let mut seen = BTreeSet::new();
        self.changed.iter().rev().take(count).copied().filter(|number| seen.insert(*number)).collect()
    }

    /// Ends when DNS answers for the zone as it must.
    pub fn wait_for(&self, server: IpAddr, number: usize, end: Instant) -> Result<()> {
        while !self.is_answered(server, number) {
            ensure!(Instant::now() < end, "lost: www.{} is not {}", self.zone(number), self.address(number));
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Whether DNS answers for the zone as it must.
    pub fn is_answered(&self, server: IpAddr, number: usize) -> bool {
        // No answer is not yet the right one: the next question says more.
        dns::ask_udp(server, &format!("www.{}", self.zone(number)), TYPE_A)
            .is_ok_and(|reply| reply.addresses() == [self.address(number)])
    }

    /// Fails unless PowerDNS holds of every zone what was sent last, and nothing else.
    pub fn check(&mut self, api: &Api) -> Result<()> {
        for number in 0..self.len() {
            let zone = self.zone(number);
            let held = held(&api.zone(&zone)?).with_context(|| format!("what the API says of {zone}"))?;
            let sent = self.content(number).into_iter();
            let mut wanted: BTreeSet<String> =
                sent.map(|(name, rtype, content)| word(&owner(name, &zone), rtype, &content)).collect();
            wanted.extend(["ns1.hams.test.", "ns2.hams.test."].map(|server| word(&zone, "NS", server)));
            ensure!(held == wanted, "{zone} is wrong: it holds {held:?}, and {wanted:?} was sent last");
        }
        self.changed.clear();
        Ok(())
    }

    pub fn zone(&self, number: usize) -> String {
        format!("{}{number:05}.u.hams.test.", self.prefix)
    }

    fn advance(&mut self, number: usize) {
        self.steps[number] = self.next;
        self.next += 1;
        self.changed.push(number);
    }

    fn address(&self, number: usize) -> Ipv4Addr {
        Ipv4Addr::from_bits((10 << 24) | self.steps[number])
    }

    fn content(&self, number: usize) -> [(&'static str, &'static str, String); 4] {
        [
            ("www", "A", self.address(number).to_string()),
            ("www", "AAAA", format!("2001:db8::{:x}", number + 1)),
            ("@", "MX", format!("10 mail.{}", self.zone(number))),
            ("@", "TXT", "\"v=spf1 -all\"".to_owned()),
        ]
    }
}

fn owner(name: &str, zone: &str) -> String {
    if name == "@" { zone.to_owned() } else { format!("{name}.{zone}") }
}

fn word(name: &str, rtype: &str, content: &str) -> String {
    format!("{name} {rtype} {content}")
}

/// All records but the SOA.
fn held(zone: &Value) -> Option<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for rrset in zone["rrsets"].as_array()? {
        let (name, rtype) = (rrset["name"].as_str()?, rrset["type"].as_str()?);
        for record in rrset["records"].as_array()?.iter().filter(|_| rtype != "SOA") {
            all.insert(word(name, rtype, record["content"].as_str()?));
        }
    }
    Some(all)
}
