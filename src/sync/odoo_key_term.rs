//! How long a key to Odoo still lives, by Odoo's own clock, and when the next one is to be made. Pure.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::Value;

use super::odoo_stamp::Stamp;

pub(super) const DAY: Duration = Duration::from_secs(86_400);
/// Before its end a key is replaced: so long before, or a third of its life where that is shorter.
const MARGIN: Duration = Duration::from_secs(14 * 86_400);
/// What an account that is no administrator may have, unless its groups say otherwise.
const LONGEST: Duration = Duration::from_secs(90 * 86_400);
/// Odoo counts from its own now, and the life of the one before is known to the second.
const SLACK: Duration = Duration::from_secs(60);
/// It is never looked at more often.
const SHORTEST_WAIT: Duration = Duration::from_secs(600);
/// How the names of the agent's own keys begin.
const OWN: &str = "hams-agent, made ";

/// A key of the account, as Odoo lists it: which one it is, is not told.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct KeyRow {
    pub(super) name: String,
    create_date: Value,
    expiration_date: Value,
}

/// The life of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term {
    made: SystemTime,
    pub(super) ends: SystemTime,
    /// Others of which it may be one as well, all of which end later.
    pub(super) others: usize,
}

/// What a key of the agent is called in Odoo.
pub(super) fn own_name(now: SystemTime, random: u32) -> String {
    format!("{OWN}{}, {:04x}", Stamp::from(now).as_str(), random & 0xffff)
}

/// The life of the key in use: of the one with that name, or else of one that the agent has not made. `None`: it has no end,
/// or Odoo does not list it.
pub(super) fn term(rows: &[KeyRow], own: Option<&str>, now: SystemTime) -> Option<Term> {
    let is_it = |row: &&KeyRow| own.map_or(!row.name.starts_with(OWN), |name| row.name == name);
    let live: Vec<_> = rows
        .iter()
        .filter(is_it)
        .map(KeyRow::life)
        .filter(|(_, ends)| ends.is_none_or(|ends| ends > now))
        .collect();
    let (made, ends) =
        live.iter().filter_map(|(made, ends)| Some((*made, (*ends)?))).min_by_key(|(_, ends)| *ends)?;
    Some(Term { made: made.unwrap_or(ends - LONGEST), ends, others: live.len() - 1 })
}

impl KeyRow {
    /// When it was made, and when it ends.
    fn life(&self) -> (Option<SystemTime>, Option<SystemTime>) {
        let time = |value: &Value| serde_json::from_value::<Stamp>(value.clone()).ok()?.time();
        (time(&self.create_date), time(&self.expiration_date))
    }
}

impl Term {
    fn life(&self) -> Duration {
        self.ends.duration_since(self.made).unwrap_or_default()
    }

    /// How long it is until its end.
    pub(super) fn left(&self, now: SystemTime) -> Duration {
        self.ends.duration_since(now).unwrap_or_default()
    }

    /// Whether its end is near.
    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        self.left(now) <= self.margin()
    }

    fn margin(&self) -> Duration {
        MARGIN.min(self.life() / 3)
    }

    /// Whether Odoo may be asked for one, if it was last asked then: once a day, however the clock jumps; twice in the life of a
    /// shorter one.
    pub(super) fn may_ask(&self, asked: Option<SystemTime>, now: SystemTime) -> bool {
        let since = |asked: SystemTime| now.duration_since(asked).unwrap_or_else(|error| error.duration());
        asked.is_none_or(|asked| since(asked) >= DAY.min(self.life() / 2))
    }

    /// When the next one is to end.
    pub(super) fn next_end(&self, now: SystemTime) -> SystemTime {
        now + self.life().min(LONGEST).saturating_sub(SLACK)
    }

    /// When it is looked at again: when it is due, at least once a day.
    pub(super) fn wait(&self, now: SystemTime) -> Duration {
        let left = self.left(now);
        let wait = if self.is_due(now) { left / 4 } else { left - self.margin() };
        wait.clamp(SHORTEST_WAIT, DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-11-29 12:00:00";

    fn time(text: &str) -> SystemTime {
        Stamp::try_from(text.to_owned()).unwrap().time().unwrap()
    }

    fn row(name: &str, made: &str, ends: Value) -> KeyRow {
        serde_json::from_value(json!({ "id": 1, "name": name, "create_date": made, "expiration_date": ends }))
            .unwrap()
    }

    fn life(days: u64, left: Duration) -> Term {
        let ends = time(NOW) + left;
        Term { made: ends - DAY * u32::try_from(days).unwrap(), ends, others: 0 }
    }

    #[test]
    fn which_of_the_accounts_keys_it_is() {
        let now = time(NOW);
        let rows = [
            row("dns_sync_key", "2026-10-01 00:00:00", json!("2026-12-30 00:00:00")),
            row("of another host", "2026-11-01 00:00:00", json!("2027-01-30 00:00:00")),
            row("ended", "2026-08-01 00:00:00", json!("2026-10-30 00:00:00")),
            row(&own_name(now, 0x5f3a), "2026-11-29 12:00:00", json!("2026-12-01 00:00:00")),
        ];
        assert_eq!(own_name(now, 0x5f3a), "hams-agent, made 2026-11-29 12:00:00, 5f3a");
        let of_file = term(&rows, None, now).unwrap();
        assert_eq!((of_file.ends, of_file.others), (time("2026-12-30 00:00:00"), 1));
        let own = term(&rows, Some("hams-agent, made 2026-11-29 12:00:00, 5f3a"), now).unwrap();
        assert_eq!((own.ends, own.others), (time("2026-12-01 00:00:00"), 0));
        assert_eq!(term(&rows, Some("gone"), now), None);
        assert_eq!(term(&[row("endless", "2026-10-01 00:00:00", json!(false))], None, now), None);
        assert_eq!(term(&[], None, now), None);
    }

    #[test]
    fn the_next_one_is_made_well_before_the_end() {
        let now = time(NOW);
        for (days, left, is_due) in [
            (90, DAY * 15, false),
            (90, DAY * 14, true),
            (90, DAY, true),
            (90, Duration::ZERO, true),
            (7, DAY * 3, false),
            (7, DAY * 2, true),
            (365, DAY * 20, false),
        ] {
            assert_eq!(life(days, left).is_due(now), is_due, "{days} days, {left:?} left");
        }
        assert_eq!(life(90, DAY).next_end(now), now + DAY * 90 - SLACK);
        assert_eq!(life(7, DAY).next_end(now), now + DAY * 7 - SLACK);
        assert_eq!(life(3650, DAY).next_end(now), now + DAY * 90 - SLACK);
    }

    #[test]
    fn no_jump_of_a_clock_makes_more_than_one_a_day() {
        let (now, hour) = (time(NOW), Duration::from_secs(3600));
        let term = life(90, DAY);
        assert!(term.may_ask(None, now));
        for (asked, may) in [
            (now, false),
            (now - hour * 23, false),
            (now - DAY, true),
            // It was set back: by a little, by much.
            (now + hour, false),
            (now + DAY * 80, true),
        ] {
            assert_eq!(term.may_ask(Some(asked), now), may, "{asked:?}");
        }
        // One that was made before a clock was set back lives for longer still.
        assert!(!Term { made: now + DAY * 80, ends: now + DAY * 170, others: 0 }.is_due(now));
        // Keys of one day are not left to end.
        assert!(life(1, hour).may_ask(Some(now - hour * 12), now));
    }

    #[test]
    fn it_is_looked_at_once_a_day_and_when_it_is_due() {
        let now = time(NOW);
        assert_eq!(life(90, DAY * 80).wait(now), DAY);
        assert_eq!(life(90, DAY * 14 + DAY / 2).wait(now), DAY / 2);
        assert_eq!(life(90, DAY * 2).wait(now), DAY / 2);
        assert_eq!(life(90, Duration::ZERO).wait(now), SHORTEST_WAIT);
    }
}
