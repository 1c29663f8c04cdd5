//! From deliveries to acknowledgements: takes messages, brings the zones that they make dirty to where they are to be, one
//! after the other, and acknowledges each once PowerDNS and the memory have it. While one zone is written, more messages
//! come, and what is of one zone becomes one write. What is away holds up nothing that can do without.

use std::time::{Duration, SystemTime};

use futures_util::future::OptionFuture;
use lapin::message::Delivery;
use tokio::sync::watch;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use super::apply::Applier;
use super::backlog::{Backlog, Effect};
use super::broker::{BrokerError, Session};
use super::dead_letter::DeadLetters;
use super::event::Event;
use super::marks::Marks;
use super::moving::{Pulse, moving};
use super::odoo::Odoo;
use super::outage::{Outage, earliest, far};
use super::progress::{Phase, Progress};
use super::reference::{Answer, Question, Reading};
use super::sweeper::Sweeper;

/// Messages that share one sync of the memory and one acknowledgement, while there is more to do.
const MAX_BATCH: usize = 200;
/// The window grows while the messages in it have fewer octets than this together, and shrinks at eight times as many.
const SHORT_OCTETS: usize = 4 << 20;
/// So long more messages are let in when the window is made wider, at most,
const GATHERING: Duration = Duration::from_millis(200);
/// and until none has come for this long.
const GATHERING_PAUSE: Duration = Duration::from_millis(20);
/// What a write in hand gets before the agent stops; if it is not done then, its messages come again.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(3);

/// What ends a session.
pub(super) enum Interrupted {
    Stop,
    Broker(BrokerError),
}

impl From<BrokerError> for Interrupted {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error)
    }
}

/// What a rest ends with.
enum Woken {
    Delivery(Box<Delivery>),
    /// The broker's consumer has come to its end, as it was told to.
    Ended,
    Read(Reading),
    Time,
}

/// What the loop works with.
pub(super) struct Pipeline {
    pub(super) applier: Applier,
    pub(super) dead_letters: DeadLetters,
    /// Where events of the reference form are read; `None`: this node knows no Odoo.
    pub(super) odoo: Option<Odoo>,
    /// What is being read there.
    pub(super) lookup: Option<JoinHandle<Reading>>,
    pub(super) marks: Marks,
    /// Compares zones beside the events, whenever these leave time for it.
    pub(super) sweeper: Sweeper,
    /// Steps of sweeps since the memory was last made durable.
    pub(super) unsynced: usize,
    /// Messages that may be here while they are short ones.
    pub(super) wide_prefetch: u16,
    pub(super) prefetch: u16,
    pub(super) outages: Outages,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) pulse: Pulse,
    pub(super) stop: watch::Receiver<bool>,
}

/// What can be away.
#[derive(Debug, Default)]
pub(super) struct Outages {
    odoo: Outage,
    pub(super) powerdns: Outage,
    /// The dead-letter queue.
    burial: Outage,
    /// The disk of the memory.
    pub(super) disk: Outage,
}

impl Pipeline {
    /// Works off messages until the session or the agent ends.
    pub(super) async fn serve(&mut self, session: &mut Session) -> Interrupted {
        let mut backlog = Backlog::default();
        let interrupted = loop {
            if let Err(interrupted) = self.turn(session, &mut backlog).await {
                break interrupted;
            }
        };
        // What it would tell belongs to messages that come again.
        if let Some(lookup) = self.lookup.take() {
            lookup.abort();
        }
        interrupted
    }

    /// Takes what has come, writes one zone, ends what is done with it; where no event wants one, the sweep makes a step.
    /// Rests where there is nothing to do.
    async fn turn(
        &mut self,
        session: &mut Session,
        backlog: &mut Backlog<Delivery>,
    ) -> Result<(), Interrupted> {
        self.take(session, backlog)?;
        self.widen(session, backlog).await?;
        self.look_up(session, backlog).await?;
        if !self.write(backlog).await? && self.may_sweep() {
            self.sweep(|zone| backlog.wanted(zone).is_some()).await.ok_or(Interrupted::Stop)?;
        }
        self.finish(session, backlog).await?;
        if backlog.done_count() >= MAX_BATCH || !self.has_work(backlog) {
            self.commit(session, backlog).await?;
        }
        let is_more = self.has_work(backlog);
        if !is_more && !self.may_sweep() {
            return self.rest(session, backlog).await;
        }
        if !is_more {
            // A sweep takes long: what would wait for a rest must not wait for its end.
            self.tell(backlog);
            session.go_on().await?;
            if !session.is_open() {
                return Err(session.ended().into());
            }
        }
        // What asks nobody must not keep the other loops from moving.
        yield_now().await;
        Ok(())
    }

    /// Takes the messages that are here already, as many as may be.
    fn take(&mut self, session: &mut Session, backlog: &mut Backlog<Delivery>) -> Result<(), Interrupted> {
        let before = backlog.held();
        while backlog.held() < usize::from(session.prefetch()) {
            match session.ready() {
                Some(Ok(Some(delivery))) => self.accept(backlog, delivery),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(None)) | None => break,
            }
        }
        let taken = (backlog.held() - before) as u64;
        if taken > 0 {
            self.note(|progress| progress.counters.received += taken);
        }
        Ok(())
    }

    fn accept(&mut self, backlog: &mut Backlog<Delivery>, delivery: Delivery) {
        let event = Event::decode(&delivery.data);
        let (octets, is_again) = (delivery.data.len(), delivery.redelivered);
        let number = backlog.push(delivery, octets);
        if is_again {
            backlog.comes_again(number);
        }
        self.applier.accept(backlog, number, event);
    }

    /// Asks Odoo what events of the reference form mean, beside everything else, and takes its answer.
    async fn look_up(
        &mut self,
        session: &Session,
        backlog: &mut Backlog<Delivery>,
    ) -> Result<(), Interrupted> {
        if let Some(lookup) = self.lookup.take_if(|lookup| lookup.is_finished()) {
            let reading = lookup.await.map_err(|_| session.lost("a lookup in Odoo was cut short"))?;
            self.read(backlog, reading);
        }
        if self.lookup.is_none() && backlog.has_lookups() && self.outages.odoo.may_try() {
            if let Some(odoo) = &self.odoo {
                let question = Question::new(backlog.take_lookups(), &self.applier.memory);
                self.lookup = Some(tokio::spawn(question.ask(odoo.clone())));
            }
        }
        Ok(())
    }

    fn read(&mut self, backlog: &mut Backlog<Delivery>, reading: Reading) {
        match reading {
            Ok(answer) => {
                self.outages.odoo.passed();
                match answer {
                    Answer::Again(events) => backlog.put_lookups_back(events),
                    Answer::Found(all) => {
                        for (number, found) in all {
                            self.applier.found(backlog, number, found);
                        }
                    }
                }
            }
            Err((events, error)) => {
                warn!("{error}; {} events wait for it", events.len());
                backlog.put_lookups_back(events);
                self.outages.odoo.failed(error.to_string());
                self.note(|progress| progress.counters.retries += 1);
            }
        }
    }

    /// Writes the zone that has been dirty for longest; false if there is none to be written now.
    async fn write(&mut self, backlog: &mut Backlog<Delivery>) -> Result<bool, Interrupted> {
        if !self.outages.powerdns.may_try() {
            return Ok(false);
        }
        let Some((zone, work)) = backlog.take_zone() else { return Ok(false) };
        self.tell(backlog);
        self.applier.writer.powerdns().expect_more(backlog.has_zones());
        let written = self.applier.write(&zone, &work);
        match moving(&self.pulse, &mut self.stop, STOP_GRACE, written).await {
            None => return Err(Interrupted::Stop),
            Some(Err(reason)) => {
                warn!(%zone, "{reason}; its messages stay, the next attempt follows");
                self.outages.powerdns.failed(reason);
                self.note(|progress| progress.counters.retries += 1);
                // Behind the others: whatever is wrong with it may be wrong with it alone.
                backlog.put_back(zone, work);
            }
            Some(Ok(written)) => {
                // What the memory knew says nothing about PowerDNS.
                if written.has_asked {
                    self.outages.powerdns.passed();
                }
                let is_applied = written.refused.is_none();
                if let Some((reason, texts)) = written.refused {
                    let is_whole = written.effect == Effect::Refused;
                    let concerned = if is_whole { 0 } else { work.sources.len().saturating_sub(1) };
                    for number in work.sources.iter().skip(concerned) {
                        backlog.reject(*number, reason, texts.clone());
                    }
                }
                if let Some(id) = work.odoo_id.filter(|_| is_applied && work.is_to_mark) {
                    self.marks.applied(id);
                }
                backlog.settle(&work, written.effect);
            }
        }
        Ok(true)
    }

    /// Makes durable what was noted, and tells whether it is; `None`: the agent is to stop.
    pub(super) async fn keep(&mut self, what: &str) -> Option<bool> {
        match moving(&self.pulse, &mut self.stop, STOP_GRACE, self.applier.memory.sync()).await? {
            Ok(()) => {
                self.outages.disk.passed();
                self.unsynced = 0;
                Some(true)
            }
            Err(error) => {
                warn!("{error}; {what}");
                self.outages.disk.failed(error.to_string());
                Some(false)
            }
        }
    }

    /// When something that is away may be tried again.
    pub(super) fn earliest(&self) -> Instant {
        let Outages { odoo, powerdns, burial, disk } = &self.outages;
        earliest([odoo, powerdns, burial, disk, self.sweeper.outage()]).unwrap_or_else(far)
    }

    /// Deals with the deliveries whose zones are all done: what must not be lost goes to the dead letters.
    async fn finish(
        &mut self,
        session: &Session,
        backlog: &mut Backlog<Delivery>,
    ) -> Result<(), Interrupted> {
        let mut counters = self.progress.borrow().counters.clone();
        let before = counters.clone();
        while let Some((number, delivery, finished)) = backlog.finished() {
            if let Some(rejection) = &finished.rejection {
                if !self.outages.burial.may_try() {
                    break;
                }
                let publish = self.dead_letters.publish(session.connection(), delivery, rejection);
                match moving(&self.pulse, &mut self.stop, STOP_GRACE, publish).await {
                    None => return Err(Interrupted::Stop),
                    Some(Err(error)) => {
                        warn!("{error}; the message stays, the next attempt follows");
                        self.outages.burial.failed(error.to_string());
                        counters.retries += 1;
                        break;
                    }
                    Some(Ok(())) => {
                        warn!(reason = rejection.reason.as_str(), "dead letter: {}", rejection.text);
                        self.outages.burial.passed();
                        counters.dead_lettered += 1;
                    }
                }
            }
            match finished.effect {
                Effect::Changed => counters.applied += 1,
                Effect::Nothing => counters.unchanged += 1,
                Effect::Merged => counters.merged += 1,
                Effect::Old | Effect::Refused => {}
            }
            backlog.done(number);
        }
        if counters != before {
            let is_success = counters.applied + counters.unchanged > before.applied + before.unchanged;
            self.note(|progress| {
                progress.counters = counters;
                if is_success {
                    progress.last_success = Some(SystemTime::now());
                }
            });
        }
        Ok(())
    }

    /// Makes what was done durable, then acknowledges it.
    async fn commit(
        &mut self,
        session: &mut Session,
        backlog: &mut Backlog<Delivery>,
    ) -> Result<(), Interrupted> {
        if backlog.done_count() == 0 || !self.outages.disk.may_try() {
            return Ok(());
        }
        if !self.keep("nothing is acknowledged until it is written").await.ok_or(Interrupted::Stop)? {
            return Ok(());
        }
        let octets = backlog.octets();
        let (up_to, others) = backlog.take_done();
        if let Some(last) = up_to {
            session.acknowledge_up_to(&last).await?;
        }
        for other in others {
            session.acknowledge(&other).await?;
        }
        if octets > 8 * SHORT_OCTETS {
            session.set_prefetch(self.prefetch).await?;
        }
        Ok(())
    }

    /// A full window of short messages may be a wide one. More are waiting then: they are let in before the next write, as
    /// what they want of one zone is one write if it is known before.
    async fn widen(
        &mut self,
        session: &mut Session,
        backlog: &mut Backlog<Delivery>,
    ) -> Result<(), Interrupted> {
        let (held, wide) = (backlog.held(), self.wide_prefetch);
        let is_short = backlog.octets() * usize::from(wide) < SHORT_OCTETS * held;
        if session.prefetch() >= wide || held < usize::from(session.prefetch()) || !is_short {
            return Ok(());
        }
        session.set_prefetch(wide).await?;
        let end = Instant::now() + GATHERING;
        let has_room = |backlog: &Backlog<Delivery>| {
            backlog.held() < usize::from(wide) && backlog.octets() < SHORT_OCTETS
        };
        while has_room(backlog) && Instant::now() < end {
            match timeout(GATHERING_PAUSE, session.next()).await {
                Ok(Ok(Some(delivery))) => self.accept(backlog, delivery),
                Ok(Ok(None)) => session.go_on().await?,
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => break,
            }
        }
        let taken = (backlog.held() - held) as u64;
        self.note(|progress| progress.counters.received += taken);
        Ok(())
    }

    /// Whether something can be done at once, beside acknowledging what is done.
    fn has_work(&self, backlog: &Backlog<Delivery>) -> bool {
        backlog.has_zones() && self.outages.powerdns.may_try()
            || backlog.has_lookups() && self.lookup.is_none() && self.outages.odoo.may_try()
            || backlog.has_finished() && self.outages.burial.may_try()
    }

    /// Waits for a message, for Odoo's answer, or until what is away may be tried again.
    async fn rest(
        &mut self,
        session: &mut Session,
        backlog: &mut Backlog<Delivery>,
    ) -> Result<(), Interrupted> {
        self.tell(backlog);
        session.go_on().await?;
        let has_room = backlog.held() < usize::from(session.prefetch());
        let until = self.earliest();
        let may_wait = self.has_what_a_sweep_needs();
        let lookup: OptionFuture<_> = self.lookup.as_mut().into();
        let woken = async {
            tokio::select! {
                delivery = session.next(), if has_room => {
                    delivery.map(|delivery| delivery.map_or(Woken::Ended, |one| Woken::Delivery(Box::new(one))))
                }
                Some(read) = lookup => match read {
                    Ok(reading) => Ok(Woken::Read(reading)),
                    Err(_) => Err(session.lost("a lookup in Odoo was cut short")),
                },
                () = self.sweeper.wait(), if may_wait => Ok(Woken::Time),
                () = sleep_until(until) => Ok(Woken::Time),
            }
        };
        match moving(&self.pulse, &mut self.stop, Duration::ZERO, woken).await {
            None => return Err(Interrupted::Stop),
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(Woken::Delivery(delivery))) => {
                self.accept(backlog, *delivery);
                self.note(|progress| progress.counters.received += 1);
            }
            Some(Ok(Woken::Read(reading))) => {
                self.lookup = None;
                self.read(backlog, reading);
            }
            Some(Ok(Woken::Ended | Woken::Time)) => {}
        }
        if !session.is_open() {
            return Err(session.ended().into());
        }
        Ok(())
    }

    /// Says what the loop does, and what it waits for.
    fn tell(&self, backlog: &Backlog<Delivery>) {
        let reads = backlog.has_lookups() || self.lookup.is_some();
        let waits = [
            (true, &self.outages.powerdns),
            (reads, &self.outages.odoo),
            (backlog.has_finished(), &self.outages.burial),
            (backlog.done_count() > 0, &self.outages.disk),
        ];
        let reason = waits.into_iter().find_map(|(is_needed, outage)| outage.reason().filter(|_| is_needed));
        let oldest = backlog.oldest();
        match reason {
            Some(reason) => self.enter(Phase::Waiting, Some(reason.to_owned()), oldest),
            None if backlog.held() > 0 => self.enter(Phase::Applying, None, oldest),
            None => self.enter(Phase::Idle, None, oldest),
        }
    }

    /// Says so; whoever listens is woken when it is another phase or reason.
    pub(super) fn enter(&self, phase: Phase, reason: Option<String>, oldest: Option<SystemTime>) {
        self.progress.send_if_modified(|progress| {
            progress.oldest = oldest;
            let is_other = progress.phase != phase || progress.reason != reason;
            if is_other {
                progress.enter(phase, reason);
            }
            is_other
        });
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(|progress| {
            change(progress);
            progress.counters.dropped_old = self.applier.memory.dropped_old();
            progress.zones = self.applier.memory.len();
        });
    }
}
