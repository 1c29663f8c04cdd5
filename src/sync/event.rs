//! Decoding of a message's body into an event of the state or of the reference form (design: the event contract).
//! Unknown keys are ignored; everything else that does not fit is a permanent failure.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::reason::{Reason, Rejection};
use crate::dns::{Draft, Name};

/// Octets that a body may have.
pub const MAX_OCTETS: usize = 1024 * 1024;
/// The only `schema` there is.
const SCHEMA: u64 = 1;
/// Octets of an `id` that are kept for logs.
const MAX_ID: usize = 100;

/// The largest id that Odoo gives (PostgreSQL's `integer`); it answers a larger one with an error of its own.
const MAX_ODOO_ID: u64 = i32::MAX as u64;

/// A decoded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It says what the zone is to hold.
    State(StateEvent),
    /// It says where in Odoo something changed.
    Reference(ReferenceEvent),
}

/// What an event of the state form asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The zone's whole content is this.
    Upsert(Vec<Draft>),
    /// The zone is to be gone.
    Delete,
}

/// The state form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEvent {
    /// The publisher's name for it, for logs.
    pub id: Option<String>,
    /// The zone's apex.
    pub zone: Name,
    /// What is asked.
    pub action: Action,
    /// The publisher's counter for the zone's states.
    pub version: Option<u64>,
}

/// What was done in Odoo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// `create` or `write`: a deletion has an event of its own.
    Change,
    /// The records are gone, as far as nobody has made them anew.
    Unlink,
    /// Somebody wants the zones compared.
    Sync,
}

/// Whose ids an event names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// `ham.dns.zone`
    Zone,
    /// `ham.dns.record`
    Record,
}

/// The reference form. It names a zone in some way: by its id, by its name, or by records that still tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceEvent {
    /// The publisher's name for it, for logs.
    pub id: Option<String>,
    /// What was done.
    pub deed: Deed,
    /// To what.
    pub model: Model,
    /// To which of them.
    pub ids: Vec<u64>,
    /// The zones that it was in.
    pub zone_ids: Vec<u64>,
    /// The zone's name, if it was one.
    pub zone: Option<Name>,
}

#[derive(Deserialize)]
struct Head {
    action: Option<Value>,
    schema: Option<Value>,
    model: Option<Value>,
    ids: Option<Value>,
    id: Option<Value>,
}

#[derive(Deserialize)]
struct StateBody {
    zone: String,
    rrsets: Option<Vec<RrSetBody>>,
    version: Option<u64>,
}

#[derive(Deserialize)]
struct ReferenceBody {
    model: String,
    #[serde(default)]
    ids: Vec<u64>,
    zone_ids: Option<Vec<u64>>,
    zone: Option<String>,
    rrsets: Option<IgnoredAny>,
}

/// `ttl` and `records` of any shape: a wrong one spoils its own RRset and no other.
#[derive(Deserialize)]
struct RrSetBody {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: Option<Value>,
    records: Option<Value>,
}

impl ReferenceEvent {
    /// The ids of the zones that it names.
    pub fn zones(&self) -> impl Iterator<Item = u64> {
        let own: &[u64] = if self.model == Model::Zone { &self.ids } else { &[] };
        self.zone_ids.iter().chain(own).copied()
    }
}

impl Event {
    /// Reads one body.
    pub fn decode(body: &[u8]) -> Result<Self, Rejection> {
        if body.len() > MAX_OCTETS {
            let text = format!("the body has {} octets, at most {MAX_OCTETS} are taken", body.len());
            return Err(Rejection::new(Reason::TooLarge, text));
        }
        let text = std::str::from_utf8(body).map_err(|e| malformed(format!("the body is not UTF-8: {e}")))?;
        if !text.trim_start().starts_with('{') {
            return Err(malformed("the body is not a JSON object"));
        }
        // Read as typed structs, never as one `Value`: a struct refuses a key that stands there twice.
        let head: Head = serde_json::from_str(text).map_err(unreadable)?;
        match &head.schema {
            None => {}
            Some(schema) if schema.as_u64() == Some(SCHEMA) => {}
            Some(schema) => {
                let text = format!("`schema` is {}, this version knows {SCHEMA}", shown(schema));
                return Err(Rejection::new(Reason::UnknownSchema, text));
            }
        }
        let action = match &head.action {
            Some(Value::String(action)) => action.as_str(),
            Some(_) => return Err(malformed("`action` is not a string")),
            None => return Err(malformed("`action` is missing")),
        };
        let id = head.id.as_ref().map(shown);
        let deed = match action {
            "upsert" | "delete" if head.model.is_some() || head.ids.is_some() => {
                let words = format!("`{action}` belongs to the state form, `model` and `ids` do not");
                return Err(malformed(words));
            }
            "upsert" | "delete" => return state(id, action == "delete", text).map(Self::State),
            "create" | "write" => Deed::Change,
            "unlink" => Deed::Unlink,
            "sync" => Deed::Sync,
            _ => {
                let known = "create, write, unlink, sync, upsert and delete";
                let text = format!("`action` is {}, known are {known}", shown(&action.into()));
                return Err(Rejection::new(Reason::UnknownAction, text));
            }
        };
        reference(id, deed, text).map(Self::Reference)
    }
}

fn state(id: Option<String>, is_delete: bool, text: &str) -> Result<StateEvent, Rejection> {
    let body: StateBody = serde_json::from_str(text).map_err(unreadable)?;
    let zone = Name::absolute(&body.zone).map_err(|error| malformed(error.to_string()))?;
    let action = match (is_delete, body.rrsets) {
        (true, None) => Action::Delete,
        (true, Some(rrsets)) if rrsets.is_empty() => Action::Delete,
        (true, Some(_)) => return Err(malformed("`delete` takes no `rrsets`")),
        (false, None) => return Err(malformed("`rrsets` is missing; an empty list empties the zone")),
        (false, Some(rrsets)) => Action::Upsert(rrsets.into_iter().map(draft).collect()),
    };
    Ok(StateEvent { id, zone, action, version: body.version })
}

fn reference(id: Option<String>, deed: Deed, text: &str) -> Result<ReferenceEvent, Rejection> {
    let body: ReferenceBody = serde_json::from_str(text).map_err(unreadable)?;
    let model = match body.model.as_str() {
        "ham.dns.zone" => Model::Zone,
        "ham.dns.record" => Model::Record,
        other => {
            let other = shown(&other.into());
            return Err(malformed(format!("`model` is {other}, known are ham.dns.zone and ham.dns.record")));
        }
    };
    if body.rrsets.is_some() {
        return Err(malformed("`rrsets` belongs to the state form, `model` does not"));
    }
    let zone = match &body.zone {
        Some(zone) => Some(Name::absolute(zone).map_err(|error| malformed(error.to_string()))?),
        None => None,
    };
    let zone_ids = body.zone_ids.unwrap_or_default();
    if let Some(wrong) = body.ids.iter().chain(&zone_ids).find(|id| !(1..=MAX_ODOO_ID).contains(*id)) {
        return Err(malformed(format!("{wrong} is no id of Odoo's")));
    }
    let are_ids_enough = model == Model::Zone || deed != Deed::Unlink;
    if zone.is_none() && zone_ids.is_empty() && (body.ids.is_empty() || !are_ids_enough) {
        return Err(malformed(
            "nothing tells the zone: neither `zone_ids` nor `zone`, nor ids that still do",
        ));
    }
    Ok(ReferenceEvent { id, deed, model, ids: body.ids, zone_ids, zone })
}

fn draft(body: RrSetBody) -> Draft {
    let records = body.records.and_then(|records| serde_json::from_value(records).ok());
    Draft { name: body.name, rtype: body.rtype, ttl: body.ttl.and_then(|ttl| ttl.as_i64()), records }
}

fn malformed(text: impl Into<String>) -> Rejection {
    Rejection::new(Reason::Malformed, text)
}

fn unreadable(error: serde_json::Error) -> Rejection {
    malformed(format!("the body is no event: {error}"))
}

/// A value for logs: short, and without control characters.
fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().filter(|c| !c.is_control()).take(MAX_ID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(body: &str) -> Reason {
        Event::decode(body.as_bytes()).unwrap_err().reason
    }

    #[test]
    fn upsert_and_delete() {
        let body = r#"{"action": "upsert", "zone": "K6BP.u.hams.com", "version": 42, "id": 7, "schema": 1, "new": {},
            "rrsets": [{"name": "www", "type": "A", "ttl": 300, "records": ["192.0.2.10"], "note": 1}]}"#;
        let Event::State(event) = Event::decode(body.as_bytes()).unwrap() else { panic!("no state") };
        assert_eq!(event.zone.as_str(), "k6bp.u.hams.com.");
        assert_eq!((event.version, event.id.as_deref()), (Some(42), Some("7")));
        let Action::Upsert(drafts) = event.action else { panic!("no upsert") };
        assert_eq!(drafts[0].records.as_deref(), Some(&["192.0.2.10".to_owned()][..]));
        let delete = Event::decode(br#"{"action":"delete","zone":"a.u.hams.com."}"#).unwrap();
        assert!(matches!(delete, Event::State(StateEvent { action: Action::Delete, .. })), "{delete:?}");
    }

    #[test]
    fn references() {
        let decoded = |body: &str| match Event::decode(body.as_bytes()) {
            Ok(Event::Reference(event)) => event,
            other => panic!("{other:?} of {body}"),
        };
        let event = decoded(
            r#"{"action":"write","model":"ham.dns.record","ids":[12,13],"zone_ids":[7],"zone":"K6BP.u.hams.com"}"#,
        );
        let zone = Name::absolute("k6bp.u.hams.com.").unwrap();
        let expected = ReferenceEvent {
            id: None,
            deed: Deed::Change,
            model: Model::Record,
            ids: vec![12, 13],
            zone_ids: vec![7],
            zone: Some(zone),
        };
        assert_eq!(event, expected);
        let event = decoded(r#"{"action":"unlink","model":"ham.dns.zone","ids":[7],"id":"x","new":1}"#);
        assert_eq!((event.deed, event.zone, event.id.as_deref()), (Deed::Unlink, None, Some("x")));
        decoded(r#"{"action":"create","model":"ham.dns.record","ids":[1],"zone_ids":null,"zone":null}"#);
        decoded(r#"{"action":"sync","model":"ham.dns.zone","ids":[],"zone":"a.u.hams.com."}"#);
        decoded(r#"{"action":"unlink","model":"ham.dns.record","ids":[1],"zone_ids":[2]}"#);
    }

    #[test]
    fn a_wrong_ttl_spoils_its_rrset_only() {
        let body = r#"{"action":"upsert","zone":"a.b.","rrsets":[{"name":"x","type":"A","ttl":"300","records":"1"}]}"#;
        let Ok(Event::State(StateEvent { action: Action::Upsert(drafts), .. })) =
            Event::decode(body.as_bytes())
        else {
            panic!("no upsert")
        };
        assert_eq!((drafts[0].ttl, &drafts[0].records), (None, &None));
    }

    #[test]
    fn permanent_failures() {
        for (body, expected) in [
            ("", Reason::Malformed),
            ("[]", Reason::Malformed),
            ("null", Reason::Malformed),
            ("{", Reason::Malformed),
            (r#"{"action":"upsert"} trailing"#, Reason::Malformed),
            (r#"{"action":"upsert"}"#, Reason::Malformed),
            (r#"{"action":"upsert","zone":"a.b."}"#, Reason::Malformed),
            (r#"{"action":"upsert","zone":"a..b.","rrsets":[]}"#, Reason::Malformed),
            (r#"{"action":"upsert","zone":"a.b.","zone":"c.d.","rrsets":[]}"#, Reason::Malformed),
            (r#"{"action":"upsert","action":"delete","zone":"a.b."}"#, Reason::Malformed),
            (r#"{"action":"upsert","zone":"a.b.","rrsets":[],"version":-1}"#, Reason::Malformed),
            (r#"{"action":"delete","zone":"a.b.","rrsets":[{"name":"x","type":"A"}]}"#, Reason::Malformed),
            (r#"{"action":"upsert","zone":"a.b.","rrsets":[1]}"#, Reason::Malformed),
            (r#"{"action":"purge","zone":"a.b."}"#, Reason::UnknownAction),
            (r#"{"action":"upsert","schema":2,"zone":"a.b.","rrsets":[]}"#, Reason::UnknownSchema),
            (r#"{"action":"write","ids":[1]}"#, Reason::Malformed),
            (r#"{"action":"write","model":"res.partner","ids":[1]}"#, Reason::Malformed),
            (r#"{"action":"write","model":"ham.dns.zone","ids":1}"#, Reason::Malformed),
            (r#"{"action":"write","model":"ham.dns.zone","ids":["1"]}"#, Reason::Malformed),
            (r#"{"action":"write","model":"ham.dns.zone","ids":[0]}"#, Reason::Malformed),
            (r#"{"action":"write","model":"ham.dns.zone","ids":[2147483648]}"#, Reason::Malformed),
            (r#"{"action":"write","model":"ham.dns.zone","ids":[]}"#, Reason::Malformed),
            (r#"{"action":"write","model":"ham.dns.zone","ids":[1],"zone":"a..b."}"#, Reason::Malformed),
            (r#"{"action":"write","model":"ham.dns.zone","ids":[1],"rrsets":[]}"#, Reason::Malformed),
            (r#"{"action":"unlink","model":"ham.dns.record","ids":[1]}"#, Reason::Malformed),
            (r#"{"action":"create","model":"ham.dns.zone","ids":[1],"ids":[2]}"#, Reason::Malformed),
        ] {
            assert_eq!(reason(body), expected, "{body}");
        }
        let large = format!("{{\"action\":\"upsert\",\"pad\":\"{}\"}}", "x".repeat(MAX_OCTETS));
        assert_eq!(reason(&large), Reason::TooLarge);
        assert_eq!(Event::decode(b"{\"action\":\"\xff\"}").unwrap_err().reason, Reason::Malformed);
        let deep = format!("{{\"action\":{}1{}}}", "[".repeat(2000), "]".repeat(2000));
        assert_eq!(reason(&deep), Reason::Malformed);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Event::decode(&body);
        }
    }
}
