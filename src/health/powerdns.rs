//! PowerDNS's API with the key: that it answers, and that the key is the right one.

use std::time::Duration;

use reqwest::StatusCode;

use super::check::{Check, Outcome};
use crate::host::BoxFuture;
use crate::host::cause::last_cause;
use crate::secrets::Secret;

/// Asks the server object.
#[derive(Debug, Clone)]
pub struct PowerDnsCheck {
    api: String,
    key: Secret,
}

impl PowerDnsCheck {
    /// `api` is the address down to `/servers/localhost`.
    pub fn new(api: &str, key: Secret) -> Self {
        Self { api: api.trim_end_matches('/').to_owned(), key }
    }

    async fn ask(&self) -> Result<Outcome, reqwest::Error> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(4)).build()?;
        let answer = client.get(&self.api).header("X-API-Key", self.key.expose()).send().await?;
        Ok(match answer.status() {
            StatusCode::OK => {
                let server: serde_json::Value = answer.json().await?;
                match server.get("version").and_then(|version| version.as_str()) {
                    Some(version) => Outcome::ok_with(format!("version {version}")),
                    None => Outcome::degraded("the answer has no version: is this PowerDNS?"),
                }
            }
            StatusCode::UNAUTHORIZED => Outcome::failing(
                "the API key is not the one PowerDNS has; run `hams-install` to write it anew",
            )
            .lasting(),
            status => Outcome::failing(format!("answered {status}")),
        })
    }
}

impl Check for PowerDnsCheck {
    fn name(&self) -> &str {
        "powerdns api"
    }

    fn component(&self) -> &str {
        "powerdns"
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async {
            self.ask()
                .await
                .unwrap_or_else(|error| Outcome::failing(format!("{}: {}", self.api, last_cause(&error))))
        })
    }
}
