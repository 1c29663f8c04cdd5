//! The states of everything at one moment, as they are told to others: one thing a check, and one for the sync.

use super::status::{Status, SyncStatus};
use crate::health::State;
use crate::sync::Phase;

/// What the sync is called beside the checks.
const SYNC: &str = "dns sync";

/// One thing that has a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    /// The check's name.
    pub(super) check: String,
    /// `None`: nobody knows yet, as after a start.
    pub(super) state: Option<State>,
    /// Since when, RFC 3339.
    pub(super) since: String,
    /// Why.
    pub(super) reason: Option<String>,
    /// The check that is the cause, where it is another one.
    pub(super) cause: Option<String>,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    pub(super) things: Vec<Thing>,
}

impl Snapshot {
    /// What a status says.
    pub(super) fn of(status: &Status) -> Self {
        let sync = Thing {
            check: SYNC.to_owned(),
            state: match status.sync.phase {
                // Neither lasts: what cannot connect waits.
                Phase::Connecting | Phase::Stopping => None,
                Phase::Idle | Phase::Applying | Phase::Waiting => Some(status.sync.state),
            },
            since: status.sync.since.clone(),
            reason: reason(&status.sync),
            cause: status.sync.because.clone(),
        };
        let checks = status.checks.iter().map(|check| Thing {
            check: check.name.clone(),
            state: check.checked.is_some().then_some(check.state),
            since: check.since.clone(),
            reason: check.reason.clone(),
            cause: check.because.clone(),
        });
        Self { things: std::iter::once(sync).chain(checks).collect() }
    }

    /// Whether both tell the same states of the same things, from the same causes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        fn states(snapshot: &Snapshot) -> impl Iterator<Item = (&str, Option<State>, &Option<String>)> {
            snapshot.things.iter().map(|thing| (thing.check.as_str(), thing.state, &thing.cause))
        }
        states(self).eq(states(other))
    }

    /// The worst state of all but the thing of that name.
    pub(super) fn worst_without(&self, own: &str) -> State {
        let others = self.things.iter().filter(|thing| thing.check != own);
        others.filter_map(|thing| thing.state).max().unwrap_or(State::Ok)
    }
}

/// Why the sync is not well: what it waits for, its key, its sweep.
fn reason(sync: &SyncStatus) -> Option<String> {
    let key = sync.odoo_key.as_ref().and_then(|key| key.reason.clone());
    let sweep = sync.sweep.as_ref();
    let held = sweep.and_then(|sweep| sweep.last_full.as_ref()).filter(|swept| swept.summary.held > 0);
    let held = held.map(|swept| swept.summary.reason.clone().unwrap_or_else(|| "zones are held back".into()));
    sync.reason.clone().or(key).or_else(|| sweep.and_then(|sweep| sweep.error.clone())).or(held)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::health::Outcome;
    use crate::health::tests::{Named, report};
    use crate::sync::Progress;
    use std::time::SystemTime;

    /// A snapshot of checks with these states, and of a sync that is well.
    pub(in crate::agent) fn snapshot(states: &[(&str, State)]) -> Snapshot {
        let things = states.iter().map(|(check, state)| Thing {
            check: (*check).to_owned(),
            state: Some(*state),
            since: "2026-11-29T06:00:00Z".to_owned(),
            reason: Some(format!("{check} has a reason")),
            cause: None,
        });
        Snapshot { things: things.collect() }
    }

    #[test]
    fn what_is_not_known_yet_is_no_state() {
        let mut progress = Progress::default();
        let mut report = report(&[Named("a", "host", None), Named("b", "powerdns", Some("pdns.service"))]);
        report.note("b", Outcome::failing("gone"));
        let of = |progress: &Progress| Snapshot::of(&Status::new(SystemTime::now(), progress, &report));
        let first = of(&progress);
        let states = first.things.iter().map(|thing| (thing.check.as_str(), thing.state));
        let expected = [("dns sync", None), ("a", None), ("b", Some(State::Failing))];
        assert_eq!(states.collect::<Vec<_>>(), expected);
        assert_eq!((first.worst_without("b"), first.worst_without("a")), (State::Ok, State::Failing));
        progress.enter(Phase::Waiting, Some("PowerDNS is away".into()));
        let then = of(&progress);
        assert!(!then.is_same(&first) && then.is_same(&of(&progress)));
        assert_eq!(then.things[0].reason.as_deref(), Some("PowerDNS is away"));
        assert_eq!(then.things[0].cause.as_deref(), Some("b"));
    }
}
