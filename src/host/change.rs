//! What hams did to a host, as the receipt records it: enough to take it back, and no secret.
//!
//! This is the vocabulary of receipt schema 1. It may grow; a word that is in it never changes its meaning.

use super::error::Error;
use super::paths;
use super::write::{self, Access};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One change, recorded before it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// A file was written; `before` says where what was there before is kept.
    File {
        /// The file.
        path: PathBuf,
        /// What it was; absent when there was nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Backup>,
    },
    /// A folder was made.
    Directory {
        /// The folder.
        path: PathBuf,
    },
    /// A link was removed; taken back by making it again.
    Link {
        /// Where it stood.
        path: PathBuf,
        /// What it pointed to.
        target: PathBuf,
    },
    /// Packages that were not installed before, dependencies among them.
    Packages {
        /// Names as dpkg knows them.
        installed: Vec<String>,
        /// Accounts that these packages make and that were not there before.
        accounts: Vec<String>,
        /// Folders that these packages fill with data of the operator's.
        data: Vec<PathBuf>,
    },
    /// A unit was enabled or started.
    Unit {
        /// Its name.
        name: String,
        /// Whether it was enabled before.
        was_enabled: bool,
        /// Whether it was active before.
        was_active: bool,
    },
    /// Data came to be: kept at `uninstall`, removed with `--purge-data`.
    Data {
        /// Files or folders, removed with all that is in them.
        paths: Vec<PathBuf>,
    },
    /// A system account was made. One that owns data goes with them: with `--purge-data`.
    Account {
        /// Its name, and its group's.
        name: String,
        /// Whether data that stay are its own.
        owns_data: bool,
    },
    /// A folder was filled that holds nothing but what hams puts there: removed with all that is in it.
    Tree {
        /// The folder.
        path: PathBuf,
    },
    /// Something that only its own program can take back.
    Undo {
        /// The package of that program: when hams installed it, this goes or stays with it.
        package: String,
        /// Commands, each its words.
        commands: Vec<Vec<String>>,
        /// Commands that remove data: only with `--purge-data`.
        data_commands: Vec<Vec<String>>,
    },
}

/// A file as it was before hams wrote its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Where its content is kept, root 0600.
    pub content: PathBuf,
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
}

impl Backup {
    /// Copies `path`, whose metadata is `found`, among the backups.
    pub fn take(path: &Path, found: &Metadata) -> Result<Self, Error> {
        let digest = Sha256::digest(path.to_string_lossy().as_bytes());
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let content = Path::new(paths::BACKUPS).join(name);
        write::private_folder(Path::new(paths::BACKUPS))?;
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        write::atomically(&content, &bytes, write::PRIVATE)?;
        Ok(Self { content, uid: found.uid(), gid: found.gid(), mode: found.mode() & 0o7777 })
    }

    /// Owner, group and mode that the file had.
    pub fn access(&self) -> Access {
        Access { uid: self.uid, gid: self.gid, mode: self.mode }
    }
}
