//! PowerDNS's REST API as the sync needs it: one zone at a time, errors told apart into passing and final ones.
//! Its pitfalls are written down in facts: powerdns.md §3; this file is where they are met.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::powerdns_http::Http;
use super::powerdns_list::{self, ListError, Listing};
use crate::dns::{Change, Name, RrSet, Stored, Zone};
use crate::host::cause::{LATE, last_cause};
use crate::secrets::Secret;

/// `account` of the zones that hams owns.
pub const ACCOUNT: &str = "hams";
/// PowerDNS needs about a second for 10,000 RRsets.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// It needs a second for a list of 50,000 zones, and eleven for 700,000 (facts: powerdns.md, bulk reads).
const LIST_LIMIT: Duration = Duration::from_secs(60);
/// `webserver-max-bodysize` is 2 MB by default.
const MAX_BODY: usize = 2_000_000;

/// Why a request did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum PowerDnsError {
    /// No connection, a timeout, a broken answer.
    #[error("PowerDNS's API at {api} does not answer: {cause}")]
    Unreachable {
        /// The base address.
        api: String,
        /// The innermost cause.
        cause: String,
    },
    /// A status that will pass: 5xx, or one that nothing explains.
    #[error("PowerDNS answered {status} to {request}")]
    Status {
        /// The status.
        status: StatusCode,
        /// Method and path.
        request: String,
    },
    /// The key is not the one PowerDNS has.
    #[error("PowerDNS refuses the API key; run `hams-install` to write it anew")]
    Key,
    /// The answer was cut off or is not what the API promises.
    #[error("PowerDNS's answer to {request} is unusable: {cause}")]
    Answer {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        cause: String,
    },
    /// 404: the zone is not there.
    #[error("PowerDNS has no zone {0}")]
    NoZone(Name),
    /// 409: the zone is there.
    #[error("PowerDNS has the zone {0} already")]
    Exists(Name),
    /// 400 or 422: this content will never be taken.
    #[error("{0}")]
    Refused(String),
    /// The settings of the client itself.
    #[error("cannot set up the client of PowerDNS's API: {0}")]
    Setup(String),
}

/// A zone as PowerDNS holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteZone {
    /// Whose it is.
    pub account: String,
    /// Its SOA serial.
    pub serial: u32,
    /// All its RRsets.
    pub stored: Vec<Stored>,
}

impl RemoteZone {
    /// Without a SOA a zone is what a crash between two steps of a creation leaves.
    pub fn is_complete(&self) -> bool {
        self.stored.iter().any(|rrset| rrset.rtype == "SOA")
    }
}

#[derive(Deserialize)]
struct ZoneAnswer {
    #[serde(default)]
    account: String,
    #[serde(default)]
    serial: u32,
    rrsets: Vec<RrSetAnswer>,
}

#[derive(Deserialize)]
struct RrSetAnswer {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: u32,
    records: Vec<RecordAnswer>,
}

#[derive(Deserialize)]
struct RecordAnswer {
    content: String,
    #[serde(default)]
    disabled: bool,
}

#[derive(Deserialize)]
struct ServerAnswer {
    version: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    request: String,
}

/// A client of one server. It sends one request at a time if it is used from one place at a time.
#[derive(Debug, Clone)]
pub struct PowerDns {
    http: Arc<Http>,
    api: String,
}

impl PowerDns {
    /// A client of `api`, the address down to `/servers/localhost`.
    pub fn new(api: &str, key: &Secret) -> Result<Self, PowerDnsError> {
        let http = Http::new(api, key).map_err(PowerDnsError::Setup)?;
        Ok(Self { http: Arc::new(http), api: api.trim_end_matches('/').to_owned() })
    }

    /// Whether another request follows each of the next ones at once: its connection is made meanwhile.
    pub(super) fn expect_more(&self, is_more: bool) {
        self.http.expect_more(is_more);
    }

    /// The server's version, from the server itself.
    pub async fn version(&self) -> Result<String, PowerDnsError> {
        let answer = self.send(Method::GET, "", None).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.json::<ServerAnswer>()?.version),
            _ => Err(answer.error(None)),
        }
    }

    /// The zones that hams owns, with their serials. A list that did not come whole is an error.
    pub async fn list(&self) -> Result<Listing, PowerDnsError> {
        // Without DNSSEC's part it takes half the time.
        let path = "/zones?dnssec=false";
        let request = format!("GET {path}");
        let listing = async {
            let response = self.http.send(Method::GET, path, None).await.map_err(ListError::Broken)?;
            match response.status() {
                StatusCode::OK => powerdns_list::read(response.into_body(), ACCOUNT).await,
                status => Err(ListError::Status(status)),
            }
        };
        let listing =
            timeout(LIST_LIMIT, listing).await.unwrap_or_else(|_| Err(ListError::Broken(LATE.into())));
        listing.map_err(|error| match error {
            ListError::Broken(cause) => self.unreachable(cause),
            ListError::Unusable(cause) => PowerDnsError::Answer { request, cause },
            ListError::Status(status) => {
                Answer { status, headers: HeaderMap::new(), body: Bytes::new(), request }.error(None)
            }
        })
    }

    /// The zone with all its RRsets; `None` if there is none.
    pub async fn zone(&self, name: &Name) -> Result<Option<RemoteZone>, PowerDnsError> {
        let answer = self.send(Method::GET, &zone_path(name), None).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(answer.error(Some(name))),
        }
        let zone: ZoneAnswer = answer.json()?;
        let stored = zone.rrsets.into_iter().map(RrSetAnswer::stored).collect();
        Ok(Some(RemoteZone { account: zone.account, serial: zone.serial, stored }))
    }

    /// Creates the zone with its content, as `account`'s, and returns its serial. What was asked before stays in
    /// PowerDNS's cache: flush it after this.
    pub async fn create(&self, zone: &Zone, account: &str) -> Result<u32, PowerDnsError> {
        let rrsets: Vec<Value> = zone.rrsets.values().map(rrset_json).collect();
        let body = json!({
            "name": zone.name.as_str(),
            "kind": "Native",
            "account": account,
            // The apex NS is among the RRsets, with a TTL of ours.
            "nameservers": [],
            "rrsets": rrsets,
        });
        let answer = self.send(Method::POST, "/zones", Some(&body)).await?;
        match answer.status {
            StatusCode::CREATED => Ok(answer.json::<ZoneAnswer>()?.serial),
            _ => Err(answer.error(Some(&zone.name))),
        }
    }

    /// Applies the changes in one request, all or none; returns the new serial where PowerDNS tells it.
    pub async fn patch(&self, name: &Name, changes: &[Change]) -> Result<Option<u32>, PowerDnsError> {
        let rrsets: Vec<Value> = changes.iter().map(change_json).collect();
        let answer = self.send(Method::PATCH, &zone_path(name), Some(&json!({ "rrsets": rrsets }))).await?;
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::OK => Ok(answer.new_serial()),
            _ => Err(answer.error(Some(name))),
        }
    }

    /// Removes the zone; one that is not there is fine.
    pub async fn delete(&self, name: &Name) -> Result<(), PowerDnsError> {
        let answer = self.send(Method::DELETE, &zone_path(name), None).await?;
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Ok(()),
            _ => Err(answer.error(Some(name))),
        }
    }

    /// Drops what PowerDNS's caches say about the zone and the names below it.
    pub async fn flush(&self, name: &Name) -> Result<(), PowerDnsError> {
        let path = format!("/cache/flush?domain={name}");
        let answer = self.send(Method::PUT, &path, None).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            _ => Err(answer.error(Some(name))),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, PowerDnsError> {
        let request = format!("{method} {path}");
        let text = body.map(Value::to_string);
        if let Some(length) = text.as_ref().map(String::len).filter(|length| *length > MAX_BODY) {
            let words =
                format!("the zone is {length} octets long in PowerDNS's terms, at most {MAX_BODY} are taken");
            return Err(PowerDnsError::Refused(words));
        }
        let exchange = async {
            let (head, body) = self.http.send(method, path, text).await?.into_parts();
            // A body that was cut off is an error.
            let body = body.collect().await.map_err(|error| last_cause(&error))?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body, request })
        };
        let answer = timeout(REQUEST_LIMIT, exchange).await.unwrap_or_else(|_| Err(LATE.to_owned()));
        answer.map_err(|cause| self.unreachable(cause))
    }

    fn unreachable(&self, cause: String) -> PowerDnsError {
        PowerDnsError::Unreachable { api: self.api.clone(), cause }
    }
}

impl Answer {
    fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, PowerDnsError> {
        serde_json::from_slice(&self.body).map_err(|error| PowerDnsError::Answer {
            request: self.request.clone(),
            cause: error.to_string(),
        })
    }

    fn error(self, zone: Option<&Name>) -> PowerDnsError {
        match (self.status, zone) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => PowerDnsError::Key,
            (StatusCode::NOT_FOUND, Some(zone)) => PowerDnsError::NoZone(zone.clone()),
            (StatusCode::CONFLICT, Some(zone)) if self.request.starts_with("POST ") => {
                PowerDnsError::Exists(zone.clone())
            }
            // Only a request that brings a content can be refused for it.
            (
                StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE,
                _,
            ) if self.request.starts_with("POST ") || self.request.starts_with("PATCH ") => {
                PowerDnsError::Refused(format!(
                    "PowerDNS answered {}: {}",
                    self.status.as_u16(),
                    self.words()
                ))
            }
            _ => PowerDnsError::Status { status: self.status, request: self.request },
        }
    }

    /// The `error` of a JSON answer, or the text itself, short.
    fn words(&self) -> String {
        let text = match serde_json::from_slice::<Value>(&self.body) {
            Ok(value) => value.get("error").and_then(Value::as_str).unwrap_or("no reason given").to_owned(),
            Err(_) => String::from_utf8_lossy(&self.body).into_owned(),
        };
        text.chars().filter(|c| !c.is_control()).take(500).collect()
    }

    /// The old serial beside it is wrong up to 4.9 (facts: powerdns.md §3.9).
    fn new_serial(&self) -> Option<u32> {
        self.headers.get("X-PDNS-New-Serial")?.to_str().ok()?.parse().ok()
    }
}

impl RrSetAnswer {
    fn stored(self) -> Stored {
        let has_disabled = self.records.iter().any(|record| record.disabled);
        let records: BTreeSet<String> =
            self.records.into_iter().filter(|record| !record.disabled).map(|record| record.content).collect();
        Stored { name: self.name, rtype: self.rtype, ttl: self.ttl, records, has_disabled }
    }
}

fn rrset_json(rrset: &RrSet) -> Value {
    let records: Vec<Value> =
        rrset.records.iter().map(|content| json!({ "content": content, "disabled": false })).collect();
    json!({
        "name": rrset.key.name.as_str(),
        "type": rrset.key.rtype.as_str(),
        "ttl": rrset.ttl.seconds(),
        "changetype": "REPLACE",
        "records": records,
    })
}

fn change_json(change: &Change) -> Value {
    match change {
        Change::Delete { name, rtype } => json!({ "name": name, "type": rtype, "changetype": "DELETE" }),
        Change::Replace(rrset) => rrset_json(rrset),
    }
}

/// The zone's path: PowerDNS's ids write what is no letter, digit, dot or hyphen as `=XX`.
fn zone_path(name: &Name) -> String {
    let mut path = String::from("/zones/");
    for octet in name.as_str().bytes() {
        match octet {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => path.push(char::from(octet)),
            _ => path.push_str(&format!("={octet:02X}")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_ids() {
        let name = Name::absolute("0/25.2.0.192_x.u.hams.com").unwrap();
        assert_eq!(zone_path(&name), "/zones/0=2F25.2.0.192=5Fx.u.hams.com.");
    }

    #[test]
    fn only_a_content_can_be_refused() {
        let error = |request: &str, status: u16| {
            let zone = Name::absolute("a.u.hams.com").unwrap();
            let status = StatusCode::from_u16(status).unwrap();
            let answer =
                Answer { status, headers: HeaderMap::new(), body: Bytes::new(), request: request.into() };
            answer.error(Some(&zone))
        };
        for status in [400, 413, 422] {
            for request in ["POST /zones", "PATCH /zones/a.u.hams.com."] {
                assert!(matches!(error(request, status), PowerDnsError::Refused(_)), "{status} to {request}");
            }
            for request in ["GET /zones/a.u.hams.com.", "DELETE /zones/a.u.hams.com.", "PUT /cache/flush"] {
                assert!(
                    matches!(error(request, status), PowerDnsError::Status { .. }),
                    "{status} to {request}"
                );
            }
        }
        assert!(matches!(error("POST /zones", 409), PowerDnsError::Exists(_)));
        assert!(matches!(error("PATCH /zones/a.u.hams.com.", 409), PowerDnsError::Status { .. }));
        assert!(matches!(error("GET /zones/a.u.hams.com.", 401), PowerDnsError::Key));
    }

    #[tokio::test]
    async fn nobody_there_is_passing() {
        // Port 9 of the loopback: nothing listens on the discard port of a test machine.
        let client = PowerDns::new("http://127.0.0.1:9/api", &Secret::new("key")).unwrap();
        let error = client.version().await.unwrap_err();
        assert!(matches!(error, PowerDnsError::Unreachable { .. }), "{error}");
    }

    #[test]
    fn the_key_is_not_shown() {
        let client = PowerDns::new("http://127.0.0.1:9/api", &Secret::new("hunter2")).unwrap();
        assert!(!format!("{client:?}").contains("hunter2"));
    }
}
