//! When a restart may help: a component that stays failing by itself while its unit is active, and how often that may be
//! tried. Pure: the agent decides by it whom to ask for, and root's service whether it does it.

use std::time::{Duration, Instant};

use super::check::State;
use super::report::{Entry, Report};
use crate::config::repair::RepairTable;

/// Without room on the disk no restart helps, and some do harm.
const DISK: &str = "host disk";

/// How often a component may be restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So often …
    pub at_most: u32,
    /// … within so long.
    pub within: Duration,
    /// And so long between two.
    pub apart: Duration,
}

impl From<&RepairTable> for Limits {
    fn from(table: &RepairTable) -> Self {
        Self {
            at_most: table.at_most,
            within: Duration::from_secs(table.within_seconds),
            apart: Duration::from_secs(table.apart_seconds),
        }
    }
}

impl Limits {
    /// How many of the restarts that are so old count.
    pub fn recent(&self, ages: &[Duration]) -> u32 {
        let recent = ages.iter().filter(|age| **age < self.within).count();
        u32::try_from(recent).unwrap_or(u32::MAX)
    }

    /// Why there may be none now, after restarts that are so old.
    pub fn refusal(&self, ages: &[Duration]) -> Option<String> {
        let count = self.recent(ages);
        if count >= self.at_most {
            return Some(format!("{} are used up: restarts do not cure it", self.words(count)));
        }
        let last = ages.iter().min().filter(|age| **age < self.apart)?;
        let (last, apart) = (span(*last), span(self.apart));
        Some(format!("the last restart was {last} ago, and two are at least {apart} apart"))
    }

    /// "2 of 3 within 60 min".
    pub fn words(&self, count: u32) -> String {
        format!("{count} of {} within {}", self.at_most, span(self.within))
    }
}

fn span(duration: Duration) -> String {
    match duration.as_secs() {
        short @ 0..120 => format!("{short} s"),
        long => format!("{} min", long / 60),
    }
}

/// What is to be thought of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// It does what it should.
    None,
    /// It fails, and not for long enough.
    Wait,
    /// It fails, and a restart would not help, or is not ours to do.
    Hopeless(String),
    /// It has failed for long enough: in words what fails, and why.
    Restart(String),
}

/// Whether `component` needs a restart of `unit` at `now`, having failed for `after`, and that since `begin`, where its last
/// restart began later.
pub fn need(
    report: &Report,
    component: &str,
    unit: &str,
    after: Duration,
    begin: Option<Instant>,
    now: Instant,
) -> Need {
    let own = || report.checks.iter().filter(|entry| entry.component == component);
    let Some(of_unit) = own().find(|entry| entry.unit() == Some(unit)) else {
        return Need::Hopeless(format!("{unit} is not watched"));
    };
    // Not systemd's own matter: what has ended it restarts, what somebody has stopped stays stopped.
    if of_unit.state != State::Ok {
        return Need::Hopeless(format!("{} is {}", of_unit.name, of_unit.state.as_str()));
    }
    let failing: Vec<&Entry> =
        own().filter(|entry| entry.state == State::Failing && entry.unit().is_none()).collect();
    let Some(first) = failing.first() else { return Need::None };
    if let Some(disk) = report.entry(DISK).filter(|disk| disk.state == State::Failing) {
        return Need::Hopeless(format!("{} is failing", disk.name));
    }
    let by_itself: Vec<&&Entry> = failing.iter().filter(|entry| entry.because.is_none()).collect();
    if by_itself.is_empty() {
        let cause = first.because.as_deref().unwrap_or_default();
        return Need::Hopeless(format!("{} fails because of {cause}", first.name));
    }
    let Some(oldest) = by_itself.iter().filter(|entry| !entry.is_lasting()).min_by_key(|entry| entry.began())
    else {
        return Need::Hopeless(format!("a restart does not change what {} says", first.name));
    };
    let begin = begin.map_or(oldest.began(), |begin| begin.max(oldest.began()));
    if now.saturating_duration_since(begin) < after {
        return Need::Wait;
    }
    let reason = oldest.reason.as_deref().unwrap_or("without a reason");
    Need::Restart(format!("{} fails: {reason}", oldest.name))
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::super::report::tests::{Named, report};
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const AFTER: Duration = Duration::from_secs(180);

    fn node() -> Report {
        let mut report = report(&[
            Named("host disk", "host", None),
            Named("unit postgresql@16-main.service", "postgresql", Some("postgresql@16-main.service")),
            Named("postgresql sql", "postgresql", None),
            Named("unit odoo.service", "odoo", Some("odoo.service")),
            Named("odoo http", "odoo", None),
            Named("odoo more", "odoo", None),
        ]);
        let names: Vec<String> = report.checks.iter().map(|entry| entry.name.clone()).collect();
        for name in names {
            report.note(&name, Outcome::ok());
        }
        report
    }

    fn later(report: &Report, by: Duration) -> Need {
        need(report, "odoo", "odoo.service", AFTER, None, Instant::now() + by)
    }

    fn is_hopeless(report: &Report, why: &str) {
        let Need::Hopeless(said) = later(report, AFTER) else { panic!("{:?}", later(report, AFTER)) };
        assert_eq!(said, why);
    }

    #[test]
    fn what_stays_failing_while_its_unit_is_up_is_restarted() {
        let mut report = node();
        assert_eq!(later(&report, AFTER), Need::None);
        report.note("odoo http", Outcome::failing("no answer within 20 s"));
        assert_eq!(later(&report, Duration::ZERO), Need::Wait);
        assert_eq!(later(&report, AFTER - MINUTE), Need::Wait);
        let expected = Need::Restart("odoo http fails: no answer within 20 s".into());
        assert_eq!(later(&report, AFTER), expected);
        // Another reason is no break, and a check that joins in no new beginning.
        report.note("odoo http", Outcome::failing("connection refused"));
        report.note("odoo more", Outcome::failing("the same"));
        assert_eq!(later(&report, AFTER), Need::Restart("odoo http fails: connection refused".into()));
        // A restart that did not help is given its time.
        let now = Instant::now() + AFTER;
        let begun = |ago| need(&report, "odoo", "odoo.service", AFTER, Some(now - ago), now);
        assert_eq!(begun(MINUTE), Need::Wait);
        assert!(matches!(begun(AFTER), Need::Restart(_)));
        // What works in between begins anew.
        report.note("odoo more", Outcome::ok());
        report.note("odoo http", Outcome::degraded("slow"));
        assert_eq!(later(&report, AFTER), Need::None);
        assert!(matches!(need(&report, "nginx", "nginx.service", AFTER, None, now), Need::Hopeless(_)));
    }

    #[test]
    fn where_a_restart_would_not_help_there_is_none() {
        let mut report = node();
        report.note("odoo http", Outcome::failing("no answer"));
        report.note("unit odoo.service", Outcome::failing("inactive (dead)"));
        is_hopeless(&report, "unit odoo.service is failing");
        report.note("unit odoo.service", Outcome::degraded("it ended by itself"));
        is_hopeless(&report, "unit odoo.service is degraded");
        report.note("unit odoo.service", Outcome::ok());
        report.note("postgresql sql", Outcome::failing("no answer"));
        is_hopeless(&report, "odoo http fails because of postgresql sql");
        report.note("postgresql sql", Outcome::ok());
        report.note("host disk", Outcome::failing("full"));
        is_hopeless(&report, "host disk is failing");
        report.note("host disk", Outcome::ok());
        report.note("odoo http", Outcome::failing("the certificate has expired").lasting());
        is_hopeless(&report, "a restart does not change what odoo http says");
        // Beside it something fails that a restart may cure.
        report.note("odoo more", Outcome::failing("no answer"));
        assert_eq!(later(&report, AFTER), Need::Restart("odoo more fails: no answer".into()));
    }

    #[test]
    fn restarts_are_few_and_far_between() {
        let limits = Limits { at_most: 3, within: 60 * MINUTE, apart: 10 * MINUTE };
        let refusal = |ages: &[u32]| {
            let ages: Vec<Duration> = ages.iter().map(|age| MINUTE * *age).collect();
            limits.refusal(&ages)
        };
        assert_eq!(refusal(&[]), None);
        assert_eq!(refusal(&[10]), None);
        let expected = "the last restart was 9 min ago, and two are at least 10 min apart";
        assert_eq!(refusal(&[30, 9]).as_deref(), Some(expected));
        let expected = "3 of 3 within 60 min are used up: restarts do not cure it";
        assert_eq!(refusal(&[59, 30, 11]).as_deref(), Some(expected));
        assert_eq!(refusal(&[60, 30, 11]), None);
        assert_eq!(limits.recent(&[MINUTE, 59 * MINUTE, 61 * MINUTE]), 2);
        let none = Limits { at_most: 0, ..limits };
        assert!(none.refusal(&[]).is_some());
    }
}
