//! The loop: takes messages in order, applies each, and acknowledges it once PowerDNS and the memory have it.
//! An outage of the broker, of Odoo or of PowerDNS ends nothing: the loop waits, says so, and tries again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lapin::message::Delivery;
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, sleep_until};
use tracing::{info, warn};

use super::apply::{Applier, Effect, Outcome};
use super::backoff::Backoff;
use super::broker::{BrokerError, BrokerSettings, Session};
use super::dead_letter::DeadLetters;
use super::memory::{Memory, MemoryError};
use super::odoo::Odoo;
use super::odoo_api::{OdooSettings, OdooSetupError};
use super::powerdns::PowerDns;
use super::progress::{Phase, Progress};
use super::writer::Writer;
use crate::dns::Name;

/// Messages that share one sync of the memory and one acknowledgement.
const MAX_BATCH: usize = 50;
/// How often the loop shows that it moves.
const PULSE: Duration = Duration::from_secs(2);
/// What a message in hand gets before the agent stops; if it is not done then, it comes again.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// Called every few seconds by a loop that moves.
pub type Pulse = Arc<dyn Fn() + Send + Sync>;

/// What the sync needs.
#[derive(Debug)]
pub struct Settings {
    /// Where the messages come from.
    pub broker: BrokerSettings,
    /// Where events of the reference form are read; `None`: nowhere.
    pub odoo: Option<OdooSettings>,
    /// Where they are applied.
    pub powerdns: PowerDns,
    /// The apex NS of every zone.
    pub nameservers: Vec<Name>,
    /// Zones below these may be written.
    pub managed_suffixes: Vec<Name>,
    /// The folder of the memory.
    pub state_folder: PathBuf,
}

/// The sync cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// What it reads Odoo with.
    #[error(transparent)]
    Odoo(#[from] OdooSetupError),
}

/// What ends a session.
enum Interrupted {
    Stop,
    Broker(BrokerError),
}

impl From<BrokerError> for Interrupted {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error)
    }
}

/// The sync of one node: opened once, then run.
pub struct ZoneSync {
    applier: Applier,
    broker: BrokerSettings,
    progress: watch::Sender<Progress>,
    pulse: Pulse,
    stop: watch::Receiver<bool>,
}

impl ZoneSync {
    /// Opens the memory; all else is reached while it runs. `pulse` is called every few seconds as long as the
    /// loop moves, outages included; what it is doing shows in `progress`.
    pub fn open(
        settings: Settings,
        progress: watch::Sender<Progress>,
        pulse: Pulse,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, OpenError> {
        let applier = Applier {
            nameservers: settings.nameservers,
            writer: Writer::new(settings.powerdns, settings.managed_suffixes),
            memory: Memory::open(&settings.state_folder)?,
            dead_letters: DeadLetters::new(&settings.broker.dead_letter_exchange),
            odoo: settings.odoo.map(Odoo::new).transpose()?,
            unmarked: BTreeSet::new(),
        };
        let this = Self { applier, broker: settings.broker, progress, pulse, stop };
        this.note(|_| ());
        Ok(this)
    }

    /// Runs until `stop` holds true.
    pub async fn run(mut self) {
        let broker = self.broker.clone();
        self.connect_and_serve(&broker).await;
        self.enter(Phase::Stopping, None);
    }

    async fn connect_and_serve(&mut self, broker: &BrokerSettings) {
        let mut backoff = Backoff::default();
        loop {
            let opened = moving(&self.pulse, &mut self.stop, Duration::ZERO, Session::open(broker)).await;
            let error = match opened {
                None => return,
                Some(Err(error)) => error,
                Some(Ok(mut session)) => {
                    info!("consuming {} at {}:{}", broker.queue, broker.host, broker.port);
                    backoff.reset();
                    let ended = self.serve(&mut session).await;
                    session.close().await;
                    match ended {
                        Interrupted::Stop => return,
                        Interrupted::Broker(error) => error,
                    }
                }
            };
            warn!("{error}; trying again");
            self.enter(Phase::Waiting, Some(error.to_string()));
            if self.wait(backoff.next()).await.is_err() {
                return;
            }
        }
    }

    /// Works off messages until the session or the agent ends.
    async fn serve(&mut self, session: &mut Session) -> Interrupted {
        loop {
            self.enter(Phase::Idle, None);
            let mut delivery = match moving(&self.pulse, &mut self.stop, Duration::ZERO, session.next()).await
            {
                None => return Interrupted::Stop,
                Some(Err(error)) => return error.into(),
                Some(Ok(delivery)) => delivery,
            };
            let (mut done, mut count) = (None, 0);
            let ended = loop {
                if let Err(interrupted) = self.insist(session, &delivery, &mut done).await {
                    break Some(interrupted);
                }
                done = Some(delivery);
                count += 1;
                if count == MAX_BATCH {
                    break None;
                }
                match session.ready() {
                    None => break None,
                    Some(Err(error)) => break Some(error.into()),
                    Some(Ok(next)) => delivery = next,
                }
            };
            let committed = self.commit(session, &mut done).await;
            if let Some(interrupted) = ended.or(committed.err()) {
                return interrupted;
            }
        }
    }

    /// Applies one message, however long what it needs is away; what was done before it is committed meanwhile.
    async fn insist(
        &mut self,
        session: &Session,
        delivery: &Delivery,
        done: &mut Option<Delivery>,
    ) -> Result<(), Interrupted> {
        self.note(|progress| progress.counters.received += 1);
        let mut backoff = Backoff::default();
        loop {
            self.enter(Phase::Applying, None);
            let work = self.applier.apply(session.connection(), delivery);
            match moving(&self.pulse, &mut self.stop, STOP_GRACE, work).await {
                None => return Err(Interrupted::Stop),
                Some(Ok(outcome)) => {
                    self.count(outcome);
                    return Ok(());
                }
                Some(Err(failure)) => {
                    warn!("{failure}; the message stays, the next attempt follows");
                    self.note(|progress| progress.counters.retries += 1);
                    self.enter(Phase::Waiting, Some(failure));
                }
            }
            self.commit(session, done).await?;
            self.wait(backoff.next()).await?;
            if !session.is_open() {
                return Err(session.lost("the connection was closed").into());
            }
        }
    }

    /// Makes what was done durable, has Odoo note it, then acknowledges it: what comes before it must be done before.
    async fn commit(&mut self, session: &Session, done: &mut Option<Delivery>) -> Result<(), Interrupted> {
        let Some(last) = done.take() else { return Ok(()) };
        let mut backoff = Backoff::default();
        loop {
            let synced = moving(&self.pulse, &mut self.stop, STOP_GRACE, self.applier.memory.sync()).await;
            match synced {
                None => return Err(Interrupted::Stop),
                Some(Ok(())) => break,
                Some(Err(error)) => {
                    warn!("{error}; nothing is acknowledged until it is written");
                    self.enter(Phase::Waiting, Some(error.to_string()));
                }
            }
            self.wait(backoff.next()).await?;
        }
        let mut backoff = Backoff::default();
        loop {
            let marked = moving(&self.pulse, &mut self.stop, STOP_GRACE, self.applier.mark_synced()).await;
            match marked {
                None => return Err(Interrupted::Stop),
                Some(Ok(())) => break,
                Some(Err(failure)) => {
                    warn!("{failure}; nothing is acknowledged until Odoo has noted what PowerDNS has");
                    self.note(|progress| progress.counters.retries += 1);
                    self.enter(Phase::Waiting, Some(failure));
                }
            }
            self.wait(backoff.next()).await?;
            if !session.is_open() {
                return Err(session.lost("the connection was closed").into());
            }
        }
        Ok(session.acknowledge_up_to(&last).await?)
    }

    async fn wait(&mut self, time: Duration) -> Result<(), Interrupted> {
        let waited = moving(&self.pulse, &mut self.stop, Duration::ZERO, sleep(time)).await;
        waited.ok_or(Interrupted::Stop)
    }

    fn enter(&self, phase: Phase, reason: Option<String>) {
        self.progress.send_modify(|progress| progress.enter(phase, reason));
    }

    fn count(&self, outcome: Outcome) {
        self.note(|progress| {
            match outcome.effect {
                Effect::Changed => progress.counters.applied += 1,
                Effect::Nothing => progress.counters.unchanged += 1,
                Effect::Old | Effect::Refused => {}
            }
            if outcome.effect != Effect::Refused {
                progress.last_success = Some(SystemTime::now());
            }
            progress.counters.dead_lettered += u64::from(outcome.is_dead_lettered);
        });
    }

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(|progress| {
            change(progress);
            progress.counters.dropped_old = self.applier.memory.dropped_old();
            progress.zones = self.applier.memory.len();
        });
    }
}

/// Waits for `work` while showing that the loop moves. After a stop it gets `grace`; `None` if it was given up.
async fn moving<T>(
    pulse: &Pulse,
    stop: &mut watch::Receiver<bool>,
    grace: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::pin!(work);
    let mut ticks = interval(PULSE);
    let mut deadline: Option<Instant> = None;
    loop {
        let far = Instant::now() + Duration::from_secs(3600);
        tokio::select! {
            biased;
            result = &mut work => return Some(result),
            // An error means that nobody is left who could say stop, which is one.
            _ = stop.wait_for(|stopped| *stopped), if deadline.is_none() => deadline = Some(Instant::now() + grace),
            () = sleep_until(deadline.unwrap_or(far)), if deadline.is_some() => return None,
            _ = ticks.tick() => pulse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse() -> Pulse {
        Arc::new(|| ())
    }

    #[tokio::test]
    async fn a_stop_gives_up_what_takes_longer_than_its_grace() {
        let (sender, mut stop) = watch::channel(false);
        let quick = moving(&pulse(), &mut stop, Duration::ZERO, async { 7 }).await;
        assert_eq!(quick, Some(7));
        sender.send(true).unwrap();
        let never = std::future::pending::<()>();
        assert_eq!(moving(&pulse(), &mut stop, Duration::from_millis(20), never).await, None);
        let short = sleep(Duration::from_millis(20));
        assert_eq!(moving(&pulse(), &mut stop, Duration::from_secs(5), short).await, Some(()));
    }

    #[tokio::test]
    async fn the_pulse_beats_while_waiting() {
        let beats = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counter = Arc::clone(&beats);
        let pulse: Pulse = Arc::new(move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        let (_sender, mut stop) = watch::channel(false);
        moving(&pulse, &mut stop, Duration::ZERO, sleep(PULSE + PULSE / 4)).await;
        assert!(beats.load(std::sync::atomic::Ordering::Relaxed) >= 2);
    }
}
