//! Odoo as the edge sees it: an answer with the database behind it, the login page, and the process of the websocket.

use std::time::Duration;

use reqwest::{Client, StatusCode};

use super::check::{Check, Outcome};
use crate::host::BoxFuture;
use crate::host::cause::last_cause;

/// The login page of a fresh registry takes seconds; a worker that hangs never answers, so that only a limit tells.
const LIMIT: Duration = Duration::from_secs(12);

/// Asks over HTTP.
#[derive(Debug, Clone)]
pub struct OdooCheck {
    site: String,
    websocket: String,
}

impl OdooCheck {
    /// The machine, as a URL names it, and its two ports.
    pub fn new(host: &str, http_port: u16, gevent_port: u16) -> Self {
        Self { site: format!("http://{host}:{http_port}"), websocket: format!("http://{host}:{gevent_port}") }
    }

    async fn ask(&self) -> Result<Outcome, reqwest::Error> {
        let client = Client::builder().no_proxy().timeout(LIMIT).build()?;
        for (base, path, fault) in [
            (
                &self.site,
                "/web/health?db_server_status=1",
                "it cannot reach PostgreSQL, or answers otherwise",
            ),
            (&self.site, "/web/login", "the login page is not there"),
            (&self.websocket, "/websocket/health", "the process of the websocket is not well"),
        ] {
            let status = client.get(format!("{base}{path}")).send().await?.status();
            if status != StatusCode::OK {
                return Ok(Outcome::failing(format!("{fault}: {path} was answered with {status}")));
            }
        }
        let answer = client.get(format!("{}/json/version", self.site)).send().await?;
        let said: serde_json::Value = answer.json().await?;
        Ok(match said.get("version").and_then(|version| version.as_str()) {
            Some(version) => Outcome::ok_with(format!("version {version}")),
            None => Outcome::degraded("the answer has no version: is this Odoo?"),
        })
    }
}

impl Check for OdooCheck {
    fn name(&self) -> &str {
        "odoo http"
    }

    fn component(&self) -> &str {
        "odoo"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async {
            self.ask().await.unwrap_or_else(|error| {
                let at = error.url().map_or(self.site.as_str(), |url| url.as_str());
                Outcome::failing(format!("{at}: {}", last_cause(&error)))
            })
        })
    }
}
