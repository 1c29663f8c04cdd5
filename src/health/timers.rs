//! A systemd timer over D-Bus: that it waits, when it runs next, and how its last run ended.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::check::{Check, Outcome};
use super::measure::Quantity;
use crate::host::units::{Next, Systemd, UnitState};
use crate::host::{BoxFuture, Error};

/// A run that is due for longer has been missed.
const LATE: Duration = Duration::from_secs(10 * 60);

/// Asks systemd about one timer and the service of its name.
pub struct TimerCheck {
    label: String,
    component: String,
    timer: String,
    service: String,
    needs: Vec<String>,
}

impl TimerCheck {
    /// For a timer of `component` by its whole name: "hams-daemon@amsat.tle.sync.timer".
    pub fn new(component: &str, timer: &str) -> Self {
        Self {
            label: format!("timer {timer}"),
            component: component.to_owned(),
            timer: timer.to_owned(),
            // Once: a daemon may be called so itself.
            service: format!("{}.service", timer.strip_suffix(".timer").unwrap_or(timer)),
            needs: Vec::new(),
        }
    }

    /// The same timer, whose service needs these components.
    pub fn needing(mut self, components: &[String]) -> Self {
        self.needs = components.to_vec();
        self
    }

    async fn ask(&self) -> Result<Outcome, Error> {
        let systemd = Systemd::connect().await?;
        let timer = systemd.state(&self.timer).await?;
        let next = systemd.next(&self.timer).await?;
        let service = systemd.state(&self.service).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let outcome = judge(&timer, next, &service, now);
        Ok(match next {
            Next::At(at) => outcome.with(Quantity::TimerNextTimestampSeconds, &self.timer, at.as_secs_f64()),
            Next::SinceBoot(_) | Next::Never => outcome,
        })
    }
}

fn judge(timer: &UnitState, next: Next, service: &UnitState, now: Duration) -> Outcome {
    if timer.active != "active" {
        return Outcome::failing(format!("it never runs: its timer is {}", timer.words()));
    }
    if timer.unit_file != "enabled" {
        return Outcome::failing(format!("its timer does not start at boot ({})", timer.unit_file));
    }
    if matches!(service.load.as_str(), "not-found" | "masked") {
        return Outcome::failing(format!("it never runs: its service is {}", service.words()));
    }
    if matches!(service.active.as_str(), "activating" | "active" | "deactivating" | "reloading") {
        return Outcome::ok_with("it is running now");
    }
    let when = match next {
        Next::Never => return Outcome::failing("its timer waits, and has no next run"),
        Next::At(at) if at + LATE < now => {
            return Outcome::failing(format!("its run of {} was missed", time(at)));
        }
        Next::At(at) => format!("next run {}", time(at)),
        Next::SinceBoot(_) => "next run after a while".to_owned(),
    };
    match service.active.as_str() {
        "failed" => Outcome::degraded(format!("its last run failed ({}); {when}", service.result)),
        _ => Outcome::ok_with(when),
    }
}

fn time(at: Duration) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + at).to_string()
}

impl Check for TimerCheck {
    fn name(&self) -> &str {
        &self.label
    }

    fn component(&self) -> &str {
        &self.component
    }

    fn unit(&self) -> Option<&str> {
        Some(&self.service)
    }

    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn is_certain(&self) -> bool {
        true
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async { self.ask().await.unwrap_or_else(|error| Outcome::unknown(error.to_string())) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn the_service_has_the_name_of_the_timer() {
        let service = |timer| TimerCheck::new("daemons", timer).service;
        assert_eq!(service("hams-daemon@amsat.tle.sync.timer"), "hams-daemon@amsat.tle.sync.service");
        assert_eq!(service("hams-daemon@sample.timer.timer"), "hams-daemon@sample.timer.service");
    }

    #[test]
    fn timers_are_judged() {
        let unit = |active: &str, unit_file: &str| UnitState {
            load: "loaded".into(),
            active: active.into(),
            unit_file: unit_file.into(),
            ..UnitState::default()
        };
        let (day, now) = (Duration::from_secs(86400), Duration::from_secs(1_800_000_000));
        let waits = unit("active", "enabled");
        let missing = UnitState { load: "not-found".into(), ..unit("inactive", "") };
        for (timer, next, service, expected) in [
            (&waits, Next::At(now + day), unit("inactive", "static"), State::Ok),
            (&waits, Next::SinceBoot(day), unit("inactive", "static"), State::Ok),
            (&waits, Next::Never, unit("activating", "static"), State::Ok),
            (&waits, Next::Never, unit("inactive", "static"), State::Failing),
            (&waits, Next::At(now - day), unit("inactive", "static"), State::Failing),
            (&waits, Next::At(now + day), unit("failed", "static"), State::Degraded),
            (&waits, Next::At(now + day), missing, State::Failing),
            (&unit("inactive", "enabled"), Next::Never, unit("inactive", "static"), State::Failing),
            (&unit("active", "disabled"), Next::At(now + day), unit("inactive", "static"), State::Failing),
        ] {
            let outcome = judge(timer, next, &service, now);
            assert_eq!(outcome.state, expected, "{timer:?} {next:?} {service:?}: {outcome:?}");
        }
        let outcome = judge(&waits, Next::At(now), &unit("inactive", "static"), now);
        assert_eq!(outcome.reason.as_deref(), Some("next run 2027-01-15T08:00:00Z"));
    }
}
