//! Which sweep runs when: those of the schedule, and before them those that an operator orders. One at a time; an order for
//! one zone makes the sweep under way pause, one for all zones takes its place.

use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::apply::Applier;
use super::finding::Scope;
use super::marks::Marks;
use super::order::{SyncLine, SyncOrder, Which};
use super::outage::{Outage, far};
use super::progress::{SweepPhase, SweepProgress, SweepResult};
use super::schedule::{Next, Schedule, SweepTimes, local_seconds};
use super::sweep::{Caps, Sweep};
use super::sweep_run::{Run, Source, Tools};
use crate::dns::Name;

/// What sweeps go by.
#[derive(Debug)]
pub struct SweepSettings {
    /// When they come.
    pub times: SweepTimes,
    /// How much one may remove.
    pub caps: Caps,
    /// Where orders come from.
    pub orders: mpsc::Receiver<SyncOrder>,
}

/// All sweeps of one agent.
pub(super) struct Sweeper {
    /// `None`: this node knows no Odoo, so that nothing can be compared.
    source: Option<Source>,
    managed: Vec<Name>,
    caps: Caps,
    schedule: Schedule,
    orders: mpsc::Receiver<SyncOrder>,
    order: Option<SyncOrder>,
    run: Option<Run>,
    /// A sweep that waits for the order under way.
    paused: Option<Run>,
    outage: Outage,
    /// When the schedule is asked next.
    next: Instant,
    progress: SweepProgress,
}

impl Sweeper {
    pub(super) fn new(settings: SweepSettings, source: Option<Source>, managed: Vec<Name>) -> Self {
        let now = Instant::now();
        let phase = if source.is_some() { SweepPhase::Waiting } else { SweepPhase::Off };
        Self {
            source,
            managed,
            caps: settings.caps,
            // Without random numbers it is the hour itself, which is right as well.
            schedule: Schedule::new(settings.times, now, getrandom::u32().unwrap_or(0)),
            orders: settings.orders,
            order: None,
            run: None,
            paused: None,
            outage: Outage::default(),
            next: now,
            progress: SweepProgress { phase, ..SweepProgress::default() },
        }
    }

    /// What its writes wait for.
    pub(super) fn outage(&self) -> &Outage {
        &self.outage
    }

    /// For those who watch.
    pub(super) fn progress(&self) -> &SweepProgress {
        &self.progress
    }

    /// Whether a sweep is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.run.is_some()
    }

    /// Whether a step would do something at once.
    pub(super) fn has_work(&self) -> bool {
        let is_ordered = |run: &Run| run.order.is_some();
        if self.order.is_some() && !self.run.as_ref().is_some_and(is_ordered) {
            return true;
        }
        match &self.run {
            Some(run) => run.has_work(&self.outage),
            None => self.source.is_some() && self.next <= Instant::now(),
        }
    }

    /// Waits for an order, for what is read, or for the time of the next sweep. Nothing is lost if it is not waited for.
    pub(super) async fn wait(&mut self) {
        let due = if self.source.is_some() { self.next } else { far() };
        let may_take = self.order.is_none() && !self.run.as_ref().is_some_and(|run| run.order.is_some());
        let going_on = async {
            match &mut self.run {
                Some(run) => run.wait().await,
                None => sleep_until(due).await,
            }
        };
        tokio::select! {
            Some(order) = self.orders.recv(), if may_take => self.order = Some(order),
            () = going_on => {}
        }
    }

    /// Does the next thing: at most one zone is written. `is_wanted`: whether an event of that zone waits.
    pub(super) async fn step(
        &mut self,
        applier: &mut Applier,
        marks: &Marks,
        is_wanted: impl Fn(&Name) -> bool,
    ) {
        if let Some(order) = self.order.take_if(|_| !self.run.as_ref().is_some_and(|run| run.order.is_some()))
        {
            self.obey(order, applier);
        } else if let Some(run) = &mut self.run {
            run.step(&mut Tools { applier, marks, is_wanted, outage: &mut self.outage }).await;
            self.progress.read = run.read;
            self.progress.of = run.of;
            if run.ended().is_some() {
                self.conclude(applier);
            }
        } else if let Some(source) = &self.source {
            let now = Instant::now();
            match self.schedule.next(now, local_seconds()) {
                Next::Wait(time) => self.next = now + time,
                Next::Begin(scope) => {
                    debug!(is_full = scope == Scope::Full, "sweeping");
                    let sweep = Sweep::new(&scope, &self.managed, self.caps, false);
                    self.run = Some(Run::sweep(source, scope, sweep, None, applier.touched.begin()));
                }
            }
            self.enter();
        }
        // Steps that wait for nothing let others run, too.
        tokio::task::yield_now().await;
    }

    fn obey(&mut self, order: SyncOrder, applier: &mut Applier) {
        let Some(source) = &self.source else {
            let words = "this node knows no Odoo to compare zones with\n\nhint: add the component `odoo`, or set `odoo.host`, in hams.toml";
            refuse(&order, words);
            return;
        };
        match order.which.clone() {
            Which::Zone(zone) => {
                if let Err(rejection) = applier.writer.permit(&zone) {
                    refuse(&order, &rejection.text);
                    return;
                }
                // No order is under way, so that nothing pauses yet.
                self.paused = self.run.take();
                self.run = Some(Run::one(source, zone, order, applier.touched.begin()));
            }
            Which::All => {
                // It does all that the one under way would do, and more.
                if self.run.take().is_some() {
                    self.schedule.given_up(Instant::now());
                }
                let sweep = Sweep::new(&Scope::Full, &self.managed, self.caps, order.has_force);
                let begun = applier.touched.begin();
                self.run = Some(Run::sweep(source, Scope::Full, sweep, Some(order), begun));
            }
        }
        self.enter();
    }

    /// The sweep under way is over.
    fn conclude(&mut self, applier: &mut Applier) {
        let Some(run) = self.run.take() else { return };
        let now = Instant::now();
        self.outage.passed();
        match (run.ended(), &run.scope, &run.order) {
            (None, ..) => {}
            (Some(Ok(())), Some(scope), order) if !run.tally.dry_run => {
                let is_full = *scope == Scope::Full;
                let (zones, changed, removed) = (run.tally.zones, run.tally.changed, run.tally.removed);
                if is_full || changed + removed + run.tally.failed > 0 {
                    info!(is_full, zones, changed, removed, run.tally.held, run.tally.failed, "swept");
                }
                let result = SweepResult { at: SystemTime::now(), summary: run.tally.clone() };
                self.progress.error = None;
                if is_full {
                    self.progress.last_full = Some(result.clone());
                }
                self.progress.last = Some(result);
                if order.is_none() {
                    self.schedule.done(now, scope, run.newest.clone());
                }
            }
            (Some(Err(words)), Some(_), None) => {
                if self.progress.error.as_ref() != Some(&words) {
                    warn!("a sweep came to nothing: {words}");
                }
                self.progress.error = Some(words);
                self.schedule.failed(now);
            }
            // Who gave the order knows.
            (Some(_), ..) => {}
        }
        self.next = now;
        self.run = self.paused.take();
        if self.run.is_none() {
            applier.touched.end();
        }
        self.enter();
    }

    fn enter(&mut self) {
        let phase = match (&self.run, &self.source) {
            (_, None) => SweepPhase::Off,
            (None, Some(_)) => SweepPhase::Waiting,
            (Some(Run { order: Some(_), .. }), _) => SweepPhase::Ordered,
            (Some(Run { scope: Some(Scope::Changed(_)), .. }), _) => SweepPhase::Changed,
            (Some(_), _) => SweepPhase::Full,
        };
        if self.progress.phase != phase {
            let (read, of) = self.run.as_ref().map_or((0, 0), |run| (run.read, run.of));
            let since = SystemTime::now();
            self.progress = SweepProgress { phase, since, read, of, ..self.progress.clone() };
        }
    }
}

fn refuse(order: &SyncOrder, words: &str) {
    // Nobody left is fine: then nobody waits for it.
    let _ = order.lines.try_send(SyncLine::Error(words.to_owned()));
}
