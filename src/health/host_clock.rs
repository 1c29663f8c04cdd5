//! Whether somebody keeps the host's clock: certificates, keys and the age of messages go by it.

use std::time::Duration;

use super::check::{Check, Outcome};
use super::measure::Quantity;
use crate::host::timedate::{self, Clock};
use crate::host::{BoxFuture, os};

/// Asks systemd-timedated.
#[derive(Debug, Clone, Copy)]
pub struct ClockCheck;

impl ClockCheck {
    async fn ask() -> Outcome {
        if os::container().is_some() {
            return Outcome::ok_with("the clock is that of the machine below, of which this is a container");
        }
        match timedate::clock().await {
            Ok(clock) => judge(clock),
            Err(error) => Outcome::unknown(error.to_string()),
        }
    }
}

fn judge(clock: Clock) -> Outcome {
    let Clock { is_synchronised, is_service_on, is_service_installed, offset } = clock;
    let outcome = match (is_synchronised, is_service_on, is_service_installed) {
        (true, ..) => Outcome::ok_with(match offset {
            Some(offset) => format!("synchronised, last {:.1} ms off", offset.abs() * 1000.0),
            None => "synchronised".to_owned(),
        }),
        (false, true, _) => Outcome::degraded(
            "the clock is not synchronised, though a time service is on: does it reach its servers (UDP port 123)? \
             `timedatectl timesync-status`, or `chronyc sources`, tells",
        ),
        (false, false, true) => Outcome::degraded(
            "nobody keeps the clock, the time service is off: `sudo timedatectl set-ntp true` switches it on",
        ),
        (false, false, false) => Outcome::degraded(
            "nobody keeps the clock, there is no time service: `sudo apt-get install systemd-timesyncd`",
        ),
    };
    match offset {
        Some(offset) => outcome.with(Quantity::HostClockOffsetSeconds, "systemd-timesyncd", offset),
        None => outcome,
    }
}

impl Check for ClockCheck {
    fn name(&self) -> &str {
        "host clock"
    }

    fn component(&self) -> &str {
        "host"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(5 * 60)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(Self::ask())
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn the_clock_is_judged() {
        for (is_synchronised, is_service_on, is_service_installed, offset, state, words) in [
            (true, true, true, Some(-0.0123), State::Ok, "synchronised, last 12.3 ms off"),
            // By the machine below, or by a service that systemd does not know.
            (true, false, false, None, State::Ok, "synchronised"),
            (false, true, true, None, State::Degraded, "UDP port 123"),
            (false, false, true, None, State::Degraded, "set-ntp true"),
            (false, false, false, None, State::Degraded, "install systemd-timesyncd"),
        ] {
            let clock = Clock { is_synchronised, is_service_on, is_service_installed, offset };
            let outcome = judge(clock);
            assert_eq!(outcome.state, state, "{clock:?}");
            assert!(outcome.reason.unwrap().contains(words), "{clock:?}");
            assert_eq!(outcome.measures.len(), usize::from(offset.is_some()));
        }
    }
}
