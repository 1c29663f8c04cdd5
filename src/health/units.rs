//! A systemd unit's state over D-Bus, with the restarts that systemd made by itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::check::{Check, Outcome};
use super::measure::Quantity;
use crate::host::BoxFuture;
use crate::host::units::{Systemd, UnitState};

/// No count of restarts seen yet.
const NONE: u32 = u32::MAX;

/// Asks systemd about one unit.
pub struct UnitCheck {
    label: String,
    unit: String,
    /// Kept open between two looks; dropped after an error, so that the next look connects anew.
    bus: Mutex<Option<Systemd>>,
    restarts: AtomicU32,
}

impl UnitCheck {
    /// For a unit by its whole name: "pdns.service".
    pub fn new(unit: &str) -> Self {
        Self {
            label: format!("unit {unit}"),
            unit: unit.to_owned(),
            bus: Mutex::new(None),
            restarts: AtomicU32::new(NONE),
        }
    }

    async fn ask(&self) -> Outcome {
        let mut bus = self.bus.lock().await;
        let systemd = match bus.take() {
            Some(systemd) => systemd,
            None => match Systemd::connect().await {
                Ok(systemd) => systemd,
                Err(error) => return Outcome::unknown(error.to_string()),
            },
        };
        match systemd.state(&self.unit).await {
            Ok(state) => {
                *bus = Some(systemd);
                let before = self.restarts.swap(state.restarts, Ordering::Relaxed);
                judge(&state, before).with(Quantity::UnitRestarts, &self.unit, f64::from(state.restarts))
            }
            Err(error) => Outcome::unknown(error.to_string()),
        }
    }
}

fn judge(state: &UnitState, restarts_before: u32) -> Outcome {
    if state.sub == "auto-restart" {
        return Outcome::failing(state.words());
    }
    let is_new = restarts_before != NONE && state.restarts > restarts_before;
    match state.active.as_str() {
        "active" if is_new => {
            let times = state.restarts - restarts_before;
            Outcome::degraded(format!("systemd had to restart it ({times} times since the last look)"))
        }
        "active" => Outcome::ok(),
        "activating" | "reloading" | "refreshing" => Outcome::degraded(state.words()),
        _ => Outcome::failing(state.words()),
    }
}

impl Check for UnitCheck {
    fn name(&self) -> &str {
        &self.label
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(self.ask())
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn states_are_judged() {
        let unit = |active: &str, sub: &str, restarts| UnitState {
            load: "loaded".into(),
            active: active.into(),
            sub: sub.into(),
            restarts,
            ..UnitState::default()
        };
        for (state, before, expected) in [
            (unit("active", "running", 0), NONE, State::Ok),
            (unit("active", "running", 5), NONE, State::Ok),
            (unit("active", "running", 5), 5, State::Ok),
            (unit("active", "running", 6), 5, State::Degraded),
            (unit("active", "running", 0), 5, State::Ok),
            (unit("activating", "start", 0), NONE, State::Degraded),
            (unit("activating", "auto-restart", 9), NONE, State::Failing),
            (unit("failed", "failed", 0), NONE, State::Failing),
            (unit("inactive", "dead", 0), NONE, State::Failing),
        ] {
            assert_eq!(judge(&state, before).state, expected, "{state:?}");
        }
    }
}
