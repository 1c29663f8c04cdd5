//! Runs the checks, each at its own interval and off the sync's path.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, interval};
use tracing::{info, warn};

use crate::health::{Check, Outcome, Report, State, probe};
use crate::sync::Pulse;

/// How often due checks are looked for.
const TICK: Duration = Duration::from_secs(1);
/// One that is not well is asked again this soon: a node that boots is not called failing for longer than it is.
const AGAIN: Duration = Duration::from_secs(5);

/// Runs the checks until `stop` holds true. Each is asked at once, then at its interval, sooner while it is not
/// well; one that is still running is not asked a second time.
pub(super) async fn run(
    checks: Vec<Box<dyn Check>>,
    report: watch::Sender<Report>,
    pulse: Pulse,
    mut stop: watch::Receiver<bool>,
) {
    let mut due: Vec<Option<Instant>> = vec![Some(Instant::now()); checks.len()];
    let mut running = FuturesUnordered::new();
    let mut ticks = interval(TICK);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => return,
            Some((place, outcome)) = running.next(), if !running.is_empty() => {
                let (place, outcome): (usize, Outcome) = (place, outcome);
                if let (Some(check), Some(due)) = (checks.get(place), due.get_mut(place)) {
                    *due = Some(Instant::now() + next(check.as_ref(), outcome.state));
                    note(&report, check.name(), outcome);
                }
            }
            _ = ticks.tick() => {
                pulse();
                for (place, check) in checks.iter().enumerate() {
                    let Some(due) = due.get_mut(place) else { continue };
                    if due.is_some_and(|due| due <= Instant::now()) {
                        *due = None;
                        running.push(async move { (place, probe(check.as_ref()).await) });
                    }
                }
            }
        }
    }
}

/// How long after an outcome of that state a check is asked again.
fn next(check: &dyn Check, state: State) -> Duration {
    match state {
        State::Ok | State::Degraded => check.interval(),
        State::Unknown | State::Failing => check.interval().min(AGAIN),
    }
}

fn note(report: &watch::Sender<Report>, name: &str, outcome: Outcome) {
    let (state, reason) = (outcome.state, outcome.reason.clone().unwrap_or_default());
    let mut is_change = false;
    report.send_modify(|report| is_change = report.note(name, outcome));
    match (is_change, state) {
        (false, _) => {}
        (true, State::Ok) => info!(check = name, "{name} is ok {reason}"),
        (true, _) => warn!(check = name, "{name} is {}: {reason}", state.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::BoxFuture;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Counting(Arc<AtomicU32>);

    impl Check for Counting {
        fn name(&self) -> &str {
            "counting"
        }
        fn interval(&self) -> Duration {
            Duration::from_millis(1)
        }
        fn run(&self) -> BoxFuture<'_, Outcome> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Outcome::ok() })
        }
    }

    #[test]
    fn what_fails_is_asked_again_soon() {
        struct Hourly;
        impl Check for Hourly {
            fn name(&self) -> &str {
                "hourly"
            }
            fn interval(&self) -> Duration {
                Duration::from_secs(3600)
            }
            fn run(&self) -> BoxFuture<'_, Outcome> {
                Box::pin(async { Outcome::ok() })
            }
        }
        assert_eq!(next(&Hourly, State::Ok), Duration::from_secs(3600));
        assert_eq!(next(&Hourly, State::Failing), AGAIN);
        assert_eq!(next(&Counting(Arc::default()), State::Failing), Duration::from_millis(1));
    }

    #[tokio::test]
    async fn checks_are_asked_again_until_the_stop() {
        let count = Arc::new(AtomicU32::new(0));
        let (report, seen) = watch::channel(Report::new(["counting".to_owned()]));
        let (stopper, stop) = watch::channel(false);
        let checks: Vec<Box<dyn Check>> = vec![Box::new(Counting(Arc::clone(&count)))];
        let task = tokio::spawn(run(checks, report, Arc::new(|| ()), stop));
        tokio::time::sleep(TICK * 2 + TICK / 2).await;
        stopper.send(true).unwrap();
        task.await.unwrap();
        assert!(count.load(Ordering::Relaxed) >= 2);
        assert_eq!(seen.borrow().state(), State::Ok);
    }
}
