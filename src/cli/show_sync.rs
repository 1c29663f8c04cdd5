//! How a sync looks: a bar on a terminal, a line now and then elsewhere; zones with their differences.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::screen::Screen;
use crate::sync::{Deed, Fate, SyncProgress, SyncedZone};

/// How far the reading has come.
pub(super) struct Bar {
    screen: Screen,
    bar: Option<ProgressBar>,
    /// Off a terminal: the fifths of the way that were said.
    said: u64,
}

impl Bar {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, bar: None, said: 0 }
    }

    pub(super) fn take(&mut self, SyncProgress { read, of }: SyncProgress) {
        if !self.screen.is_terminal() {
            // A line for every fifth of the way.
            let fifth = read.saturating_mul(5).checked_div(of).unwrap_or(5);
            if fifth > self.said {
                self.said = fifth;
                self.screen.say(&format!("{read} of {of} zones read"));
            }
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(of);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {pos} of {len} zones") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_length(of);
        bar.set_position(read);
    }

    /// Prints without tearing the bar.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A zone and what it lacks, its differences indented below it.
pub(super) fn zone_words(zone: &SyncedZone) -> Vec<String> {
    let deed = match (zone.fate, zone.deed) {
        (Fate::Done, Deed::Create) => "created",
        (Fate::Done, Deed::Change) => "changed",
        (Fate::Done, Deed::Remove) => "removed",
        (Fate::Pending, Deed::Create) => "would be created",
        (Fate::Pending, Deed::Change) => "would be changed",
        (Fate::Pending, Deed::Remove) => "would be removed",
        (Fate::Held, _) => "kept, though Odoo does not have it",
        (Fate::Failed, Deed::Create) => "cannot be created",
        (Fate::Failed, Deed::Change) => "cannot be changed as it should",
        (Fate::Failed, Deed::Remove) => "cannot be removed",
    };
    let reason = zone.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let head = format!("{} {deed}{reason}", zone.zone);
    std::iter::once(head).chain(zone.changes.iter().map(|line| format!("  {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_with_its_differences() {
        let zone = SyncedZone {
            zone: "a.u.hams.test.".into(),
            deed: Deed::Change,
            fate: Fate::Pending,
            changes: vec![
                "- www.a.u.hams.test. 300 A 192.0.2.1".into(),
                "+ www.a.u.hams.test. 300 A 192.0.2.2".into(),
            ],
            reason: None,
        };
        assert_eq!(
            zone_words(&zone),
            [
                "a.u.hams.test. would be changed",
                "  - www.a.u.hams.test. 300 A 192.0.2.1",
                "  + www.a.u.hams.test. 300 A 192.0.2.2",
            ]
        );
        let failed = SyncedZone {
            fate: Fate::Failed,
            deed: Deed::Create,
            changes: vec![],
            reason: Some("it belongs to another".into()),
            ..zone
        };
        assert_eq!(zone_words(&failed), ["a.u.hams.test. cannot be created: it belongs to another"]);
    }
}
