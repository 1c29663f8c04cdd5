//! What can go wrong on the machine. Every message names the path, the command or the unit.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// An error of the machine's side.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The verb: read, write, create …
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The system's own word.
        source: std::io::Error,
    },
    /// A command could not be started.
    #[error("cannot start `{command}`: {source}")]
    Spawn {
        /// The command line; never holds a secret.
        command: String,
        /// The system's own word.
        source: std::io::Error,
    },
    /// A command ended with another status than 0.
    #[error("`{command}` failed with {status}{}", indented(output))]
    Command {
        /// The command line; never holds a secret.
        command: String,
        /// "exit status: 1", "signal: 9" …
        status: String,
        /// The last lines it wrote.
        output: String,
    },
    /// A command ran into its time limit and was ended.
    #[error("`{command}` did not end within {} s", limit.as_secs())]
    Timeout {
        /// The command line.
        command: String,
        /// Its limit.
        limit: Duration,
    },
    /// systemd could not be asked.
    #[error("cannot {action} over D-Bus: {source}")]
    Bus {
        /// What was asked.
        action: String,
        /// The bus's own word.
        source: zbus::Error,
    },
    /// A unit is not what it should be.
    #[error("{unit}: {reason}\nhint: `systemctl status {unit}` and `journalctl -u {unit} -n 50` show more")]
    Unit {
        /// The unit's name.
        unit: String,
        /// What is wrong with it.
        reason: String,
    },
    /// apt's or dpkg's lock is held by another program.
    #[error(
        "`{lock}` is held by {holder} since before this run\n\
         hint: wait for it to end, or give it longer with `--apt-lock-timeout SECONDS`"
    )]
    AptLocked {
        /// The lock file.
        lock: String,
        /// "unattended-upgr (pid 812)".
        holder: String,
    },
    /// A user or group is not there.
    #[error("{kind} `{name}` does not exist")]
    NoAccount {
        /// "user" or "group".
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A package asks for what this Debian does not have.
    #[error("the package `{package}` does not fit this Debian: {unmet}\nhint: {fix}")]
    Misfit {
        /// Its name.
        package: String,
        /// Each dependency that cannot be had, in apt's words.
        unmet: String,
        /// What to do.
        fix: String,
    },
    /// A reading that cannot be right.
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    /// An [`Error::Io`], for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Whether the disk was full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            Self::Command { output, .. } => output.contains("No space left on device"),
            _ => false,
        }
    }
}

fn indented(output: &str) -> String {
    output.trim_end().lines().map(|line| format!("\n    {line}")).collect()
}
