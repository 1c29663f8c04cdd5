//! The agent's life: load, start the loops, be ready, feed the watchdog, stop within five seconds.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tracing::{error, info};

use super::hooks::{self, HookSettings};
use super::pulses::Pulses;
use super::repair::{self, RepairSettings};
use super::socket::Present;
use super::status::Status;
use super::sync_orders::Orders;
use super::{checks, credentials, notify, socket, watched};
use crate::agent::credentials::CredentialError;
use crate::config::agent::{AgentConfig, AgentConfigError};
use crate::dns::{Name, NameError};
use crate::health::{Check, Outcome, Report};
use crate::sync::{
    BrokerLogin, BrokerSettings, Caps, MemoryError, OdooSettings, OpenError, PowerDns, PowerDnsError,
    Progress, Settings, SweepSettings, SweepTimes, ZoneSync,
};

/// Messages that may wait here, each of which may have 1 MiB: MemoryMax= of the unit must bear them.
const PREFETCH: u16 = 100;
/// Messages that may wait here while they are short.
const WIDE_PREFETCH: u16 = 2000;
/// All loops together get this long to end; systemd kills after 15 s.
const STOP_LIMIT: Duration = Duration::from_millis(4500);
/// The status line is not written more often.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// What the report calls a configuration that was refused.
const REFUSED: &str = "agent configuration";

/// What a configuration comes to.
struct Loaded {
    config: AgentConfig,
    settings: Settings,
    checks: Vec<Box<dyn Check>>,
    orders: Orders,
    hooks: HookSettings,
    repair: Option<RepairSettings>,
}

/// Where everything lies.
#[derive(Debug, Clone)]
pub struct Options {
    /// agent.toml.
    pub config: PathBuf,
    /// The folder of the credentials.
    pub credentials: PathBuf,
    /// The folder of the memory.
    pub state: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
}

/// Why the agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// agent.toml.
    #[error(transparent)]
    Config(#[from] AgentConfigError),
    /// A name in agent.toml.
    #[error("{path}: {key}: {source}\n\nhint: `sudo hams-install` writes the file anew")]
    Name {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong with the name.
        source: NameError,
    },
    /// A credential.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The API's client.
    #[error(transparent)]
    PowerDns(#[from] PowerDnsError),
    /// The state folder, or what Odoo is read with.
    #[error(transparent)]
    Sync(#[from] OpenError),
    /// The control socket.
    #[error("cannot listen on {path}: {source}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What came of it.
        source: io::Error,
    },
    /// The port.
    #[error(
        "cannot listen on 127.0.0.1:{port}: {source}\n\nhint: set another `health.http_port` in hams.toml, and run `sudo hams-install`"
    )]
    Port {
        /// Of 127.0.0.1.
        port: u16,
        /// What came of it.
        source: io::Error,
    },
    /// The process's signals.
    #[error("cannot listen for signals: {0}")]
    Signal(io::Error),
    /// A loop that runs as long as the agent has ended.
    #[error("the {0} has ended by itself: please report this")]
    Ended(&'static str),
}

impl AgentError {
    /// True where a restart cannot help.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Config(_) | Self::Name { .. } | Self::Credential(_) | Self::PowerDns(_) => true,
            Self::Sync(error) => {
                matches!(error, OpenError::Memory(MemoryError::Format { .. }) | OpenError::Odoo(_))
            }
            Self::Socket { .. } | Self::Port { .. } | Self::Signal(_) | Self::Ended(_) => false,
        }
    }
}

/// What a life of the loops ends with.
enum Next {
    /// The end of the agent.
    Stop,
    /// Another configuration.
    Begin(Box<Loaded>),
}

/// What the agent is told by signals.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, AgentError> {
        let listen = |kind| signal(kind).map_err(AgentError::Signal);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }
}

/// Runs until SIGTERM or SIGINT. An outage of the broker, of Odoo or of PowerDNS neither fails the start nor ends it.
/// SIGHUP has the configuration read anew: a bad one is refused, and the agent goes on with the one that it has.
pub async fn run(options: Options) -> Result<(), AgentError> {
    let started = SystemTime::now();
    let mut signals = Signals::listen()?;
    let mut loaded = load(&options)?;
    loop {
        match live(&options, loaded, &mut signals, started).await? {
            Next::Stop => return Ok(()),
            Next::Begin(other) => loaded = *other,
        }
    }
}

/// One life of all loops, from a configuration to its end or to another one.
async fn live(
    options: &Options,
    loaded: Loaded,
    signals: &mut Signals,
    started: SystemTime,
) -> Result<Next, AgentError> {
    let Loaded { config, settings, checks, orders, hooks, repair } = loaded;
    let (stopper, stop) = watch::channel(false);
    let (progress_sender, progress) = watch::channel(Progress::default());
    let (report_sender, report) = watch::channel(Report::of(checks.iter().map(AsRef::as_ref)));
    let pulses = Arc::new(Pulses::new());

    let zone_sync = ZoneSync::open(settings, progress_sender, pulses.add("sync"), stop.clone())?;
    let listener = socket::listen(&options.socket)
        .map_err(|source| AgentError::Socket { path: options.socket.clone(), source })?;
    let port = listen_on(config.health.http_port).await?;
    let present = {
        let (progress, report, pulses) = (progress.clone(), report.clone(), Arc::clone(&pulses));
        Present {
            status: Arc::new(move || Status::new(started, &progress.borrow(), &report.borrow())),
            stuck: Arc::new(move || pulses.stuck()),
        }
    };
    let mut sync_task = tokio::spawn(zone_sync.run());
    let checked = checks::run(checks, report_sender.clone(), pulses.add("checks"), stop);
    let mut check_task = tokio::spawn(checked);
    let mut socket_task = tokio::spawn(socket::serve(listener, present.clone(), orders));
    let mut port_task = tokio::spawn(socket::serve_port(port, present.clone()));
    let told = hooks::run(hooks, present.clone(), progress.clone(), report_sender.clone());
    let mut hook_task = tokio::spawn(told);
    let mut repair_task = tokio::spawn(repair::run(repair, report_sender.clone()));
    let status_task = tokio::spawn(tell_status(present, progress, report));
    let watchdog_task = tokio::spawn(feed_watchdog(pulses));
    notify::ready();
    info!("hams-agent {} is up", env!("CARGO_PKG_VERSION"));

    let mut has_sync_ended = false;
    let next = loop {
        tokio::select! {
            _ = signals.terminate.recv() => break Ok(Next::Stop),
            _ = signals.interrupt.recv() => break Ok(Next::Stop),
            _ = signals.hangup.recv() => match another(options, &config).await {
                Ok(Some(other)) => break Ok(Next::Begin(Box::new(other))),
                Ok(None) => {
                    info!("{} is as it was", options.config.display());
                    report_sender.send_modify(|report| report.remove(REFUSED));
                }
                Err(error) => {
                    error!("the configuration is not taken up, the one before stays: {error}");
                    let reason = format!("not taken up, the one before stays: {error}");
                    report_sender.send_modify(|report| report.add(REFUSED, Outcome::degraded(reason)));
                }
            },
            _ = &mut sync_task => {
                has_sync_ended = true;
                break Err(AgentError::Ended("sync"));
            }
            _ = &mut check_task => break Err(AgentError::Ended("loop of the checks")),
            _ = &mut socket_task => break Err(AgentError::Ended("control socket")),
            _ = &mut port_task => break Err(AgentError::Ended("port of the questions")),
            _ = &mut hook_task => break Err(AgentError::Ended("hooks")),
            _ = &mut repair_task => break Err(AgentError::Ended("loop of the repairs")),
        }
    };
    match &next {
        Ok(Next::Begin(_)) => info!("beginning anew with {}", options.config.display()),
        Ok(Next::Stop) | Err(_) => {
            notify::stopping();
            info!("stopping");
        }
    }
    // Nobody listening any more is fine: then everybody has stopped.
    let _ = stopper.send(true);
    if !has_sync_ended {
        stopped(sync_task).await;
    }
    status_task.abort();
    watchdog_task.abort();
    hook_task.abort();
    repair_task.abort();
    for task in [socket_task, port_task] {
        task.abort();
        // What it listened on is free only when it is gone.
        let _ = task.await;
    }
    let _ = std::fs::remove_file(&options.socket);
    next
}

/// The configuration as it is now, if it is another one and can be used.
async fn another(options: &Options, present: &AgentConfig) -> Result<Option<Loaded>, AgentError> {
    let loaded = load(options)?;
    if loaded.config == *present {
        return Ok(None);
    }
    if loaded.config.health.http_port != present.health.http_port {
        drop(listen_on(loaded.config.health.http_port).await?);
    }
    Ok(Some(loaded))
}

async fn listen_on(port: Option<u16>) -> Result<Option<TcpListener>, AgentError> {
    let Some(port) = port else { return Ok(None) };
    let listener = socket::listen_on_port(port).await;
    listener.map(Some).map_err(|source| AgentError::Port { port, source })
}

async fn stopped(task: JoinHandle<()>) {
    let handle = task.abort_handle();
    if timeout(STOP_LIMIT, task).await.is_err() {
        handle.abort();
        error!("the sync did not stop in time; what it had in hand comes again at the next start");
    }
}

fn load(options: &Options) -> Result<Loaded, AgentError> {
    let config = AgentConfig::load(&options.config)?;
    // One may wait while the sync is at work for another.
    let (orders, order_queue) = mpsc::channel(1);
    let names = |key, texts: &[String]| -> Result<Vec<Name>, AgentError> {
        let name = |text: &String| {
            Name::absolute(text).map_err(|source| AgentError::Name {
                path: options.config.clone(),
                key,
                source,
            })
        };
        texts.iter().map(name).collect()
    };
    let nameservers = names("powerdns.nameservers", &config.powerdns.nameservers)?;
    let managed_suffixes = names("powerdns.managed_suffixes", &config.powerdns.managed_suffixes)?;
    let password = credentials::read(&options.credentials, "rabbitmq-password")?;
    let key = credentials::read(&options.credentials, "pdns-api-key")?;
    let broker = config.broker.clone();
    let checks = watched::checks(&config, &options.credentials, &password, &key)?;
    // Without a key it starts all the same: what needs it waits, and the status says so.
    let odoo = config.odoo.clone().map(|odoo| OdooSettings {
        url: odoo.url,
        database: odoo.database,
        key: options.credentials.join("odoo-key"),
        key_source: odoo.key_file,
    });
    let hooks = HookSettings::new(&config.health, &options.credentials, &options.state);
    let repair = config.health.repair.as_ref().map(RepairSettings::new);
    let settings = Settings {
        odoo,
        powerdns: PowerDns::new(&config.powerdns.api, &key)?,
        nameservers,
        managed_suffixes,
        state_folder: options.state.clone(),
        sweep: SweepSettings {
            times: SweepTimes {
                interval: Duration::from_secs(60 * u64::from(config.sync.sweep_minutes)),
                full_hour: config.sync.full_sweep_hour,
            },
            caps: Caps {
                zones: u64::from(config.sync.max_removals),
                percent: config.sync.max_removals_percent,
            },
            orders: order_queue,
        },
        broker: BrokerSettings {
            login: BrokerLogin {
                host: broker.host,
                port: broker.port,
                vhost: broker.vhost,
                user: broker.user,
                password,
            },
            queue: broker.queue,
            dead_letter_exchange: broker.dead_letter_exchange,
            prefetch: PREFETCH,
            wide_prefetch: WIDE_PREFETCH,
        },
    };
    Ok(Loaded { config, settings, checks, orders, hooks, repair })
}

/// Keeps the line in `systemctl status` true.
async fn tell_status(
    present: Present,
    mut progress: watch::Receiver<Progress>,
    mut report: watch::Receiver<Report>,
) {
    let mut told = String::new();
    loop {
        let line = (present.status)().line();
        if line != told {
            notify::status(&line);
            told = line;
        }
        tokio::time::sleep(STATUS_INTERVAL).await;
        let changed = tokio::select! {
            changed = progress.changed() => changed,
            changed = report.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Says that the agent lives as long as its loops move.
async fn feed_watchdog(pulses: Arc<Pulses>) {
    let Some(every) = notify::watchdog_interval() else { return };
    let mut ticks = interval(every);
    loop {
        ticks.tick().await;
        match pulses.stuck() {
            None => notify::alive(),
            Some(name) => error!("the loop `{name}` does not move; systemd will start the agent anew"),
        }
    }
}
