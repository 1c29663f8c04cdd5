//! Calls of Odoo's JSON-2: `POST /json/2/MODEL/METHOD` with a key of the service account. Which one that is may change at
//! any time, so that it is looked up for every call, and a refused one is looked up again before it counts as refused.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::odoo_key::KeyError;
use super::odoo_keys::OdooKeys;
use crate::host::cause::{LATE, last_cause};
use crate::secrets::Secret;

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// A worker that has just been started reads its whole registry first.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// Characters of Odoo's words that are told.
const MAX_WORDS: usize = 300;

/// Where Odoo is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OdooSettings {
    /// The address, without a path.
    pub url: String,
    /// The database.
    pub database: String,
    /// The file with the key, as the agent can read it.
    pub key: PathBuf,
    /// Where an operator finds that file.
    pub key_source: String,
}

/// A call that did not do what it should. None of them is the fault of the message that it was made for.
#[derive(Debug, thiserror::Error)]
pub(super) enum OdooError {
    #[error("no key to Odoo, {path}: {source}")]
    NoKey { path: String, source: KeyError },
    #[error("Odoo at {url} does not answer: {cause}")]
    Unreachable { url: String, cause: String },
    #[error("Odoo refuses the key in {path}; have it written anew")]
    Key { path: String },
    /// The account may not, or what it asks for is not there: another answer needs another Odoo.
    #[error("Odoo answered {status} to {request}: {words}")]
    Refused { status: StatusCode, request: String, words: String },
    #[error("Odoo answered {status} to {request}")]
    Status { status: StatusCode, request: String },
    #[error("Odoo's answer to {request} is unusable: {cause}")]
    Answer { request: String, cause: String },
}

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the client of Odoo: {0}")]
pub struct OdooSetupError(String);

/// A client of one database.
#[derive(Debug, Clone)]
pub(super) struct OdooApi {
    http: reqwest::Client,
    settings: OdooSettings,
    database: HeaderValue,
    keys: OdooKeys,
    /// What Odoo's clock said with its last answer.
    time: Option<SystemTime>,
}

/// What came back.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl OdooApi {
    pub(super) fn new(settings: OdooSettings) -> Result<Self, OdooSetupError> {
        let database = HeaderValue::from_str(&settings.database)
            .map_err(|_| OdooSetupError(format!("`{}` cannot stand in a header", settings.database)))?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(REQUEST_LIMIT)
            .pool_max_idle_per_host(0) // its workers close after every answer
            .build()
            .map_err(|error| OdooSetupError(error.to_string()))?;
        let keys = OdooKeys::new(settings.key.clone());
        Ok(Self { http, settings, database, keys, time: None })
    }

    /// The keys that it calls with, which all its clones share.
    pub(super) fn keys(&self) -> &OdooKeys {
        &self.keys
    }

    /// Where an operator finds the file with the key.
    pub(super) fn key_source(&self) -> &str {
        &self.settings.key_source
    }

    /// What Odoo's clock said with its last answer.
    pub(super) fn time(&self) -> Option<SystemTime> {
        self.time
    }

    /// Calls a method with its named arguments.
    pub(super) async fn call<T: DeserializeOwned>(
        &mut self,
        model: &str,
        method: &str,
        arguments: &Value,
    ) -> Result<T, OdooError> {
        let (request, body) = (format!("/json/2/{model}/{method}"), arguments.to_string());
        let mut refused = Vec::<Secret>::new();
        loop {
            let keys = self.keys.in_order();
            let keys =
                keys.map_err(|source| OdooError::NoKey { path: self.settings.key_source.clone(), source })?;
            let Some(key) = keys.into_iter().find(|key| !refused.contains(key)) else {
                return Err(self.refused_key(refused.len() > 1));
            };
            let answer = self.post(&request, &body, &key).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return self.read(request, &answer);
            }
            self.keys.refuse(&key);
            refused.push(key);
        }
    }

    /// The same with this key and no other.
    pub(super) async fn call_as<T: DeserializeOwned>(
        &mut self,
        key: &Secret,
        model: &str,
        method: &str,
        arguments: &Value,
    ) -> Result<T, OdooError> {
        let request = format!("/json/2/{model}/{method}");
        let answer = self.post(&request, &arguments.to_string(), key).await?;
        self.read(request, &answer)
    }

    fn read<T: DeserializeOwned>(&self, request: String, answer: &Answer) -> Result<T, OdooError> {
        match answer.status {
            StatusCode::OK => serde_json::from_slice(&answer.body)
                .map_err(|error| OdooError::Answer { request, cause: error.to_string() }),
            StatusCode::UNAUTHORIZED => Err(self.refused_key(false)),
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Err(OdooError::Refused { status, request, words: words(&answer.body) })
            }
            status => Err(OdooError::Status { status, request }),
        }
    }

    fn refused_key(&self, has_own: bool) -> OdooError {
        let more = if has_own { " and the one that the agent has made after it" } else { "" };
        OdooError::Key { path: format!("{}{more}", self.settings.key_source) }
    }

    async fn post(&mut self, request: &str, body: &str, key: &Secret) -> Result<Answer, OdooError> {
        let unreachable = |error: reqwest::Error| OdooError::Unreachable {
            url: self.settings.url.clone(),
            cause: if error.is_timeout() { LATE.to_owned() } else { last_cause(&error) },
        };
        let call = self
            .http
            .post(format!("{}{request}", self.settings.url))
            .bearer_auth(key.expose())
            .header("X-Odoo-Database", self.database.clone())
            .header("Content-Type", "application/json")
            .body(body.to_owned());
        let response = call.send().await.map_err(unreachable)?;
        let (status, length) = (response.status(), response.content_length());
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let time = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let answer = response.bytes().await.map_err(unreachable)?.to_vec();
        if length.is_some_and(|length| length != answer.len() as u64) {
            return Err(OdooError::Answer { request: request.to_owned(), cause: "it was cut off".into() });
        }
        self.time = time.or(self.time);
        Ok(Answer { status, body: answer })
    }
}

/// Odoo's own words; the traceback beside them is nobody's business.
fn words(answer: &[u8]) -> String {
    let value = serde_json::from_slice::<Value>(answer).unwrap_or_default();
    let text = value.get("message").and_then(Value::as_str).unwrap_or("no reason given");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(folder: &std::path::Path) -> OdooApi {
        OdooApi::new(OdooSettings {
            // Port 9 of the loopback: nothing listens on the discard port of a test machine.
            url: "http://127.0.0.1:9".into(),
            database: "hams_prod".into(),
            key: folder.join("key"),
            key_source: "/opt/hams/etc/keys/x.key".into(),
        })
        .unwrap()
    }

    #[tokio::test]
    async fn what_is_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut api = api(folder.path());
        std::fs::write(folder.path().join("key"), "#none").unwrap();
        let ask = async |api: &mut OdooApi| {
            api.call::<Value>("ham.dns.zone", "search_read", &Value::Null).await.unwrap_err().to_string()
        };
        assert_eq!(
            ask(&mut api).await,
            "no key to Odoo, /opt/hams/etc/keys/x.key: it is not there yet, or empty"
        );
        std::fs::write(folder.path().join("key"), "5ecret").unwrap();
        let error = ask(&mut api).await;
        assert!(error.starts_with("Odoo at http://127.0.0.1:9 does not answer: "), "{error}");
    }

    #[test]
    fn words_without_the_traceback() {
        let answer = br#"{"name": "x", "message": "You may\nnot", "debug": "Traceback"}"#;
        assert_eq!(words(answer), "You may not");
        assert_eq!(words(b"<html>"), "no reason given");
    }
}
