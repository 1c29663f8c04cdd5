//! One run at a time: a lock that names its holder and goes with its process.

use super::error::Error;
use super::paths;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Held while a run may change the host; released when it is dropped or its process dies.
#[derive(Debug)]
pub struct RunLock {
    _file: Flock<File>,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run is under way.
    #[error("another hams-install is at work (pid {0})\nhint: wait for it to end; `ps {0}` shows it")]
    Held(String),
    /// The lock file could not be used.
    #[error(transparent)]
    Host(#[from] Error),
}

impl RunLock {
    /// Takes the lock, or says who holds it.
    pub fn take() -> Result<Self, LockError> {
        std::fs::create_dir_all(paths::RUN).map_err(Error::io("create", paths::RUN.as_ref()))?;
        Self::take_at(&Path::new(paths::RUN).join("hams-install.lock"))
    }

    fn take_at(path: &Path) -> Result<Self, LockError> {
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(Error::io("open", path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                let written = file
                    .set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| write!(file, "{}", std::process::id()));
                written.map_err(Error::io("write", path))?;
                Ok(Self { _file: file })
            }
            Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(Error::io("read", path))?;
                Err(LockError::Held(holder))
            }
            Err((_, errno)) => Err(Error::io("lock", path)(errno.into()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = RunLock::take_at(&path).unwrap();
        let refused = RunLock::take_at(&path).unwrap_err().to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(held);
        RunLock::take_at(&path).unwrap();
    }
}
