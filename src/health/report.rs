//! The state of every check at one moment, what each comes from, and the state of all of them together.

use std::time::{Instant, SystemTime};

use super::attempt::Repair;
use super::causes::{self, Node};
use super::check::{Check, Outcome, State};
use super::damping::Damping;
use super::measure::Measure;

/// What the entries are a part of that no check looks for: the agent tells of them when there is something to tell.
pub const OF_AGENT: &str = "agent";

/// One check's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The check.
    pub name: String,
    /// What it is a part of: a component as hams.toml names it, or "host", or [`OF_AGENT`].
    pub component: String,
    /// How it is.
    pub state: State,
    /// Since when it has been so.
    pub since: SystemTime,
    /// Why.
    pub reason: Option<String>,
    /// The name of the check that is the cause, where it is another one.
    pub because: Option<String>,
    /// When it was last asked; none before the first time.
    pub checked: Option<SystemTime>,
    /// When it was last `ok`.
    pub last_ok: Option<SystemTime>,
    /// What it counted when it was last asked.
    pub measures: Vec<Measure>,
    /// What its unit said last in the journal, the newest line at the end, since it fails.
    pub journal: Vec<String>,
    unit: Option<String>,
    needs: Vec<String>,
    is_certain: bool,
    damping: Damping,
    /// The same as `since`, by a clock that never jumps.
    began: Instant,
    is_lasting: bool,
}

impl Entry {
    /// A check that nobody has asked yet.
    pub fn of(check: &dyn Check) -> Self {
        Self {
            unit: check.unit().map(str::to_owned),
            needs: check.needs().to_vec(),
            is_certain: check.is_certain(),
            ..Self::new(check.name(), check.component())
        }
    }

    /// The systemd unit that it looks at, if that is what it does.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// When its state began.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Whether a restart of its component would not change what it says.
    pub fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    fn node(&self) -> Node<'_> {
        Node {
            name: &self.name,
            component: &self.component,
            state: self.state,
            is_unit: self.unit.is_some(),
            needs: &self.needs,
        }
    }

    fn new(name: &str, component: &str) -> Self {
        Self {
            name: name.to_owned(),
            component: component.to_owned(),
            state: State::Unknown,
            since: SystemTime::now(),
            reason: Some("not asked yet".to_owned()),
            because: None,
            checked: None,
            last_ok: None,
            measures: Vec::new(),
            journal: Vec::new(),
            unit: None,
            needs: Vec::new(),
            is_certain: true,
            damping: Damping::default(),
            began: Instant::now(),
            is_lasting: false,
        }
    }
}

/// Every check's state, in the order in which they were added.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// One entry a check.
    pub checks: Vec<Entry>,
    /// What was done about some of them; one a component that may be restarted.
    pub repairs: Vec<Repair>,
}

impl Report {
    /// A report in which nothing has been asked yet.
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a dyn Check>) -> Self {
        Self { checks: checks.into_iter().map(Entry::of).collect(), repairs: Vec::new() }
    }

    /// Takes note of something that no check looks for: the agent's own matters.
    pub fn add(&mut self, name: &str, outcome: Outcome) {
        if self.entry(name).is_none() {
            self.checks.push(Entry::new(name, OF_AGENT));
        }
        self.note(name, outcome);
    }

    /// Forgets it.
    pub fn remove(&mut self, name: &str) {
        self.checks.retain(|entry| entry.name != name);
        self.find_causes();
    }

    /// The entry of that name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.checks.iter().find(|entry| entry.name == name)
    }

    /// Takes note of an outcome, damped; true if what is told of the check is another state than before.
    pub fn note(&mut self, name: &str, outcome: Outcome) -> bool {
        let now = SystemTime::now();
        let Some(entry) = self.checks.iter_mut().find(|entry| entry.name == name) else { return false };
        let outcome = entry.damping.settle(outcome, entry.is_certain, Instant::now());
        let is_change = entry.state != outcome.state;
        if is_change {
            (entry.since, entry.began) = (now, Instant::now());
        }
        if outcome.state == State::Ok {
            entry.last_ok = Some(now);
        }
        if outcome.state != State::Failing {
            entry.journal.clear();
        }
        entry.state = outcome.state;
        entry.reason = outcome.reason;
        entry.measures = outcome.measures;
        entry.is_lasting = outcome.is_lasting;
        entry.checked = Some(now);
        self.find_causes();
        is_change
    }

    /// The places of the checks that are worth a look before their time while this one fails: those of what it needs.
    pub fn needed(&self, place: usize) -> Vec<usize> {
        causes::needed(&self.nodes(), place)
    }

    /// The unit whose journal tells more of a failing check: its own, or that of its component. `None` for one that does
    /// not fail by itself.
    pub fn unit_of_cause(&self, name: &str) -> Option<&str> {
        let entry =
            self.entry(name).filter(|entry| entry.state == State::Failing && entry.because.is_none())?;
        let of_component = || {
            let mut others = self.checks.iter().filter(|other| other.component == entry.component);
            others.find_map(|other| other.unit.as_deref())
        };
        entry.unit.as_deref().or_else(of_component)
    }

    /// Keeps what the unit of a failing check has said.
    pub fn quote(&mut self, name: &str, journal: Vec<String>) {
        if let Some(entry) = self.checks.iter_mut().find(|entry| entry.name == name) {
            entry.journal = if entry.state == State::Failing { journal } else { Vec::new() };
        }
    }

    /// The name of the failing check that keeps somebody waiting who needs these components, the first one of them first.
    pub fn cause_among(&self, components: &[&str]) -> Option<&str> {
        let nodes = self.nodes();
        let found = causes::first_failing(&nodes, components)?;
        let root = causes::causes(&nodes).get(found).copied().flatten().unwrap_or(found);
        nodes.get(root).map(|node| node.name)
    }

    /// The worst state there is; `ok` if there are no checks.
    pub fn state(&self) -> State {
        self.checks.iter().map(|entry| entry.state).max().unwrap_or(State::Ok)
    }

    fn nodes(&self) -> Vec<Node<'_>> {
        self.checks.iter().map(Entry::node).collect()
    }

    fn find_causes(&mut self) {
        let nodes = self.nodes();
        let causes = causes::causes(&nodes);
        let names: Vec<_> = causes.iter().map(|cause| Some(nodes.get((*cause)?)?.name.to_owned())).collect();
        for (entry, because) in self.checks.iter_mut().zip(names) {
            entry.because = because;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::host::BoxFuture;

    /// A check that is never asked: what it would find is noted by hand.
    pub(crate) struct Named(
        pub(crate) &'static str,
        pub(crate) &'static str,
        pub(crate) Option<&'static str>,
    );

    impl Check for Named {
        fn name(&self) -> &str {
            self.0
        }
        fn component(&self) -> &str {
            self.1
        }
        fn unit(&self) -> Option<&str> {
            self.2
        }
        fn is_certain(&self) -> bool {
            true
        }
        fn run(&self) -> BoxFuture<'_, Outcome> {
            Box::pin(async { Outcome::ok() })
        }
    }

    /// A report of such checks, none of which has been asked.
    pub(crate) fn report(checks: &[Named]) -> Report {
        Report::of(checks.iter().map(|check| check as &dyn Check))
    }

    #[test]
    fn the_worst_counts_and_changes_are_told() {
        let mut report = report(&[Named("a", "host", None), Named("b", "host", None)]);
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

    #[test]
    fn causes_and_journals_come_and_go() {
        let mut report = report(&[
            Named("unit pdns.service", "powerdns", Some("pdns.service")),
            Named("powerdns api", "powerdns", None),
        ]);
        report.note("unit pdns.service", Outcome::ok());
        report.note("powerdns api", Outcome::failing("no answer"));
        assert_eq!(report.unit_of_cause("powerdns api"), Some("pdns.service"), "it hangs");
        assert_eq!(report.cause_among(&["rabbitmq", "powerdns"]), Some("powerdns api"));
        report.note("unit pdns.service", Outcome::failing("failed"));
        let because = |report: &Report| report.entry("powerdns api").unwrap().because.clone();
        assert_eq!(because(&report).as_deref(), Some("unit pdns.service"));
        assert_eq!(report.unit_of_cause("powerdns api"), None);
        assert_eq!(report.cause_among(&["rabbitmq", "powerdns"]), Some("unit pdns.service"));
        report.quote("unit pdns.service", vec!["out of memory".into()]);
        assert_eq!(report.entry("unit pdns.service").unwrap().journal, ["out of memory"]);
        report.note("unit pdns.service", Outcome::ok());
        assert_eq!(report.entry("unit pdns.service").unwrap().journal, Vec::<String>::new());
        assert_eq!(because(&report), None);
        assert_eq!(report.cause_among(&["rabbitmq"]), None);
    }
}
