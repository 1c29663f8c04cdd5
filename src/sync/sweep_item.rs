//! One zone that a sweep has doubts about: what it lacks is told, and put right.

use super::apply::Applier;
use super::backlog::{Effect, Work};
use super::marks::Marks;
use super::order::{Deed, Fate, SyncedZone};
use super::preview::{Preview, preview};
use super::reference::Target;
use super::sweep::Cause;
use super::wanted::Wanted;
use super::writer::WriterError;
use crate::dns::Name;

/// The zone, and what is to become of it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) zone: Name,
    pub(super) cause: Cause,
    /// How often it was tried.
    pub(super) attempts: u32,
    work: Work,
    /// What of it cannot be published, in words.
    rejected: Vec<String>,
}

/// How it is to be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// The differences are told.
    pub(super) is_shown: bool,
    /// Nothing is written.
    pub(super) is_dry_run: bool,
}

impl Item {
    /// The zone is to be what Odoo has of it. An error, in words: it never can.
    pub(super) fn compare(target: Target, cause: Cause, applier: &Applier) -> Result<Self, String> {
        let (zone, mut work, rejected) = applier.work(target).map_err(|rejection| rejection.text)?;
        // Where only the content is another one, what the memory knows of the zone is enough.
        work.is_to_compare = matches!(cause, Cause::Unknown | Cause::Serial | Cause::Missing);
        Ok(Self { zone, cause, attempts: 0, work, rejected })
    }

    /// The zone is to go.
    pub(super) fn remove(zone: Name, applier: &Applier) -> Self {
        let odoo_id = applier.memory.get(&zone).and_then(|known| known.odoo_id);
        let work = Work {
            wanted: Wanted::Gone,
            version: None,
            odoo_id,
            is_to_mark: false,
            is_to_compare: true,
            sources: Vec::new(),
        };
        Self { zone, cause: Cause::Content, attempts: 0, work, rejected: Vec::new() }
    }

    /// Does it, and tells what there is to tell: nothing, where the zone is as it should be. An error is a passing failure, in
    /// words.
    pub(super) async fn carry_out(
        &self,
        manner: Manner,
        applier: &mut Applier,
        marks: &Marks,
    ) -> Result<Option<SyncedZone>, String> {
        let mut seen = None;
        if manner.is_shown && self.cause != Cause::Note {
            match preview(&applier.writer, &self.zone, &self.work.wanted).await {
                Ok(preview) => seen = preview,
                Err(WriterError::Transient(text)) => return Err(text),
                Err(WriterError::Permanent(rejection)) => {
                    return Ok(Some(self.told(None, Fate::Failed, vec![rejection.text])));
                }
            }
        }
        let (is_changed, refused) = if manner.is_dry_run {
            (seen.is_some(), Vec::new())
        } else {
            let written = applier.write(&self.zone, &self.work).await?;
            let refused = written.refused.map(|(_, texts)| texts).unwrap_or_default();
            if let Some(id) = self.work.odoo_id.filter(|_| self.work.is_to_mark && refused.is_empty()) {
                marks.applied(id);
            }
            (written.effect == Effect::Changed, refused)
        };
        let reasons = [&refused[..], &self.rejected[..]].concat();
        let fate = match (reasons.is_empty(), is_changed, manner.is_dry_run) {
            (false, ..) => Fate::Failed,
            (true, false, _) => return Ok(None),
            (true, true, true) => Fate::Pending,
            (true, true, false) => Fate::Done,
        };
        Ok(Some(self.told(seen, fate, reasons)))
    }

    /// It is given up.
    pub(super) fn failed(&self, reason: String) -> SyncedZone {
        self.told(None, Fate::Failed, vec![reason])
    }

    fn told(&self, seen: Option<Preview>, fate: Fate, reasons: Vec<String>) -> SyncedZone {
        let deed = if self.work.wanted == Wanted::Gone { Deed::Remove } else { Deed::Change };
        let Preview { deed, changes } = seen.unwrap_or(Preview { deed, changes: Vec::new() });
        let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
        SyncedZone { zone: self.zone.to_string(), deed, fate, changes, reason }
    }
}
