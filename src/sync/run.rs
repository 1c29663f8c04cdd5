//! The sync's life: opens the memory, connects to the broker, runs the loop, and connects again when that ends. An outage of
//! the broker, of Odoo or of PowerDNS ends nothing: the sync says so and tries again.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::apply::Applier;
use super::backoff::Backoff;
use super::broker::{BrokerSettings, Session};
use super::dead_letter::DeadLetters;
use super::marks::Marks;
use super::memory::{Memory, MemoryError};
use super::moving::Pulse;
use super::odoo::Odoo;
use super::odoo_api::{OdooSettings, OdooSetupError};
use super::odoo_key_store::KeyStore;
use super::odoo_key_watch::KeyWatch;
use super::pipeline::{Interrupted, Outages, Pipeline};
use super::powerdns::PowerDns;
use super::progress::{Phase, Progress};
use super::sweep_run::Source;
use super::sweeper::{SweepSettings, Sweeper};
use super::touched::Touched;
use super::writer::Writer;
use crate::dns::Name;
use crate::host::amqp::SMALL_FRAME;

/// A session that lasted longer was none that failed.
const STEADY: Duration = Duration::from_secs(10);

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
    /// When zones are compared with Odoo that no event names.
    pub sweep: SweepSettings,
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

/// The sync of one node: opened once, then run.
pub struct ZoneSync {
    broker: BrokerSettings,
    pipeline: Pipeline,
    key_watch: Option<KeyWatch>,
}

impl ZoneSync {
    /// Opens the memory; all else is reached while it runs. `pulse` is called every few seconds as long as the
    /// loop moves, outages included; what it is doing shows in `progress`. To be called on the runtime that runs it.
    pub fn open(
        settings: Settings,
        progress: watch::Sender<Progress>,
        pulse: Pulse,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, OpenError> {
        // It holds the lock of the folder.
        let memory = Memory::open(&settings.state_folder)?;
        let odoo = settings.odoo.map(Odoo::new).transpose()?;
        let key_watch = match odoo.as_ref().map(Odoo::api) {
            Some(api) => {
                let store = KeyStore::open(&settings.state_folder, api.keys().clone())?;
                Some(KeyWatch::new(api.clone(), store, progress.clone()))
            }
            None => None,
        };
        let powerdns = settings.powerdns.clone();
        let source = odoo.clone().map(|odoo| Source { odoo, powerdns });
        let sweeper = Sweeper::new(settings.sweep, source, settings.managed_suffixes.clone());
        let applier = Applier {
            nameservers: settings.nameservers,
            writer: Writer::new(settings.powerdns, settings.managed_suffixes),
            memory,
            has_odoo: odoo.is_some(),
            touched: Touched::default(),
        };
        let pipeline = Pipeline {
            applier,
            dead_letters: DeadLetters::new(&settings.broker.dead_letter_exchange),
            marks: Marks::start(odoo.clone()),
            odoo,
            lookup: None,
            sweeper,
            unsynced: 0,
            prefetch: settings.broker.prefetch,
            wide_prefetch: settings.broker.wide_prefetch,
            outages: Outages::default(),
            progress,
            pulse,
            stop,
        };
        pipeline.note(|_| ());
        Ok(Self { broker: settings.broker, pipeline, key_watch })
    }

    /// Runs until `stop` holds true.
    pub async fn run(self) {
        let Self { broker, mut pipeline, key_watch } = self;
        let key_watch = key_watch.map(|watch| tokio::spawn(watch.run()));
        connect_and_serve(&broker, &mut pipeline).await;
        if let Some(watch) = key_watch {
            watch.abort();
        }
        pipeline.enter(Phase::Stopping, None, None);
    }
}

async fn connect_and_serve(broker: &BrokerSettings, pipeline: &mut Pipeline) {
    let (mut backoff, mut frame_max) = (Backoff::default(), Some(SMALL_FRAME));
    loop {
        let opened = pipeline.sweep_until(Session::open(broker, frame_max)).await;
        let error = match opened {
            None => return,
            Some(Err(error)) => error,
            Some(Ok(mut session)) => {
                info!("consuming {} at {}", broker.queue, broker.login.address());
                let begun = Instant::now();
                let ended = pipeline.serve(&mut session).await;
                // A broker that ends each session at once is away as well.
                let is_steady = begun.elapsed() > STEADY;
                if is_steady {
                    backoff.reset();
                }
                // What ends each session may be a message that needs a larger frame, and it comes again.
                frame_max = is_steady.then_some(SMALL_FRAME);
                session.close().await;
                match ended {
                    Interrupted::Stop => return,
                    Interrupted::Broker(error) => error,
                }
            }
        };
        warn!("{error}; trying again");
        pipeline.enter(Phase::Waiting, Some(error.to_string()), None);
        if pipeline.sweep_until(sleep(backoff.pause())).await.is_none() {
            return;
        }
    }
}
