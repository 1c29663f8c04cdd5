//! The status as the control socket gives it. Times are RFC 3339 in UTC. Keys are only ever added within a schema.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::health::{Report, State};
use crate::sync::{Counters, Phase, Progress};

/// Of the shape below.
const SCHEMA: u32 = 1;

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The shape's version.
    pub schema: u32,
    /// The agent's version.
    pub version: String,
    /// The worst of the sync's and the checks' states.
    pub state: State,
    /// When the agent started.
    pub started: String,
    /// The DNS changes.
    pub sync: SyncStatus,
    /// The node.
    pub checks: Vec<CheckStatus>,
}

/// The sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStatus {
    /// How it is.
    pub state: State,
    /// What it is doing.
    pub phase: Phase,
    /// Since when.
    pub since: String,
    /// What it waits for.
    pub reason: Option<String>,
    /// When an event was last applied.
    pub last_success: Option<String>,
    /// How many zones it remembers.
    pub zones: usize,
    /// Counts since the start.
    pub counters: Counters,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStatus {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: State,
    /// Since when.
    pub since: String,
    /// Why.
    pub reason: Option<String>,
    /// When it was last asked.
    pub checked: Option<String>,
    /// When it was last ok.
    pub last_ok: Option<String>,
}

impl Status {
    /// The status of an agent that started at `started`.
    pub(super) fn new(started: SystemTime, progress: &Progress, report: &Report) -> Self {
        let sync = SyncStatus {
            state: sync_state(progress.phase),
            phase: progress.phase,
            since: time(progress.since),
            reason: progress.reason.clone(),
            last_success: progress.last_success.map(time),
            zones: progress.zones,
            counters: progress.counters.clone(),
        };
        let entries = report.checks.iter();
        let checks = entries.map(|entry| CheckStatus {
            name: entry.name.clone(),
            state: entry.state,
            since: time(entry.since),
            reason: entry.reason.clone(),
            checked: entry.checked.map(time),
            last_ok: entry.last_ok.map(time),
        });
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: sync.state.max(report.state()),
            started: time(started),
            checks: checks.collect(),
            sync,
        }
    }

    /// One line for `systemctl status`.
    pub(super) fn line(&self) -> String {
        let counters = &self.sync.counters;
        let doing = match (self.sync.phase, &self.sync.reason) {
            (Phase::Connecting, _) => "connecting to RabbitMQ".to_owned(),
            (Phase::Idle | Phase::Applying, _) => {
                format!("in step, {} zones known, {} events applied", self.sync.zones, counters.applied)
            }
            (Phase::Waiting, Some(reason)) => format!("waiting: {reason}"),
            (Phase::Waiting, None) => "waiting".to_owned(),
            (Phase::Stopping, _) => "stopping".to_owned(),
        };
        let bad = self.checks.iter().filter(|check| check.state > State::Unknown);
        let bad: Vec<String> =
            bad.map(|check| format!("{} is {}", check.name, check.state.as_str())).collect();
        let all = if bad.is_empty() { doing } else { format!("{doing}; {}", bad.join(", ")) };
        all.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
    }
}

fn sync_state(phase: Phase) -> State {
    match phase {
        Phase::Idle | Phase::Applying => State::Ok,
        Phase::Connecting | Phase::Stopping => State::Unknown,
        Phase::Waiting => State::Degraded,
    }
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Outcome;

    #[test]
    fn the_worst_state_wins() {
        let mut progress = Progress::default();
        progress.enter(Phase::Idle, None);
        let mut report = Report::new(["unit pdns.service".to_owned()]);
        report.note("unit pdns.service", Outcome::ok());
        assert_eq!(Status::new(SystemTime::now(), &progress, &report).state, State::Ok);
        report.note("unit pdns.service", Outcome::failing("failed (exit-code)"));
        let status = Status::new(SystemTime::now(), &progress, &report);
        assert_eq!(status.state, State::Failing);
        assert!(status.line().contains("unit pdns.service is failing"), "{}", status.line());
        progress.enter(Phase::Waiting, Some("two\nlines".into()));
        assert_eq!(Status::new(SystemTime::now(), &progress, &Report::default()).state, State::Degraded);
        assert!(!Status::new(SystemTime::now(), &progress, &report).line().contains('\n'));
    }

    #[test]
    fn it_reads_its_own_json() {
        let status =
            Status::new(SystemTime::UNIX_EPOCH, &Progress::default(), &Report::new(["a".to_owned()]));
        let text = serde_json::to_string(&status).unwrap();
        assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
        assert!(text.contains("\"started\":\"1970-01-01T00:00:00Z\""), "{text}");
    }
}
