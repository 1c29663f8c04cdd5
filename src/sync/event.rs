//! Decoding of a message's body into an event of the state form (design: the event contract).
//! Unknown keys are ignored; everything else that does not fit is a permanent failure.

use serde::Deserialize;
use serde_json::Value;

use super::reason::{Reason, Rejection};
use crate::dns::{Draft, Name};

/// Octets that a body may have.
pub const MAX_OCTETS: usize = 1024 * 1024;
/// The only `schema` there is.
const SCHEMA: u64 = 1;
/// Octets of an `id` that are kept for logs.
const MAX_ID: usize = 100;

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The zone's whole content is this.
    Upsert(Vec<Draft>),
    /// The zone is to be gone.
    Delete,
}

/// A decoded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The publisher's name for it, for logs.
    pub id: Option<String>,
    /// The zone's apex.
    pub zone: Name,
    /// What is asked.
    pub action: Action,
    /// The publisher's counter for the zone's states.
    pub version: Option<u64>,
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

/// `ttl` and `records` of any shape: a wrong one spoils its own RRset and no other.
#[derive(Deserialize)]
struct RrSetBody {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: Option<Value>,
    records: Option<Value>,
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
        match action {
            "upsert" | "delete" => {}
            "create" | "write" | "unlink" | "sync" => {
                let text =
                    format!("`{action}` names records of Odoo by id, which this version does not read");
                return Err(Rejection::new(Reason::ReferenceNotSupported, text));
            }
            _ => {
                let text = format!("`action` is {}, known are upsert and delete", shown(&action.into()));
                return Err(Rejection::new(Reason::UnknownAction, text));
            }
        }
        if head.model.is_some() || head.ids.is_some() {
            return Err(malformed(format!("`{action}` belongs to the state form, `model` and `ids` do not")));
        }
        let body: StateBody = serde_json::from_str(text).map_err(unreadable)?;
        let zone = Name::absolute(&body.zone).map_err(|error| malformed(error.to_string()))?;
        let action = match (action, body.rrsets) {
            ("delete", None) => Action::Delete,
            ("delete", Some(rrsets)) if rrsets.is_empty() => Action::Delete,
            ("delete", Some(_)) => return Err(malformed("`delete` takes no `rrsets`")),
            (_, None) => return Err(malformed("`rrsets` is missing; an empty list empties the zone")),
            (_, Some(rrsets)) => Action::Upsert(rrsets.into_iter().map(draft).collect()),
        };
        Ok(Self { id: head.id.as_ref().map(shown), zone, action, version: body.version })
    }
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
        let event = Event::decode(body.as_bytes()).unwrap();
        assert_eq!(event.zone.as_str(), "k6bp.u.hams.com.");
        assert_eq!((event.version, event.id.as_deref()), (Some(42), Some("7")));
        let Action::Upsert(drafts) = event.action else { panic!("no upsert") };
        assert_eq!(drafts[0].records.as_deref(), Some(&["192.0.2.10".to_owned()][..]));
        let event = Event::decode(br#"{"action":"delete","zone":"a.u.hams.com."}"#).unwrap();
        assert_eq!(event.action, Action::Delete);
    }

    #[test]
    fn a_wrong_ttl_spoils_its_rrset_only() {
        let body = r#"{"action":"upsert","zone":"a.b.","rrsets":[{"name":"x","type":"A","ttl":"300","records":"1"}]}"#;
        let Action::Upsert(drafts) = Event::decode(body.as_bytes()).unwrap().action else {
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
            (r#"{"action":"write","model":"ham.dns.zone","ids":[1]}"#, Reason::ReferenceNotSupported),
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
