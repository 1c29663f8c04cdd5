//! A heartbeat to somebody who says when it stays away: a GET while all loops of the agent move.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::hooks_entry::HookEntry;
use super::hooks_http::Http;
use crate::secrets::HookUrl;

/// When it beats, and from when on a silence is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    pub(super) every: Duration,
    /// After one that was lost.
    pub(super) again: Duration,
    /// Without one that got through for so long it is degraded: one that is lost wakes nobody.
    pub(super) patience: Duration,
}

/// A minute is what such services count in.
pub(super) const RHYTHM: Rhythm = Rhythm {
    every: Duration::from_secs(60),
    again: Duration::from_secs(10),
    patience: Duration::from_secs(5 * 60),
};

/// Beats as long as `stuck` names no loop.
pub(super) async fn beat(
    http: Arc<Http>,
    url: HookUrl,
    rhythm: Rhythm,
    stuck: Arc<dyn Fn() -> Option<&'static str> + Send + Sync>,
    mut entry: HookEntry,
) {
    let mut last = Instant::now();
    loop {
        let mut pause = rhythm.every;
        // While one is stuck, the silence is the message.
        if stuck().is_none() {
            match http.send(&url, None).await {
                Ok(()) => {
                    last = Instant::now();
                    entry.works();
                }
                Err(reason) => {
                    pause = rhythm.again;
                    if last.elapsed() >= rhythm.patience {
                        entry.failed(reason);
                    }
                }
            }
        }
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::hooks_entry::HEARTBEAT;
    use super::super::hooks_http::tests::{Manner, Receiver, SECRET, hasty};
    use super::*;
    use crate::health::{Report, State};
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::sync::watch;
    use tokio::time::timeout;

    #[tokio::test]
    async fn it_beats_while_the_loops_move() {
        let receiver = Receiver::start([]).await;
        let (sender, mut report) = watch::channel(Report::default());
        let is_stuck = Arc::new(AtomicBool::new(false));
        let stuck = {
            let is_stuck = Arc::clone(&is_stuck);
            move || is_stuck.load(Ordering::Relaxed).then_some("sync")
        };
        let every = Duration::from_millis(20);
        let rhythm = Rhythm { every, again: every, patience: every * 10 };
        let entry = HookEntry::new(HEARTBEAT, sender);
        let beating = beat(Arc::new(hasty()), receiver.url.clone(), rhythm, Arc::new(stuck), entry);
        let task = tokio::spawn(beating);
        let beats = || receiver.seen.lock().unwrap().len();
        let more = async |than: usize| {
            while beats() <= than {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), more(2)).await.unwrap();
        is_stuck.store(true, Ordering::Relaxed);
        // One may be on its way.
        sleep(rhythm.every * 3).await;
        let before = beats();
        sleep(rhythm.every * 5).await;
        assert_eq!(beats(), before, "a loop is stuck");
        receiver.manners.lock().unwrap().extend([Manner::Answer(503); 30]);
        is_stuck.store(false, Ordering::Relaxed);
        let mut is = async |state: State| {
            let seen = report.wait_for(|report| report.state() == state);
            timeout(Duration::from_secs(20), seen).await.unwrap().unwrap().checks[0].reason.clone()
        };
        let reason = is(State::Degraded).await.unwrap();
        assert!(
            reason == "127.0.0.1 answers 503 Service Unavailable" && !reason.contains(SECRET),
            "{reason}"
        );
        is(State::Ok).await;
        assert!(receiver.seen.lock().unwrap().iter().all(|(body, _)| body.is_empty()));
        task.abort();
    }
}
