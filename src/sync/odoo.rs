//! What Odoo has of zones: read page by page, many zones a request, and the note in each that PowerDNS has it.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::odoo_api::{OdooApi, OdooError, OdooSettings, OdooSetupError};
use super::odoo_rows::{Id, Numbered, Pages, RecordAnswer, Stamped, ZoneAnswer, ZoneOfRecord};
use super::odoo_stamp::Stamp;
use super::target::Row;
use crate::dns::Name;

const ZONE: &str = "ham.dns.zone";
const RECORD: &str = "ham.dns.record";
/// Rows an answer may have: those of a whole part of zones, as a rule.
const PAGE: usize = 5000;
/// Ids or names that one request asks for.
const CHUNK: usize = 500;
/// Zones of a part. Each request costs Odoo something before its first row, the check of the key among it.
const PART: usize = 1000;
/// Zones of a page without their records: short rows.
const ZONES: usize = 2 * PART;
const ZONE_FIELDS: &[&str] = &["name", "pdns_synced"];

/// A zone as Odoo has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OdooZone {
    pub(super) id: u64,
    pub(super) name: String,
    /// Whether Odoo already says that PowerDNS has it.
    pub(super) is_synced: bool,
    pub(super) rows: Vec<Row>,
}

/// Zones by their ids.
pub(super) type Part = BTreeMap<u64, OdooZone>;

/// When a list counts as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// With a page that is not full: quick.
    Short,
    /// With an empty page: one that was cut on its way takes nothing away.
    Empty,
}

/// Reads zones and their records.
#[derive(Debug, Clone)]
pub(super) struct Odoo {
    api: OdooApi,
}

impl Odoo {
    pub(super) fn new(settings: OdooSettings) -> Result<Self, OdooSetupError> {
        Ok(Self { api: OdooApi::new(settings)? })
    }

    /// What it calls Odoo with.
    pub(super) fn api(&self) -> &OdooApi {
        &self.api
    }

    /// The zones that have one of these ids or names, each once, with all their records. Those that are not there are
    /// missing; a list that did not come whole is an error.
    pub(super) async fn zones(&mut self, ids: &[u64], names: &[Name]) -> Result<Vec<OdooZone>, OdooError> {
        self.matching(ids, names, Ends::Short).await
    }

    /// The same, read with more care than haste.
    pub(super) async fn zones_whole(
        &mut self,
        ids: &[u64],
        names: &[Name],
    ) -> Result<Vec<OdooZone>, OdooError> {
        self.matching(ids, names, Ends::Empty).await
    }

    async fn matching(
        &mut self,
        ids: &[u64],
        names: &[Name],
        ends: Ends,
    ) -> Result<Vec<OdooZone>, OdooError> {
        let by_id = ids.chunks(CHUNK).map(|ids| json!([["id", "in", ids]]));
        let by_name = names.chunks(CHUNK).map(named);
        let mut zones = BTreeMap::new();
        for domain in by_id.chain(by_name) {
            self.each(ZONE, &domain, ZONE_FIELDS, ends, |row| insert(&mut zones, row)).await?;
        }
        self.with_records(zones, ends).await
    }

    /// All zones, a page at a time: the first ones after this id, in parts, in the order of their ids, still without their
    /// records. After the last one comes nothing; a short page says nothing.
    pub(super) async fn page(&mut self, after: u64) -> Result<Vec<Part>, OdooError> {
        let mut pages = Pages::after(after, ZONES);
        let rows: Vec<ZoneAnswer> = self.rows(ZONE, &json!([]), ZONE_FIELDS, &mut pages, ZONES).await?;
        let mut rows = rows.into_iter();
        let mut parts = Vec::new();
        while rows.len() > 0 {
            let mut part = Part::default();
            rows.by_ref().take(PART).for_each(|row| insert(&mut part, row));
            parts.push(part);
        }
        Ok(parts)
    }

    /// The zones with all their records.
    pub(super) async fn complete(&mut self, part: Part) -> Result<Vec<OdooZone>, OdooError> {
        self.with_records(part, Ends::Empty).await
    }

    /// How many zones there are.
    pub(super) async fn count(&mut self) -> Result<u64, OdooError> {
        self.api.call(ZONE, "search_count", &json!({ "domain": [] })).await
    }

    /// When the last of what is there now was written; `None`: there is nothing.
    pub(super) async fn newest(&mut self) -> Result<Option<Stamp>, OdooError> {
        let mut newest = None;
        for model in [ZONE, RECORD] {
            // What was never stamped would come first.
            let arguments = json!({
                "domain": [["write_date", "!=", false]],
                "fields": ["write_date"], "order": "write_date desc", "limit": 1,
            });
            let rows: Vec<Stamped> = self.api.call(model, "search_read", &arguments).await?;
            newest = newest.max(rows.into_iter().map(|row| row.write_date).next());
        }
        Ok(newest)
    }

    /// The ids of the zones that were written since then, or of which a record was. What was removed leaves no trace here.
    pub(super) async fn changed_since(&mut self, since: &Stamp) -> Result<BTreeSet<u64>, OdooError> {
        let domain = json!([["write_date", ">=", since.as_str()]]);
        let mut ids = BTreeSet::new();
        self.each(ZONE, &domain, &["id"], Ends::Empty, |row: Id| ids.extend([row.id])).await?;
        self.each(RECORD, &domain, &["zone_id"], Ends::Empty, |row: ZoneOfRecord| {
            ids.extend(row.zone_id.id())
        })
        .await?;
        Ok(ids)
    }

    /// The zone of each of these records that is still there.
    pub(super) async fn zones_of(&mut self, records: &[u64]) -> Result<BTreeMap<u64, u64>, OdooError> {
        let mut zones = BTreeMap::new();
        for ids in records.chunks(CHUNK) {
            let domain = json!([["id", "in", ids]]);
            let add = |row: ZoneOfRecord| zones.extend(row.zone_id.id().map(|zone| (row.id, zone)));
            self.each(RECORD, &domain, &["zone_id"], Ends::Short, add).await?;
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
            let mut still = Vec::new();
            let domain = json!([["id", "in", ids]]);
            self.each(ZONE, &domain, &["id"], Ends::Short, |row: Id| still.push(row.id)).await?;
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

    async fn with_records(&mut self, mut zones: Part, ends: Ends) -> Result<Vec<OdooZone>, OdooError> {
        let ids: Vec<u64> = zones.keys().copied().collect();
        for ids in ids.chunks(PART) {
            let fields = ["zone_id", "name", "record_type", "content", "ttl", "priority"];
            let domain = json!([["zone_id", "in", ids]]);
            let add = |record: RecordAnswer| {
                if let Some(zone) = record.zone_id.id().and_then(|id| zones.get_mut(&id)) {
                    zone.rows.push(record.row);
                }
            };
            self.each(RECORD, &domain, &fields, ends, add).await?;
        }
        Ok(zones.into_values().collect())
    }

    /// Hands over every row, however many pages they are.
    async fn each<T: Numbered + DeserializeOwned>(
        &mut self,
        model: &str,
        domain: &Value,
        fields: &[&str],
        ends: Ends,
        mut take: impl FnMut(T),
    ) -> Result<(), OdooError> {
        let least = match ends {
            Ends::Short => PAGE,
            Ends::Empty => 1,
        };
        let mut pages = Pages::after(0, least);
        while pages.next().is_some() {
            self.rows(model, domain, fields, &mut pages, PAGE).await?.into_iter().for_each(&mut take);
        }
        Ok(())
    }

    /// The rows of the next page.
    async fn rows<T: Numbered + DeserializeOwned>(
        &mut self,
        model: &str,
        domain: &Value,
        fields: &[&str],
        pages: &mut Pages,
        limit: usize,
    ) -> Result<Vec<T>, OdooError> {
        let mut terms = vec![json!(["id", ">", pages.next()])];
        terms.extend(domain.as_array().cloned().unwrap_or_default());
        // Without `load`, each row would come with its zone's name.
        let arguments =
            json!({ "domain": terms, "fields": fields, "order": "id", "limit": limit, "load": null });
        let rows = self.api.call::<Vec<T>>(model, "search_read", &arguments).await?;
        pages
            .pass(&rows)
            .map_err(|cause| OdooError::Answer { request: format!("/json/2/{model}/search_read"), cause })?;
        Ok(rows)
    }
}

fn insert(zones: &mut Part, row: ZoneAnswer) {
    let name = row.name.as_str().unwrap_or_default().to_owned();
    zones.insert(row.id, OdooZone { id: row.id, name, is_synced: row.pdns_synced, rows: Vec::new() });
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
