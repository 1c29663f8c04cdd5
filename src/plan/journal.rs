//! `/var/lib/hams/journal`: a line before and after every step, each on the disk before the run goes on.
//!
//! One JSON object a line, format 1: `{"v":1,"time":…,"run":…,"event":"begin","step":"packages"}`. A line that a power
//! cut left incomplete is the last one, and says no more than that something was begun. Only the journal uses
//! fdatasync (files use fsync): tests stop the program at each of its edges by that.

use crate::host::{Error, paths, write};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Once the journal is longer than this, a new run starts a new one.
const LONGEST: u64 = 1 << 20;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// A run was begun.
    Start,
    /// A step is about to be made true.
    Begin,
    /// A step is true.
    Done,
    /// A step failed.
    Failed,
    /// A run came to its end.
    End,
}

#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    time: String,
    run: String,
    event: Edge,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<String>,
}

/// The open journal of one run.
pub struct Journal {
    file: File,
    path: PathBuf,
    run: String,
}

impl Journal {
    /// Opens the journal and begins a run. Gives the step at which the run before was cut short, if it was.
    pub fn begin() -> Result<(Self, Option<String>), Error> {
        write::private_folder(Path::new(paths::STATE))?;
        Self::begin_at(&Path::new(paths::STATE).join("journal"))
    }

    fn begin_at(path: &Path) -> Result<(Self, Option<String>), Error> {
        let opened = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path);
        let mut file = opened.map_err(Error::io("open", path))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(Error::io("read", path))?;
        let text = String::from_utf8_lossy(&text);
        let interrupted = interrupted(&text);
        if text.len() as u64 > LONGEST {
            file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(Error::io("empty", path))?;
        } else if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(Error::io("write", path))?;
        }
        // Process ids begin anew at each boot: the time alone tells two runs apart.
        let run = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
        let mut journal = Self { file, path: path.to_owned(), run: format!("{run}/{}", std::process::id()) };
        journal.write(Edge::Start, None)?;
        Ok((journal, interrupted))
    }

    /// Writes a line and waits until it is on the disk.
    pub fn write(&mut self, event: Edge, step: Option<&str>) -> Result<(), Error> {
        let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let line = Line { v: 1, time, run: self.run.clone(), event, step: step.map(str::to_owned) };
        let mut text = serde_json::to_string(&line).map_err(|error| Error::Unexpected(error.to_string()))?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(Error::io("write", &self.path))?;
        self.file.sync_data().map_err(Error::io("sync", &self.path))
    }
}

/// The step that the last run began and did not end; `None` when it came to its end.
fn interrupted(text: &str) -> Option<String> {
    let lines = || text.lines().rev().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let last = lines().next()?;
    if last.event == Edge::End {
        return None;
    }
    let of_run = || lines().take_while(|line| line.run == last.run);
    let ended: Vec<_> =
        of_run().filter(|line| line.event == Edge::Done).filter_map(|line| line.step).collect();
    let open = of_run().find(|line| {
        line.event == Edge::Begin && line.step.as_ref().is_some_and(|step| !ended.contains(step))
    });
    Some(open.and_then(|line| line.step).unwrap_or_else(|| "between two steps".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_where_a_run_was_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, interrupted) = Journal::begin_at(&path).unwrap();
        assert_eq!(interrupted, None);
        journal.write(Edge::Begin, Some("packages")).unwrap();
        journal.write(Edge::Done, Some("packages")).unwrap();
        journal.write(Edge::Begin, Some("unit:pdns.service")).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"v\":1,\"ti").unwrap();
        let (mut journal, interrupted) = Journal::begin_at(&path).unwrap();
        assert_eq!(interrupted.as_deref(), Some("unit:pdns.service"));
        journal.write(Edge::End, None).unwrap();
        assert_eq!(Journal::begin_at(&path).unwrap().1, None);
    }

    #[test]
    fn a_journal_of_the_first_format_still_parses() {
        let old = include_str!("../../tests/fixtures/journal-v1");
        assert_eq!(interrupted(old).as_deref(), Some("packages"));
    }
}
