//! One sweep under way, or the comparison of one zone: takes what is read as it comes, has it judged, and carries out what
//! follows, one zone a step. It reads on only when it has nothing left to do, so that it holds a few parts of Odoo's list.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tracing::{info, warn};

use super::apply::Applier;
use super::finding::{Finding, Page, Scope, Summary};
use super::marks::Marks;
use super::memory::{Known, State};
use super::odoo::Odoo;
use super::odoo_stamp::Stamp;
use super::order::{Deed, Fate, SyncLine, SyncOrder, SyncProgress, SyncSummary, SyncedZone};
use super::outage::Outage;
use super::powerdns::PowerDns;
use super::powerdns_list::Listed;
use super::reference::Target;
use super::sweep::{Cause, Drift, Orphans, Sweep};
use super::sweep_item::{Item, Manner};
use super::sweep_read::{read, reread};
use crate::dns::Name;

/// Zones of a page that are judged in one go: an event waits for no more than these.
const SLICE: usize = 16;
/// The same of PowerDNS's list.
const LIST_SLICE: usize = 1000;
/// A zone is tried so often.
const ATTEMPTS: u32 = 2;
/// So many zones one after the other that cannot be written: it is not the zones.
const SETBACKS: u32 = 3;
/// What cannot be done for other reasons than a zone's content: so many are told in words.
const NOTES: usize = 10;

/// What a sweep reads.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) odoo: Odoo,
    pub(super) powerdns: PowerDns,
}

/// What a step works with.
pub(super) struct Tools<'a, W> {
    pub(super) applier: &'a mut Applier,
    pub(super) marks: &'a Marks,
    /// Whether an event of that zone waits.
    pub(super) is_wanted: W,
    /// Of writes by sweeps.
    pub(super) outage: &'a mut Outage,
}

/// How a sweep has ended. An error, in words: it came to nothing.
pub(super) type Outcome = Result<(), String>;

/// A sweep under way.
pub(super) struct Run {
    /// What it reads; `None`: one zone.
    pub(super) scope: Option<Scope>,
    pub(super) order: Option<SyncOrder>,
    pub(super) tally: SyncSummary,
    /// What Odoo had when it was read.
    pub(super) newest: Option<Stamp>,
    /// Zones read so far, and of how many.
    pub(super) read: u64,
    pub(super) of: u64,
    source: Source,
    /// `Touched` counts from here.
    begun: u64,
    /// Judges what the first reading finds; what comes after it was asked for, and is compared.
    sweep: Option<Sweep>,
    findings: mpsc::Receiver<Finding>,
    finding: Option<Finding>,
    /// What is left of PowerDNS's list.
    listed: Option<std::vec::IntoIter<Listed>>,
    targets: VecDeque<Target>,
    items: VecDeque<Item>,
    /// Zones that PowerDNS does not have as they were applied, by their ids in Odoo.
    drifts: Vec<u64>,
    notes: Vec<String>,
    setbacks: u32,
    outcome: Option<Outcome>,
    /// Lines that the one who gave the order has not taken yet.
    outbox: VecDeque<SyncLine>,
    is_told: bool,
}

impl Run {
    /// A sweep of all that `scope` says.
    pub(super) fn sweep(
        source: &Source,
        scope: Scope,
        sweep: Sweep,
        order: Option<SyncOrder>,
        begun: u64,
    ) -> Self {
        let (out, findings) = mpsc::channel(1);
        let (Source { mut odoo, powerdns }, wanted) = (source.clone(), scope.clone());
        tokio::spawn(async move { read(&wanted, &mut odoo, &powerdns, out).await });
        Self { scope: Some(scope), sweep: Some(sweep), ..Self::new(source, findings, order, begun) }
    }

    /// A full sweep of what comes out of `findings`.
    #[cfg(test)]
    pub(super) fn fed(source: &Source, sweep: Sweep, findings: mpsc::Receiver<Finding>, begun: u64) -> Self {
        Self { scope: Some(Scope::Full), sweep: Some(sweep), ..Self::new(source, findings, None, begun) }
    }

    /// The comparison of one zone.
    pub(super) fn one(source: &Source, zone: Name, order: SyncOrder, begun: u64) -> Self {
        let findings = start_rereading(source, Vec::new(), vec![zone]);
        Self::new(source, findings, Some(order), begun)
    }

    fn new(source: &Source, findings: mpsc::Receiver<Finding>, order: Option<SyncOrder>, begun: u64) -> Self {
        let dry_run = order.as_ref().is_some_and(|order| order.is_dry_run);
        Self {
            scope: None,
            order,
            tally: SyncSummary { dry_run, ..SyncSummary::default() },
            newest: None,
            read: 0,
            of: 0,
            source: source.clone(),
            begun,
            sweep: None,
            findings,
            finding: None,
            listed: None,
            targets: VecDeque::new(),
            items: VecDeque::new(),
            drifts: Vec::new(),
            notes: Vec::new(),
            setbacks: 0,
            outcome: None,
            outbox: VecDeque::new(),
            is_told: false,
        }
    }

    /// Whether a step would do something at once.
    pub(super) fn has_work(&self, outage: &Outage) -> bool {
        if self.is_unwanted() {
            return true;
        }
        if !self.outbox.is_empty() {
            return false;
        }
        let has_read = self.listed.is_some() || !self.targets.is_empty() || self.finding.is_some();
        if self.items.is_empty() { has_read || self.outcome.is_some() } else { outage.may_try() }
    }

    /// Whoever gave the order has gone.
    fn is_unwanted(&self) -> bool {
        self.order.as_ref().is_some_and(|order| order.lines.is_closed())
    }

    /// How it has ended, once all is done and told.
    pub(super) fn ended(&self) -> Option<Outcome> {
        if self.is_unwanted() {
            return Some(Err("whoever gave the order has gone".into()));
        }
        self.outcome.clone().filter(|_| self.is_told && self.outbox.is_empty())
    }

    /// Waits for what the next step needs. Nothing is lost if it is not waited for.
    pub(super) async fn wait(&mut self) {
        let lines = self.order.as_ref().map(|order| &order.lines);
        let unwanted = async {
            match lines {
                Some(lines) => lines.closed().await,
                None => std::future::pending().await,
            }
        };
        let is_full = !self.outbox.is_empty();
        let room = async {
            match lines.filter(|_| is_full) {
                Some(lines) => drop(lines.reserve().await),
                None => std::future::pending().await,
            }
        };
        let is_busy = is_full || !self.items.is_empty() || self.listed.is_some() || !self.targets.is_empty();
        tokio::select! {
            () = unwanted => {}
            () = room => {}
            finding = self.findings.recv(), if !is_busy && self.finding.is_none() && self.outcome.is_none() => {
                let cut = || Finding::End(Err("the reading was cut short".into()));
                self.finding = Some(finding.unwrap_or_else(cut));
            }
        }
        self.post();
    }

    /// Does the next thing: at most one zone is written.
    pub(super) async fn step<W: Fn(&Name) -> bool>(&mut self, tools: &mut Tools<'_, W>) {
        if let Some(item) = self.items.pop_front() {
            self.carry_out(item, tools).await;
        } else if self.listed.is_some() {
            self.list(tools.applier);
        } else if !self.targets.is_empty() {
            self.judge(tools.applier);
        } else if let Some(finding) = self.finding.take() {
            self.take(finding, tools.applier);
        } else if let (Some(outcome), false) = (&self.outcome, self.is_told) {
            self.is_told = true;
            self.tally.reason = (!self.notes.is_empty()).then(|| self.notes.join("\n"));
            let last = match outcome {
                Ok(()) => SyncLine::Summary(self.tally.clone()),
                Err(words) => SyncLine::Error(words.clone()),
            };
            self.tell(last);
        }
        self.post();
    }

    async fn carry_out<W: Fn(&Name) -> bool>(&mut self, mut item: Item, tools: &mut Tools<'_, W>) {
        // What an event has brought since, or will bring, is newer than what was read.
        if tools.applier.touched.is_after(&item.zone, self.begun) || (tools.is_wanted)(&item.zone) {
            return;
        }
        let manner = Manner { is_shown: self.order.is_some(), is_dry_run: self.tally.dry_run };
        match item.carry_out(manner, tools.applier, tools.marks).await {
            Ok(told) => {
                // A note alone says nothing about PowerDNS.
                if item.cause != Cause::Note {
                    self.setbacks = 0;
                    tools.outage.passed();
                }
                if let Some(zone) = told {
                    self.log(&zone, item.cause);
                    self.tell_zone(zone);
                }
            }
            Err(text) => {
                item.attempts += 1;
                self.setbacks += 1;
                tools.outage.failed(text.clone());
                if item.attempts >= ATTEMPTS {
                    let zone = item.failed(text.clone());
                    self.log(&zone, item.cause);
                    self.tell_zone(zone);
                } else {
                    // Behind the others: whatever is wrong with it may be wrong with it alone.
                    self.items.push_back(item);
                }
                if self.setbacks >= SETBACKS {
                    self.fail(text);
                }
            }
        }
    }

    fn list(&mut self, applier: &mut Applier) {
        let (Some(listed), Some(sweep)) = (&mut self.listed, &mut self.sweep) else { return };
        let mut drifts = sweep.list(listed.by_ref().take(LIST_SLICE), |zone| applier.memory.get(zone));
        if listed.len() == 0 {
            self.listed = None;
            drifts.extend(sweep.end_list(applier.memory.iter()));
        }
        for drift in drifts {
            if !applier.touched.is_after(&drift.zone, self.begun) {
                self.take_drift(drift, applier);
            }
        }
    }

    fn judge(&mut self, applier: &Applier) {
        let slice: Vec<Target> = self.targets.drain(..SLICE.min(self.targets.len())).collect();
        let suspects = match &mut self.sweep {
            None => slice.into_iter().map(|target| (target, Cause::Serial)).collect::<Vec<_>>(),
            Some(sweep) => {
                let page = Page { targets: slice, ..Page::default() };
                let known = |zone: &Name| applier.memory.get(zone);
                let compared =
                    sweep.page(page, known, |target: &Target, known: &Known| applier.agrees(target, known));
                self.note(compared.unusable);
                compared.suspects.into_iter().map(|suspect| (suspect.target, suspect.cause)).collect()
            }
        };
        for (target, cause) in suspects {
            if self.tally.dry_run && cause == Cause::Note {
                continue;
            }
            match Item::compare(target, cause, applier) {
                Ok(item) => self.items.push_back(item),
                Err(words) => self.note(vec![words]),
            }
        }
    }

    fn take(&mut self, finding: Finding, applier: &mut Applier) {
        match finding {
            Finding::Listed(listing) => {
                if let Some(sweep) = &mut self.sweep {
                    sweep.begin_list(listing.owned.len());
                    self.listed = Some(listing.owned.into_iter());
                }
            }
            Finding::Page(page) => {
                self.note(page.unusable);
                self.targets.extend(page.targets);
                if page.read > 0 {
                    (self.read, self.of) = (page.read, page.of);
                    self.tell(SyncLine::Progress(SyncProgress { read: page.read, of: page.of }));
                }
            }
            Finding::Gone(zones) => zones.into_iter().for_each(|zone| self.take_gone(zone, applier)),
            Finding::End(Err(words)) => self.fail(words),
            Finding::End(Ok(summary)) => self.end_reading(summary, applier),
        }
    }

    fn take_drift(&mut self, drift: Drift, applier: &mut Applier) {
        match drift.odoo_id {
            Some(id) => self.drifts.push(id),
            // Of the state form: what it should hold stood in a message.
            None => {
                let reason = "PowerDNS does not have it as its last message said, and Odoo does not know it: publish it again";
                let zone = SyncedZone {
                    zone: drift.zone.to_string(),
                    deed: Deed::Change,
                    fate: Fate::Failed,
                    changes: Vec::new(),
                    reason: Some(reason.to_owned()),
                };
                self.log(&zone, drift.cause);
                self.tell_zone(zone);
                if !self.tally.dry_run {
                    applier.forget(&drift.zone);
                }
            }
        }
    }

    fn take_gone(&mut self, zone: Name, applier: &Applier) {
        let known = applier.memory.get(&zone);
        let is_by_state = known.is_some_and(|known| known.odoo_id.is_none() && known.state != State::Absent);
        if self.scope.is_none() && is_by_state {
            self.fail(format!(
                "Odoo has no zone {zone}; it stays, since a message of the state form brought it"
            ));
            return;
        }
        self.items.push_back(Item::remove(zone, applier));
    }

    fn end_reading(&mut self, summary: Summary, applier: &Applier) {
        let Some(sweep) = self.sweep.take() else {
            if self.scope.is_none() {
                self.tally.zones = 1;
            }
            self.outcome = Some(Ok(()));
            return;
        };
        self.tally.zones = summary.zones;
        self.newest.clone_from(&summary.newest);
        let ending = sweep.end(Ok(summary), |zone| applier.memory.get(zone));
        if let Err(words) = ending.result {
            self.fail(words);
            return;
        }
        if ending.outside > 0 {
            self.notes.push(format!("{} zones of Odoo are not below a managed suffix", ending.outside));
        }
        let names = match ending.orphans {
            Orphans::Remove(zones) => zones,
            Orphans::Held { zones, reason } => {
                warn!("{reason}");
                self.tally.held = zones.len() as u64;
                self.notes.insert(0, reason);
                for zone in zones {
                    let zone = zone.to_string();
                    let (deed, fate) = (Deed::Remove, Fate::Held);
                    self.tell(SyncLine::Zone(SyncedZone { zone, deed, fate, changes: vec![], reason: None }));
                }
                Vec::new()
            }
        };
        let ids = std::mem::take(&mut self.drifts);
        if ids.is_empty() && names.is_empty() {
            self.outcome = Some(Ok(()));
        } else {
            self.findings = start_rereading(&self.source, ids, names);
        }
    }

    fn fail(&mut self, words: String) {
        self.outcome = Some(Err(words));
        self.listed = None;
        self.targets.clear();
        self.items.clear();
        self.finding = None;
    }

    /// What can never be published.
    fn note(&mut self, unusable: Vec<String>) {
        for words in unusable {
            warn!("a sweep passes over it: {words}");
            self.tally.failed += 1;
            if self.notes.len() < NOTES {
                self.notes.push(words);
            }
        }
    }

    fn log(&self, zone: &SyncedZone, cause: Cause) {
        let name = &zone.zone;
        match (zone.fate, zone.deed) {
            (Fate::Failed, _) => {
                warn!(zone = name, "a sweep cannot put it right: {}", zone.reason.as_deref().unwrap_or(""));
            }
            (Fate::Done, Deed::Remove) => info!(zone = name, "removed: Odoo has it no longer"),
            (Fate::Done, _) if matches!(cause, Cause::Serial | Cause::Missing) => {
                info!(zone = name, "put right: PowerDNS did not have it as it was applied");
            }
            _ => {}
        }
    }

    fn tell_zone(&mut self, zone: SyncedZone) {
        match (zone.fate, zone.deed) {
            (Fate::Done | Fate::Pending, Deed::Remove) => self.tally.removed += 1,
            (Fate::Done | Fate::Pending, _) => self.tally.changed += 1,
            (Fate::Failed, _) => self.tally.failed += 1,
            (Fate::Held, _) => self.tally.held += 1,
        }
        self.tell(SyncLine::Zone(zone));
    }

    fn tell(&mut self, line: SyncLine) {
        if self.order.is_some() {
            self.outbox.push_back(line);
        }
    }

    /// Hands over the lines that there is room for.
    fn post(&mut self) {
        let Some(order) = &self.order else { return };
        while let Some(line) = self.outbox.pop_front() {
            if let Err(refused) = order.lines.try_send(line) {
                self.outbox.push_front(refused.into_inner());
                return;
            }
        }
    }
}

fn start_rereading(source: &Source, ids: Vec<u64>, names: Vec<Name>) -> mpsc::Receiver<Finding> {
    let (out, findings) = mpsc::channel(1);
    let mut odoo = source.odoo.clone();
    tokio::spawn(async move { reread(ids, names, &mut odoo, out).await });
    findings
}
