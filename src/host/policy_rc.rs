//! The policy that keeps every service down while packages are installed.
//!
//! `/usr/sbin/policy-rc.d` is asked by invoke-rc.d and deb-systemd-invoke (Debian's policy-rc.d specification); with
//! exit 101 no package starts anything: zero sockets open until a component is configured (facts/stack.md §7).
//! Ours is a link into /run: after a power cut it dangles, which Debian's tools read as "no policy".

use super::error::Error;
use super::file::existing;
use super::paths;
use super::write::{self, Access};
use std::path::Path;

const POLICY: &str = "/usr/sbin/policy-rc.d";
const SAVED: &str = "/usr/sbin/policy-rc.d.hams-saved";
const TARGET: &str = "/run/hams/policy-rc.d";
const SCRIPT: &str = "#!/bin/sh\n# hams-install keeps services down until it has configured them; it removes this file.\nexit 101\n";

/// Whether our policy is in place, also a dangling one left by a crash.
pub fn is_left_behind() -> Result<bool, Error> {
    Ok(std::fs::read_link(POLICY).is_ok_and(|target| target == Path::new(TARGET))
        || existing(Path::new(SAVED))?.is_some())
}

/// Puts the policy in place; an operator's own one is set aside.
pub fn deny() -> Result<(), Error> {
    std::fs::create_dir_all(paths::RUN).map_err(Error::io("create", paths::RUN.as_ref()))?;
    write::atomically(Path::new(TARGET), SCRIPT.as_bytes(), Access { uid: 0, gid: 0, mode: 0o755 })?;
    allow()?;
    if existing(Path::new(POLICY))?.is_some() {
        std::fs::rename(POLICY, SAVED).map_err(Error::io("set aside", POLICY.as_ref()))?;
    }
    std::os::unix::fs::symlink(TARGET, POLICY).map_err(Error::io("link", POLICY.as_ref()))
}

/// Takes the policy away, and puts the operator's own one back.
pub fn allow() -> Result<(), Error> {
    if std::fs::read_link(POLICY).is_ok_and(|target| target == Path::new(TARGET)) {
        write::remove_if_there(Path::new(POLICY))?;
    }
    if existing(Path::new(SAVED))?.is_some() {
        std::fs::rename(SAVED, POLICY).map_err(Error::io("put back", POLICY.as_ref()))?;
    }
    Ok(())
}
