//! What the agent knows about each zone, across restarts: a digest of each RRset that PowerDNS has, the serial it had
//! then, and the newest `version` seen. A repeated event costs no request, an older one is dropped, and a change is sent
//! without asking first.
//!
//! On disk: `memory` in the state folder, format v1, a JSON object a line; the last line of a zone counts.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::contents::Contents;
use super::log_file::{Condition, LogFile, Opened};
use crate::dns::Name;

const HEADER: &str = "hams-agent memory v1";
/// Lines that may be out of date before the file is rewritten, beside as many as there are zones.
const SLACK_LINES: usize = 1000;

/// Why the memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Reading, writing or syncing.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What came of it.
        source: io::Error,
    },
    /// Two agents on one folder would acknowledge what the other has not applied.
    #[error("{0} is in use by another hams-agent; stop it first")]
    Locked(PathBuf),
    /// Not a format of this version.
    #[error(
        "{path} begins with `{header}`, this version reads `{reads}`; install the newer hams, or remove the file to forget what is known"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its first line.
        header: String,
        /// What this version writes there.
        reads: &'static str,
    },
}

/// What PowerDNS holds for a zone, as far as the agent knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It must be asked.
    Unknown,
    /// This content.
    Present(Contents),
    /// No such zone.
    Absent,
}

/// What is known about one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// Its content.
    pub(super) state: State,
    /// The SOA serial after the last write, where PowerDNS told it.
    pub(super) serial: Option<u32>,
    /// The newest version applied.
    pub(super) version: Option<u64>,
    /// Its id in Odoo, where it came from there: it tells the name when Odoo no longer does.
    pub(super) odoo_id: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    /// `Contents`. A line of an earlier v1 has a `digest` of the whole zone instead: such a zone must be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sets: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    absent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serial: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    odoo_id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dropped_old: Option<u64>,
}

/// The zones that the agent knows.
#[derive(Debug)]
pub(super) struct Memory {
    zones: HashMap<Name, Known>,
    /// By their ids in Odoo.
    names: HashMap<u64, Name>,
    dropped_old: u64,
    path: PathBuf,
    file: LogFile,
    lines: usize,
    /// Held as long as the memory lives.
    _lock: Flock<File>,
}

impl Memory {
    /// Opens the memory in `folder`, which exists; creates it on first use.
    pub(super) fn open(folder: &Path) -> Result<Self, MemoryError> {
        let lock = lock(&folder.join("lock"))?;
        let path = folder.join("memory");
        let (mut zones, mut dropped_old, mut lines) = (HashMap::new(), 0, 0);
        let opened = LogFile::open(&path, HEADER, |payload| {
            lines += 1;
            // A checked line that does not parse was written by a newer v1: what it adds is not known here.
            let Ok(line) = serde_json::from_str::<Line>(payload) else { return };
            dropped_old = line.dropped_old.unwrap_or(dropped_old);
            if let Some(name) = line.zone.as_deref().and_then(|zone| Name::absolute(zone).ok()) {
                zones.insert(name, line.known());
            }
        });
        let (file, condition) = match opened.map_err(io_error("open", &path))? {
            Opened::Ready(file, condition) => (file, condition),
            Opened::OtherHeader(header) => return Err(MemoryError::Format { path, header, reads: HEADER }),
        };
        if condition == Condition::Damaged {
            // A lost line may have been newer than the one that counts now; a version only grows.
            warn!(path = %path.display(), "the memory is damaged: every zone is compared again at its next event");
            for known in zones.values_mut() {
                known.state = State::Unknown;
            }
        }
        let by_id = |(name, known): (&Name, &Known)| Some((known.odoo_id?, name.clone()));
        let names = zones.iter().filter_map(by_id).collect();
        Ok(Self { zones, names, dropped_old, path, file, lines, _lock: lock })
    }

    /// What is known about a zone.
    pub(super) fn get(&self, zone: &Name) -> Option<&Known> {
        self.zones.get(zone)
    }

    /// Every zone.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Name, &Known)> + Clone {
        self.zones.iter()
    }

    /// The name that the zone of that id had in Odoo when it was last applied.
    pub(super) fn name_of(&self, odoo_id: u64) -> Option<&Name> {
        self.names.get(&odoo_id)
    }

    /// Takes note; durable after the next `sync`.
    pub(super) fn put(&mut self, zone: &Name, known: Known) {
        if self.zones.get(zone) == Some(&known) {
            return;
        }
        self.push(&Line::of(zone, &known));
        if let Some(id) = known.odoo_id {
            self.names.insert(id, zone.clone());
        }
        self.zones.insert(zone.clone(), known);
    }

    /// Counts an event that was older than what is known.
    pub(super) fn count_dropped_old(&mut self) {
        self.dropped_old += 1;
        let line = Line::counter(self.dropped_old);
        self.push(&line);
    }

    /// Events dropped as older, since the memory began.
    pub(super) fn dropped_old(&self) -> u64 {
        self.dropped_old
    }

    /// How many zones are known.
    pub(super) fn len(&self) -> usize {
        self.zones.len()
    }

    /// Returns when everything noted so far would survive a power cut.
    pub(super) async fn sync(&mut self) -> Result<(), MemoryError> {
        if !self.file.is_waiting() {
            return Ok(());
        }
        if self.lines <= 2 * self.zones.len() + SLACK_LINES {
            return self.file.sync().await.map_err(io_error("write", &self.path));
        }
        let counter = std::iter::once(Line::counter(self.dropped_old));
        let lines = counter.chain(self.zones.iter().map(|(zone, known)| Line::of(zone, known)));
        self.file.rewrite(lines.map(|line| line.text())).await.map_err(io_error("rewrite", &self.path))?;
        self.lines = self.zones.len() + 1;
        Ok(())
    }

    fn push(&mut self, line: &Line) {
        self.file.push(&line.text());
        self.lines += 1;
    }
}

impl Line {
    fn of(zone: &Name, known: &Known) -> Self {
        let sets = match &known.state {
            State::Present(contents) => Some(contents.text()),
            State::Unknown | State::Absent => None,
        };
        Self {
            zone: Some(zone.to_string()),
            sets,
            absent: known.state == State::Absent,
            serial: known.serial,
            version: known.version,
            odoo_id: known.odoo_id,
            dropped_old: None,
        }
    }

    fn counter(dropped_old: u64) -> Self {
        Self {
            zone: None,
            sets: None,
            absent: false,
            serial: None,
            version: None,
            odoo_id: None,
            dropped_old: Some(dropped_old),
        }
    }

    fn known(&self) -> Known {
        let state = match (self.absent, self.sets.as_deref().and_then(Contents::parse)) {
            (true, _) => State::Absent,
            (false, Some(contents)) => State::Present(contents),
            (false, None) => State::Unknown,
        };
        Known { state, serial: self.serial, version: self.version, odoo_id: self.odoo_id }
    }

    fn text(&self) -> String {
        // A struct of texts and numbers always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

fn lock(path: &Path) -> Result<Flock<File>, MemoryError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = opened.map_err(io_error("open", path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| MemoryError::Locked(path.to_owned()))
}

fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> MemoryError {
    let path = path.to_owned();
    move |source| MemoryError::Io { action, path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::absolute(text).unwrap()
    }

    fn known(digit: u8, version: Option<u64>) -> Known {
        let contents = Contents::parse(&format!("www A {digit:016x}\n@ NS {digit:016x}")).unwrap();
        Known { state: State::Present(contents), serial: Some(7), version, odoo_id: None }
    }

    #[tokio::test]
    async fn it_remembers_across_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Memory::open(folder.path()).unwrap();
        memory.put(&name("a.u.hams.com"), known(1, Some(3)));
        memory.put(&name("a.u.hams.com"), known(2, Some(4)));
        memory.put(
            &name("b.u.hams.com"),
            Known { state: State::Absent, serial: None, version: Some(9), odoo_id: Some(12) },
        );
        memory.count_dropped_old();
        memory.sync().await.unwrap();
        memory.put(&name("c.u.hams.com"), known(3, None));
        drop(memory);
        let memory = Memory::open(folder.path()).unwrap();
        assert_eq!(memory.get(&name("a.u.hams.com")), Some(&known(2, Some(4))));
        assert_eq!(memory.get(&name("b.u.hams.com")).unwrap().state, State::Absent);
        assert_eq!(memory.get(&name("c.u.hams.com")), None);
        assert_eq!(memory.dropped_old(), 1);
        assert_eq!(memory.name_of(12), Some(&name("b.u.hams.com")));
        assert_eq!(memory.name_of(13), None);
    }

    #[tokio::test]
    async fn it_is_rewritten_when_most_lines_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Memory::open(folder.path()).unwrap();
        for round in 0..3000_u64 {
            memory.put(&name("a.u.hams.com"), known(0, Some(round)));
            if round % 100 == 0 {
                memory.sync().await.unwrap();
            }
        }
        memory.sync().await.unwrap();
        drop(memory);
        let text = std::fs::read_to_string(folder.path().join("memory")).unwrap();
        assert!(text.lines().count() < 1200, "{}", text.lines().count());
        let memory = Memory::open(folder.path()).unwrap();
        assert_eq!(memory.get(&name("a.u.hams.com")).unwrap().version, Some(2999));
    }

    #[tokio::test]
    async fn damage_forgets_contents_and_keeps_versions() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Memory::open(folder.path()).unwrap();
        memory.put(&name("a.u.hams.com"), known(1, Some(1)));
        memory.put(&name("b.u.hams.com"), known(1, Some(5)));
        memory.sync().await.unwrap();
        drop(memory);
        let path = folder.path().join("memory");
        let text = std::fs::read_to_string(&path).unwrap().replacen("a.u", "x.u", 1);
        std::fs::write(&path, text).unwrap();
        let memory = Memory::open(folder.path()).unwrap();
        let known = memory.get(&name("b.u.hams.com")).unwrap();
        assert_eq!((&known.state, known.version), (&State::Unknown, Some(5)));
    }

    #[test]
    fn one_agent_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Memory::open(folder.path()).unwrap();
        assert!(matches!(Memory::open(folder.path()), Err(MemoryError::Locked(_))));
    }

    #[test]
    fn a_v1_file_still_reads() {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agent-memory-v1");
        std::fs::copy(fixture, folder.path().join("memory")).unwrap();
        let memory = Memory::open(folder.path()).unwrap();
        assert_eq!(memory.get(&name("k6bp.u.hams.test")).unwrap().version, Some(42));
        // Of the first v1, which knew the digest of the whole zone alone, and of the present one.
        assert_eq!(memory.get(&name("k6bp.u.hams.test")).unwrap().state, State::Unknown);
        assert_eq!(memory.get(&name("sets.u.hams.test")), Some(&known(0xab, Some(43))));
        assert_eq!(memory.get(&name("gone.u.hams.test")).unwrap().state, State::Absent);
        assert_eq!(memory.dropped_old(), 3);
    }
}
