//! What is told of a check whose outcome changes: one lost answer is no outage, and what comes and goes is not well. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::check::{Outcome, State};

/// So many failing looks in a row are an outage.
const CONFIRMED: u32 = 2;
/// Changes between well and not are counted over this time.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// With so many of them it comes and goes.
const FLAPS: usize = 6;
/// It does so until nothing has changed for this long.
const CALM: Duration = Duration::from_secs(5 * 60);

/// What was seen of one check.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Damping {
    /// Failing looks in a row.
    failures: u32,
    /// It was told as failing, and has not been better since.
    is_out: bool,
    was_well: Option<bool>,
    changes: VecDeque<Instant>,
    is_flapping: bool,
}

impl Damping {
    /// What to tell of an outcome at `now`; `is_certain`: one look is enough.
    pub(super) fn settle(&mut self, outcome: Outcome, is_certain: bool, now: Instant) -> Outcome {
        // What was never well and never out: nobody is told that it got worse.
        let is_first = self.was_well.is_none();
        self.count(outcome.state, now);
        if outcome.state != State::Failing {
            (self.failures, self.is_out) = (0, false);
            return if self.is_flapping && outcome.state == State::Ok {
                self.restless(outcome)
            } else {
                outcome
            };
        }
        self.failures = self.failures.saturating_add(1);
        self.is_out |= is_certain || self.failures >= CONFIRMED;
        if self.is_out {
            return outcome;
        }
        let reason = outcome.reason.unwrap_or_default();
        let reason = Some(format!("{reason} (seen once; it is asked again at once)"));
        let state = if is_first { State::Unknown } else { State::Degraded };
        Outcome { state, reason, ..outcome }
    }

    fn count(&mut self, state: State, now: Instant) {
        let is_well = match state {
            State::Ok => true,
            State::Failing => false,
            // Neither says anything of the way between well and out.
            State::Degraded | State::Unknown => return,
        };
        if self.was_well.replace(is_well).is_some_and(|was_well| was_well != is_well) {
            self.changes.push_back(now);
        }
        while self.changes.front().is_some_and(|at| now.saturating_duration_since(*at) >= WINDOW) {
            self.changes.pop_front();
        }
        let is_calm = self.changes.back().is_none_or(|at| now.saturating_duration_since(*at) >= CALM);
        self.is_flapping = !is_calm && (self.is_flapping || self.changes.len() >= FLAPS);
    }

    fn restless(&self, outcome: Outcome) -> Outcome {
        let (times, minutes) = (self.changes.len(), WINDOW.as_secs() / 60);
        let seen = outcome.reason.map(|seen| format!(" ({seen})")).unwrap_or_default();
        let reason =
            Some(format!("it comes and goes, {times} changes in {minutes} min; well at the moment{seen}"));
        Outcome { state: State::Degraded, reason, ..outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(damping: &mut Damping, state: State, is_certain: bool, at: Instant) -> State {
        let outcome = match state {
            State::Ok => Outcome::ok(),
            State::Degraded => Outcome::degraded("slow"),
            State::Unknown => Outcome::unknown("no bus"),
            State::Failing => Outcome::failing("away"),
        };
        damping.settle(outcome, is_certain, at).state
    }

    #[test]
    fn one_lost_answer_is_no_outage() {
        use State::{Degraded, Failing, Ok, Unknown};
        let now = Instant::now();
        for (seen, expected, is_certain) in [
            (vec![Ok, Failing, Ok], vec![Ok, Degraded, Ok], false),
            (vec![Ok, Failing, Failing, Failing, Ok], vec![Ok, Degraded, Failing, Failing, Ok], false),
            (vec![Failing, Unknown, Failing], vec![Unknown, Unknown, Degraded], false),
            (vec![Failing, Failing, Degraded, Failing], vec![Unknown, Failing, Degraded, Degraded], false),
            (vec![Ok, Failing, Ok], vec![Ok, Failing, Ok], true),
        ] {
            let mut damping = Damping::default();
            let told: Vec<_> = seen.iter().map(|state| told(&mut damping, *state, is_certain, now)).collect();
            assert_eq!(told, expected, "{seen:?}");
        }
    }

    #[test]
    fn what_comes_and_goes_is_not_well_until_it_is_calm() {
        let (mut damping, start) = (Damping::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut last = State::Ok;
        for turn in 0..4 {
            told(&mut damping, State::Failing, true, at(turn * 20));
            last = told(&mut damping, State::Ok, true, at(turn * 20 + 10));
            assert_eq!(last, if turn < 3 { State::Ok } else { State::Degraded }, "turn {turn}");
        }
        assert_eq!(last, State::Degraded);
        assert_eq!(told(&mut damping, State::Failing, true, at(100)), State::Failing);
        assert_eq!(told(&mut damping, State::Ok, true, at(110)), State::Degraded);
        assert_eq!(told(&mut damping, State::Ok, true, at(110 + 299)), State::Degraded);
        assert_eq!(told(&mut damping, State::Ok, true, at(110 + 300)), State::Ok);
        // A single outage long after is one.
        assert_eq!(told(&mut damping, State::Failing, true, at(2000)), State::Failing);
        assert_eq!(told(&mut damping, State::Ok, true, at(2010)), State::Ok);
    }
}
