//! What Odoo has of zones: read page by page, many zones a request, and the note in each that PowerDNS has it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::odoo_api::{OdooApi, OdooError, OdooSettings, OdooSetupError};
use super::target::Row;
use crate::dns::Name;

const ZONE: &str = "ham.dns.zone";
const RECORD: &str = "ham.dns.record";
/// Rows an answer may have.
const PAGE: usize = 1000;
/// Ids or names that one request asks for.
const CHUNK: usize = 500;

/// A zone as Odoo has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OdooZone {
    pub(super) id: u64,
    pub(super) name: String,
    /// Whether Odoo already says that PowerDNS has it.
    pub(super) is_synced: bool,
    pub(super) rows: Vec<Row>,
}

/// Reads zones and their records.
#[derive(Debug, Clone)]
pub(super) struct Odoo {
    api: OdooApi,
}

/// Whatever has an id.
trait Numbered {
    fn id(&self) -> u64;
}

#[derive(Deserialize)]
struct ZoneAnswer {
    id: u64,
    name: Value,
    #[serde(default)]
    pdns_synced: bool,
}

#[derive(Deserialize)]
struct RecordAnswer {
    id: u64,
    zone_id: Many2one,
    #[serde(flatten)]
    row: Row,
}

#[derive(Deserialize)]
struct ZoneOfRecord {
    id: u64,
    zone_id: Many2one,
}

/// An id alone, or with a name for people; `false` for none.
#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "what stands beside an id tells the shape")]
enum Many2one {
    Id(u64),
    Named(u64, String),
    None(bool),
}

impl Odoo {
    pub(super) fn new(settings: OdooSettings) -> Result<Self, OdooSetupError> {
        Ok(Self { api: OdooApi::new(settings)? })
    }

    /// The zones that have one of these ids or names, each once, with all their records. Those that are not there are
    /// missing; a list that did not come whole is an error.
    pub(super) async fn zones(&mut self, ids: &[u64], names: &[Name]) -> Result<Vec<OdooZone>, OdooError> {
        let by_id = ids.chunks(CHUNK).map(|ids| json!([["id", "in", ids]]));
        let by_name = names.chunks(CHUNK).map(named);
        let mut zones = BTreeMap::new();
        for domain in by_id.chain(by_name) {
            for answer in self.all::<ZoneAnswer>(ZONE, &domain, &["name", "pdns_synced"]).await? {
                let name = answer.name.as_str().unwrap_or_default().to_owned();
                let (id, is_synced) = (answer.id, answer.pdns_synced);
                zones.insert(id, OdooZone { id, name, is_synced, rows: Vec::new() });
            }
        }
        let ids: Vec<u64> = zones.keys().copied().collect();
        for ids in ids.chunks(CHUNK) {
            let fields = ["zone_id", "name", "record_type", "content", "ttl", "priority"];
            let domain = json!([["zone_id", "in", ids]]);
            for answer in self.all::<RecordAnswer>(RECORD, &domain, &fields).await? {
                if let Some(zone) = answer.zone_id.id().and_then(|id| zones.get_mut(&id)) {
                    zone.rows.push(answer.row);
                }
            }
        }
        Ok(zones.into_values().collect())
    }

    /// The zone of each of these records that is still there.
    pub(super) async fn zones_of(&mut self, records: &[u64]) -> Result<BTreeMap<u64, u64>, OdooError> {
        let mut zones = BTreeMap::new();
        for ids in records.chunks(CHUNK) {
            let answers = self.all::<ZoneOfRecord>(RECORD, &json!([["id", "in", ids]]), &["zone_id"]).await?;
            zones.extend(answers.iter().filter_map(|answer| Some((answer.id, answer.zone_id.id()?))));
        }
        Ok(zones)
    }

    /// Notes in these zones that PowerDNS has them. One that has gone meanwhile is no reason not to note the others.
    pub(super) async fn mark_synced(&mut self, ids: &[u64]) -> Result<(), OdooError> {
        for ids in ids.chunks(CHUNK) {
            let refused = match self.write(ids).await {
                Err(error @ OdooError::Refused { .. }) => error,
                other => {
                    other?;
                    continue;
                }
            };
            let still = self.all::<ZoneAnswer>(ZONE, &json!([["id", "in", ids]]), &["name"]).await?;
            let still: Vec<u64> = still.iter().map(|zone| zone.id).collect();
            if still.len() == ids.len() {
                return Err(refused);
            }
            if !still.is_empty() {
                self.write(&still).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, ids: &[u64]) -> Result<(), OdooError> {
        let arguments = json!({ "ids": ids, "vals": { "pdns_synced": true } });
        self.api.call::<Value>(ZONE, "write", &arguments).await.map(|_| ())
    }

    async fn all<T: Numbered + DeserializeOwned>(
        &mut self,
        model: &str,
        domain: &Value,
        fields: &[&str],
    ) -> Result<Vec<T>, OdooError> {
        let mut pages = Pages::new(PAGE);
        while let Some(after) = pages.next() {
            let mut terms = vec![json!(["id", ">", after])];
            terms.extend(domain.as_array().cloned().unwrap_or_default());
            // Without `load`, each row would come with its zone's name.
            let arguments = json!({
                "domain": terms, "fields": fields, "order": "id", "limit": PAGE, "load": null
            });
            let rows = self.api.call::<Vec<T>>(model, "search_read", &arguments).await?;
            pages.add(rows).map_err(|cause| OdooError::Answer {
                request: format!("/json/2/{model}/search_read"),
                cause,
            })?;
        }
        Ok(pages.rows)
    }
}

/// Puts pages together, each of which begins after the last id of the one before it: rows that come and go meanwhile move
/// no other row to a page that was read already.
struct Pages<T> {
    size: usize,
    rows: Vec<T>,
    is_whole: bool,
}

impl<T: Numbered> Pages<T> {
    fn new(size: usize) -> Self {
        Self { size, rows: Vec::new(), is_whole: false }
    }

    /// After which id the next page begins; `None` if all is there.
    fn next(&self) -> Option<u64> {
        (!self.is_whole).then(|| self.rows.last().map_or(0, Numbered::id))
    }

    /// Adds a page. A full one says nothing of whether it is the last; one that does not go on would never end.
    fn add(&mut self, page: Vec<T>) -> Result<(), String> {
        self.is_whole = page.len() < self.size;
        for row in page {
            let last = self.rows.last().map_or(0, Numbered::id);
            if row.id() <= last {
                return Err(format!("the row {} comes after {last}", row.id()));
            }
            self.rows.push(row);
        }
        Ok(())
    }
}

/// Zones of these names, however they are written: with or without the last dot, in any case.
fn named(names: &[Name]) -> Value {
    let mut terms = Vec::new();
    for name in names {
        let pattern: String = name.as_str().chars().flat_map(escaped).collect();
        let bare = pattern.strip_suffix('.').unwrap_or(&pattern).to_owned();
        terms.push(json!(["name", "=ilike", pattern]));
        terms.push(json!(["name", "=ilike", bare]));
    }
    let mut domain = vec![json!("|"); terms.len().saturating_sub(1)];
    domain.extend(terms);
    Value::Array(domain)
}

/// A character that stands for itself in a pattern of SQL's.
fn escaped(letter: char) -> impl Iterator<Item = char> {
    let is_special = matches!(letter, '%' | '_' | '\\');
    is_special.then_some('\\').into_iter().chain([letter])
}

impl Many2one {
    fn id(&self) -> Option<u64> {
        match self {
            Self::Id(id) | Self::Named(id, _) => Some(*id),
            Self::None(_) => None,
        }
    }
}

impl Numbered for ZoneAnswer {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Numbered for RecordAnswer {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Numbered for ZoneOfRecord {
    fn id(&self) -> u64 {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Numbered for u64 {
        fn id(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn pages_follow_each_other_by_id() {
        for (rows, requests) in [(0, 1), (9, 1), (10, 2), (25, 3)] {
            let have: Vec<u64> = (1..=rows).map(|n| n * 3).collect();
            let (mut pages, mut asked) = (Pages::new(10), 0);
            while let Some(after) = pages.next() {
                asked += 1;
                pages.add(have.iter().copied().filter(|id| *id > after).take(10).collect()).unwrap();
            }
            assert_eq!((pages.rows, asked), (have, requests));
        }
    }

    #[test]
    fn a_page_that_does_not_go_on_is_refused() {
        let mut pages = Pages::new(2);
        pages.add(vec![5_u64, 6]).unwrap();
        assert_eq!(pages.add(vec![5, 6]).unwrap_err(), "the row 5 comes after 6");
    }

    #[test]
    fn names_in_every_spelling() {
        let names = ["a_b.u.hams.com.", "c.u.hams.com."].map(|name| Name::absolute(name).unwrap());
        let expected = json!([
            "|",
            "|",
            "|",
            ["name", "=ilike", "a\\_b.u.hams.com."],
            ["name", "=ilike", "a\\_b.u.hams.com"],
            ["name", "=ilike", "c.u.hams.com."],
            ["name", "=ilike", "c.u.hams.com"],
        ]);
        assert_eq!(named(&names), expected);
    }

    #[test]
    fn both_shapes_of_an_answer() {
        let text = r#"{"id": 3, "zone_id": [7, "k6bp"], "name": false, "record_type": "A", "content": "192.0.2.1",
            "ttl": 300, "priority": 0}"#;
        let named: RecordAnswer = serde_json::from_str(text).unwrap();
        assert_eq!((named.id, named.zone_id.id()), (3, Some(7)));
        let bare: ZoneOfRecord = serde_json::from_str(r#"{"id": 3, "zone_id": 7}"#).unwrap();
        assert_eq!(bare.zone_id.id(), Some(7));
        let none: ZoneOfRecord = serde_json::from_str(r#"{"id": 3, "zone_id": false}"#).unwrap();
        assert_eq!(none.zone_id.id(), None);
    }
}
