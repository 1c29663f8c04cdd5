//! Waiting between attempts: doubled up to a ceiling, with jitter so that many agents do not knock together.

use std::time::Duration;

/// First wait.
const FIRST: Duration = Duration::from_millis(250);
/// Longest wait.
const CEILING: Duration = Duration::from_secs(15);

/// How long to wait before the next attempt.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure: between half of the doubled time and the whole of it.
    pub fn next(&mut self) -> Duration {
        // Without random numbers there is no jitter, and the wait is still right.
        self.next_with(getrandom::u32().unwrap_or(u32::MAX))
    }

    fn next_with(&mut self, random: u32) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(CEILING);
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
        let waits: Vec<_> = (0..9).map(|_| backoff.next_with(u32::MAX)).collect();
        assert_eq!(waits[0], FIRST);
        assert_eq!(waits[1], FIRST * 2);
        assert_eq!(waits[8], CEILING);
        for _ in 0..1000 {
            assert!(backoff.next() >= CEILING / 2);
        }
        backoff.reset();
        assert_eq!(backoff.next_with(0), FIRST / 2);
    }
}
