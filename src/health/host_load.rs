//! Whether the host has more to do than its CPUs can.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::check::{Check, Outcome, State};
use super::measure::Quantity;
use super::pressure;
use crate::config::HostLimits;
use crate::host::{BoxFuture, os};

/// This part of the load that calls for a look ends it.
const NO_MORE: f64 = 0.75;

/// Reads /proc/loadavg and /proc/pressure/cpu.
#[derive(Debug, Default)]
pub struct LoadCheck {
    limits: HostLimits,
    told: Mutex<Option<State>>,
}

impl LoadCheck {
    /// One that calls for a look by these limits.
    pub fn new(limits: HostLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    fn ask(&self) -> Outcome {
        let load = match std::fs::read_to_string("/proc/loadavg") {
            Ok(text) => match five_minutes(&text) {
                Some(load) => load,
                None => return Outcome::unknown(format!("/proc/loadavg: `{}` is no load", text.trim())),
            },
            Err(error) => return Outcome::unknown(format!("/proc/loadavg: {error}")),
        };
        let cpus = match std::thread::available_parallelism() {
            Ok(cpus) => cpus,
            Err(error) => {
                return Outcome::unknown(format!("nobody can tell how many CPUs there are: {error}"));
            }
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // A number of at most four digits.
        let much = self.limits.load_per_cpu as f64;
        let outcome = judge(load, cpus, much, os::container().is_some(), told.unwrap_or(State::Ok));
        *told = Some(outcome.state);
        // No machine has so many CPUs that this would not be exact.
        let outcome = outcome.with(Quantity::HostLoadRatio, "5m", load / cpus.get() as f64);
        match pressure::last_minute("cpu", "some") {
            Some(waits) => outcome.with(Quantity::HostPressureRatio, "cpu", waits / 100.0),
            None => outcome,
        }
    }
}

/// `much`: processes for each CPU that call for a look; `before`: what was told of it last.
fn judge(load: f64, cpus: NonZero<usize>, much: f64, is_container: bool, before: State) -> Outcome {
    let words = format!("load {load:.1} over 5 minutes on {}", counted(cpus.get(), "CPU"));
    if is_container {
        return Outcome::ok_with(format!(
            "{words}; it is that of the machine below, of which this is a container"
        ));
    }
    let most = if before == State::Degraded { much * NO_MORE } else { much };
    if load / cpus.get() as f64 >= most {
        return Outcome::degraded(format!(
            "{words}: `top` shows who works, and with `ps -eo stat,pid,comm | grep ^D` who waits for a disk"
        ));
    }
    Outcome::ok_with(words)
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn five_minutes(loadavg: &str) -> Option<f64> {
    loadavg.split(' ').nth(1)?.parse().ok()
}

impl Check for LoadCheck {
    fn name(&self) -> &str {
        "host load"
    }

    fn component(&self) -> &str {
        "host"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async { self.ask() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_judged() {
        use State::{Degraded, Ok};
        for (load, cpus, is_container, before, expected) in [
            (7.9, 2, false, Ok, Ok),
            (8.0, 2, false, Ok, Degraded),
            (7.9, 2, false, Degraded, Degraded),
            (5.9, 2, false, Degraded, Ok),
            (8.0, 64, false, Ok, Ok),
            (800.0, 2, true, Ok, Ok),
        ] {
            let outcome = judge(load, NonZero::new(cpus).unwrap(), 4.0, is_container, before);
            assert_eq!(outcome.state, expected, "{load} on {cpus}: {outcome:?}");
        }
        let one = judge(0.52, NonZero::<usize>::MIN, 4.0, false, Ok);
        assert_eq!(judge(9.0, NonZero::<usize>::MIN, 10.0, false, Ok).state, Ok);
        assert_eq!(one.reason.as_deref(), Some("load 0.5 over 5 minutes on 1 CPU"));
    }

    #[test]
    fn the_kernels_form_is_read() {
        assert_eq!(five_minutes("0.50 1.25 2.00 1/234 5678\n"), Some(1.25));
        assert_eq!(five_minutes("\n"), None);
    }

    #[test]
    fn this_machine_has_a_load() {
        assert_ne!(LoadCheck::default().ask().state, State::Unknown);
    }
}
