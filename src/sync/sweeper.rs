//! Which sweep runs when: those of the schedule, and before them those that an operator orders. One at a time; an order for
//! one zone makes the sweep under way pause, one for all zones takes its place.

use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::apply::Applier;
use super::finding::Scope;
use super::marks::Marks;
use super::order::{SyncLine, SyncOrder, SyncSummary, Which};
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
        if self.order.is_some() && is_free(self.run.as_ref()) {
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
        let may_take = self.order.is_none() && is_free(self.run.as_ref());
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
        if let Some(order) = self.order.take_if(|_| is_free(self.run.as_ref())) {
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
                let SyncSummary { zones, changed, removed, held, failed, .. } = run.tally;
                if is_full || changed + removed + failed > 0 {
                    info!(is_full, zones, changed, removed, held, failed, "swept");
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

/// Whether an order may begin: the one before it comes first.
fn is_free(run: Option<&Run>) -> bool {
    run.is_none_or(|run| run.order.is_none())
}

fn refuse(order: &SyncOrder, words: &str) {
    // Nobody left is fine: then nobody waits for it.
    let _ = order.lines.try_send(SyncLine::Error(words.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Zone;
    use crate::sync::apply::tests::{nobody, unanswered};
    use crate::sync::backlog::Work;
    use crate::sync::contents::Contents;
    use crate::sync::finding::{Finding, Page, Summary};
    use crate::sync::memory::{Known, State};
    use crate::sync::odoo::Odoo;
    use crate::sync::odoo_api::OdooSettings;
    use crate::sync::order::{Fate, SyncRequest};
    use crate::sync::powerdns_list::{Listed, Listing};
    use crate::sync::reference::Target;
    use crate::sync::wanted::Wanted;
    use std::time::Duration;

    const CAPS: Caps = Caps { zones: 1, percent: 0 };

    fn name(text: &str) -> Name {
        Name::absolute(text).unwrap()
    }

    fn source() -> Source {
        let odoo = OdooSettings {
            url: "http://127.0.0.1:9".into(),
            database: "hams_prod".into(),
            key: "/nonexistent".into(),
            key_source: "/nonexistent".into(),
        };
        Source { odoo: Odoo::new(odoo).unwrap(), powerdns: nobody() }
    }

    /// The zone as Odoo has it, empty.
    fn target(text: &str, id: u64) -> Target {
        Target { zone: name(text), odoo_id: Some(id), content: Some(vec![]), is_synced: true }
    }

    /// The zone as it is remembered where it was applied like that.
    fn applied(text: &str, odoo_id: Option<u64>) -> Known {
        let zone = Zone::check(&name(text), vec![], &[name("ns1.hams.test")]).zone;
        let state = State::Present(Contents::compared(&zone, &Default::default()));
        Known { state, serial: Some(7), version: None, odoo_id }
    }

    fn listed(texts: &[&str]) -> Finding {
        let zone = |text: &&str| Listed { name: name(text), serial: 7 };
        Finding::Listed(Listing { owned: texts.iter().map(zone).collect(), others: 0 })
    }

    fn page(targets: Vec<Target>) -> Finding {
        Finding::Page(Page { read: targets.len() as u64, of: 9, targets, ..Page::default() })
    }

    fn end(zones: u64) -> Finding {
        Finding::End(Ok(Summary { zones, ..Summary::default() }))
    }

    /// What becomes of these findings of a full sweep: how it ends, and its sum. `event` comes before each page.
    async fn run(
        applier: &mut Applier,
        findings: Vec<Finding>,
        event: impl Fn(&mut Applier),
        is_wanted: impl Fn(&Name) -> bool,
    ) -> (Result<(), String>, SyncSummary) {
        let sweep = Sweep::new(&Scope::Full, &[name("u.hams.test")], CAPS, false);
        let begun = applier.touched.begin();
        let (sender, receiver) = mpsc::channel(findings.len());
        let mut run = Run::fed(&source(), sweep, receiver, begun);
        let (marks, mut outage) = (Marks::start(None), Outage::default());
        for finding in findings {
            if matches!(finding, Finding::Page(_)) {
                event(applier);
            }
            sender.send(finding).await.unwrap();
            run.wait().await;
            while run.ended().is_none() && run.has_work(&outage) {
                let is_wanted = &is_wanted;
                run.step(&mut Tools { applier, marks: &marks, is_wanted, outage: &mut outage }).await;
            }
            // It waits for the next attempt to reach PowerDNS.
            if outage.reason().is_some() {
                return (Err("nobody answers".into()), run.tally);
            }
        }
        (run.ended().unwrap_or_else(|| Err("under way".into())), run.tally)
    }

    fn remember(applier: &mut Applier, zones: &[(&str, Option<u64>)]) {
        for (text, id) in zones {
            applier.memory.put(&name(text), applied(text, *id));
        }
    }

    #[tokio::test]
    async fn what_agrees_costs_nothing() {
        let (mut applier, _folder) = unanswered();
        remember(&mut applier, &[("a.u.hams.test", Some(1)), ("b.u.hams.test", Some(9))]);
        let zones = vec![target("a.u.hams.test", 1), target("b.u.hams.test", 2)];
        let findings = vec![listed(&["a.u.hams.test", "b.u.hams.test"]), page(zones), end(2)];
        let (ended, tally) = run(&mut applier, findings, |_| (), |_| false).await;
        assert_eq!((ended, tally), (Ok(()), SyncSummary { zones: 2, ..SyncSummary::default() }));
        // Its new id is remembered all the same.
        assert_eq!(applier.memory.name_of(2), Some(&name("b.u.hams.test")));
    }

    #[tokio::test]
    async fn what_an_event_has_brought_since_is_newer() {
        let findings = || vec![listed(&["a.u.hams.test"]), page(vec![target("a.u.hams.test", 1)]), end(1)];
        let (mut applier, _folder) = unanswered();
        let (ended, _) = run(&mut applier, findings(), |_| (), |_| false).await;
        assert_eq!(ended, Err("nobody answers".into()), "it would be written");
        let removed = |applier: &mut Applier| {
            let gone = Known { state: State::Absent, ..applied("a.u.hams.test", Some(1)) };
            applier.memory.put(&name("a.u.hams.test"), gone);
            applier.touched.touch(&name("a.u.hams.test"));
        };
        let (ended, tally) = run(&mut applier, findings(), removed, |_| false).await;
        assert_eq!((ended, tally.zones, tally.failed), (Ok(()), 1, 0));
        let (ended, _) = run(&mut applier, findings(), |_| (), |_| false).await;
        assert_eq!(ended, Err("nobody answers".into()), "that was before this one");
        let (ended, _) = run(&mut applier, findings(), |_| (), |zone| *zone == name("a.u.hams.test")).await;
        assert_eq!(ended, Ok(()), "an event of it waits");
    }

    #[tokio::test]
    async fn what_is_held_back_is_told_and_a_cut_reading_removes_nothing() {
        let (mut applier, _folder) = unanswered();
        remember(&mut applier, &[("a.u.hams.test", Some(1)), ("b.u.hams.test", Some(2))]);
        let all = ["a.u.hams.test", "b.u.hams.test", "c.u.hams.test"];
        let with = |last: Finding| vec![listed(&all), page(vec![]), last];
        let (ended, tally) = run(&mut applier, with(end(1)), |_| (), |_| false).await;
        assert_eq!((ended, tally.held, tally.removed), (Ok(()), 3, 0));
        assert!(tally.reason.unwrap().contains("a sweep removes at most 1"));
        let cut = Finding::End(Err("the list is cut short".into()));
        let (ended, tally) = run(&mut applier, with(cut), |_| (), |_| false).await;
        assert_eq!((ended, tally.held), (Err("the list is cut short".into()), 0));
    }

    #[tokio::test]
    async fn a_zone_of_the_state_form_that_was_changed_is_compared_at_its_next_event() {
        let (mut applier, _folder) = unanswered();
        remember(&mut applier, &[("a.u.hams.test", None), ("b.u.hams.test", None)]);
        let (ended, tally) =
            run(&mut applier, vec![listed(&["b.u.hams.test"]), end(0)], |_| (), |_| false).await;
        assert_eq!((ended, tally.failed, tally.removed, tally.held), (Ok(()), 1, 0, 0));
        assert_eq!(applier.memory.get(&name("a.u.hams.test")).unwrap().state, State::Unknown);
        assert_ne!(applier.memory.get(&name("b.u.hams.test")).unwrap().state, State::Unknown);
    }

    fn order(zone: Option<&str>) -> (SyncOrder, mpsc::Receiver<SyncLine>) {
        let request =
            SyncRequest { zone: zone.map(str::to_owned), all: zone.is_none(), ..SyncRequest::default() };
        SyncOrder::new(&request).unwrap()
    }

    fn sweeper(source: Option<Source>) -> (Sweeper, mpsc::Sender<SyncOrder>) {
        let (sender, orders) = mpsc::channel(1);
        let times = SweepTimes { interval: Duration::from_secs(900), full_hour: 3 };
        let settings = SweepSettings { times, caps: CAPS, orders };
        (Sweeper::new(settings, source, vec![name("u.hams.test")]), sender)
    }

    /// Lets it go on until `is_so`, for some seconds at most.
    async fn until(sweeper: &mut Sweeper, applier: &mut Applier, is_so: impl Fn(&Sweeper) -> bool) {
        let marks = Marks::start(None);
        let going = async {
            while !is_so(sweeper) {
                if sweeper.has_work() {
                    sweeper.step(applier, &marks, |_| false).await;
                } else {
                    sweeper.wait().await;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), going).await.expect("it goes on");
    }

    async fn error_of(lines: &mut mpsc::Receiver<SyncLine>) -> String {
        loop {
            match lines.recv().await {
                Some(SyncLine::Error(words)) => return words,
                Some(SyncLine::Zone(zone)) => assert_eq!(zone.fate, Fate::Failed),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn without_odoo_an_order_is_told_why() {
        let ((mut sweeper, orders), (mut applier, _folder)) = (sweeper(None), unanswered());
        assert_eq!((sweeper.progress().phase, sweeper.has_work()), (SweepPhase::Off, false));
        let (order, mut lines) = order(None);
        orders.send(order).await.unwrap();
        let told = tokio::join!(
            error_of(&mut lines),
            until(&mut sweeper, &mut applier, |sweeper| !sweeper.has_work() && sweeper.orders.is_empty())
        );
        assert!(told.0.contains("knows no Odoo"), "{}", told.0);
        assert!(lines.recv().await.is_none(), "nothing comes after it");
    }

    #[tokio::test]
    async fn an_order_comes_before_the_schedule_and_neither_is_lost() {
        let ((mut sweeper, orders), (mut applier, _folder)) = (sweeper(Some(source())), unanswered());
        until(&mut sweeper, &mut applier, Sweeper::is_busy).await;
        assert_eq!(sweeper.progress().phase, SweepPhase::Full);
        for zone in [Some("a.u.hams.test"), Some("b.u.hams.test"), Some("c.example.com"), None] {
            let (order, mut lines) = order(zone);
            orders.send(order).await.unwrap();
            let done = async {
                until(&mut sweeper, &mut applier, |sweeper| {
                    sweeper.orders.is_empty()
                        && sweeper.order.is_none()
                        && sweeper.progress.phase != SweepPhase::Ordered
                })
                .await;
            };
            let (words, ()) = tokio::join!(error_of(&mut lines), done);
            let part = match zone {
                Some("c.example.com") => "not below a managed suffix",
                Some(_) => "no key to Odoo",
                None => "PowerDNS's API",
            };
            assert!(words.contains(part), "{words}");
        }
        // The one that paused, or that was given up, comes to its end as well.
        until(&mut sweeper, &mut applier, |sweeper| sweeper.progress().error.is_some()).await;
        let error = sweeper.progress().error.clone().unwrap();
        assert!(error.contains("PowerDNS's API"), "{error}");
        assert!(sweeper.progress().last.is_none() && !sweeper.is_busy());
    }

    #[tokio::test]
    async fn whoever_goes_takes_his_order_with_him() {
        let ((mut sweeper, orders), (mut applier, _folder)) = (sweeper(Some(source())), unanswered());
        let (order, lines) = order(None);
        orders.send(order).await.unwrap();
        sweeper.wait().await;
        drop(lines);
        until(&mut sweeper, &mut applier, |sweeper| {
            sweeper.order.is_none() && sweeper.progress.phase != SweepPhase::Ordered
        })
        .await;
    }

    #[tokio::test]
    async fn a_removal_is_compared_first() {
        let (mut applier, _folder) = unanswered();
        remember(&mut applier, &[("a.u.hams.test", Some(1))]);
        applier.memory.put(&name("a.u.hams.test"), Known { state: State::Absent, ..applied("x", Some(1)) });
        let work = Work {
            wanted: Wanted::Gone,
            version: None,
            odoo_id: Some(1),
            is_to_mark: false,
            is_to_compare: false,
            sources: vec![],
        };
        assert!(applier.write(&name("a.u.hams.test"), &work).await.is_ok());
        // PowerDNS is asked, whatever the memory says: nobody answers.
        let work = Work { is_to_compare: true, ..work };
        assert!(applier.write(&name("a.u.hams.test"), &work).await.is_err());
    }
}
