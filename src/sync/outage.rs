//! Something that the sync needs is away: until when it is left alone, and why, in words.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;

/// The state of one thing that can be away.
#[derive(Debug, Default)]
pub(super) struct Outage {
    backoff: Backoff,
    since: Option<(Instant, String)>,
}

impl Outage {
    /// An attempt failed.
    pub(super) fn failed(&mut self, reason: String) {
        self.since = Some((Instant::now() + self.backoff.pause(), reason));
    }

    /// An attempt went well.
    pub(super) fn passed(&mut self) {
        if self.since.take().is_some() {
            self.backoff.reset();
        }
    }

    /// True unless the next attempt must wait.
    pub(super) fn may_try(&self) -> bool {
        self.since.as_ref().is_none_or(|(until, _)| *until <= Instant::now())
    }

    /// When the next attempt may be made, while one must wait.
    pub(super) fn until(&self) -> Option<Instant> {
        self.since.as_ref().map(|(until, _)| *until).filter(|until| *until > Instant::now())
    }

    /// Why the last attempt failed.
    pub(super) fn reason(&self) -> Option<&str> {
        self.since.as_ref().map(|(_, reason)| reason.as_str())
    }
}

/// The earliest of the moments at which one of them may be tried again.
pub(super) fn earliest<'a>(outages: impl IntoIterator<Item = &'a Outage>) -> Option<Instant> {
    outages.into_iter().filter_map(Outage::until).min()
}

/// From now on, for as long as a pulse: what a wait without another end ends with.
pub(super) fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_each_time_and_forgets() {
        let mut outage = Outage::default();
        assert!(outage.may_try() && outage.until().is_none() && outage.reason().is_none());
        let mut waits = Vec::new();
        for _ in 0..5 {
            let now = Instant::now();
            outage.failed("away".into());
            assert!(!outage.may_try() && outage.reason() == Some("away"));
            waits.push(outage.until().unwrap() - now);
        }
        assert!(waits[4] > waits[0] * 4, "{waits:?}");
        outage.passed();
        assert!(outage.may_try() && outage.reason().is_none());
        let now = Instant::now();
        outage.failed("away".into());
        assert!(outage.until().unwrap() - now <= waits[0] * 2 + Duration::from_millis(50));
    }
}
