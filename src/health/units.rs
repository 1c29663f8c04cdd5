//! A systemd unit's state over D-Bus, with the restarts that systemd made by itself. It is asked when systemd says that
//! something has changed, and now and then beside that.

use std::sync::{Mutex as PlainMutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use tokio::sync::Mutex;

use super::check::{Check, Outcome};
use super::measure::Quantity;
use crate::host::BoxFuture;
use crate::host::units::{Changes, Systemd, UnitState};

/// How long a restart by systemd is remembered.
const WINDOW: Duration = Duration::from_secs(120);
/// So many of them within that time are a loop, even if the unit is up at the moment.
const LOOP: u32 = 3;
/// Between two tries to listen for changes.
const LISTEN_AGAIN: Duration = Duration::from_secs(10);

/// Asks systemd about one unit.
pub struct UnitCheck {
    label: String,
    component: String,
    unit: String,
    needs: Vec<String>,
    /// Kept open between two looks; dropped after an error, so that the next look connects anew.
    bus: Mutex<Option<Systemd>>,
    changes: Mutex<Option<Changes>>,
    restarts: PlainMutex<Restarts>,
}

impl UnitCheck {
    /// For a unit of `component` by its whole name: "pdns.service".
    pub fn new(component: &str, unit: &str) -> Self {
        Self {
            label: format!("unit {unit}"),
            component: component.to_owned(),
            unit: unit.to_owned(),
            needs: Vec::new(),
            bus: Mutex::new(None),
            changes: Mutex::new(None),
            restarts: PlainMutex::default(),
        }
    }

    /// The same unit, which needs these components.
    pub fn needing(mut self, components: &[String]) -> Self {
        self.needs = components.to_vec();
        self
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
                let mut restarts = self.restarts.lock().unwrap_or_else(PoisonError::into_inner);
                let recent = restarts.note(state.restarts, Instant::now());
                let count = f64::from(state.restarts);
                judge(&state, recent).with(Quantity::UnitRestarts, &self.unit, count)
            }
            Err(error) => Outcome::unknown(error.to_string()),
        }
    }

    async fn changed(&self) {
        let mut changes = self.changes.lock().await;
        loop {
            let mut heard = match changes.take() {
                Some(heard) => heard,
                None => {
                    let listening = async { Systemd::connect().await?.changes(&self.unit).await };
                    match listening.await {
                        Ok(heard) => heard,
                        // The check itself says what is wrong with the bus; until then it is asked at its interval.
                        Err(_) => {
                            tokio::time::sleep(LISTEN_AGAIN).await;
                            continue;
                        }
                    }
                }
            };
            if heard.next().await.is_some() {
                // One change of state is told in several signals.
                while heard.next().now_or_never().flatten().is_some() {}
                *changes = Some(heard);
                return;
            }
        }
    }
}

/// What systemd has started again by itself.
#[derive(Debug, Default)]
struct Restarts {
    /// The count that was seen last.
    seen: Option<u32>,
    recent: Vec<(Instant, u32)>,
}

impl Restarts {
    /// Takes note of systemd's count; gives how many restarts were seen within the window.
    fn note(&mut self, count: u32, now: Instant) -> u32 {
        let before = self.seen.replace(count).unwrap_or(count);
        // Somebody who starts it himself sets the count back.
        if count > before {
            self.recent.push((now, count - before));
        }
        self.recent.retain(|(at, _)| now.saturating_duration_since(*at) < WINDOW);
        self.recent.iter().map(|(_, times)| times).sum()
    }
}

fn judge(state: &UnitState, restarts: u32) -> Outcome {
    if state.sub == "auto-restart" {
        return Outcome::failing(state.words());
    }
    let minutes = WINDOW.as_secs() / 60;
    match state.active.as_str() {
        "active" if restarts >= LOOP => Outcome::failing(format!(
            "it ends again and again: systemd's restarts in {minutes} min: {restarts}"
        )),
        "active" if restarts > 0 => {
            Outcome::degraded(format!("it ended by itself: systemd's restarts in {minutes} min: {restarts}"))
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

    fn component(&self) -> &str {
        &self.component
    }

    fn unit(&self) -> Option<&str> {
        Some(&self.unit)
    }

    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn is_certain(&self) -> bool {
        true
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(self.ask())
    }

    fn wake(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.changed())
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn states_are_judged() {
        let unit = |active: &str, sub: &str| UnitState {
            load: "loaded".into(),
            active: active.into(),
            sub: sub.into(),
            ..UnitState::default()
        };
        for (state, restarts, expected) in [
            (unit("active", "running"), 0, State::Ok),
            (unit("active", "running"), 1, State::Degraded),
            (unit("active", "running"), 3, State::Failing),
            (unit("activating", "start"), 0, State::Degraded),
            (unit("activating", "auto-restart"), 0, State::Failing),
            (unit("failed", "failed"), 0, State::Failing),
            (unit("inactive", "dead"), 0, State::Failing),
            (unit("reloading", "reload"), 0, State::Degraded),
            (UnitState { load: "not-found".into(), ..unit("inactive", "dead") }, 0, State::Failing),
        ] {
            assert_eq!(judge(&state, restarts).state, expected, "{state:?} {restarts}");
        }
    }

    #[test]
    fn restarts_are_remembered_for_a_while() {
        let (mut restarts, start) = (Restarts::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(restarts.note(7, at(0)), 0, "what was before is not known");
        assert_eq!(restarts.note(8, at(1)), 1);
        assert_eq!(restarts.note(10, at(60)), 3);
        assert_eq!(restarts.note(0, at(61)), 3, "somebody has started it himself");
        assert_eq!(restarts.note(1, at(62)), 4);
        assert_eq!(restarts.note(1, at(121)), 3, "the first one is forgotten");
        assert_eq!(restarts.note(1, at(300)), 0);
    }
}
