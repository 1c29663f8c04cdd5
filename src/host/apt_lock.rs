//! Who holds apt's and dpkg's locks, and waiting for them with the holder's name.

use super::error::Error;
use super::resource::Progress;
use nix::fcntl::{FcntlArg, fcntl};
use std::fs::File;
use std::time::{Duration, Instant};

const LOCKS: [&str; 4] = [
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
];

/// The first lock that another program holds, and that program: "apt-get (pid 812)".
pub fn holder() -> Result<Option<(&'static str, String)>, Error> {
    for path in LOCKS {
        // For reading: to ask needs no more, and nothing may be touched yet.
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("open", path.as_ref())(error)),
        };
        // apt takes POSIX record locks over the whole file (apt-pkg/contrib/fileutl.cc, GetLock).
        let mut lock = libc_flock();
        fcntl(&file, FcntlArg::F_GETLK(&mut lock))
            .map_err(|errno| Error::io("ask the lock of", path.as_ref())(errno.into()))?;
        if i32::from(lock.l_type) != nix::libc::F_UNLCK {
            return Ok(Some((path, process(lock.l_pid))));
        }
    }
    Ok(None)
}

/// Waits until no lock is held, telling who holds it; after `limit` that is an error.
pub async fn wait(limit: Duration, progress: &Progress) -> Result<(), Error> {
    let end = Instant::now() + limit;
    while let Some((lock, holder)) = holder()? {
        if Instant::now() >= end {
            return Err(Error::AptLocked { lock: lock.into(), holder });
        }
        progress.report(0.0, &format!("waiting for {holder}, which holds {lock}"));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

fn libc_flock() -> nix::libc::flock {
    nix::libc::flock {
        l_type: nix::libc::F_WRLCK as nix::libc::c_short,
        l_whence: nix::libc::SEEK_SET as nix::libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

fn process(pid: i32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    if name.trim().is_empty() { format!("pid {pid}") } else { format!("{} (pid {pid})", name.trim()) }
}
