//! What systemd is told (sd_notify(3)): ready, stopping, the status line, the watchdog. Nothing happens outside
//! of systemd.

use std::time::Duration;

use systemd::daemon;
use tracing::warn;

/// The agent is up.
pub(super) fn ready() {
    send(daemon::STATE_READY, "1");
}

/// The agent is on its way out.
pub(super) fn stopping() {
    send(daemon::STATE_STOPPING, "1");
}

/// The line that `systemctl status` shows.
pub(super) fn status(text: &str) {
    send(daemon::STATE_STATUS, text);
}

/// The loops move.
pub(super) fn alive() {
    send(daemon::STATE_WATCHDOG, "1");
}

/// How often `alive` must be said: a third of the unit's `WatchdogSec=`; `None` without one.
pub(super) fn watchdog_interval() -> Option<Duration> {
    match daemon::watchdog_enabled() {
        Ok(0) => None,
        Ok(microseconds) => Some(Duration::from_micros(microseconds) / 3),
        Err(error) => {
            warn!("cannot tell whether systemd watches the agent: {error}");
            None
        }
    }
}

fn send(key: &str, value: &str) {
    if let Err(error) = daemon::notify([(key, value)].iter()) {
        warn!("cannot tell systemd {key}={value}: {error}");
    }
}
