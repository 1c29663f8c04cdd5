//! When to sweep: in full at the start and once a night, by what was written every few minutes. The wall clock only tells
//! which night it is; how long to wait comes from a clock that never jumps.

use std::time::Duration;

use tokio::time::Instant;

use super::finding::Scope;
use super::odoo_stamp::Stamp;

/// How often the wall clock is looked at: it may be set at any time.
const GLANCE: Duration = Duration::from_secs(60);
/// Nights that differ only because somebody sets the clock do not follow each other faster.
const SHORTEST_NIGHT: Duration = Duration::from_secs(2 * 3600);
/// However the clock is set, one full sweep follows another after so long; the longest day has 25 hours.
const LONGEST_NIGHT: Duration = Duration::from_secs(30 * 3600);
/// Many agents do not knock at one Odoo together.
const JITTER: Duration = Duration::from_secs(30 * 60);
/// The first wait after a sweep that failed; it doubles up to the interval.
const RETRY: Duration = Duration::from_secs(30);
/// A row is stamped with the time at which its transaction began, and can be seen when that has ended.
const OVERLAP: Duration = Duration::from_secs(10 * 60);
const DAY_SECONDS: i64 = 24 * 3600;

/// When sweeps are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepTimes {
    /// Between two sweeps of what was written: a minute or more.
    pub interval: Duration,
    /// The hour of the local time after which the full sweep comes, 0 to 23.
    pub full_hour: u8,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Begin this sweep, and say how it ended.
    Begin(Scope),
    /// Ask again after so long.
    Wait(Duration),
}

/// The plan of one agent.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    /// Seconds after the local midnight.
    night_begins: i64,
    is_under_way: bool,
    /// When a sweep of what was written is due, or the next attempt after one that failed.
    due: Instant,
    failures: u32,
    /// What Odoo had last; `None`: only a full sweep can tell.
    newest: Option<Stamp>,
    last_full: Option<FullSweep>,
    /// In which night the sweep under way began.
    night: i64,
}

#[derive(Debug, Clone, Copy)]
struct FullSweep {
    at: Instant,
    night: i64,
}

impl Schedule {
    /// A plan whose first sweep is due at once; `random` is any number.
    pub(super) fn new(times: SweepTimes, now: Instant, random: u32) -> Self {
        let jitter = JITTER.mul_f64(f64::from(random) / f64::from(u32::MAX));
        Self {
            interval: times.interval.max(GLANCE),
            night_begins: i64::from(times.full_hour) * 3600 + i64::try_from(jitter.as_secs()).unwrap_or(0),
            is_under_way: false,
            due: now,
            failures: 0,
            newest: None,
            last_full: None,
            night: 0,
        }
    }

    /// What to do; `local`: seconds of the local wall clock, counted from any midnight.
    pub(super) fn next(&mut self, now: Instant, local: i64) -> Next {
        if self.is_under_way {
            return Next::Wait(GLANCE);
        }
        let night = (local - self.night_begins).div_euclid(DAY_SECONDS);
        let is_full_due = match (self.last_full, &self.newest) {
            (Some(last), Some(_)) => {
                let age = now.saturating_duration_since(last.at);
                age >= LONGEST_NIGHT || (night != last.night && age >= SHORTEST_NIGHT)
            }
            _ => true,
        };
        let wait = self.due.saturating_duration_since(now);
        // A full one does not wait for the interval, but for the next attempt after a failure it does.
        let is_held_up = self.failures > 0 || self.last_full.is_none() || self.newest.is_none();
        if !wait.is_zero() && (is_held_up || !is_full_due) {
            return Next::Wait(wait.min(GLANCE));
        }
        (self.is_under_way, self.night) = (true, night);
        Next::Begin(match &self.newest {
            Some(newest) if !is_full_due => Scope::Changed(newest.minus(OVERLAP)),
            _ => Scope::Full,
        })
    }

    /// A sweep has read all that it was to read; `newest`: what Odoo had then.
    pub(super) fn done(&mut self, now: Instant, scope: &Scope, newest: Option<Stamp>) {
        (self.is_under_way, self.failures, self.due) = (false, 0, now + self.interval);
        if *scope == Scope::Full {
            self.last_full = Some(FullSweep { at: now, night: self.night });
        }
        // An Odoo that has gone back, as after the restore of a dump, has other contents with older stamps.
        let has_gone_back = match (&self.newest, &newest) {
            (Some(before), Some(newest)) => *newest < before.minus(OVERLAP),
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.newest = newest.filter(|_| *scope == Scope::Full || !has_gone_back);
    }

    /// The sweep under way was given up for another one: it is due again.
    pub(super) fn given_up(&mut self, now: Instant) {
        (self.is_under_way, self.due) = (false, now);
    }

    /// A sweep came to nothing.
    pub(super) fn failed(&mut self, now: Instant) {
        let wait = RETRY.saturating_mul(1 << self.failures.min(16)).min(self.interval);
        (self.is_under_way, self.failures, self.due) = (false, self.failures.saturating_add(1), now + wait);
    }
}

/// Seconds of this host's local wall clock since the midnight at which 1970 began there.
pub(super) fn local_seconds() -> i64 {
    let now = jiff::Timestamp::now();
    now.as_second() + i64::from(jiff::tz::TimeZone::system().to_offset(now).seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);
    const TIMES: SweepTimes = SweepTimes { interval: Duration::from_secs(15 * 60), full_hour: 3 };
    /// Noon of some day.
    const NOON: i64 = 20_000 * DAY_SECONDS + 12 * 3600;

    fn stamp(text: &str) -> Option<Stamp> {
        Some(Stamp::try_from(text.to_owned()).unwrap())
    }

    fn newest() -> Option<Stamp> {
        stamp("2026-11-26 12:00:00")
    }

    /// Runs for so long with a wall clock that is told by the time that has passed, and gives when which sweep began.
    fn run(
        schedule: &mut Schedule,
        from: Instant,
        time: Duration,
        wall: impl Fn(Duration) -> i64,
    ) -> Vec<(Duration, bool)> {
        let (mut begun, mut passed, mut asked) = (Vec::new(), Duration::ZERO, 0);
        while passed < time {
            asked += 1;
            assert!(asked < 100_000, "it is busy");
            match schedule.next(from + passed, wall(passed)) {
                Next::Begin(scope) => {
                    begun.push((passed, scope == Scope::Full));
                    passed += Duration::from_secs(5);
                    schedule.done(from + passed, &scope, newest());
                }
                Next::Wait(wait) => passed += wait.max(Duration::from_millis(1)),
            }
        }
        begun
    }

    fn full(begun: &[(Duration, bool)]) -> Vec<u64> {
        begun.iter().filter(|(_, is_full)| *is_full).map(|(at, _)| at.as_secs() / 3600).collect()
    }

    fn truly(passed: Duration) -> i64 {
        NOON + i64::try_from(passed.as_secs()).unwrap()
    }

    #[test]
    fn at_the_start_every_interval_and_once_a_night() {
        for random in [0, u32::MAX] {
            let now = Instant::now();
            let begun = run(&mut Schedule::new(TIMES, now, random), now, 72 * HOUR, truly);
            assert_eq!(full(&begun), [0, 15, 39, 63], "at noon, and at three in the morning");
            let rest = begun.len() - 4;
            assert!((280..=288).contains(&rest), "{rest} sweeps in 72 hours");
        }
    }

    #[test]
    fn what_was_written_is_read_with_an_overlap() {
        let now = Instant::now();
        let mut schedule = Schedule::new(TIMES, now, 0);
        assert_eq!(schedule.next(now, NOON), Next::Begin(Scope::Full));
        assert_eq!(schedule.next(now, NOON), Next::Wait(GLANCE));
        schedule.done(now, &Scope::Full, newest());
        assert_eq!(schedule.next(now + 15 * MINUTE - MINUTE / 2, NOON), Next::Wait(MINUTE / 2));
        let changed = Scope::Changed(stamp("2026-11-26 11:50:00").unwrap());
        assert_eq!(schedule.next(now + 15 * MINUTE, NOON), Next::Begin(changed));
    }

    #[test]
    fn one_that_was_given_up_is_due_again() {
        let now = Instant::now();
        let mut schedule = Schedule::new(TIMES, now, 0);
        assert_eq!(schedule.next(now, NOON), Next::Begin(Scope::Full));
        schedule.given_up(now + MINUTE);
        assert_eq!(schedule.next(now + MINUTE, NOON), Next::Begin(Scope::Full));
        schedule.done(now + MINUTE, &Scope::Full, newest());
        assert!(matches!(schedule.next(now + 16 * MINUTE, NOON), Next::Begin(Scope::Changed(_))));
        schedule.given_up(now + 17 * MINUTE);
        assert!(matches!(schedule.next(now + 17 * MINUTE, NOON), Next::Begin(Scope::Changed(_))));
    }

    #[test]
    fn an_odoo_that_has_gone_back_is_read_in_full() {
        let begin_after = |newest_after: Option<Stamp>| {
            let now = Instant::now();
            let mut schedule = Schedule::new(TIMES, now, 0);
            schedule.next(now, NOON);
            schedule.done(now, &Scope::Full, newest());
            let Next::Begin(scope) = schedule.next(now + 15 * MINUTE, NOON) else { panic!("not due") };
            schedule.done(now + 15 * MINUTE, &scope, newest_after);
            schedule.next(now + 30 * MINUTE, NOON)
        };
        for gone_back in [None, stamp("2026-11-26 11:49:59")] {
            assert_eq!(begin_after(gone_back), Next::Begin(Scope::Full));
        }
        let since = Scope::Changed(stamp("2026-11-26 11:45:00").unwrap());
        assert_eq!(begin_after(stamp("2026-11-26 11:55:00")), Next::Begin(since), "a zone was removed");
    }

    #[test]
    fn a_clock_that_is_set_neither_stops_nor_hurries_it() {
        let day = i64::from(24 * 3600);
        // To and fro by ten days, every minute.
        let shaking =
            |passed: Duration| truly(passed) + if passed.as_secs() / 60 % 2 == 0 { 0 } else { 10 * day };
        let now = Instant::now();
        let begun = run(&mut Schedule::new(TIMES, now, 0), now, 24 * HOUR, shaking);
        assert!(full(&begun).len() <= 13, "{begun:?}");
        // Stopped, and set back for ever.
        for wall in [&(|_| NOON) as &dyn Fn(Duration) -> i64, &(|passed| truly(passed) - 3650 * day)] {
            let now = Instant::now();
            let begun = run(&mut Schedule::new(TIMES, now, 0), now, 96 * HOUR, wall);
            assert!((3..=5).contains(&full(&begun).len()), "{:?}", full(&begun));
            assert!(begun.len() > 350, "{}", begun.len());
        }
    }

    #[test]
    fn one_that_failed_is_tried_again_and_not_at_once() {
        let now = Instant::now();
        let mut schedule = Schedule::new(TIMES, now, 0);
        let (mut passed, mut waits) = (Duration::ZERO, Vec::new());
        for _ in 0..8 {
            let before = passed;
            while let Next::Wait(wait) = schedule.next(now + passed, truly(passed)) {
                passed += wait;
            }
            waits.push((passed - before).as_secs());
            schedule.failed(now + passed);
        }
        assert_eq!(waits, [0, 30, 60, 120, 240, 480, 900, 900]);
        passed += 15 * MINUTE;
        assert_eq!(
            schedule.next(now + passed, truly(passed)),
            Next::Begin(Scope::Full),
            "it has not had one yet"
        );
        schedule.done(now + passed, &Scope::Full, newest());
        assert!(matches!(schedule.next(now + passed + 15 * MINUTE, NOON), Next::Begin(Scope::Changed(_))));
        // At night a full one that failed is not forgotten.
        let night = NOON + 16 * 3600;
        schedule.failed(now + passed + 15 * MINUTE);
        let later = now + passed + 16 * HOUR;
        assert_eq!(schedule.next(later, night), Next::Begin(Scope::Full));
        schedule.failed(later);
        assert!(matches!(schedule.next(later, night), Next::Wait(_)));
        assert_eq!(schedule.next(later + MINUTE, night + 60), Next::Begin(Scope::Full));
    }

    #[test]
    fn the_local_clock_is_a_day_off_at_most() {
        let utc = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        assert!((local_seconds() - utc).abs() <= DAY_SECONDS);
    }
}
