//! Which loops move: each has a pulse that it beats, also while it waits for somebody else; the watchdog is fed
//! only while all of them beat.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sync::Pulse;

/// A loop that has not beaten for so long is stuck: every loop beats every two seconds.
const STUCK_AFTER: Duration = Duration::from_secs(20);

struct Beat {
    name: &'static str,
    /// Milliseconds after the start.
    last: Arc<AtomicU64>,
}

/// All loops of the agent.
pub(super) struct Pulses {
    start: Instant,
    beats: Mutex<Vec<Beat>>,
}

impl Pulses {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), beats: Mutex::new(Vec::new()) }
    }

    /// A pulse for one more loop; it counts as beating from now on.
    pub(super) fn add(&self, name: &'static str) -> Pulse {
        let start = self.start;
        let last = Arc::new(AtomicU64::new(milliseconds(start)));
        let beat = Beat { name, last: Arc::clone(&last) };
        self.beats.lock().unwrap_or_else(PoisonError::into_inner).push(beat);
        Arc::new(move || last.store(milliseconds(start), Ordering::Relaxed))
    }

    /// The name of a loop that is stuck.
    pub(super) fn stuck(&self) -> Option<&'static str> {
        self.stuck_at(milliseconds(self.start))
    }

    fn stuck_at(&self, now: u64) -> Option<&'static str> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stuck = |beat: &&Beat| {
            let silence = now.saturating_sub(beat.last.load(Ordering::Relaxed));
            Duration::from_millis(silence) > STUCK_AFTER
        };
        beats.iter().find(is_stuck).map(|beat| beat.name)
    }
}

fn milliseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_silent_loop_is_enough() {
        let pulses = Pulses::new();
        let _sync = pulses.add("sync");
        assert_eq!(pulses.stuck(), None);
        assert_eq!(pulses.stuck_at(19_000), None);
        assert_eq!(pulses.stuck_at(40_000), Some("sync"));
    }
}
