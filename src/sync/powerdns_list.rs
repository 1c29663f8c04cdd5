//! PowerDNS's list of all its zones, read as it comes: 50,000 zones are 12 MB of text (facts: powerdns.md, bulk reads), of
//! which the names and serials of one account's zones are kept. A list that is not whole is an error, never a short list.

use std::fmt;
use std::io::{self, Read};

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use tokio::sync::mpsc;

use crate::dns::Name;
use crate::host::cause::last_cause;

/// Chunks that wait for the parser; each is what one read of the socket gave.
const CHUNKS_AHEAD: usize = 8;

/// One zone of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: Name,
    /// Its SOA serial.
    pub serial: u32,
}

/// All zones of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Those of the account that was asked for.
    pub owned: Vec<Listed>,
    /// How many others there are, with those whose names hams would never give.
    pub others: usize,
}

/// Why there is no list.
#[derive(Debug)]
pub(super) enum ListError {
    /// The connection broke.
    Broken(String),
    /// It is no list of zones.
    Unusable(String),
    /// The answer was something else.
    Status(StatusCode),
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    account: String,
    serial: u32,
}

/// Reads a list as it comes.
pub(super) async fn read(mut body: Incoming, account: &'static str) -> Result<Listing, ListError> {
    let (chunks, waiting) = mpsc::channel(CHUNKS_AHEAD);
    let parsing = tokio::task::spawn_blocking(move || parse(Chunks::new(waiting), account));
    // One that is cut off ends with an error.
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ListError::Broken(last_cause(&error)))?;
        let Ok(chunk) = frame.into_data() else { continue };
        // The parser is gone where it has found a fault, which it tells below.
        if chunks.send(chunk).await.is_err() {
            break;
        }
    }
    drop(chunks);
    let unusable = |error: &dyn fmt::Display| ListError::Unusable(error.to_string());
    parsing.await.map_err(|error| unusable(&error))?.map_err(|error| unusable(&error))
}

fn parse(reader: impl Read, account: &str) -> Result<Listing, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_reader(reader);
    let mut listing = (&mut json).deserialize_seq(Collector { account, listing: Listing::default() })?;
    json.end()?;
    listing.owned.shrink_to_fit();
    Ok(listing)
}

struct Collector<'a> {
    account: &'a str,
    listing: Listing,
}

impl<'de> Visitor<'de> for Collector<'_> {
    type Value = Listing;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of zones")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Listing, A::Error> {
        while let Some(Entry { name, account, serial }) = list.next_element()? {
            match Name::absolute(&name) {
                Ok(name) if account == self.account => self.listing.owned.push(Listed { name, serial }),
                _ => self.listing.others += 1,
            }
        }
        Ok(self.listing)
    }
}

/// Chunks as they come in, for a parser that is not async and runs on a thread of its own.
struct Chunks<B> {
    waiting: mpsc::Receiver<B>,
    chunk: Option<B>,
    /// Octets of the chunk that were read.
    at: usize,
}

impl<B: AsRef<[u8]>> Chunks<B> {
    fn new(waiting: mpsc::Receiver<B>) -> Self {
        Self { waiting, chunk: None, at: 0 }
    }
}

impl<B: AsRef<[u8]>> Read for Chunks<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.chunk.as_ref().and_then(|chunk| chunk.as_ref().get(self.at..));
            if let Some(mut rest) = rest.filter(|rest| !rest.is_empty()) {
                let count = rest.read(buffer)?;
                self.at += count;
                return Ok(count);
            }
            match self.waiting.blocking_recv() {
                Some(chunk) => (self.chunk, self.at) = (Some(chunk), 0),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"[
        {"account": "hams", "catalog": "", "id": "a.u.hams.test.", "kind": "Native", "masters": [], "name": "A.u.hams.test.",
            "serial": 2026112601, "url": "/api/v1/servers/localhost/zones/a.u.hams.test."},
        {"account": "", "id": "u.hams.test.", "kind": "Native", "name": "u.hams.test.", "serial": 1},
        {"account": "hams", "id": "x", "kind": "Native", "name": "a b.u.hams.test.", "serial": 1},
        {"kind": "Native", "name": "b.u.hams.test.", "serial": 7}
    ]"#;

    #[test]
    fn only_the_accounts_zones_are_kept() {
        let listing = parse(LIST.as_bytes(), "hams").unwrap();
        let name = Name::absolute("a.u.hams.test").unwrap();
        assert_eq!(listing, Listing { owned: vec![Listed { name, serial: 2_026_112_601 }], others: 3 });
        assert_eq!(parse(&b"[]"[..], "hams").unwrap(), Listing::default());
    }

    #[test]
    fn a_cut_list_is_no_list() {
        for end in 1..LIST.len() {
            assert!(parse(&LIST.as_bytes()[..end], "hams").is_err(), "cut at {end}");
        }
        for text in ["", "{}", "null", r#"{"error": "x"}"#, "[] []", r#"[{"name": "a."}]"#] {
            assert!(parse(text.as_bytes(), "hams").is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn chunks_of_any_size_are_one_text() {
        for size in [1, 3, 64, LIST.len()] {
            let (sender, waiting) = mpsc::channel::<Vec<u8>>(2);
            let reading = tokio::task::spawn_blocking(move || {
                let mut text = String::new();
                Chunks::new(waiting).read_to_string(&mut text).map(|_| text)
            });
            for chunk in LIST.as_bytes().chunks(size) {
                sender.send(chunk.to_vec()).await.unwrap();
                sender.send(Vec::new()).await.unwrap();
            }
            drop(sender);
            assert_eq!(reading.await.unwrap().unwrap(), LIST);
        }
    }
}
