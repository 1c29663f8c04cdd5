//! The status in words, the same ones for a terminal and for the page: ages, what the sync does, what sweeps came to.

use std::time::{Duration, SystemTime};

use super::status::{KeyStatus, SweepStatus, SyncStatus};
use crate::sync::{Phase, SweepPhase, SyncSummary};

/// A line of the sync, and the time whose age it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The words.
    pub text: String,
    /// RFC 3339 in UTC.
    pub at: Option<String>,
}

/// How long ago, in whole seconds up to whole days; the time itself if it cannot be read.
pub fn age(time: &str, now: SystemTime) -> String {
    let Ok(then) = humantime::parse_rfc3339(time) else { return time.to_owned() };
    span(now.duration_since(then).unwrap_or_default())
}

/// A time as its distance from now: "3 min ago", "in 88 days".
pub(super) fn distance(time: SystemTime, now: SystemTime) -> String {
    match time.duration_since(now) {
        Ok(ahead) if ahead > Duration::ZERO => format!("in {}", span(ahead)),
        _ => format!("{} ago", span(now.duration_since(time).unwrap_or_default())),
    }
}

/// A duration as people say it.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What the sync is doing.
pub fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Connecting => "connecting to RabbitMQ",
        Phase::Idle => "in step with the queue",
        Phase::Applying => "applying changes",
        Phase::Waiting => "waiting",
        Phase::Stopping => "stopping",
    }
}

/// What became of the events since the start, the count before its words.
pub fn counts(sync: &SyncStatus) -> [(u64, &'static str); 5] {
    let counters = &sync.counters;
    [
        (counters.applied, "applied"),
        (counters.merged, "merged into a later one"),
        (counters.unchanged, "changed nothing"),
        (counters.dropped_old, "too old"),
        (counters.dead_lettered, "dead letters"),
    ]
}

/// What is to be told of the sync beside its state, its reason and its counts.
pub fn sync_lines(sync: &SyncStatus, now: SystemTime) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(time) = &sync.oldest_event {
        let text = format!("the oldest event in hand waits for {}", age(time, now));
        lines.push(Line { text, at: Some(time.clone()) });
    }
    if let Some(time) = &sync.last_success {
        lines.push(Line { text: format!("last success {} ago", age(time, now)), at: Some(time.clone()) });
    }
    lines.extend(sync.sweep.iter().flat_map(|sweep| sweep_lines(sweep, now)));
    lines.extend(sync.odoo_key.iter().map(|key| Line { text: key_words(key), at: None }));
    lines
}

/// How long the key lives.
fn key_words(key: &KeyStatus) -> String {
    match (&key.reason, &key.ends, &key.asked) {
        (Some(reason), ..) => reason.clone(),
        (None, Some(ends), _) => format!("key to Odoo: until {ends}"),
        (None, None, Some(_)) => "key to Odoo: without an end".to_owned(),
        (None, None, None) => "key to Odoo: Odoo was not asked yet when it ends".to_owned(),
    }
}

/// What the sweep does, and what the last ones came to.
fn sweep_lines(sweep: &SweepStatus, now: SystemTime) -> Vec<Line> {
    let plain = |text: &str| Line { text: text.to_owned(), at: None };
    let doing = match sweep.phase {
        SweepPhase::Off => return vec![plain("no sweep: this node knows no Odoo")],
        SweepPhase::Waiting => None,
        SweepPhase::Changed => Some("compares what was written"),
        SweepPhase::Full => Some("compares all zones"),
        SweepPhase::Ordered => Some("compares what was ordered"),
    };
    let mut lines = Vec::new();
    if let Some(doing) = doing {
        let (read, of, age) = (sweep.read, sweep.of, age(&sweep.since, now));
        let text = format!("sweep: {doing} for {age}, {read} of {of} zones read");
        lines.push(Line { text, at: Some(sweep.since.clone()) });
    }
    if let Some(error) = &sweep.error {
        lines.push(plain(&format!("the last sweep came to nothing: {error}")));
    }
    for (what, swept) in [("last sweep", &sweep.last), ("last sweep of all zones", &sweep.last_full)] {
        // The last one may be one of all zones.
        let is_told = what == "last sweep" && sweep.last == sweep.last_full;
        if let Some(swept) = swept.as_ref().filter(|_| !is_told) {
            let words = summary_words(&swept.summary).replace('\n', "; ");
            let text = format!("{what} {} ago: {words}", age(&swept.at, now));
            lines.push(Line { text, at: Some(swept.at.clone()) });
        }
    }
    if lines.is_empty() {
        lines.push(plain("no sweep yet"));
    }
    lines
}

/// The sum of a sweep in a line, and why zones were held back in another.
pub fn summary_words(summary: &SyncSummary) -> String {
    let would = if summary.dry_run { " would be" } else { "" };
    let mut parts = Vec::new();
    for (count, what) in [(summary.changed, "changed"), (summary.removed, "removed")] {
        if count > 0 {
            parts.push(format!("{count}{would} {what}"));
        }
    }
    if summary.held > 0 {
        parts.push(format!("{} kept, though Odoo does not have them", summary.held));
    }
    if summary.failed > 0 {
        parts.push(format!("{} failed", summary.failed));
    }
    if parts.is_empty() {
        parts.push("all as they should be".to_owned());
    }
    let zones = if summary.zones == 1 { "zone" } else { "zones" };
    let mut words = format!("{} {zones} compared: {}", summary.zones, parts.join(", "));
    if let Some(reason) = &summary.reason {
        words.push('\n');
        words.push_str(reason);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert_eq!(age("1970-01-12T13:46:30Z", now), "10 s");
        assert_eq!(age("1970-01-01T00:00:00Z", now), "11 days");
        assert_eq!(age("soon", now), "soon");
        assert_eq!(distance(now - Duration::from_secs(200), now), "3 min ago");
        assert_eq!(distance(now + Duration::from_secs(88 * 86_400), now), "in 88 days");
    }

    #[test]
    fn the_key_in_words() {
        let words = |text: &str| key_words(&serde_json::from_str(text).unwrap());
        let known = r#"{"state": "ok", "ends": "2026-12-05T12:30:00Z", "asked": "2026-11-29T12:00:00Z", "reason": null}"#;
        assert_eq!(words(known), "key to Odoo: until 2026-12-05T12:30:00Z");
        assert!(words(&known.replace("\"2026-12-05T12:30:00Z\"", "null")).ends_with("without an end"));
        assert_eq!(words(&known.replace("\"reason\": null", "\"reason\": \"it ends\"")), "it ends");
        assert!(
            words(r#"{"state": "ok", "ends": null, "asked": null, "reason": null}"#)
                .contains("not asked yet")
        );
    }

    #[test]
    fn the_sweep_in_words() {
        let noon = humantime::parse_rfc3339("2026-11-23T12:00:00Z").unwrap();
        let words = |text: &str| -> Vec<String> {
            let lines = sweep_lines(&serde_json::from_str(text).unwrap(), noon);
            lines.into_iter().map(|line| line.text).collect()
        };
        let off = r#"{"phase": "off", "since": "2026-11-23T11:00:00Z", "read": 0, "of": 0}"#;
        assert_eq!(words(off), ["no sweep: this node knows no Odoo"]);
        assert_eq!(words(&off.replace("off", "waiting")), ["no sweep yet"]);
        let swept = r#"{"at": "2026-11-23T11:58:00Z", "zones": 900, "changed": 2, "removed": 0, "held": 60, "failed": 0,
            "dry_run": false, "reason": "60 of 960 zones"}"#;
        let both = format!(
            r#"{{"phase": "full", "since": "2026-11-23T11:59:50Z", "read": 500, "of": 900, "error": "no key",
                "last": {swept}, "last_full": {swept}}}"#
        );
        assert_eq!(
            words(&both),
            [
                "sweep: compares all zones for 10 s, 500 of 900 zones read",
                "the last sweep came to nothing: no key",
                "last sweep of all zones 2 min ago: 900 zones compared: 2 changed, 60 kept, though Odoo does not have them; 60 of 960 zones",
            ]
        );
        let another = both.replacen("11:58", "11:59", 1);
        assert_eq!(words(&another).len(), 4);
    }

    #[test]
    fn sums() {
        let none = SyncSummary { zones: 50_000, ..SyncSummary::default() };
        assert_eq!(summary_words(&none), "50000 zones compared: all as they should be");
        let some = SyncSummary { zones: 1, changed: 1, dry_run: true, ..SyncSummary::default() };
        assert_eq!(summary_words(&some), "1 zone compared: 1 would be changed");
        let held = SyncSummary {
            zones: 900,
            changed: 2,
            removed: 3,
            held: 60,
            failed: 1,
            reason: Some("60 of 960 zones".into()),
            ..SyncSummary::default()
        };
        assert_eq!(
            summary_words(&held),
            "900 zones compared: 2 changed, 3 removed, 60 kept, though Odoo does not have them, 1 failed\n60 of 960 zones"
        );
    }
}
