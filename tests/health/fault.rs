//! One fault: how it is made, what must be said of it, how it ends.

use super::looks::{Looks, PATIENCE, Trouble};
use std::time::{Duration, Instant};

pub struct Fault {
    pub component: &'static str,
    /// In words, for the table.
    pub what: &'static str,
    /// Shell on the host.
    pub begin: String,
    pub end: String,
    /// What the name of the check that must tell it begins with.
    pub cause: &'static str,
    pub state: &'static str,
    /// One of them stands in its reason.
    pub words: Vec<&'static str>,
    /// Stands in the lines of the unit's journal beside it.
    pub journal: Option<&'static str>,
    /// What the names of all begin with that fail by themselves; the cause, if it fails and nothing else is said.
    pub roots: Vec<&'static str>,
    /// Messages that are published after it has begun.
    pub messages: Vec<String>,
    /// A change of DNS must go through meanwhile.
    pub is_aside: bool,
    /// It is made in every run of the tests.
    pub is_quick: bool,
}

/// Twice the interval of a check, and what it may take: the longest that its fault may be unknown.
fn limit(check: &str) -> Duration {
    let seconds = match check {
        check if check.starts_with("unit ") => 60,
        check if check.starts_with("odoo ") => 2 * 60 + 20,
        check if check.starts_with("nginx ") || check.starts_with("rabbitmq ") => 2 * 60 + 10,
        check if check.starts_with("host ") => 2 * 60 + 5,
        _ => 2 * 30 + 5,
    };
    Duration::from_secs(seconds)
}

impl Fault {
    /// One whose check is the cause if it fails; no change of DNS is tried meanwhile.
    pub fn new(
        component: &'static str,
        what: &'static str,
        [begin, end]: [String; 2],
        (cause, state, words): (&'static str, &'static str, &[&'static str]),
    ) -> Self {
        let roots = if state == "failing" { vec![cause] } else { Vec::new() };
        let (messages, is_aside, is_quick) = (Vec::new(), false, false);
        let (words, journal) = (words.to_vec(), None);
        Self {
            component,
            what,
            begin,
            end,
            cause,
            state,
            words,
            journal,
            roots,
            messages,
            is_aside,
            is_quick,
        }
    }

    pub fn head() -> String {
        "| component | fault | told by | state | reason | after | well again after |\n|---|---|---|---|---|---|---|".into()
    }

    /// Makes it, waits for what must be said, ends it, waits until all is well. Gives its row of the table.
    #[track_caller]
    pub fn happens(&self, looks: &Looks<'_>) -> String {
        looks.host.ok(&self.begin);
        let begun = Instant::now();
        if !self.messages.is_empty() {
            looks.publish(&self.messages);
        }
        let told = self.is_told(looks, begun);
        let after = begun.elapsed();
        let others = self.is_the_only_cause(looks, begun);
        let aside = self.is_aside.then(|| looks.a_change_goes_through());
        let well = self.ends(looks);
        let mut reason = told.reason.replace('|', "\\|").replace('\n', " ");
        if others > 0 {
            reason.push_str(&format!(" (and {others} because of it)"));
        }
        if let Some(line) = self.said_by(&told) {
            reason.push_str(&format!(" (its journal: {})", line.trim()));
        } else if !told.journal.is_empty() {
            reason.push_str(&format!(" ({} lines of its journal)", told.journal.len()));
        }
        if let Some(aside) = aside {
            reason.push_str(&format!("; a change of DNS meanwhile: {} ms", aside.as_millis()));
        }
        let Trouble { check, state, .. } = told;
        let (component, what) = (self.component, self.what);
        let (after, well) = (after.as_secs_f64(), well.as_secs_f64());
        format!("| {component} | {what} | {check} | {state} | {reason} | {after:.0} s | {well:.0} s |")
    }

    /// Ends it, and waits until all is well; gives how long that took.
    #[track_caller]
    pub fn ends(&self, looks: &Looks<'_>) -> Duration {
        looks.host.ok(&self.end);
        looks.are_well()
    }

    /// The line of the unit's journal that must be there.
    fn said_by<'a>(&self, trouble: &'a Trouble) -> Option<&'a String> {
        let said = self.journal?;
        trouble.journal.iter().find(|line| line.contains(said))
    }

    #[track_caller]
    fn is_told(&self, looks: &Looks<'_>, begun: Instant) -> Trouble {
        loop {
            let troubles = looks.troubles();
            let is_it = |trouble: &&Trouble| {
                trouble.check.starts_with(self.cause)
                    && trouble.state == self.state
                    && self.words.iter().any(|words| trouble.reason.contains(words))
                    && (self.journal.is_none() || self.said_by(trouble).is_some())
            };
            if let Some(told) = troubles.iter().find(is_it) {
                let (took, limit) = (begun.elapsed(), limit(self.cause));
                assert!(took <= limit, "{}: told after {took:?}, which is later than {limit:?}", self.what);
                return told.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "{}: not told: {troubles:#?}", self.what);
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Gives how many checks fail because of it.
    #[track_caller]
    fn is_the_only_cause(&self, looks: &Looks<'_>, begun: Instant) -> usize {
        loop {
            let troubles = looks.troubles();
            let roots = Looks::roots(&troubles);
            let expected = |root: &&str| self.roots.iter().any(|begin| root.starts_with(begin));
            let are_there = self.roots.iter().all(|begin| roots.iter().any(|root| root.starts_with(begin)));
            if are_there && roots.iter().all(expected) {
                return troubles.iter().filter(|trouble| trouble.because.is_some()).count();
            }
            assert!(begun.elapsed() < PATIENCE, "{}: other causes: {troubles:#?}", self.what);
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}
