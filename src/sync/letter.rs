//! What a dead letter is: its body and headers, what they tell, and the id that people call it by.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use lapin::types::{AMQPValue, FieldTable};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::dead_letter::{REASON, REASON_TEXT, TIME};

/// Digits of an id that are shown: 48 bits, so that even of a full queue hardly two letters share them.
const SHOWN_DIGITS: usize = 12;
/// The last second of the year 9999: RFC 3339 can say no later one.
const LAST_SECOND: u64 = 253_402_300_799;

/// SHA-256 over reason and body, in hexadecimal: the same at every look, and for letters that are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId(String);

impl LetterId {
    fn new(reason: Option<&str>, text: Option<&str>, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for word in [reason, text].map(Option::unwrap_or_default) {
            // The length first, so that no word can pass for the start of the next, or of the body.
            hash.update((word.len() as u64).to_be_bytes());
            hash.update(word);
        }
        hash.update(body);
        Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digits that are enough for people.
    pub fn short(&self) -> &str {
        &self.0[..SHOWN_DIGITS]
    }

    /// All digits.
    pub fn full(&self) -> &str {
        &self.0
    }

    /// Whether somebody who types these digits may mean it.
    pub fn begins_with(&self, digits: &str) -> bool {
        !digits.is_empty() && self.0.starts_with(&digits.to_ascii_lowercase())
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.short())
    }
}

impl Serialize for LetterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.short())
    }
}

/// One dead letter. Whoever put it there, it is here: only `id`, `size` and the body are always known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// What people call it by.
    pub id: LetterId,
    /// When it was rejected, RFC 3339.
    pub time: Option<String>,
    /// The code of the reason.
    pub reason: Option<String>,
    /// The reason in words.
    pub text: Option<String>,
    /// The zone that its body names, as it stands there.
    pub zone: Option<String>,
    /// Bytes of the body.
    pub size: usize,
    /// All headers: times in RFC 3339, bytes that are no text in base64.
    pub headers: Map<String, Value>,
    /// The body.
    #[serde(skip)]
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct Body {
    zone: Option<String>,
}

impl Letter {
    /// The letter with these headers and this body.
    pub fn new(headers: Option<&FieldTable>, body: Vec<u8>) -> Self {
        let headers = headers.map(object).unwrap_or_default();
        let word = |name: &str| headers.get(name).and_then(Value::as_str).map(str::to_owned);
        let (time, reason, text) = (word(TIME), word(REASON), word(REASON_TEXT));
        let zone = serde_json::from_slice(&body).ok().and_then(|body: Body| body.zone);
        let id = LetterId::new(reason.as_deref(), text.as_deref(), &body);
        Self { id, time, reason, text, zone, size: body.len(), headers, body }
    }
}

fn object(table: &FieldTable) -> Map<String, Value> {
    table.inner().iter().map(|(name, value)| (name.as_str().to_owned(), json(value))).collect()
}

fn json(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(value) => (*value).into(),
        AMQPValue::ShortShortInt(value) => (*value).into(),
        AMQPValue::ShortShortUInt(value) => (*value).into(),
        AMQPValue::ShortInt(value) => (*value).into(),
        AMQPValue::ShortUInt(value) => (*value).into(),
        AMQPValue::LongInt(value) => (*value).into(),
        AMQPValue::LongUInt(value) => (*value).into(),
        AMQPValue::LongLongInt(value) => (*value).into(),
        AMQPValue::Float(value) => (*value).into(),
        AMQPValue::Double(value) => (*value).into(),
        AMQPValue::DecimalValue(value) => format!("{}e-{}", value.value, value.scale).into(),
        AMQPValue::ShortString(value) => value.as_str().into(),
        AMQPValue::LongString(value) => text_or_base64(value.as_bytes()),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(json).collect(),
        AMQPValue::Timestamp(seconds) => time(*seconds),
        AMQPValue::FieldTable(table) => Value::Object(object(table)),
        AMQPValue::ByteArray(value) => text_or_base64(value.as_slice()),
        AMQPValue::Void => Value::Null,
    }
}

fn text_or_base64(value: &[u8]) -> Value {
    std::str::from_utf8(value).map_or_else(|_| BASE64.encode(value), str::to_owned).into()
}

fn time(seconds: u64) -> Value {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND));
    humantime::format_rfc3339_seconds(time).to_string().into()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A letter with that reason, its words and its body.
    pub(in crate::sync) fn letter(reason: &str, text: &str, body: &[u8]) -> Letter {
        let mut headers = FieldTable::default();
        headers.insert(REASON.into(), AMQPValue::LongString(reason.into()));
        headers.insert(REASON_TEXT.into(), AMQPValue::LongString(text.into()));
        Letter::new(Some(&headers), body.to_vec())
    }

    #[test]
    fn ours_tells_all() {
        let mut headers = FieldTable::default();
        headers.insert(REASON.into(), AMQPValue::LongString("bad-rrset".into()));
        headers.insert(TIME.into(), AMQPValue::LongString("2026-11-25T10:00:00Z".into()));
        let seen = Letter::new(Some(&headers), br#"{"zone": "a.u.hams.test.", "x": [1]}"#.to_vec());
        assert_eq!(seen.zone.as_deref(), Some("a.u.hams.test."));
        assert_eq!((seen.reason.as_deref(), seen.text), (Some("bad-rrset"), None));
        assert_eq!((seen.time.as_deref(), seen.size), (Some("2026-11-25T10:00:00Z"), 36));
    }

    #[test]
    fn a_letter_of_anybody_is_one_too() {
        for body in [&b""[..], b"\xff", b"[]", br#"{"zone": 5}"#] {
            let seen = Letter::new(None, body.to_vec());
            assert_eq!((seen.time, seen.reason, seen.text, seen.zone), (None, None, None, None));
            assert_eq!((seen.size, seen.body.as_slice()), (body.len(), body));
        }
    }

    #[test]
    fn the_id_is_of_reason_and_body() {
        let id = |reason: &str, text: &str, body: &[u8]| letter(reason, text, body).id;
        assert_eq!(id("a", "b", b"x"), id("a", "b", b"x"));
        for other in [id("b", "b", b"x"), id("a", "c", b"x"), id("a", "b", b"y"), id("ab", "", b"x")] {
            assert_ne!(id("a", "b", b"x"), other);
        }
        // Its time is none of it: the same letter, again, is the same letter.
        let mut headers = FieldTable::default();
        headers.insert(TIME.into(), AMQPValue::LongString("2026-11-25T10:00:00Z".into()));
        assert_eq!(Letter::new(Some(&headers), b"x".to_vec()).id, Letter::new(None, b"x".to_vec()).id);
        let id = id("a", "b", b"x");
        assert_eq!((id.to_string().len(), id.full().len()), (SHOWN_DIGITS, 64));
        assert!(id.begins_with(&id.full()[..1]) && id.begins_with(&id.to_string().to_uppercase()));
        assert!(id.begins_with(id.full()) && !id.begins_with("") && !id.begins_with("x"));
    }

    #[test]
    fn headers_of_every_kind_are_shown() {
        assert_eq!(json(&AMQPValue::LongString("words".into())), "words");
        assert_eq!(json(&AMQPValue::LongString(vec![255u8].into())), "/w==");
        assert_eq!(json(&AMQPValue::Timestamp(0)), "1970-01-01T00:00:00Z");
        assert_eq!(json(&AMQPValue::Timestamp(u64::MAX)), "9999-12-31T23:59:59Z");
        assert_eq!(json(&AMQPValue::Void), Value::Null);
    }
}
