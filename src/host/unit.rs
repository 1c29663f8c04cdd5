//! A unit that is enabled, runs, and runs with its present configuration.
//!
//! What a unit was last started with is kept as a digest of the files it reads (`/var/lib/hams/units/`): a service is
//! restarted when one of them has changed since, also when the run that changed it was cut short, and never otherwise.
//! A start that was not ours (a reboot, an operator) may have read what has been put back since: there, a file that was
//! written after the start counts as changed. The same holds for what a service takes up by a reload, only that there a
//! reload counts like a start.
//!
//! systemd's word that a service is up is not always proof; a [probe](Unit::ready_when) then is.

use super::change::Change;
use super::command::Command;
use super::error::Error;
use super::handle::Host;
use super::resource::{BoxFuture, Finding, Progress, Resource};
use super::unit_stamp::{self, Stamp, digest, was_written_since};
use super::units::{Job, Systemd, UnitState};
use super::{file, fresh, write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A database that was cut off in the middle of much work takes its time to come up.
const READY_LIMIT: Duration = Duration::from_secs(180);
const PROBE_EVERY: Duration = Duration::from_millis(100);

/// What is said of a unit that is not enabled.
pub const NOT_AT_BOOT: &str = "it does not start at boot";

/// A unit that must run.
pub struct Unit {
    name: String,
    reads: Vec<PathBuf>,
    reloads: Vec<PathBuf>,
    stop_first: Vec<String>,
    first: Option<FirstData>,
    probe: Option<Command>,
}

/// What a service's first start makes in its folder.
struct FirstData {
    folder: PathBuf,
    made: Vec<String>,
    crash_dump: String,
}

impl Unit {
    /// `name` enabled at boot and running, with the files that it reads.
    pub fn new(name: &str, reads: &[&str]) -> Self {
        Self {
            name: name.into(),
            reads: reads.iter().map(PathBuf::from).collect(),
            reloads: Vec::new(),
            stop_first: Vec::new(),
            first: None,
            probe: None,
        }
    }

    /// Files that it takes up by a reload: their change alone is no reason for a restart.
    pub fn reloads<P: Into<PathBuf>>(mut self, files: impl IntoIterator<Item = P>) -> Self {
        self.reloads = files.into_iter().map(Into::into).collect();
        self
    }

    /// Units to stop before this one is restarted (a socket cannot be rebound under its service).
    pub fn stop_first(mut self, units: &[&str]) -> Self {
        self.stop_first = units.iter().map(|unit| (*unit).to_owned()).collect();
        self
    }

    /// What its first start makes in `folder`: a power cut in that start can leave it so that no start will ever succeed.
    /// It is removed, and the unit started once more, while the folder is [fresh]. So is the `crash_dump` of starts that
    /// failed before the first that succeeds.
    pub fn first_start_makes(mut self, folder: &str, made: &[&str], crash_dump: &str) -> Self {
        let made = made.iter().map(|name| (*name).to_owned()).collect();
        self.first = Some(FirstData { folder: folder.into(), made, crash_dump: crash_dump.into() });
        self
    }

    /// Started only once `probe` ends with 0: the service answers.
    pub fn ready_when(mut self, probe: Command) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Waits until the service answers, as long as it runs.
    async fn wait_until_ready(&self, systemd: &Systemd) -> Result<(), Error> {
        let Some(probe) = &self.probe else { return Ok(()) };
        let end = Instant::now() + READY_LIMIT;
        loop {
            let answer = probe.output().await?;
            if answer.code == Some(0) {
                return Ok(());
            }
            if !systemd.state(&self.name).await?.is_running() {
                return Ok(()); // what its state is then is the better error
            }
            if Instant::now() >= end {
                let limit = READY_LIMIT.as_secs();
                let said = answer.stderr.lines().last().unwrap_or_default();
                let reason =
                    format!("it runs, and does not answer within {limit} s: {said} (`{}`)", probe.line());
                return Err(Error::Unit { unit: self.name.clone(), reason });
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }

    /// From now on the folder holds data.
    fn end_first_start(&self) -> Result<(), Error> {
        let Some(first) = &self.first else { return Ok(()) };
        if fresh::contains(&first.folder)? {
            write::remove_if_there(&first.folder.join(&first.crash_dump))?;
        }
        fresh::forget(&first.folder)
    }

    /// Removes what a first start made that was cut short; whether there was such a one.
    fn forget_first_start(&self) -> Result<bool, Error> {
        let Some(first) = &self.first else { return Ok(false) };
        if file::existing(&unit_stamp::path(&self.name))?.is_some() || !fresh::contains(&first.folder)? {
            return Ok(false);
        }
        for name in &first.made {
            let path = first.folder.join(name);
            match file::existing(&path)? {
                None => {}
                Some(found) if found.is_dir() => {
                    for entry in std::fs::read_dir(&path).map_err(Error::io("read", &path))? {
                        file::remove_all(&entry.map_err(Error::io("read", &path))?.path())?;
                    }
                }
                Some(_) => write::remove_if_there(&path)?,
            }
        }
        Ok(true)
    }

    async fn restart(&self, systemd: &Systemd) -> Result<(), Error> {
        let Err(error) = systemd.run(Job::Restart, &self.name).await else { return Ok(()) };
        systemd.run(Job::Stop, &self.name).await?;
        if !self.forget_first_start()? {
            return Err(error);
        }
        systemd.reset_failed(&self.name).await?;
        systemd.run(Job::Restart, &self.name).await
    }

    /// The id of the unit `name`.
    pub fn id_of(name: &str) -> String {
        format!("unit:{name}")
    }

    fn runs_with_present_files(&self, state: &UnitState) -> Result<bool, Error> {
        let Some(stamp) = Stamp::read(&self.name)? else { return Ok(false) };
        if stamp.digest != digest(&self.reads)? {
            return Ok(false);
        }
        Ok(stamp.invocation == state.invocation_id || !was_written_since(&self.reads, state.started)?)
    }

    /// The same for what a reload takes up.
    fn has_loaded_present_files(&self, state: &UnitState) -> Result<bool, Error> {
        if self.reloads.is_empty() {
            return Ok(true);
        }
        let Some(stamp) = Stamp::read(&self.name)? else { return Ok(false) };
        if stamp.reload_digest != digest(&self.reloads)? {
            return Ok(false);
        }
        Ok(stamp.is_of_load(state) || !was_written_since(&self.reloads, state.changed)?)
    }

    /// The digests of what it reads.
    fn digests(&self) -> Result<(String, String), Error> {
        let reload_digest = if self.reloads.is_empty() { String::new() } else { digest(&self.reloads)? };
        Ok((digest(&self.reads)?, reload_digest))
    }

    async fn reload(&self, systemd: &Systemd, progress: &Progress) -> Result<(), Error> {
        progress.report(0.0, &format!("reloading {}", self.name));
        let (digest, reload_digest) = self.digests()?;
        // Until it has succeeded nobody knows what it runs with.
        let state = systemd.state(&self.name).await?;
        Stamp::of(digest.clone(), String::new(), &state).write(&self.name)?;
        systemd.run(Job::Reload, &self.name).await?;
        Stamp::of(digest, reload_digest, &systemd.state(&self.name).await?).write(&self.name)
    }

    fn reasons(&self, state: &UnitState) -> Result<Vec<String>, Error> {
        if state.load == "not-found" {
            return Ok(vec!["it is not installed".into()]);
        }
        let mut reasons = Vec::new();
        if !matches!(state.unit_file.as_str(), "enabled" | "static" | "indirect") {
            reasons.push(format!("{NOT_AT_BOOT} ({})", state.unit_file));
        }
        if !state.is_running() {
            reasons.push(format!("it is {}", state.words()));
        } else if !self.runs_with_present_files(state)? {
            reasons.push("it was started with another configuration".into());
        } else if !self.has_loaded_present_files(state)? {
            reasons.push("it has not read its present configuration".into());
        } else if state.needs_reload {
            reasons.push("systemd has not read its changed unit file".into());
        }
        Ok(reasons)
    }
}

impl Resource for Unit {
    fn id(&self) -> String {
        Self::id_of(&self.name)
    }

    fn describe(&self) -> String {
        format!("enable and start {}", self.name)
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let state = host.systemd().await?.state(&self.name).await?;
            Ok(Finding::from_reasons(self.reasons(&state)?))
        })
    }

    fn undo<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            let state = host.systemd().await?.state(&self.name).await?;
            Ok(Some(Change::Unit {
                name: self.name.clone(),
                was_enabled: state.unit_file == "enabled",
                was_active: state.is_running(),
            }))
        })
    }

    fn apply<'a>(&'a self, host: &'a Host, progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let systemd = host.systemd().await?;
            let (digest, reload_digest) = self.digests()?;
            let mut state = systemd.state(&self.name).await?;
            if state.needs_reload || state.load == "not-found" {
                systemd.reload().await?;
                state = systemd.state(&self.name).await?;
            }
            if !matches!(state.unit_file.as_str(), "enabled" | "static" | "indirect") {
                systemd.enable(&self.name).await?;
            }
            if state.is_running() && self.runs_with_present_files(&state)? {
                if self.has_loaded_present_files(&state)? {
                    return Ok(());
                }
                return self.reload(systemd, progress).await;
            }
            if state.active != "inactive" {
                for unit in &self.stop_first {
                    systemd.run(Job::Stop, unit).await?;
                }
            }
            progress.report(0.0, &format!("starting {}", self.name));
            if state.active == "failed" {
                systemd.reset_failed(&self.name).await?;
            }
            self.restart(systemd).await?;
            self.wait_until_ready(systemd).await?;
            let now = systemd.state(&self.name).await?;
            if !now.is_running() || now.restarts > 0 {
                return Err(Error::Unit {
                    unit: self.name.clone(),
                    reason: format!("it is {}", now.words()),
                });
            }
            // What the service wrote at its first start (databases, cookies) must outlive a power cut after this step.
            nix::unistd::sync();
            Stamp::of(digest, reload_digest, &now).write(&self.name)?;
            self.end_first_start()
        })
    }

    fn reads(&self) -> Vec<String> {
        let files = self.reads.iter().chain(&self.reloads);
        files.map(|path| file::File::id_of(&path.to_string_lossy())).collect()
    }
}
