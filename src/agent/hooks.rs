//! Who is told of a change of state: the journal, a webhook, a command; and a heartbeat. They run beside the checks and the sync,
//! and neither waits for any of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::credentials;
use super::hooks_command::{self, CommandHook};
use super::hooks_deliver::{Carrier, TIMES, deliver};
use super::hooks_entry::{COMMAND, HEARTBEAT, HookEntry, WEBHOOK};
use super::hooks_heartbeat::{RHYTHM, beat};
use super::hooks_http::Http;
use super::hooks_journal;
use super::hooks_memory::ToldFile;
use super::hooks_outbox::Outbox;
use super::hooks_snapshot::Snapshot;
use super::hooks_webhook::Webhook;
use super::socket::Present;
use crate::config::agent::HealthConfig;
use crate::health::Report;
use crate::secrets::HookUrl;
use crate::sync::Progress;

/// States are not looked at more often.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A URL, or why there is none.
type Address = Result<HookUrl, String>;

/// Which hooks there are.
pub(super) struct HookSettings {
    webhook: Option<Address>,
    heartbeat: Option<Address>,
    command: Option<PathBuf>,
    /// The folder of the agent's memory.
    state: PathBuf,
    /// What the node is called.
    host: String,
}

impl HookSettings {
    /// What the configuration asks for, with the URLs that systemd has handed over in `credentials`. One that cannot be used is
    /// no reason not to start: the report says so.
    pub(super) fn new(health: &HealthConfig, credentials: &Path, state: &Path) -> Self {
        let address =
            |file: &Option<PathBuf>, name| file.as_ref().map(|file| address(file, credentials, name));
        let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
        Self {
            webhook: address(&health.webhook_file, "webhook-url"),
            heartbeat: address(&health.heartbeat_file, "heartbeat-url"),
            command: health.command.clone(),
            state: state.to_owned(),
            host: host.unwrap_or_else(|_| "unknown".to_owned()),
        }
    }
}

fn address(file: &Path, credentials: &Path, name: &str) -> Address {
    let text = credentials::read(credentials, name).map_err(|error| error.to_string())?;
    HookUrl::read(text.expose()).map_err(|error| {
        let file = file.display();
        format!("{file} {error}\nhint: write one line with the URL there, for root alone: `sudo chmod 0600 {file}`")
    })
}

/// Runs them all until it is dropped.
pub(super) async fn run(
    settings: HookSettings,
    present: Present,
    progress: watch::Receiver<Progress>,
    report: watch::Sender<Report>,
) {
    let (sender, snapshots) = watch::channel(Snapshot::default());
    let http = Arc::new(Http::default());
    let told = async |entry: HookEntry, file: &str, carrier: &dyn Carrier| {
        let (memory, told) = ToldFile::open(&settings.state, file);
        let outbox = Outbox::new(entry.name(), told);
        deliver(&settings.host, carrier, TIMES, outbox, memory, entry, snapshots.clone()).await;
    };
    let webhook = async {
        let Some(address) = settings.webhook.clone() else { return };
        let Some((url, entry)) = usable(address, HookEntry::new(WEBHOOK, report.clone())) else { return };
        told(entry, "webhook-told", &Webhook { http: Arc::clone(&http), url }).await;
    };
    let command = async {
        let Some(program) = settings.command.clone() else { return };
        let hook = CommandHook { program, home: settings.state.clone(), limit: hooks_command::LIMIT };
        told(HookEntry::new(COMMAND, report.clone()), "command-told", &hook).await;
    };
    let heartbeat = async {
        let Some(address) = settings.heartbeat.clone() else { return };
        let Some((url, entry)) = usable(address, HookEntry::new(HEARTBEAT, report.clone())) else { return };
        beat(Arc::clone(&http), url, RHYTHM, Arc::clone(&present.stuck), entry).await;
    };
    let journal = hooks_journal::keep(snapshots.clone());
    let look = look(&present, progress, report.subscribe(), sender);
    tokio::join!(look, journal, webhook, command, heartbeat);
}

/// The URL; else the entry says why there is none.
fn usable(address: Address, mut entry: HookEntry) -> Option<(HookUrl, HookEntry)> {
    match address {
        Ok(url) => Some((url, entry)),
        Err(reason) => {
            entry.failed(reason);
            None
        }
    }
}

/// Hands on what has another state, never ending.
async fn look(
    present: &Present,
    mut progress: watch::Receiver<Progress>,
    mut report: watch::Receiver<Report>,
    sender: watch::Sender<Snapshot>,
) {
    loop {
        let snapshot = Snapshot::of(&(present.status)());
        sender.send_if_modified(|last| {
            let is_news = !last.is_same(&snapshot);
            if is_news {
                *last = snapshot;
            }
            is_news
        });
        tokio::time::sleep(LOOK_INTERVAL).await;
        let changed = tokio::select! {
            changed = progress.changed() => changed,
            changed = report.changed() => changed,
        };
        if changed.is_err() {
            // The agent is ending.
            std::future::pending::<()>().await;
        }
    }
}
