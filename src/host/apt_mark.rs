//! The mark of an apt run under way: what a power cut during it may have spoilt.
//!
//! dpkg syncs what it unpacks and its own database. Conffiles, and what maintainer scripts write (compiled Python,
//! caches, generated settings), nobody syncs: after a power cut such files of a package that dpkg calls installed can be
//! empty. So the packages of a run stand here from before its first change until all of it is on the disk.

use super::account;
use super::error::Error;
use super::file::read_if_there;
use super::paths;
use super::write;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// An apt run that was begun and is not known to have ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Mark {
    /// The boot of the machine in which it was begun.
    boot: String,
    /// When it was begun, in seconds since the epoch.
    since: u64,
    /// The packages that it was to install.
    names: BTreeSet<String>,
    /// The accounts of theirs that did not exist before.
    accounts: BTreeSet<String>,
}

/// How the line of an account begins in the file; no package's name has a space.
const ACCOUNT: &str = "account ";

impl Mark {
    fn path() -> PathBuf {
        Path::new(paths::STATE).join("apt-under-way")
    }

    /// The mark on the disk; `None` when no run was cut short.
    pub fn read() -> Result<Option<Self>, Error> {
        Ok(read_if_there(&Self::path())?.as_deref().map(Self::parse))
    }

    /// First line: the boot's id and the time; then an account or a package a line.
    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let (boot, since) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or_default();
        let since = since.parse().unwrap_or_default();
        let mut mark =
            Self { boot: boot.to_owned(), since, names: BTreeSet::new(), accounts: BTreeSet::new() };
        for line in lines {
            match line.strip_prefix(ACCOUNT) {
                Some(account) => mark.accounts.insert(account.to_owned()),
                None => mark.names.insert(line.to_owned()),
            };
        }
        mark
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.boot, self.since);
        for account in &self.accounts {
            text.push_str(ACCOUNT);
            text.push_str(account);
            text.push('\n');
        }
        for name in &self.names {
            text.push_str(name);
            text.push('\n');
        }
        text
    }

    /// When the run was begun, since the epoch.
    pub fn since(&self) -> Duration {
        Duration::from_secs(self.since)
    }

    /// What the machine was booted anew since: what of the packages may never have reached the disk.
    pub fn spoilt(&self) -> Result<Vec<String>, Error> {
        let is_same_boot = self.boot == boot()?;
        Ok(if is_same_boot { Vec::new() } else { self.names.iter().cloned().collect() })
    }

    /// The accounts that were made since the run was begun, if they are there.
    pub fn new_accounts(&self) -> &BTreeSet<String> {
        &self.accounts
    }

    /// Marks a run that installs `names`, which make those of `accounts` that are not there yet; on the disk when this
    /// returns. What an earlier mark says stays in it.
    pub fn set(names: &[String], accounts: &[String]) -> Result<(), Error> {
        let mut mark = match Self::read()? {
            Some(mark) => mark,
            None => Self {
                boot: boot()?,
                since: now(),
                names: BTreeSet::new(),
                accounts: account::missing(accounts)?.into_iter().collect(),
            },
        };
        mark.names.extend(names.iter().cloned());
        write::private_folder(Path::new(paths::STATE))?;
        write::atomically(&Self::path(), mark.text().as_bytes(), write::PRIVATE)
    }

    /// The run has ended, and all that it wrote is on the disk.
    pub fn clear() -> Result<(), Error> {
        write::remove_if_there(&Self::path())?;
        write::sync_folder(&Self::path())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Which boot of the machine this is.
pub(super) fn boot() -> Result<String, Error> {
    let id = std::fs::read_to_string(BOOT_ID).map_err(Error::io("read", BOOT_ID.as_ref()))?;
    Ok(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_boot_spoils() {
        let boot = boot().unwrap();
        let mark = Mark::parse(&format!("{boot} 1795000000\npython3\npdns-server\n"));
        assert_eq!(mark.spoilt().unwrap(), Vec::<String>::new());
        let text = "an-earlier-boot 1795000000\naccount pdns\npdns-server\npython3\n";
        let mark = Mark::parse(text);
        assert_eq!(mark.since(), Duration::from_secs(1_795_000_000));
        assert_eq!(mark.spoilt().unwrap(), ["pdns-server", "python3"]);
        assert_eq!(mark.new_accounts().iter().collect::<Vec<_>>(), ["pdns"]);
        assert_eq!(mark.text(), text);
    }
}
