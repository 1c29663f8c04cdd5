//! `Host`: the machine as the resources see it, with what is worth opening once.

use super::error::Error;
use super::units::Systemd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;

/// The machine this program runs on.
pub struct Host {
    systemd: OnceCell<Systemd>,
    /// How long apt may wait for another program's lock.
    pub apt_lock_timeout: Duration,
    /// Never fetch package lists: what apt already knows must do.
    pub offline: bool,
    /// Whether this run has fetched them.
    pub lists: Lists,
}

/// Whether apt's lists are those of the present sources.
#[derive(Default)]
pub struct Lists(AtomicBool);

impl Lists {
    /// Whether they were fetched since the sources changed last.
    pub fn are_new(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// They were fetched, or a source has changed.
    pub fn set_new(&self, new: bool) {
        self.0.store(new, Ordering::Relaxed);
    }
}

impl Host {
    /// A handle; opens nothing yet.
    pub fn new(apt_lock_timeout: Duration, offline: bool) -> Self {
        Self { systemd: OnceCell::new(), apt_lock_timeout, offline, lists: Lists::default() }
    }

    /// The connection to systemd, opened at its first use.
    pub async fn systemd(&self) -> Result<&Systemd, Error> {
        self.systemd.get_or_try_init(Systemd::connect).await
    }
}
