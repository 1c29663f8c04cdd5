//! Runs the checks, each at its own interval and off the sync's path, and sooner when something tells that it has changed.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, interval};

use super::journal;
use crate::health::{Check, Outcome, Report, State, probe};
use crate::sync::Pulse;

/// How often due checks are looked for.
const TICK: Duration = Duration::from_secs(1);
/// One that is not well is asked again this soon: a node that boots is not called failing for longer than it is.
const AGAIN: Duration = Duration::from_secs(5);
/// One that needs a look is asked again this soon.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// Runs the checks until `stop` holds true. Each is asked at once, then at its interval, sooner while it is not
/// well or when it wakes; one that is still running is not asked a second time before it has ended.
pub(super) async fn run(
    checks: Vec<Box<dyn Check>>,
    report: watch::Sender<Report>,
    pulse: Pulse,
    mut stop: watch::Receiver<bool>,
) {
    let mut due: Vec<Option<Instant>> = vec![Some(Instant::now()); checks.len()];
    let mut running = FuturesUnordered::new();
    let mut waking = FuturesUnordered::new();
    for (place, check) in checks.iter().enumerate() {
        waking.push(wake(place, check.as_ref()));
    }
    let mut woken = vec![false; checks.len()];
    let mut ticks = interval(TICK);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => return,
            Some((place, outcome)) = running.next(), if !running.is_empty() => {
                let (place, outcome): (usize, Outcome) = (place, outcome);
                let (Some(check), Some(own), Some(woken)) =
                    (checks.get(place), due.get_mut(place), woken.get_mut(place)) else { continue };
                let is_failing = outcome.state == State::Failing;
                let pause = if std::mem::take(woken) { Duration::ZERO } else { next(check.as_ref(), outcome.state) };
                *own = Some(Instant::now() + pause);
                note(&report, check.name(), outcome);
                if let Some(unit) = is_to_quote(&report, check.name()) {
                    tokio::spawn(quote(report.clone(), check.name().to_owned(), unit));
                }
                if is_failing {
                    let needed = report.borrow().needed(place);
                    hasten(needed, &mut due);
                }
            }
            Some(place) = waking.next(), if !waking.is_empty() => {
                let (Some(check), Some(due), Some(woken)) =
                    (checks.get(place), due.get_mut(place), woken.get_mut(place)) else { continue };
                match due {
                    Some(due) => *due = Instant::now(),
                    // It is running, and may have looked before the change.
                    None => *woken = true,
                }
                waking.push(wake(place, check.as_ref()));
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

async fn wake(place: usize, check: &dyn Check) -> usize {
    check.wake().await;
    place
}

/// Has these asked at once, if they are not being asked: what fails may do so because of them.
fn hasten(places: Vec<usize>, due: &mut [Option<Instant>]) {
    for place in places {
        if let Some(Some(due)) = due.get_mut(place) {
            *due = (*due).min(Instant::now());
        }
    }
}

/// The unit to quote for a check that fails by itself, and of which nothing is quoted yet.
fn is_to_quote(report: &watch::Sender<Report>, name: &str) -> Option<String> {
    let report = report.borrow();
    let is_quoted = report.entry(name).is_some_and(|entry| !entry.journal.is_empty());
    report.unit_of_cause(name).filter(|_| !is_quoted).map(str::to_owned)
}

/// Reading the journal means waiting for the disk.
async fn quote(report: watch::Sender<Report>, name: String, unit: String) {
    let of = unit.clone();
    let read = tokio::task::spawn_blocking(move || journal::last_lines(&of)).await;
    let lines = match read {
        Ok(Ok(lines)) if lines.is_empty() => vec![format!("{unit} has said nothing in the journal")],
        Ok(Ok(lines)) => lines,
        Ok(Err(error)) => vec![format!("the journal cannot be read: {error}")],
        Err(error) => vec![format!("the journal cannot be read: {error}")],
    };
    report.send_modify(|report| report.quote(&name, lines));
}

/// How long after an outcome of that state a check is asked again.
fn next(check: &dyn Check, state: State) -> Duration {
    match state {
        State::Ok => check.interval(),
        State::Degraded => check.interval().min(LOOK_AGAIN),
        State::Unknown | State::Failing => check.interval().min(AGAIN),
    }
}

fn note(report: &watch::Sender<Report>, name: &str, outcome: Outcome) {
    report.send_modify(|report| {
        report.note(name, outcome);
    });
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
        fn component(&self) -> &str {
            "host"
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
            fn component(&self) -> &str {
                "host"
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

    /// Fails until it is told of a change; asked every hour.
    struct Told {
        change: Arc<tokio::sync::Notify>,
        is_well: Arc<AtomicU32>,
    }

    impl Check for Told {
        fn name(&self) -> &str {
            "told"
        }
        fn component(&self) -> &str {
            "host"
        }
        fn interval(&self) -> Duration {
            Duration::from_secs(3600)
        }
        fn is_certain(&self) -> bool {
            true
        }
        fn run(&self) -> BoxFuture<'_, Outcome> {
            let is_well = self.is_well.load(Ordering::Relaxed) > 0;
            Box::pin(async move { if is_well { Outcome::ok() } else { Outcome::degraded("not yet") } })
        }
        fn wake(&self) -> BoxFuture<'_, ()> {
            Box::pin(self.change.notified())
        }
    }

    #[tokio::test]
    async fn what_tells_of_a_change_is_asked_at_once() {
        let (change, is_well) = (Arc::new(tokio::sync::Notify::new()), Arc::new(AtomicU32::new(1)));
        let checks: Vec<Box<dyn Check>> =
            vec![Box::new(Told { change: Arc::clone(&change), is_well: Arc::clone(&is_well) })];
        let (_stopper, stop) = watch::channel(false);
        let (report, mut seen) = watch::channel(Report::of(checks.iter().map(AsRef::as_ref)));
        let task = tokio::spawn(run(checks, report, Arc::new(|| ()), stop));
        let mut wait = async |state| {
            let told = tokio::time::timeout(TICK * 5, seen.wait_for(|report| report.state() == state)).await;
            told.expect("within a moment").expect("the loop runs");
        };
        wait(State::Ok).await;
        is_well.store(0, Ordering::Relaxed);
        change.notify_one();
        wait(State::Degraded).await;
        is_well.store(1, Ordering::Relaxed);
        change.notify_one();
        wait(State::Ok).await;
        task.abort();
    }

    #[tokio::test]
    async fn checks_are_asked_again_until_the_stop() {
        let count = Arc::new(AtomicU32::new(0));
        let (stopper, stop) = watch::channel(false);
        let checks: Vec<Box<dyn Check>> = vec![Box::new(Counting(Arc::clone(&count)))];
        let (report, seen) = watch::channel(Report::of(checks.iter().map(AsRef::as_ref)));
        let task = tokio::spawn(run(checks, report, Arc::new(|| ()), stop));
        tokio::time::sleep(TICK * 2 + TICK / 2).await;
        stopper.send(true).unwrap();
        task.await.unwrap();
        assert!(count.load(Ordering::Relaxed) >= 2);
        assert_eq!(seen.borrow().state(), State::Ok);
    }
}
