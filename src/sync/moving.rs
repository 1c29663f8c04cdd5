//! Waiting while showing that the loop moves, up to a stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep_until};

/// How often the loop shows that it moves.
const PULSE: Duration = Duration::from_secs(2);

/// Called every few seconds by a loop that moves.
pub type Pulse = Arc<dyn Fn() + Send + Sync>;

/// Waits for `work` while showing that the loop moves. After a stop it gets `grace`; `None` if it was given up.
pub(super) async fn moving<T>(
    pulse: &Pulse,
    stop: &mut watch::Receiver<bool>,
    grace: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::pin!(work);
    let mut ticks = interval(PULSE);
    let mut deadline: Option<Instant> = None;
    loop {
        let far = Instant::now() + Duration::from_secs(3600);
        tokio::select! {
            biased;
            result = &mut work => return Some(result),
            // An error means that nobody is left who could say stop, which is one.
            _ = stop.wait_for(|stopped| *stopped), if deadline.is_none() => deadline = Some(Instant::now() + grace),
            () = sleep_until(deadline.unwrap_or(far)), if deadline.is_some() => return None,
            _ = ticks.tick() => pulse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    fn pulse() -> Pulse {
        Arc::new(|| ())
    }

    #[tokio::test]
    async fn a_stop_gives_up_what_takes_longer_than_its_grace() {
        let (sender, mut stop) = watch::channel(false);
        let quick = moving(&pulse(), &mut stop, Duration::ZERO, async { 7 }).await;
        assert_eq!(quick, Some(7));
        sender.send(true).unwrap();
        let never = std::future::pending::<()>();
        assert_eq!(moving(&pulse(), &mut stop, Duration::from_millis(20), never).await, None);
        let short = sleep(Duration::from_millis(20));
        assert_eq!(moving(&pulse(), &mut stop, Duration::from_secs(5), short).await, Some(()));
    }

    #[tokio::test]
    async fn the_pulse_beats_while_waiting() {
        let beats = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counter = Arc::clone(&beats);
        let pulse: Pulse = Arc::new(move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        let (_sender, mut stop) = watch::channel(false);
        moving(&pulse, &mut stop, Duration::ZERO, sleep(PULSE + PULSE / 4)).await;
        assert!(beats.load(std::sync::atomic::Ordering::Relaxed) >= 2);
    }
}
