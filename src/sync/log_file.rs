//! An append-only file of checked lines that survives `kill -9` and power loss: what was synced is read back,
//! a torn end is cut off, damage before the end is reported. Rewritten as a whole by rename.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Hex digits of a line's checksum: the first 64 bits of its SHA-256.
const CHECK_DIGITS: usize = 16;
/// Octets of a file that is written anew that are in memory at once.
const PART: usize = 64 * 1024;
/// Nobody else's business, and one of them holds a key.
const MODE: u32 = 0o600;

/// An open log file with lines that wait to be written.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    header: &'static str,
    file: Arc<File>,
    /// Octets that are known to be good and on disk.
    synced: u64,
    waiting: Vec<u8>,
}

/// What stood in a file besides its good lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing, or a torn end, which is what a power cut leaves.
    Whole,
    /// A bad line with good ones after it: something other than hams wrote here, or the disk failed.
    Damaged,
}

/// What opening found.
#[derive(Debug)]
pub enum Opened {
    /// The file is open, every good line was handed over.
    Ready(LogFile, Condition),
    /// Its first line is another one, which is shown.
    OtherHeader(String),
}

impl LogFile {
    /// Opens or creates the file and hands every good line's payload to `line`, oldest first.
    pub fn open(path: &Path, header: &'static str, mut line: impl FnMut(&str)) -> io::Result<Opened> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(MODE).open(path)?;
        let mut reader = BufReader::new(&file);
        let mut raw = Vec::new();
        let mut synced = reader.read_until(b'\n', &mut raw)?;
        let has_header = raw.strip_suffix(b"\n") == Some(header.as_bytes());
        // A file that a power cut left without its first line whole has nothing else either.
        if !has_header && raw.ends_with(b"\n") && raw.iter().any(|octet| *octet != 0 && *octet != b'\n') {
            return Ok(Opened::OtherHeader(String::from_utf8_lossy(&raw).trim().chars().take(80).collect()));
        }
        let (mut seen, mut bad, mut condition) = (synced, false, Condition::Whole);
        if has_header {
            loop {
                raw.clear();
                let octets = reader.read_until(b'\n', &mut raw)?;
                if octets == 0 {
                    break;
                }
                seen += octets;
                match payload(&raw) {
                    Some(payload) => {
                        if bad {
                            condition = Condition::Damaged;
                        }
                        line(payload);
                        synced = seen;
                    }
                    None => bad = true,
                }
            }
        }
        drop(reader);
        let mut log = Self {
            path: path.to_owned(),
            header,
            file: Arc::new(file),
            synced: synced as u64,
            waiting: Vec::new(),
        };
        if !has_header {
            log.synced = 0;
            log.waiting = format!("{header}\n").into_bytes();
        }
        log.file.set_len(log.synced)?;
        log.write_waiting()?;
        sync_folder(path)?;
        Ok(Opened::Ready(log, condition))
    }

    /// Adds a line to those that wait. The payload holds no line break.
    pub fn push(&mut self, payload: &str) {
        self.waiting.extend_from_slice(checked(payload).as_bytes());
    }

    /// True if lines wait.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes and syncs what waits. After an error everything still waits, and the next attempt writes over
    /// whatever part of it got through.
    pub async fn sync(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let (file, offset, waiting) =
            (Arc::clone(&self.file), self.synced, std::mem::take(&mut self.waiting));
        let (waiting, result) = blocking(move || {
            let result = file.write_all_at(&waiting, offset).and_then(|()| file.sync_data());
            (waiting, result)
        })
        .await?;
        match result {
            Ok(()) => self.synced += waiting.len() as u64,
            Err(_) => self.waiting = waiting,
        }
        result
    }

    /// Puts a file with these payloads in place of the present one; what waits is part of them.
    pub async fn rewrite(&mut self, payloads: impl Iterator<Item = String>) -> io::Result<()> {
        let path = self.path.clone();
        let mut file = blocking(move || create(&path)).await??;
        let (mut part, mut synced) = (format!("{}\n", self.header), 0);
        for payload in payloads {
            part.push_str(&checked(&payload));
            if part.len() >= PART {
                synced += part.len() as u64;
                (file, part) = blocking(move || write(file, part)).await??;
            }
        }
        synced += part.len() as u64;
        (file, _) = blocking(move || write(file, part)).await??;
        let path = self.path.clone();
        self.file = Arc::new(blocking(move || replace(&path, file)).await??);
        self.synced = synced;
        self.waiting.clear();
        Ok(())
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.waiting, self.synced)?;
        self.file.sync_all()?;
        self.synced += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

/// The file that is to take the place of the one at `path`; nobody has it open, whatever stood there before.
fn create(path: &Path) -> io::Result<File> {
    let new = new(path);
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(&new)
}

/// Gives back the emptied text, to be filled again.
fn write(mut file: File, mut part: String) -> io::Result<(File, String)> {
    file.write_all(part.as_bytes())?;
    part.clear();
    Ok((file, part))
}

fn replace(path: &Path, file: File) -> io::Result<File> {
    file.sync_all()?;
    std::fs::rename(new(path), path)?;
    sync_folder(path)?;
    Ok(file)
}

fn new(path: &Path) -> PathBuf {
    path.with_extension("new")
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}

fn check(payload: &str) -> String {
    let digest = Sha256::digest(payload.as_bytes());
    digest.iter().take(CHECK_DIGITS / 2).map(|octet| format!("{octet:02x}")).collect()
}

fn checked(payload: &str) -> String {
    format!("{} {payload}\n", check(payload))
}

fn payload(raw: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(raw).ok()?.strip_suffix('\n')?;
    let (sum, payload) = text.split_once(' ')?;
    (check(payload) == sum).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "test v1";

    fn open(path: &Path) -> (LogFile, Vec<String>, Condition) {
        let mut lines = Vec::new();
        match LogFile::open(path, HEADER, |line| lines.push(line.to_owned())).unwrap() {
            Opened::Ready(log, condition) => (log, lines, condition),
            Opened::OtherHeader(header) => panic!("{header}"),
        }
    }

    #[tokio::test]
    async fn what_was_synced_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, lines, _) = open(&path);
        assert!(lines.is_empty());
        log.push("one");
        log.sync().await.unwrap();
        log.push("two");
        drop(log);
        let (mut log, lines, condition) = open(&path);
        assert_eq!((lines, condition), (vec!["one".to_owned()], Condition::Whole));
        log.rewrite(["three".to_owned()].into_iter()).await.unwrap();
        log.push("four");
        log.sync().await.unwrap();
        assert_eq!(open(&path).1, ["three", "four"]);
    }

    #[tokio::test]
    async fn every_torn_end_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, ..) = open(&path);
        log.push("first");
        log.sync().await.unwrap();
        let good = std::fs::read(&path).unwrap();
        log.push("second, longer");
        log.sync().await.unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (mut log, lines, condition) = open(&path);
            let expected: &[&str] = if length < good.len() { &[] } else { &["first"] };
            assert_eq!((lines.as_slice(), condition), (expected.map_owned().as_slice(), Condition::Whole));
            log.push("after");
            log.sync().await.unwrap();
            assert_eq!(open(&path).1.last().map(String::as_str), Some("after"));
        }
        let mut zeros = good.clone();
        zeros.extend([0; 40]);
        std::fs::write(&path, &zeros).unwrap();
        assert_eq!(open(&path).1, ["first"]);
    }

    #[tokio::test]
    async fn damage_before_the_end_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, ..) = open(&path);
        log.push("first");
        log.push("second");
        log.sync().await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap().replace("first", "frist");
        std::fs::write(&path, text).unwrap();
        let (_, lines, condition) = open(&path);
        assert_eq!((lines, condition), (vec!["second".to_owned()], Condition::Damaged));
    }

    #[test]
    fn another_header_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "test v2\n").unwrap();
        let opened = LogFile::open(&path, HEADER, |_| ()).unwrap();
        assert!(matches!(opened, Opened::OtherHeader(header) if header == "test v2"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "test v2\n");
    }

    trait MapOwned {
        fn map_owned(&self) -> Vec<String>;
    }
    impl MapOwned for &[&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|&text| text.to_owned()).collect()
        }
    }
}
