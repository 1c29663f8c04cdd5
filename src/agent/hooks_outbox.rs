//! What one hook is to be told: pure. Changes wait here until they have got through; beyond a bound the oldest ones that a
//! later change of the same check has overtaken go, so that the last state of each is always told.
//!
//! A hook is not told of itself: what it cannot be told would make more to tell.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::hooks_snapshot::{Snapshot, Thing};
use crate::health::State;

/// Changes that wait at most, unless there are more checks.
pub(super) const LIMIT: usize = 200;

/// What a hook has been told, across restarts. What it was never told of counts as ok.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// The worst state.
    node: State,
    /// Of each check that is not ok.
    checks: BTreeMap<String, State>,
}

impl Default for Told {
    fn default() -> Self {
        Self { node: State::Ok, checks: BTreeMap::new() }
    }
}

/// One change that waits.
#[derive(Debug, Clone)]
struct Waiting {
    number: u64,
    check: String,
    to: State,
    since: String,
    reason: Option<String>,
    cause: Option<String>,
}

/// One change as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    /// The check, or "dns sync".
    pub(super) check: String,
    /// The state that was told before.
    pub(super) from: State,
    /// The state since.
    pub(super) to: State,
    /// When it came, RFC 3339.
    pub(super) since: String,
    /// Why.
    pub(super) reason: Option<String>,
    /// The check that is the cause, where it is another one.
    pub(super) cause: Option<String>,
}

/// All that is told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    last: u64,
    /// The node's state that was told before.
    pub(super) node_from: State,
    /// Its state now.
    pub(super) node_to: State,
    /// In the order in which they came.
    pub(super) changes: Vec<Change>,
    /// Changes before these that were left out.
    pub(super) left_out: u64,
}

/// The changes that one hook is still to be told.
pub(super) struct Outbox {
    own: &'static str,
    told: Told,
    /// The last state of each check that is not ok, told or waiting.
    seen: BTreeMap<String, State>,
    node: State,
    waiting: VecDeque<Waiting>,
    next: u64,
    left_out: u64,
}

impl Outbox {
    /// For the hook that is called `own` in the report, which has been told so much.
    pub(super) fn new(own: &'static str, told: Told) -> Self {
        let (seen, node) = (told.checks.clone(), told.node);
        Self { own, told, seen, node, waiting: VecDeque::new(), next: 0, left_out: 0 }
    }

    /// Takes note of what is new in a snapshot.
    pub(super) fn see(&mut self, snapshot: &Snapshot, now: &str) {
        let own = self.own;
        self.node = snapshot.worst_without(own);
        for thing in snapshot.things.iter().filter(|thing| thing.check != own) {
            let Some(state) = thing.state else { continue };
            if self.seen.get(&thing.check).copied().unwrap_or(State::Ok) != state {
                self.push(thing, state);
            } else if let Some(last) = self.waiting.iter_mut().rfind(|one| one.check == thing.check) {
                // A cause may be found after what it does.
                (last.reason, last.cause) = (thing.reason.clone(), thing.cause.clone());
            }
        }
        let is_there = |check: &String| snapshot.things.iter().any(|thing| thing.check == *check);
        let gone: Vec<String> = self.seen.keys().filter(|check| !is_there(check)).cloned().collect();
        for check in gone {
            let reason = Some("it is not watched any more".to_owned());
            let thing = Thing { check, state: None, since: now.to_owned(), reason, cause: None };
            self.push(&thing, State::Ok);
        }
    }

    fn push(&mut self, thing: &Thing, to: State) {
        let Thing { check, since, reason, cause, .. } = thing.clone();
        set(&mut self.seen, &check, to);
        self.waiting.push_back(Waiting { number: self.next, check, to, since, reason, cause });
        self.next += 1;
        while self.waiting.len() > LIMIT {
            let is_overtaken = |(place, one): &(usize, &Waiting)| {
                self.waiting.iter().skip(place + 1).any(|later| later.check == one.check)
            };
            let Some((place, _)) = self.waiting.iter().enumerate().find(is_overtaken) else { break };
            self.waiting.remove(place);
            self.left_out += 1;
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// All that waits now; `None` where it comes to nothing.
    pub(super) fn batch(&mut self) -> Option<Batch> {
        let mut states = self.told.checks.clone();
        let mut changes = Vec::new();
        for one in &self.waiting {
            let from = states.get(&one.check).copied().unwrap_or(State::Ok);
            set(&mut states, &one.check, one.to);
            // What lay between may have been left out.
            if from != one.to {
                let Waiting { check, to, since, reason, cause, .. } = one.clone();
                changes.push(Change { check, from, to, since, reason, cause });
            }
        }
        let last = self.waiting.back()?.number;
        let (node_from, node_to, left_out) = (self.told.node, self.node, self.left_out);
        let batch = Batch { last, node_from, node_to, changes, left_out };
        if batch.changes.is_empty() {
            self.sent(&batch);
            return None;
        }
        Some(batch)
    }

    /// The hook has taken it.
    pub(super) fn sent(&mut self, batch: &Batch) {
        self.waiting.retain(|one| one.number > batch.last);
        for change in &batch.changes {
            set(&mut self.told.checks, &change.check, change.to);
        }
        self.told.node = batch.node_to;
        self.left_out = self.left_out.saturating_sub(batch.left_out);
    }

    /// What it has been told.
    pub(super) fn told(&self) -> &Told {
        &self.told
    }
}

fn set(states: &mut BTreeMap<String, State>, check: &str, state: State) {
    match state {
        State::Ok => drop(states.remove(check)),
        _ => drop(states.insert(check.to_owned(), state)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::hooks_snapshot::tests::snapshot;
    use super::*;
    use State::{Degraded, Failing, Ok};

    const NOW: &str = "2026-11-29T06:00:09Z";

    fn outbox() -> Outbox {
        Outbox::new("webhook", Told::default())
    }

    fn told(batch: &Batch) -> Vec<(&str, State, State)> {
        batch.changes.iter().map(|change| (change.check.as_str(), change.from, change.to)).collect()
    }

    #[test]
    fn changes_wait_until_they_are_sent() {
        let mut outbox = outbox();
        outbox.see(&snapshot(&[("a", Ok), ("b", Failing)]), NOW);
        let first = outbox.batch().unwrap();
        assert_eq!(told(&first), [("b", Ok, Failing)], "what was always well is no news");
        assert_eq!((first.node_from, first.node_to), (Ok, Failing));
        assert_eq!(first.changes[0].reason.as_deref(), Some("b has a reason"));
        // It is on its way, and more comes.
        outbox.see(&snapshot(&[("a", Degraded), ("b", Ok)]), NOW);
        outbox.sent(&first);
        let second = outbox.batch().unwrap();
        assert_eq!(told(&second), [("a", Ok, Degraded), ("b", Failing, Ok)]);
        assert_eq!((second.node_from, second.node_to), (Failing, Degraded));
        // It did not get through: it is all there the next time.
        outbox.see(&snapshot(&[("a", Ok), ("b", Ok)]), NOW);
        let third = outbox.batch().unwrap();
        assert_eq!(told(&third), [("a", Ok, Degraded), ("b", Failing, Ok), ("a", Degraded, Ok)]);
        outbox.sent(&third);
        assert!(outbox.is_empty() && outbox.batch().is_none());
        assert_eq!(outbox.told(), &Told::default());
    }

    #[test]
    fn a_cause_that_is_found_later_is_told() {
        let mut outbox = outbox();
        let mut seen = snapshot(&[("a", Failing), ("b", Failing)]);
        outbox.see(&seen, NOW);
        seen.things[0].cause = Some("b".to_owned());
        outbox.see(&seen, NOW);
        let causes: Vec<_> = outbox.batch().unwrap().changes.into_iter().map(|change| change.cause).collect();
        assert_eq!(causes, [Some("b".to_owned()), None]);
    }

    #[test]
    fn it_is_not_told_of_itself() {
        let mut outbox = outbox();
        outbox.see(&snapshot(&[("a", Ok), ("webhook", Degraded)]), NOW);
        assert!(outbox.batch().is_none());
        outbox.see(&snapshot(&[("a", Ok), ("webhook", Degraded), ("command hook", Degraded)]), NOW);
        let batch = outbox.batch().unwrap();
        assert_eq!(told(&batch), [("command hook", Ok, Degraded)]);
    }

    #[test]
    fn what_is_overtaken_goes_and_the_last_state_stays() {
        let mut outbox = outbox();
        outbox.see(&snapshot(&[("first", Failing), ("flapping", Ok)]), NOW);
        for round in 0..LIMIT * 2 {
            let state = if round % 2 == 0 { Failing } else { Degraded };
            outbox.see(&snapshot(&[("first", Failing), ("flapping", state)]), NOW);
            assert!(outbox.waiting.len() <= LIMIT);
        }
        let on_its_way = outbox.batch().unwrap();
        assert_eq!(told(&on_its_way).first(), Some(&("first", Ok, Failing)), "it is the last of its check");
        assert_eq!(told(&on_its_way).last(), Some(&("flapping", Failing, Degraded)));
        assert_eq!((on_its_way.changes.len(), on_its_way.left_out), (LIMIT, LIMIT as u64 + 1));
        for pair in on_its_way.changes[1..].windows(2) {
            assert_eq!(pair[0].to, pair[1].from, "each begins where the one before it ends");
        }
        // While that is under way all of it is overtaken.
        for round in 0..LIMIT * 2 {
            let state = if round % 2 == 0 { Ok } else { Failing };
            outbox.see(&snapshot(&[("first", Failing), ("flapping", state)]), NOW);
        }
        outbox.sent(&on_its_way);
        let rest = outbox.batch().unwrap();
        assert_eq!((rest.changes[0].from, rest.changes.last().unwrap().to), (Degraded, Failing));
        outbox.sent(&rest);
        assert!(outbox.is_empty());
        assert_eq!(outbox.left_out, 0);
    }

    #[test]
    fn more_checks_than_the_limit_are_all_told() {
        let names: Vec<String> = (0..LIMIT + 50).map(|number| format!("check {number}")).collect();
        let states: Vec<(&str, State)> = names.iter().map(|name| (name.as_str(), Failing)).collect();
        let mut outbox = outbox();
        outbox.see(&snapshot(&states), NOW);
        assert_eq!(outbox.batch().unwrap().changes.len(), LIMIT + 50);
    }

    #[test]
    fn a_restart_tells_what_has_changed_meanwhile_and_nothing_twice() {
        let mut before = outbox();
        before.see(&snapshot(&[("a", Failing), ("b", Failing), ("c", Degraded)]), NOW);
        let batch = before.batch().unwrap();
        before.sent(&batch);
        let kept = serde_json::to_string(before.told()).unwrap();
        let mut after = Outbox::new("webhook", serde_json::from_str(&kept).unwrap());
        // Nothing is known right after a start.
        let mut unknown = snapshot(&[("a", Ok), ("b", Ok)]);
        unknown.things.iter_mut().for_each(|thing| thing.state = None);
        after.see(&unknown, NOW);
        let batch = after.batch().unwrap();
        assert_eq!(told(&batch), [("c", Degraded, Ok)], "nobody looks at it any more");
        assert_eq!(batch.changes[0].since, NOW);
        after.sent(&batch);
        after.see(&snapshot(&[("a", Failing), ("b", Ok)]), NOW);
        assert_eq!(told(&after.batch().unwrap()), [("b", Failing, Ok)]);
    }
}
