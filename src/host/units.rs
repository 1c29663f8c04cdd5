//! systemd over D-Bus: what a unit is doing, and jobs whose own result is waited for.
//!
//! A job that ends "done" proves readiness only for Type=notify (facts/stack.md §8); the probes of `health/` prove the rest.

use super::error::Error;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use std::collections::HashMap;
use std::time::Duration;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

/// A job that has not ended by then is an error; RabbitMQ's first start on a slow disk takes most of a minute.
const JOB_LIMIT: Duration = Duration::from_secs(180);

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn subscribe(&self) -> zbus::Result<()>;
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn try_restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn reload_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    fn reload(&self) -> zbus::Result<()>;
    #[allow(clippy::type_complexity)] // the signature that systemd gives this call
    fn enable_unit_files(
        &self,
        names: &[&str],
        runtime: bool,
        force: bool,
    ) -> zbus::Result<(bool, Vec<(String, String, String)>)>;
    fn disable_unit_files(
        &self,
        names: &[&str],
        runtime: bool,
    ) -> zbus::Result<Vec<(String, String, String)>>;
    #[zbus(property)]
    fn userspace_timestamp(&self) -> zbus::Result<u64>;
    #[zbus(signal)]
    fn job_removed(&self, id: u32, job: OwnedObjectPath, unit: String, result: String) -> zbus::Result<()>;
}

/// Changes of a unit, without what has changed.
pub type Changes = BoxStream<'static, ()>;

/// A connection to the system's manager.
pub struct Systemd {
    connection: zbus::Connection,
    manager: ManagerProxy<'static>,
}

/// What a unit is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitState {
    /// LoadState: "loaded", "not-found", "masked", "error".
    pub load: String,
    /// ActiveState: "active", "activating", "failed" …
    pub active: String,
    /// SubState: "running", "auto-restart", "listening" …
    pub sub: String,
    /// Result of the last run: "success", "exit-code", "watchdog" …; empty for units that have none.
    pub result: String,
    /// UnitFileState: "enabled", "disabled", "static"; empty when there is no file.
    pub unit_file: String,
    /// How often systemd has started it again by itself.
    pub restarts: u32,
    /// Its main process; 0 when there is none.
    pub main_pid: u32,
    /// Changes with every start; empty before the first.
    pub invocation_id: String,
    /// When its last start began; the epoch before the first.
    pub started: Duration,
    /// When it last went from one state to another, a reload's end among them; the epoch before the first.
    pub changed: Duration,
    /// A unit file or drop-in is newer than what systemd has loaded.
    pub needs_reload: bool,
}

impl UnitState {
    /// Up and not on its way down or round in a restart loop. It is up, too, while somebody has it read its
    /// configuration anew.
    pub fn is_running(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading" | "refreshing")
    }

    /// In words: "failed (exit-code)", "restarting again and again (12 times)".
    pub fn words(&self) -> String {
        match (self.load.as_str(), self.active.as_str(), self.sub.as_str()) {
            ("not-found", ..) => "no such unit".into(),
            ("masked", ..) => "masked".into(),
            (_, _, "auto-restart") => format!("failing and restarted by systemd ({} times)", self.restarts),
            (_, "failed", _) => format!("failed ({})", self.result),
            (_, active, sub) => format!("{active} ({sub})"),
        }
    }
}

/// When a timer elapses next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At this time since the epoch.
    At(Duration),
    /// So long after the boot.
    SinceBoot(Duration),
    /// Nothing is planned.
    Never,
}

/// What is asked of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Start it, unless it runs.
    Start,
    /// Stop it.
    Stop,
    /// Stop and start it, or just start it.
    Restart,
    /// Stop and start it if it runs; one that does not stays as it is.
    TryRestart,
    /// Have it read its configuration anew while it goes on.
    Reload,
}

impl Job {
    fn verb(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart | Self::TryRestart => "restart",
            Self::Reload => "reload",
        }
    }
}

impl Systemd {
    /// Connects to the system bus.
    pub async fn connect() -> Result<Self, Error> {
        let failed = |source| Error::Bus { action: "reach systemd".into(), source };
        let connection = zbus::Connection::system().await.map_err(failed)?;
        let manager = ManagerProxy::new(&connection).await.map_err(failed)?;
        Ok(Self { connection, manager })
    }

    /// What `unit` is doing. A unit that systemd does not know has the load state "not-found".
    pub async fn state(&self, unit: &str) -> Result<UnitState, Error> {
        let failed = |source| Error::Bus { action: format!("ask the state of {unit}"), source };
        let path = self.manager.load_unit(unit).await.map_err(failed)?;
        let general = self.properties(&path, "org.freedesktop.systemd1.Unit").await.map_err(failed)?;
        let mut state = UnitState {
            load: text(&general, "LoadState"),
            active: text(&general, "ActiveState"),
            sub: text(&general, "SubState"),
            unit_file: text(&general, "UnitFileState"),
            needs_reload: general
                .get("NeedDaemonReload")
                .is_some_and(|value| bool::try_from(value).unwrap_or(false)),
            invocation_id: hexadecimal(general.get("InvocationID")),
            started: microseconds(&general, "InactiveExitTimestamp"),
            changed: microseconds(&general, "StateChangeTimestamp"),
            ..UnitState::default()
        };
        if unit.ends_with(".service") && state.load == "loaded" {
            let service = self.properties(&path, "org.freedesktop.systemd1.Service").await.map_err(failed)?;
            state.result = text(&service, "Result");
            state.restarts = number(&service, "NRestarts");
            state.main_pid = number(&service, "MainPID");
        }
        Ok(state)
    }

    /// When `timer` elapses next.
    pub async fn next(&self, timer: &str) -> Result<Next, Error> {
        let failed = |source| Error::Bus { action: format!("ask when {timer} elapses"), source };
        let path = self.manager.load_unit(timer).await.map_err(failed)?;
        let timer = self.properties(&path, "org.freedesktop.systemd1.Timer").await.map_err(failed)?;
        // systemd says 0, or the largest number there is, where nothing is planned.
        let planned = |name: &str| {
            let time = microseconds(&timer, name);
            (!time.is_zero() && time < Duration::from_micros(u64::MAX)).then_some(time)
        };
        let at = planned("NextElapseUSecRealtime").map(Next::At);
        Ok(at.or_else(|| planned("NextElapseUSecMonotonic").map(Next::SinceBoot)).unwrap_or(Next::Never))
    }

    /// Tells each time that a property of `unit` has changed; ends with the connection. It must be listened to: a queue that
    /// nobody empties holds up the connection, so that it is one of its own.
    pub async fn changes(self, unit: &str) -> Result<Changes, Error> {
        let failed = |source| Error::Bus { action: format!("listen for changes of {unit}"), source };
        let path = self.manager.load_unit(unit).await.map_err(failed)?;
        self.manager.subscribe().await.or_else(already_subscribed).map_err(failed)?;
        let changes = self.of_unit(&path).await.map_err(failed)?;
        let changes = changes.receive_properties_changed().await.map_err(failed)?;
        Ok(Box::pin(changes.map(drop)))
    }

    /// When systemd began to boot this system, since the epoch.
    pub async fn booted(&self) -> Result<Duration, Error> {
        let asked = self.manager.userspace_timestamp().await;
        let failed = |source| Error::Bus { action: "ask when the system was booted".into(), source };
        asked.map(Duration::from_micros).map_err(failed)
    }

    /// Asks for `job` and waits for its own result.
    pub async fn run(&self, job: Job, unit: &str) -> Result<(), Error> {
        let failed = |source| Error::Bus { action: format!("{} {unit}", job.verb()), source };
        // Listening begins before the call: a quick job is over before the call returns.
        let mut removed = self.manager.receive_job_removed().await.map_err(failed)?;
        self.manager.subscribe().await.or_else(already_subscribed).map_err(failed)?;
        let path = match job {
            Job::Start => self.manager.start_unit(unit, "replace").await,
            Job::Stop => self.manager.stop_unit(unit, "replace").await,
            Job::Restart => self.manager.restart_unit(unit, "replace").await,
            Job::TryRestart => self.manager.try_restart_unit(unit, "replace").await,
            Job::Reload => self.manager.reload_unit(unit, "replace").await,
        }
        .map_err(failed)?;
        let wait = async {
            while let Some(signal) = removed.next().await {
                let body = signal.args().map_err(failed)?;
                if body.job == path {
                    return Ok(body.result.clone());
                }
            }
            Err(Error::Unit { unit: unit.into(), reason: "systemd ended the connection".into() })
        };
        let result = tokio::time::timeout(JOB_LIMIT, wait).await.unwrap_or_else(|_| {
            let reason = format!("its {} job did not end within {} s", job.verb(), JOB_LIMIT.as_secs());
            Err(Error::Unit { unit: unit.into(), reason })
        })?;
        if result == "done" {
            return Ok(());
        }
        let now = self.state(unit).await?;
        Err(Error::Unit {
            unit: unit.into(),
            reason: format!("could not {} it: {result}, now {}", job.verb(), now.words()),
        })
    }

    /// Enables `unit` at boot.
    pub async fn enable(&self, unit: &str) -> Result<(), Error> {
        let failed = |source| Error::Bus { action: format!("enable {unit}"), source };
        self.manager.enable_unit_files(&[unit], false, true).await.map_err(failed)?;
        self.reload().await
    }

    /// Disables `unit` at boot.
    pub async fn disable(&self, unit: &str) -> Result<(), Error> {
        let failed = |source| Error::Bus { action: format!("disable {unit}"), source };
        self.manager.disable_unit_files(&[unit], false).await.map_err(failed)?;
        self.reload().await
    }

    /// Reads all unit files anew.
    pub async fn reload(&self) -> Result<(), Error> {
        self.manager
            .reload()
            .await
            .map_err(|source| Error::Bus { action: "reload the unit files".into(), source })
    }

    /// Forgets that `unit` failed, so that its start limit begins anew.
    pub async fn reset_failed(&self, unit: &str) -> Result<(), Error> {
        let failed = |source| Error::Bus { action: format!("reset {unit}"), source };
        self.manager.reset_failed_unit(unit).await.map_err(failed)
    }

    async fn properties(
        &self,
        path: &OwnedObjectPath,
        interface: &str,
    ) -> zbus::Result<HashMap<String, OwnedValue>> {
        let interface = zbus::names::InterfaceName::try_from(interface)?;
        Ok(self.of_unit(path).await?.get_all(interface).await?)
    }

    async fn of_unit(&self, path: &OwnedObjectPath) -> zbus::Result<zbus::fdo::PropertiesProxy<'static>> {
        zbus::fdo::PropertiesProxy::builder(&self.connection)
            .destination("org.freedesktop.systemd1")?
            .path(path.clone())?
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
    }
}

fn already_subscribed(error: zbus::Error) -> zbus::Result<()> {
    match &error {
        zbus::Error::MethodError(name, ..)
            if name.as_str() == "org.freedesktop.systemd1.AlreadySubscribed" =>
        {
            Ok(())
        }
        _ => Err(error),
    }
}

fn text(properties: &HashMap<String, OwnedValue>, name: &str) -> String {
    let value = properties.get(name).and_then(|value| <&str>::try_from(value).ok());
    value.unwrap_or_default().to_owned()
}

fn number(properties: &HashMap<String, OwnedValue>, name: &str) -> u32 {
    properties.get(name).and_then(|value| u32::try_from(value).ok()).unwrap_or_default()
}

/// A time since the epoch (org.freedesktop.systemd1: CLOCK_REALTIME in microseconds).
fn microseconds(properties: &HashMap<String, OwnedValue>, name: &str) -> Duration {
    let value = properties.get(name).and_then(|value| u64::try_from(value).ok());
    Duration::from_micros(value.unwrap_or_default())
}

fn hexadecimal(value: Option<&OwnedValue>) -> String {
    let bytes =
        value.and_then(|value| value.try_clone().ok()).and_then(|value| Vec::<u8>::try_from(value).ok());
    bytes.unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_reads_its_configuration_anew_is_up() {
        let unit = |active: &str| UnitState { active: active.into(), ..UnitState::default() };
        for (active, up) in [
            ("active", true),
            ("reloading", true),
            ("refreshing", true),
            ("activating", false),
            ("deactivating", false),
            ("inactive", false),
            ("failed", false),
        ] {
            assert_eq!(unit(active).is_running(), up, "{active}");
        }
    }
}
