//! What lies with the dead, for a person to read: nothing is taken away.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::BasicGetOptions;
use lapin::types::{AMQPValue, FieldTable};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::broker::{BrokerError, BrokerSettings, connect};
use super::dead_letter::{REASON, REASON_TEXT, TIME};

/// The queue of the dead letters is named as the queue of the events, with this behind it.
const QUEUE_ENDING: &str = ".dlq";
/// One letter, or the good-bye.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Characters of an id: 64 bits, so that two letters of a full queue do not share one.
const ID_LENGTH: usize = 16;

/// One dead letter. Whoever buried it, it is here: only `id`, `size`, `headers` and the body are always known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// The start of SHA-256 over headers and body: the same letter has the same id at every look.
    pub id: String,
    /// When it became one, RFC 3339.
    pub time: Option<String>,
    /// The zone that its body names, as it stands there.
    pub zone: Option<String>,
    /// The code of the reason; of a letter that the broker buried, the broker's own.
    pub reason: Option<String>,
    /// The reason in words.
    pub text: Option<String>,
    /// Bytes of the body.
    pub size: usize,
    /// All headers.
    pub headers: Map<String, Value>,
    /// The body.
    #[serde(skip)]
    pub body: Vec<u8>,
}

impl Letter {
    fn new(delivery: Delivery) -> Self {
        let headers = delivery.properties.headers().as_ref().map(object).unwrap_or_default();
        Self::read(headers, delivery.data)
    }

    fn read(headers: Map<String, Value>, body: Vec<u8>) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let header = |name: &str| headers.get(name).and_then(text);
        // The broker's own note (x-death), the latest first.
        let death = |key: &str| headers.get("x-death").and_then(|deaths| deaths.get(0)?.get(key));
        let event: Option<Value> = serde_json::from_slice(&body).ok();
        Self {
            id: id(&headers, &body),
            time: header(TIME).or_else(|| death("time").and_then(text)),
            zone: event.as_ref().and_then(|event| event.get("zone")).and_then(text),
            reason: header(REASON).or_else(|| death("reason").and_then(text)),
            text: header(REASON_TEXT),
            size: body.len(),
            headers,
            body,
        }
    }
}

/// Calls `see` with every dead letter, the oldest first, until it says that it has seen enough.
///
/// The broker keeps all of them: it has them back when the connection ends, however it ends, each at its place.
/// Until then somebody else who looks does not see them.
pub async fn each_letter(
    settings: &BrokerSettings,
    mut see: impl FnMut(Letter) -> bool,
) -> Result<(), BrokerError> {
    let connection = connect(settings, "hams-agent dead-letters").await?;
    let channel = connection.create_channel().await.map_err(|error| settings.failed(&error))?;
    let result = look(&channel, settings, &mut see).await;
    let goodbye = tokio::time::timeout(ANSWER_LIMIT, connection.close(200, "seen")).await;
    result?;
    match goodbye {
        Ok(closed) => closed.map_err(|error| settings.failed(&error)),
        Err(_) => Err(settings.silent()),
    }
}

async fn look(
    channel: &Channel,
    settings: &BrokerSettings,
    see: &mut impl FnMut(Letter) -> bool,
) -> Result<(), BrokerError> {
    let failed = |error: lapin::Error| settings.failed(&error);
    let queue = format!("{}{QUEUE_ENDING}", settings.queue);
    loop {
        let answer = channel.basic_get(&queue, BasicGetOptions::default());
        let answer = tokio::time::timeout(ANSWER_LIMIT, answer).await.map_err(|_| settings.silent())?;
        match answer.map_err(failed)? {
            Some(message) => {
                if !see(Letter::new(message.delivery)) {
                    return Ok(());
                }
            }
            None => return Ok(()),
        }
    }
}

fn id(headers: &Map<String, Value>, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    let headers = Value::Object(headers.clone()).to_string();
    // The length first, so that no header can pass for the start of a body.
    hash.update(format!("{} {headers}", headers.len()));
    hash.update(body);
    let mut id: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    id.truncate(ID_LENGTH);
    id
}

fn object(table: &FieldTable) -> Map<String, Value> {
    table.inner().iter().map(|(name, value)| (name.as_str().to_owned(), json(value))).collect()
}

/// A header as JSON: times in RFC 3339, bytes that are no text in base64.
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
        AMQPValue::LongString(value) => bytes(value.as_bytes()),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(json).collect(),
        AMQPValue::Timestamp(seconds) => time(*seconds),
        AMQPValue::FieldTable(table) => Value::Object(object(table)),
        AMQPValue::ByteArray(value) => bytes(value.as_slice()),
        AMQPValue::Void => Value::Null,
    }
}

fn bytes(value: &[u8]) -> Value {
    std::str::from_utf8(value).map_or_else(|_| BASE64.encode(value), str::to_owned).into()
}

fn time(seconds: u64) -> Value {
    // Later than the year 9999 is nothing that RFC 3339 can say, and somebody else's mistake.
    let limit = 253_402_300_799;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(limit));
    humantime::format_rfc3339_seconds(time).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn letter(headers: Value, body: &[u8]) -> Letter {
        Letter::read(headers.as_object().unwrap().clone(), body.to_vec())
    }

    #[test]
    fn ours_tells_all() {
        let headers = json!({"hams-reason": "bad-rrset", "hams-reason-text": "no", "hams-time": "2026-11-25T10:00:00.5Z"});
        let seen = letter(headers, br#"{"zone": "a.u.hams.test."}"#);
        assert_eq!(seen.zone.as_deref(), Some("a.u.hams.test."));
        assert_eq!(seen.reason.as_deref(), Some("bad-rrset"));
        assert_eq!(seen.text.as_deref(), Some("no"));
        assert_eq!(seen.time.as_deref(), Some("2026-11-25T10:00:00.5Z"));
        assert_eq!(seen.size, 26);
    }

    #[test]
    fn a_letter_of_the_broker_or_of_nobody_is_one_too() {
        let headers = json!({"x-death": [{"reason": "expired", "time": "2026-11-25T10:00:00Z"}]});
        let seen = letter(headers, b"\xff");
        assert_eq!((seen.reason.as_deref(), seen.zone), (Some("expired"), None));
        assert_eq!(seen.time.as_deref(), Some("2026-11-25T10:00:00Z"));
        let seen = letter(json!({}), b"");
        assert_eq!((seen.time, seen.reason, seen.text, seen.size), (None, None, None, 0));
    }

    #[test]
    fn the_id_is_of_headers_and_body() {
        let id = |headers: Value, body: &[u8]| letter(headers, body).id;
        assert_eq!(id(json!({"a": 1}), b"x"), id(json!({"a": 1}), b"x"));
        assert_ne!(id(json!({"a": 1}), b"x"), id(json!({"a": 2}), b"x"));
        assert_ne!(id(json!({"a": 1}), b"x"), id(json!({"a": 1}), b"y"));
        assert_eq!(id(json!({}), b"").len(), ID_LENGTH);
    }

    #[test]
    fn headers_of_every_kind_are_shown() {
        assert_eq!(json(&AMQPValue::LongString("words".into())), json!("words"));
        assert_eq!(json(&AMQPValue::LongString(vec![255u8].into())), json!("/w=="));
        assert_eq!(json(&AMQPValue::Timestamp(0)), json!("1970-01-01T00:00:00Z"));
        assert_eq!(json(&AMQPValue::Timestamp(u64::MAX)), json!("9999-12-31T23:59:59Z"));
        assert_eq!(json(&AMQPValue::Void), Value::Null);
    }
}
