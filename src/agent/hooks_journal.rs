//! Each change of state in the journal, with fields that programs can look for.

use std::collections::BTreeMap;

use tokio::sync::watch;
use tracing::{Level, event, info, warn};

use super::hooks_entry::HOOKS;
use super::hooks_snapshot::{Snapshot, Thing};
use super::message_ids;
use crate::health::State;

/// Logs what changes from one snapshot to the next. The hooks tell of themselves.
pub(super) async fn keep(mut snapshots: watch::Receiver<Snapshot>) {
    let mut logged = Logged::default();
    while snapshots.changed().await.is_ok() {
        let (things, node) = logged.changes(&snapshots.borrow_and_update());
        for (thing, (state, before)) in things {
            tell(&thing, state, before);
        }
        if let Some((state, before)) = node {
            tell_node(state, before);
        }
    }
}

/// What the journal has.
#[derive(Default)]
struct Logged {
    states: BTreeMap<String, State>,
    node: Option<State>,
}

/// A state, and the one before.
type Change = (State, Option<State>);

impl Logged {
    /// What is new: the things, and the node.
    fn changes(&mut self, snapshot: &Snapshot) -> (Vec<(Thing, Change)>, Option<Change>) {
        self.states.retain(|check, _| snapshot.things.iter().any(|thing| thing.check == *check));
        let mut changes = Vec::new();
        for thing in snapshot.things.iter().filter(|thing| !HOOKS.contains(&thing.check.as_str())) {
            let Some(state) = thing.state else { continue };
            let before = self.states.insert(thing.check.clone(), state);
            if before != Some(state) {
                changes.push((thing.clone(), (state, before)));
            }
        }
        // Right after a start the worst of what is known yet says nothing, unless it is bad.
        let is_settled = snapshot.things.iter().all(|thing| thing.state.is_some());
        let worst = snapshot.worst_without("");
        let is_news = self.node != Some(worst) && (is_settled || worst > State::Unknown);
        let node = is_news.then(|| (worst, self.node.replace(worst)));
        (changes, node)
    }
}

/// One with another cause wakes nobody.
fn tell(thing: &Thing, state: State, before: Option<State>) {
    let (id, level) = match (state, &thing.cause) {
        (State::Ok, _) => (message_ids::OK, Level::INFO),
        (State::Unknown, _) => (message_ids::UNKNOWN, Level::WARN),
        (State::Degraded, None) => (message_ids::DEGRADED, Level::WARN),
        (State::Degraded, Some(_)) => (message_ids::DEGRADED, Level::INFO),
        (State::Failing, None) => (message_ids::FAILING, Level::ERROR),
        (State::Failing, Some(_)) => (message_ids::FAILING, Level::INFO),
    };
    let (check, words, before) = (thing.check.as_str(), state.as_str(), before.map(State::as_str));
    let cause = thing.cause.as_deref();
    let because = cause.map(|cause| format!(" because of {cause}")).unwrap_or_default();
    let reason = thing.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    macro_rules! tell {
        ($level:expr) => {
            event!(
                $level,
                message_id = id,
                check,
                state = words,
                state_before = before,
                cause,
                "{check} is {words}{because}{reason}"
            )
        };
    }
    // The level of an event is a constant.
    match level {
        Level::ERROR => tell!(Level::ERROR),
        Level::WARN => tell!(Level::WARN),
        _ => tell!(Level::INFO),
    }
}

fn tell_node(state: State, before: Option<State>) {
    let (words, before) = (state.as_str(), before.map(State::as_str));
    match state {
        State::Ok => {
            info!(message_id = message_ids::NODE, state = words, state_before = before, "the node is {words}")
        }
        _ => {
            warn!(message_id = message_ids::NODE, state = words, state_before = before, "the node is {words}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hooks_snapshot::tests::snapshot;
    use super::*;
    use State::{Degraded, Failing, Ok};

    #[test]
    fn a_change_is_told_once() {
        let mut logged = Logged::default();
        let mut told = |snapshot: &Snapshot| {
            let (things, node) = logged.changes(snapshot);
            let things: Vec<_> =
                things.into_iter().map(|(thing, (state, before))| (thing.check, state, before)).collect();
            (things, node)
        };
        let mut first = snapshot(&[("a", Ok), ("b", Ok)]);
        first.things[1].state = None;
        assert_eq!(told(&first), (vec![("a".to_owned(), Ok, None)], None), "the node is not known yet");
        let then = snapshot(&[("a", Ok), ("b", Failing), ("webhook", Degraded)]);
        assert_eq!(told(&then), (vec![("b".to_owned(), Failing, None)], Some((Failing, None))));
        assert_eq!(told(&then), (vec![], None));
        let better = snapshot(&[("a", Ok), ("b", Ok), ("webhook", Degraded)]);
        let expected = (vec![("b".to_owned(), Ok, Some(Failing))], Some((Degraded, Some(Failing))));
        assert_eq!(told(&better), expected);
    }
}
