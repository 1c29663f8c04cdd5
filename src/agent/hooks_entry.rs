//! How a hook itself is doing: its entry in the report, and its lines in the journal.

use tokio::sync::watch;
use tracing::{info, warn};

use super::message_ids;
use crate::health::{Outcome, Report};

/// The webhook's name in the report.
pub(super) const WEBHOOK: &str = "webhook";
/// The command's.
pub(super) const COMMAND: &str = "command hook";
/// The heartbeat's.
pub(super) const HEARTBEAT: &str = "heartbeat";
/// All of them.
pub(super) const HOOKS: [&str; 3] = [WEBHOOK, COMMAND, HEARTBEAT];

/// The entry of one hook.
pub(super) struct HookEntry {
    name: &'static str,
    report: watch::Sender<Report>,
    /// Why it last failed; `None` while it works.
    failure: Option<String>,
}

impl HookEntry {
    /// An entry that is well, as nothing has failed yet.
    pub(super) fn new(name: &'static str, report: watch::Sender<Report>) -> Self {
        let entry = Self { name, report, failure: None };
        entry.set(Outcome::ok());
        entry
    }

    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// It does not work, for this reason.
    pub(super) fn failed(&mut self, reason: String) {
        if self.failure.as_ref() == Some(&reason) {
            return;
        }
        let hook = self.name;
        warn!(message_id = message_ids::HOOK_FAILED, hook, "{hook}: {reason}");
        self.set(Outcome::degraded(reason.clone()));
        self.failure = Some(reason);
    }

    /// It works.
    pub(super) fn works(&mut self) {
        if self.failure.take().is_some() {
            let hook = self.name;
            info!(message_id = message_ids::HOOK_WORKS, hook, "{hook}: works again");
            self.set(Outcome::ok());
        }
    }

    fn set(&self, outcome: Outcome) {
        self.report.send_modify(|report| report.add(self.name, outcome));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::State;

    #[test]
    fn only_what_is_new_is_told() {
        let (report, mut seen) = watch::channel(Report::default());
        let mut entry = HookEntry::new(WEBHOOK, report);
        assert_eq!(seen.borrow_and_update().state(), State::Ok);
        entry.works();
        assert!(!seen.has_changed().unwrap());
        entry.failed("away".into());
        assert_eq!(seen.borrow_and_update().checks[0].reason.as_deref(), Some("away"));
        entry.failed("away".into());
        assert!(!seen.has_changed().unwrap());
        entry.works();
        assert_eq!(seen.borrow_and_update().state(), State::Ok);
    }
}
