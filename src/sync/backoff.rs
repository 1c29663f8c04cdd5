//! Waiting between attempts: doubled up to a ceiling, with jitter so that many agents do not knock together.

use std::time::Duration;

/// First wait.
const FIRST: Duration = Duration::from_millis(250);
/// Longest wait.
const CEILING: Duration = Duration::from_secs(15);

/// How long to wait before the next attempt.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    ceiling: Duration,
    failures: u32,
}

/// For what is on this host.
impl Default for Backoff {
    fn default() -> Self {
        Self::between(FIRST, CEILING)
    }
}

impl Backoff {
    /// Waits of `first`, doubled up to `ceiling`.
    pub fn between(first: Duration, ceiling: Duration) -> Self {
        Self { first, ceiling, failures: 0 }
    }

    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure: between half of the doubled time and the whole of it.
    pub fn pause(&mut self) -> Duration {
        // Without random numbers there is no jitter, and the wait is still right.
        self.pause_with(getrandom::u32().unwrap_or(u32::MAX))
    }

    fn pause_with(&mut self, random: u32) -> Duration {
        let whole = self.first.saturating_mul(1 << self.failures.min(16)).min(self.ceiling);
        self.failures = self.failures.saturating_add(1);
        let half = whole / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_ceiling_and_starts_again() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9).map(|_| backoff.pause_with(u32::MAX)).collect();
        assert_eq!(waits[0], FIRST);
        assert_eq!(waits[1], FIRST * 2);
        assert_eq!(waits[8], CEILING);
        for _ in 0..1000 {
            assert!(backoff.pause() >= CEILING / 2);
        }
        backoff.reset();
        assert_eq!(backoff.pause_with(0), FIRST / 2);
        let mut backoff = Backoff::between(Duration::from_secs(2), Duration::from_secs(5));
        let waits = [(); 3].map(|()| backoff.pause_with(u32::MAX).as_secs());
        assert_eq!(waits, [2, 4, 5]);
    }
}
