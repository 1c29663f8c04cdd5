//! The status as the control socket gives it. Times are RFC 3339 in UTC. Keys are only ever added within a schema.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::one_line::one_line;
use crate::health::{Measure, Repair, Report, State};
use crate::sync::{
    Counters, KeyProgress, Phase, Progress, SweepPhase, SweepProgress, SweepResult, SyncSummary,
};

/// Of the shape below.
const SCHEMA: u32 = 1;
/// An event that is in hand for longer needs a look, also while others are applied.
const LATE: Duration = Duration::from_secs(5 * 60);
/// What the sync waits for, the nearest first.
const SYNC_NEEDS: [&str; 3] = ["rabbitmq", "powerdns", "odoo"];

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What was restarted since the agent's start, one a component that may be.
    #[serde(default)]
    pub repairs: Vec<RepairStatus>,
}

/// The restarts of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairStatus {
    /// The component.
    pub component: String,
    /// What is restarted.
    pub unit: String,
    /// When it last was.
    pub restarted: Option<String>,
    /// What the last attempt came to.
    pub said: Option<String>,
    /// How many attempts came to what: restarted, refused, failed, unanswered.
    pub attempts: BTreeMap<String, u64>,
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
    /// The name of the check that is the cause, where one is.
    #[serde(default)]
    pub because: Option<String>,
    /// When the oldest of the events was taken from the queue that are in hand and not applied.
    #[serde(default)]
    pub oldest_event: Option<String>,
    /// When an event was last applied.
    pub last_success: Option<String>,
    /// How many zones it remembers.
    pub zones: usize,
    /// Counts since the start.
    pub counters: Counters,
    /// How zones are compared beside the events.
    #[serde(default)]
    pub sweep: Option<SweepStatus>,
    /// What Odoo is read with.
    #[serde(default)]
    pub odoo_key: Option<KeyStatus>,
}

/// The key to Odoo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStatus {
    /// How it is.
    pub state: State,
    /// When it ends, as far as Odoo has told.
    pub ends: Option<String>,
    /// When Odoo was last asked.
    pub asked: Option<String>,
    /// What is to be done.
    pub reason: Option<String>,
}

/// The sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepStatus {
    /// What it is doing.
    pub phase: SweepPhase,
    /// Since when.
    pub since: String,
    /// Zones read so far by the one under way.
    pub read: u64,
    /// Of so many.
    pub of: u64,
    /// Why the last one came to nothing.
    pub error: Option<String>,
    /// The last one that came to its end.
    pub last: Option<SweptStatus>,
    /// The last one of all zones.
    pub last_full: Option<SweptStatus>,
}

/// What a sweep came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweptStatus {
    /// When it ended.
    pub at: String,
    /// Its sum.
    #[serde(flatten)]
    pub summary: SyncSummary,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckStatus {
    /// Its name.
    pub name: String,
    /// What it is a part of: a component as hams.toml names it, or "host", or "agent".
    #[serde(default)]
    pub component: String,
    /// How it is.
    pub state: State,
    /// Since when.
    pub since: String,
    /// Why.
    pub reason: Option<String>,
    /// The name of the check that is the cause, where it is another one.
    #[serde(default)]
    pub because: Option<String>,
    /// When it was last asked.
    pub checked: Option<String>,
    /// When it was last ok.
    pub last_ok: Option<String>,
    /// What it counted.
    #[serde(default)]
    pub measures: Vec<Measure>,
    /// The unit whose journal tells more of one that fails by itself.
    #[serde(default)]
    pub unit: Option<String>,
    /// What its unit said last in the journal while it fails, the newest line at the end; on the control socket alone.
    #[serde(default)]
    pub journal: Vec<String>,
}

impl Status {
    /// The status of an agent that started at `started`.
    pub(super) fn new(started: SystemTime, progress: &Progress, report: &Report) -> Self {
        let odoo_key = progress.key.as_ref().map(KeyStatus::of);
        let key_state = odoo_key.as_ref().map_or(State::Ok, |key| key.state);
        let is_late = progress.oldest.and_then(|oldest| oldest.elapsed().ok()).is_some_and(|age| age > LATE);
        let late_state = if is_late { State::Degraded } else { State::Ok };
        let sync = SyncStatus {
            state: sync_state(progress.phase)
                .max(sweep_state(&progress.sweep))
                .max(key_state)
                .max(late_state),
            phase: progress.phase,
            since: time(progress.since),
            reason: progress.reason.clone(),
            because: (progress.phase == Phase::Waiting)
                .then(|| report.cause_among(&SYNC_NEEDS))
                .flatten()
                .map(str::to_owned),
            oldest_event: progress.oldest.map(time),
            last_success: progress.last_success.map(time),
            zones: progress.zones,
            counters: progress.counters.clone(),
            sweep: Some(SweepStatus::of(&progress.sweep)),
            odoo_key,
        };
        let entries = report.checks.iter();
        let checks = entries.map(|entry| CheckStatus {
            name: entry.name.clone(),
            component: entry.component.clone(),
            state: entry.state,
            since: time(entry.since),
            reason: entry.reason.clone(),
            because: entry.because.clone(),
            checked: entry.checked.map(time),
            last_ok: entry.last_ok.map(time),
            measures: entry.measures.clone(),
            unit: report.unit_of_cause(&entry.name).map(str::to_owned),
            journal: entry.journal.clone(),
        });
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: sync.state.max(report.state()),
            started: time(started),
            checks: checks.collect(),
            repairs: report.repairs.iter().map(RepairStatus::of).collect(),
            sync,
        }
    }

    /// The same for those who may not read the journal: every local user reaches the port.
    pub(super) fn for_everybody(mut self) -> Self {
        for check in &mut self.checks {
            check.journal.clear();
        }
        self
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
        let key = self.sync.odoo_key.as_ref().and_then(|key| key.reason.as_ref());
        let doing = key.map_or(doing.clone(), |key| format!("{doing}; {key}"));
        // What fails because of something else is told with it.
        let is_told = |check: &&CheckStatus| check.state > State::Unknown && check.because.is_none();
        let bad = self.checks.iter().filter(is_told);
        let bad: Vec<String> =
            bad.map(|check| format!("{} is {}", check.name, check.state.as_str())).collect();
        let all = if bad.is_empty() { doing } else { format!("{doing}; {}", bad.join(", ")) };
        one_line(&all, 400)
    }
}

impl RepairStatus {
    fn of(repair: &Repair) -> Self {
        let attempts = repair.attempts.iter().map(|(attempt, count)| (attempt.as_str().to_owned(), *count));
        Self {
            component: repair.component.clone(),
            unit: repair.unit.clone(),
            restarted: repair.restarted.map(time),
            said: repair.said.clone(),
            attempts: attempts.collect(),
        }
    }
}

impl KeyStatus {
    fn of(key: &KeyProgress) -> Self {
        Self {
            state: if key.reason.is_some() { State::Degraded } else { State::Ok },
            ends: key.ends.map(time),
            asked: key.asked.map(time),
            reason: key.reason.clone(),
        }
    }
}

impl SweepStatus {
    fn of(sweep: &SweepProgress) -> Self {
        let swept =
            |result: &SweepResult| SweptStatus { at: time(result.at), summary: result.summary.clone() };
        Self {
            phase: sweep.phase,
            since: time(sweep.since),
            read: sweep.read,
            of: sweep.of,
            error: sweep.error.clone(),
            last: sweep.last.as_ref().map(swept),
            last_full: sweep.last_full.as_ref().map(swept),
        }
    }
}

/// An operator must know of zones that only he may remove, and of a sweep that has worked and does not any more.
fn sweep_state(sweep: &SweepProgress) -> State {
    let is_held = sweep.last_full.as_ref().is_some_and(|result| result.summary.held > 0);
    let is_broken = sweep.last_full.is_some() && sweep.error.is_some();
    if is_held || is_broken { State::Degraded } else { State::Ok }
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
    use crate::health::tests::{Named, report};

    #[test]
    fn the_worst_state_wins() {
        let mut progress = Progress::default();
        progress.enter(Phase::Idle, None);
        let mut report = report(&[Named("unit pdns.service", "powerdns", Some("pdns.service"))]);
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
    fn zones_that_are_held_back_degrade_it() {
        let mut progress = Progress::default();
        progress.enter(Phase::Idle, None);
        let state = |progress: &Progress| Status::new(SystemTime::now(), progress, &Report::default()).state;
        progress.sweep.error = Some("no key to Odoo".into());
        assert_eq!(state(&progress), State::Ok, "it has not worked yet");
        let summary = SyncSummary { held: 60, ..SyncSummary::default() };
        progress.sweep.last_full = Some(SweepResult { at: SystemTime::now(), summary });
        progress.sweep.error = None;
        assert_eq!(state(&progress), State::Degraded);
        progress.sweep.last_full.as_mut().unwrap().summary.held = 0;
        assert_eq!(state(&progress), State::Ok);
        progress.sweep.error = Some("the list is cut short".into());
        assert_eq!(state(&progress), State::Degraded);
    }

    #[test]
    fn a_key_that_ends_degrades_it() {
        let mut progress = Progress::default();
        progress.enter(Phase::Idle, None);
        progress.key = Some(KeyProgress { ends: Some(SystemTime::UNIX_EPOCH), ..KeyProgress::default() });
        let status = |progress: &Progress| Status::new(SystemTime::now(), progress, &Report::default());
        assert_eq!(status(&progress).state, State::Ok);
        progress.key.as_mut().unwrap().reason = Some("the key to Odoo ends in 6 days".into());
        let status = status(&progress);
        assert_eq!((status.state, status.sync.state), (State::Degraded, State::Degraded));
        assert!(
            status.line().contains("in step") && status.line().contains("ends in 6 days"),
            "{}",
            status.line()
        );
        assert_eq!(status.sync.odoo_key.unwrap().ends.unwrap(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn an_event_that_waits_for_long_degrades_it() {
        let mut progress = Progress::default();
        progress.enter(Phase::Applying, None);
        let state = |progress: &Progress| Status::new(SystemTime::now(), progress, &Report::default()).state;
        progress.oldest = Some(SystemTime::now() - LATE / 2);
        assert_eq!(state(&progress), State::Ok);
        progress.oldest = Some(SystemTime::now() - LATE * 2);
        assert_eq!(state(&progress), State::Degraded);
    }

    #[test]
    fn it_reads_its_own_json() {
        let mut progress = Progress::default();
        let summary = SyncSummary { zones: 3, reason: Some("why".into()), ..SyncSummary::default() };
        progress.sweep.last = Some(SweepResult { at: SystemTime::UNIX_EPOCH, summary });
        let status = Status::new(SystemTime::UNIX_EPOCH, &progress, &report(&[Named("a", "host", None)]));
        let text = serde_json::to_string(&status).unwrap();
        assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
        assert!(text.contains("\"started\":\"1970-01-01T00:00:00Z\""), "{text}");
    }
}
