//! The mark of an apt run under way: what a power cut during it may have spoilt.
//!
//! dpkg syncs what it unpacks and its own database. Conffiles, and what maintainer scripts write (compiled Python,
//! caches, generated settings), nobody syncs: after a power cut such files of a package that dpkg calls installed can be
//! empty. So the packages of a run stand here from before its first change until all of it is on the disk.

use super::command::Command;
use super::error::Error;
use super::paths;
use super::write;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const MD5_OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// An apt run that was begun and is not known to have ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Mark {
    /// The boot of the machine in which it was begun.
    boot: String,
    /// The packages that it was to install.
    names: BTreeSet<String>,
}

impl Mark {
    fn path() -> PathBuf {
        Path::new(paths::STATE).join("apt-under-way")
    }

    /// The mark on the disk; `None` when no run was cut short.
    pub fn read() -> Result<Option<Self>, Error> {
        let path = Self::path();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Self::parse(&text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// First line: the boot's id; then a name a line.
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().map(str::to_owned);
        Self { boot: lines.next().unwrap_or_default(), names: lines.collect() }
    }

    /// What the machine was booted anew since: what of the packages may never have reached the disk.
    pub fn spoilt(&self) -> Result<Vec<String>, Error> {
        let is_same_boot = self.boot == boot()?;
        Ok(if is_same_boot { Vec::new() } else { self.names.iter().cloned().collect() })
    }

    /// Marks a run that installs `names`; on the disk when this returns. What an earlier mark says stays in it.
    pub fn set(names: &[String]) -> Result<(), Error> {
        let mut mark = Self::read()?.unwrap_or(Self { boot: boot()?, names: BTreeSet::new() });
        mark.names.extend(names.iter().cloned());
        let mut text = mark.boot;
        for name in &mark.names {
            text.push('\n');
            text.push_str(name);
        }
        text.push('\n');
        write::private_folder(Path::new(paths::STATE))?;
        write::atomically(&Self::path(), text.as_bytes(), write::PRIVATE)
    }

    /// The run has ended, and all that it wrote is on the disk.
    pub fn clear() -> Result<(), Error> {
        write::remove_if_there(&Self::path())?;
        write::sync_folder(&Self::path())
    }
}

/// Removes the conffiles of `names` that are empty and were not shipped so: dpkg would keep them as an operator's edit.
pub async fn remove_emptied_conffiles(names: &[String]) -> Result<(), Error> {
    let query = Command::new("dpkg-query").args(["--show", "--showformat", "${Conffiles}\n"]);
    for (path, digest) in query.args(names.iter().cloned()).run().await?.lines().filter_map(conffile) {
        let is_empty = std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0);
        if is_empty && digest != MD5_OF_NOTHING {
            write::remove_if_there(Path::new(path))?;
        }
    }
    Ok(())
}

/// " PATH MD5", and perhaps " obsolete" (deb-conffiles, dpkg-query).
fn conffile(line: &str) -> Option<(&str, &str)> {
    let mut words = line.strip_prefix(' ')?.split(' ');
    Some((words.next()?, words.next()?))
}

fn boot() -> Result<String, Error> {
    let id = std::fs::read_to_string(BOOT_ID).map_err(Error::io("read", BOOT_ID.as_ref()))?;
    Ok(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dpkgs_conffiles() {
        assert_eq!(conffile(" /etc/a.conf 0a1b"), Some(("/etc/a.conf", "0a1b")));
        assert_eq!(conffile(" /etc/b.conf 0a1b obsolete"), Some(("/etc/b.conf", "0a1b")));
        assert_eq!(conffile(""), None);
    }

    #[test]
    fn only_another_boot_spoils() {
        let boot = boot().unwrap();
        let mark = Mark::parse(&format!("{boot}\npython3\npdns-server\n"));
        assert_eq!(mark.spoilt().unwrap(), Vec::<String>::new());
        let mark = Mark::parse("an-earlier-boot\npython3\npdns-server\n");
        assert_eq!(mark.spoilt().unwrap(), ["pdns-server", "python3"]);
    }
}
