//! How a daemon is: whether it may and can be started, and what systemd says of its service or its timer.

use super::daemons_catalogue::{Daemon, Kind};
use super::{daemons_start, daemons_venv};
use crate::health::{Check, Outcome, State, TimerCheck, UnitCheck};
use crate::host::command::Command;
use crate::host::sockets::{self, Transport};
use crate::host::units::Systemd;
use crate::host::{BoxFuture, Error};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const COMPONENT: &str = "daemons";
/// A daemon that has run for so long has found what it needs to start.
const STEADY: Duration = Duration::from_secs(2);
/// Lines of the journal that are looked through for what is missing.
const LINES: &str = "60";

/// Asks about one daemon.
pub struct DaemonCheck {
    label: String,
    daemon: Daemon,
    refusal: Option<String>,
    systemd: Box<dyn Check>,
}

impl DaemonCheck {
    /// For `daemon`; `refusal` says why its code is not run at all.
    pub fn new(daemon: &Daemon, refusal: Option<&str>) -> Self {
        let systemd: Box<dyn Check> = match daemon.timer() {
            Some(timer) => Box::new(TimerCheck::new(COMPONENT, &timer)),
            None => Box::new(UnitCheck::new(COMPONENT, &daemon.service())),
        };
        let label = format!("daemon {}", daemon.name);
        Self { label, daemon: daemon.clone(), refusal: refusal.map(str::to_owned), systemd }
    }

    async fn ask(&self) -> Result<Outcome, Error> {
        if let Some(refusal) = &self.refusal {
            return Ok(Outcome::failing(format!("not started: {refusal}")));
        }
        if let Some(obstacle) = daemons_start::obstacle(&self.daemon).await? {
            return Ok(Outcome::failing(format!("not started: {obstacle}")));
        }
        let seen = self.steady().await?;
        if seen.state != State::Ok {
            let reason = seen.reason.clone().unwrap_or_default();
            let more = match self.holder_of_port()? {
                Some(holder) => Some(holder),
                None => self.missing_module().await?,
            };
            let more = more.map(|more| format!(": {more}")).unwrap_or_default();
            let hint = format!("\nhint: `journalctl -u {} -n 50` shows what it said", self.daemon.service());
            return Ok(Outcome { reason: Some(format!("{reason}{more}{hint}")), ..seen });
        }
        match daemons_venv::failure(&self.daemon.name)? {
            Some(failure) => {
                let why = failure.lines().next().unwrap_or_default();
                Ok(Outcome::degraded(format!("it runs with what an earlier list required: {why}")))
            }
            None => Ok(seen),
        }
    }

    /// What systemd says once a service has been up for a moment.
    async fn steady(&self) -> Result<Outcome, Error> {
        let first = self.systemd.run().await;
        if self.daemon.kind != Some(Kind::Service) || first.state != State::Ok {
            return Ok(first);
        }
        let started = Systemd::connect().await?.state(&self.daemon.service()).await?.started;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        match STEADY.checked_sub(now.saturating_sub(started)) {
            None => Ok(first),
            Some(left) => {
                tokio::time::sleep(left).await;
                Ok(self.systemd.run().await)
            }
        }
    }

    /// Who has the daemon's port, where it is not the daemon.
    fn holder_of_port(&self) -> Result<Option<String>, Error> {
        let Some(port) = self.daemon.port else { return Ok(None) };
        let listeners = sockets::listeners()?;
        let holder = listeners
            .iter()
            .find(|listener| listener.transport == Transport::Tcp && listener.address.port() == port);
        Ok(holder.map(|holder| format!("its port {port} is held by {}", holder.holder())))
    }

    /// The package that Python did not find, from the daemon's last words.
    async fn missing_module(&self) -> Result<Option<String>, Error> {
        let journal = Command::new("journalctl")
            .args([
                "--quiet",
                "--no-pager",
                "--output=cat",
                "--lines",
                LINES,
                "--unit",
                &self.daemon.service(),
            ])
            .output()
            .await?;
        let is_it =
            |line: &&str| line.starts_with("ModuleNotFoundError: ") || line.starts_with("ImportError: ");
        let line = journal.stdout.lines().rev().find(is_it);
        Ok(line.map(|line| format!("{line}; its list of requirements lacks a package")))
    }
}

impl Check for DaemonCheck {
    fn name(&self) -> &str {
        &self.label
    }

    fn component(&self) -> &str {
        COMPONENT
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async { self.ask().await.unwrap_or_else(|error| Outcome::unknown(error.to_string())) })
    }
}
