//! The state of every check at one moment, and of all of them together.

use std::time::SystemTime;

use super::check::{Outcome, State};
use super::measure::Measure;

/// One check's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The check.
    pub name: String,
    /// How it is.
    pub state: State,
    /// Since when it has been so.
    pub since: SystemTime,
    /// Why.
    pub reason: Option<String>,
    /// When it was last asked; none before the first time.
    pub checked: Option<SystemTime>,
    /// When it was last `ok`.
    pub last_ok: Option<SystemTime>,
    /// What it counted when it was last asked.
    pub measures: Vec<Measure>,
}

impl Entry {
    fn new(name: String) -> Self {
        Self {
            name,
            state: State::Unknown,
            since: SystemTime::now(),
            reason: Some("not asked yet".to_owned()),
            checked: None,
            last_ok: None,
            measures: Vec::new(),
        }
    }
}

/// Every check's state, in the order in which they were added.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// One entry a check.
    pub checks: Vec<Entry>,
}

impl Report {
    /// A report in which nothing has been asked yet.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self { checks: names.into_iter().map(Entry::new).collect() }
    }

    /// Takes note of something that no check looks for.
    pub fn add(&mut self, name: &str, outcome: Outcome) {
        if self.checks.iter().all(|entry| entry.name != name) {
            self.checks.push(Entry::new(name.to_owned()));
        }
        self.note(name, outcome);
    }

    /// Forgets it.
    pub fn remove(&mut self, name: &str) {
        self.checks.retain(|entry| entry.name != name);
    }

    /// Takes note of an outcome; true if the check's state is another one than before.
    pub fn note(&mut self, name: &str, outcome: Outcome) -> bool {
        let now = SystemTime::now();
        let Some(entry) = self.checks.iter_mut().find(|entry| entry.name == name) else { return false };
        let is_change = entry.state != outcome.state;
        if is_change {
            entry.since = now;
        }
        if outcome.state == State::Ok {
            entry.last_ok = Some(now);
        }
        entry.state = outcome.state;
        entry.reason = outcome.reason;
        entry.measures = outcome.measures;
        entry.checked = Some(now);
        is_change
    }

    /// The worst state there is; `ok` if there are no checks.
    pub fn state(&self) -> State {
        self.checks.iter().map(|entry| entry.state).max().unwrap_or(State::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_changes_are_told() {
        let mut report = Report::new(["a".to_owned(), "b".to_owned()]);
        assert_eq!(report.state(), State::Unknown);
        assert!(report.note("a", Outcome::ok()));
        assert!(!report.note("a", Outcome::ok_with("still")));
        assert!(report.note("b", Outcome::failing("gone")));
        assert_eq!(report.state(), State::Failing);
        assert!(report.checks[0].last_ok.is_some() && report.checks[1].last_ok.is_none());
        report.add("c", Outcome::degraded("refused"));
        report.add("c", Outcome::degraded("refused again"));
        assert_eq!(report.checks.len(), 3);
        report.remove("c");
        assert_eq!(report.checks.len(), 2);
    }
}
