//! What a unit was last started with, or told to read anew: digests in `/var/lib/hams/units/NAME`.

use super::error::Error;
use super::file;
use super::paths;
use super::units::UnitState;
use super::write;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// What a unit was last started, or reloaded, with by us: a line each; the last two only where there is a reload.
pub(super) struct Stamp {
    /// Of the files that a start reads.
    pub digest: String,
    /// Which start it was.
    pub invocation: String,
    /// Of the files that a reload reads; empty where there is no reload.
    pub reload_digest: String,
    /// When that reload ended, in microseconds since the epoch.
    loaded: String,
}

impl Stamp {
    /// The stamp of a unit that is now as `state` says.
    pub fn of(digest: String, reload_digest: String, state: &UnitState) -> Self {
        let loaded = if reload_digest.is_empty() { String::new() } else { microseconds(state.changed) };
        Self { digest, invocation: state.invocation_id.clone(), reload_digest, loaded }
    }

    /// The stamp of `unit`; `None` before its first start by us.
    pub fn read(unit: &str) -> Result<Option<Self>, Error> {
        let text = file::read_if_there(&path(unit))?;
        Ok(text.map(|text| {
            let mut lines = text.lines().map(str::to_owned);
            let mut next = || lines.next().unwrap_or_default();
            Self { digest: next(), invocation: next(), reload_digest: next(), loaded: next() }
        }))
    }

    /// Whether what `state` shows is still the start or reload that this is of.
    pub fn is_of_load(&self, state: &UnitState) -> bool {
        self.invocation == state.invocation_id && self.loaded == microseconds(state.changed)
    }

    /// Keeps it; on the disk when this returns.
    pub fn write(&self, unit: &str) -> Result<(), Error> {
        write::private_folder(Path::new(paths::UNIT_STAMPS))?;
        let mut text = format!("{}\n{}\n", self.digest, self.invocation);
        if !self.reload_digest.is_empty() {
            text += &format!("{}\n{}\n", self.reload_digest, self.loaded);
        }
        write::atomically(&path(unit), text.as_bytes(), write::PRIVATE)
    }
}

fn microseconds(time: Duration) -> String {
    time.as_micros().to_string()
}

/// What `files` hold, in one digest; a file that is not there counts too.
pub(super) fn digest(files: &[PathBuf]) -> Result<String, Error> {
    let mut digest = Sha256::new();
    for path in files {
        digest.update(path.to_string_lossy().as_bytes());
        match file::existing(path)? {
            Some(_) => digest.update(std::fs::read(path).map_err(Error::io("read", path))?),
            None => digest.update([0]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether one of `files` was written after `time`, which is since the epoch.
pub(super) fn was_written_since(files: &[PathBuf], time: Duration) -> Result<bool, Error> {
    for path in files {
        let Some(found) = file::existing(path)? else { continue };
        let written = found.modified().map_err(Error::io("read", path))?;
        if written.duration_since(UNIX_EPOCH).is_ok_and(|written| written > time) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where the stamp of `unit` is kept.
pub fn path(unit: &str) -> PathBuf {
    Path::new(paths::UNIT_STAMPS).join(unit)
}
