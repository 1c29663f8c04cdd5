//! `hams-agent status`: the answer for people, or as JSON, and the exit code.

use std::fmt::Write;
use std::io::{IsTerminal, Write as _, stdout};
use std::time::{Duration, SystemTime};

use super::age::age;
use super::agent_args::StatusArgs;
use super::show_sync::summary_words;
use crate::agent::{KeyStatus, Status, SweepStatus, fetch};
use crate::health::State;
use crate::sync::{Phase, SweepPhase};

/// Between two looks of `--watch`.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// The cursor to the top left, and all below it erased (ECMA-48, CUP and ED).
const CLEAR: &str = "\x1b[H\x1b[J";

/// Asks, prints to stdout, and returns the exit code. With `--watch` it goes on until a signal ends it, or nobody reads.
#[allow(clippy::print_stderr, reason = "this is where the program speaks")]
pub async fn status(args: &StatusArgs) -> u8 {
    loop {
        let asked = fetch(&args.socket).await;
        let (text, state) = match &asked {
            Ok(status) => (shown(status, args), status.state),
            Err(error) if args.watch && !args.json => (format!("error: {error}\n"), State::Failing),
            Err(error) => {
                eprintln!("error: {error}");
                (String::new(), State::Failing)
            }
        };
        let clear = if args.watch && !args.json && stdout().is_terminal() { CLEAR } else { "" };
        let written = stdout().lock().write_all(format!("{clear}{text}").as_bytes());
        if !args.watch || written.is_err() {
            return code(state);
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

/// For people or for programs, with a line break at its end.
fn shown(status: &Status, args: &StatusArgs) -> String {
    // A struct of texts and numbers always has a JSON form.
    match (args.json, args.watch) {
        (false, _) => words(status, SystemTime::now()),
        (true, true) => serde_json::to_string(status).unwrap_or_default() + "\n",
        (true, false) => serde_json::to_string_pretty(status).unwrap_or_default() + "\n",
    }
}

fn code(state: State) -> u8 {
    match state {
        State::Ok => 0,
        State::Unknown | State::Degraded => 1,
        State::Failing => 2,
    }
}

/// The status as a person reads it.
fn words(status: &Status, now: SystemTime) -> String {
    let mut out = String::new();
    let sync = &status.sync;
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "hams-agent {}: {}, up for {}",
        status.version,
        status.state.as_str(),
        age(&status.started, now)
    );
    let doing = match sync.phase {
        Phase::Connecting => "connecting to RabbitMQ",
        Phase::Idle => "in step with the queue",
        Phase::Applying => "applying changes",
        Phase::Waiting => "waiting",
        Phase::Stopping => "stopping",
    };
    let _ = writeln!(out, "\n  {:<9} dns sync: {doing} for {}", sync.state.as_str(), age(&sync.since, now));
    if let Some(reason) = &sync.reason {
        let _ = writeln!(out, "            {reason}");
    }
    if let Some(cause) = &sync.because {
        let _ = writeln!(out, "            because of {cause}");
    }
    let counters = &sync.counters;
    let _ = writeln!(
        out,
        "            {} zones known; {} events: {} applied, {} merged into a later one, {} changed nothing, {} too old, {} dead letters",
        sync.zones,
        counters.received,
        counters.applied,
        counters.merged,
        counters.unchanged,
        counters.dropped_old,
        counters.dead_lettered
    );
    if let Some(time) = &sync.oldest_event {
        let _ = writeln!(out, "            the oldest event in hand waits for {}", age(time, now));
    }
    if let Some(time) = &sync.last_success {
        let _ = writeln!(out, "            last success {} ago", age(time, now));
    }
    for line in sync.sweep.iter().flat_map(|sweep| sweep_words(sweep, now)) {
        let _ = writeln!(out, "            {line}");
    }
    if let Some(key) = &sync.odoo_key {
        let _ = writeln!(out, "            {}", key_words(key));
    }
    for check in &status.checks {
        let _ = write!(out, "  {:<9} {}", check.state.as_str(), check.name);
        if let Some(cause) = &check.because {
            let _ = write!(out, ": because of {cause}");
        }
        if let Some(reason) = &check.reason {
            let _ = write!(out, ": {reason}");
        }
        if check.state != State::Ok {
            let _ = write!(out, " (for {})", age(&check.since, now));
        }
        out.push('\n');
        for line in &check.journal {
            let _ = writeln!(out, "              | {line}");
        }
    }
    out
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
fn sweep_words(sweep: &SweepStatus, now: SystemTime) -> Vec<String> {
    let doing = match sweep.phase {
        SweepPhase::Off => return vec!["no sweep: this node knows no Odoo".to_owned()],
        SweepPhase::Waiting => None,
        SweepPhase::Changed => Some("compares what was written"),
        SweepPhase::Full => Some("compares all zones"),
        SweepPhase::Ordered => Some("compares what was ordered"),
    };
    let mut lines = Vec::new();
    if let Some(doing) = doing {
        let (read, of, age) = (sweep.read, sweep.of, age(&sweep.since, now));
        lines.push(format!("sweep: {doing} for {age}, {read} of {of} zones read"));
    }
    if let Some(error) = &sweep.error {
        lines.push(format!("the last sweep came to nothing: {error}"));
    }
    for (what, swept) in [("last sweep", &sweep.last), ("last sweep of all zones", &sweep.last_full)] {
        // The last one may be one of all zones.
        let is_told = what == "last sweep" && sweep.last == sweep.last_full;
        if let Some(swept) = swept.as_ref().filter(|_| !is_told) {
            let words = summary_words(&swept.summary).replace('\n', "; ");
            lines.push(format!("{what} {} ago: {words}", age(&swept.at, now)));
        }
    }
    if lines.is_empty() {
        lines.push("no sweep yet".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"schema": 1, "version": "0.1.0", "state": "failing", "started": "2026-11-23T10:00:00Z",
        "sync": {"state": "degraded", "phase": "waiting", "since": "2026-11-23T11:59:50Z",
            "reason": "PowerDNS's API does not answer", "last_success": null, "zones": 3,
            "counters": {"received": 9, "applied": 5, "unchanged": 1, "dropped_old": 1, "dead_lettered": 2, "retries": 4}},
        "checks": [{"name": "unit pdns.service", "state": "failing", "since": "2026-11-23T11:58:00Z",
            "reason": "failed (exit-code)", "checked": null, "last_ok": null, "journal": ["2026-11-23T11:58:00Z out of memory"]},
            {"name": "powerdns api", "state": "failing", "since": "2026-11-23T11:59:00Z", "reason": "connection refused",
            "because": "unit pdns.service", "checked": null, "last_ok": null}]}"#;

    #[test]
    fn people_see_what_is_wrong_and_since_when() {
        let status: Status = serde_json::from_str(STATUS).unwrap();
        let noon = humantime::parse_rfc3339("2026-11-23T12:00:00Z").unwrap();
        let text = words(&status, noon);
        for part in [
            "hams-agent 0.1.0: failing, up for 2 h",
            "degraded  dns sync: waiting for 10 s",
            "PowerDNS's API does not answer",
            "3 zones known; 9 events: 5 applied",
            "failing   unit pdns.service: failed (exit-code) (for 2 min)",
            "              | 2026-11-23T11:58:00Z out of memory",
            "failing   powerdns api: because of unit pdns.service: connection refused (for 1 min)",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
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
        let words = |text: &str| sweep_words(&serde_json::from_str(text).unwrap(), noon);
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
    fn watched_json_has_a_line_for_each_look() {
        let status: Status = serde_json::from_str(STATUS).unwrap();
        let shown = |json, watch| shown(&status, &StatusArgs { json, watch, socket: "/s".into() });
        assert_eq!(serde_json::from_str::<Status>(&shown(true, true)).unwrap(), status);
        assert_eq!(shown(true, true).matches('\n').count(), 1);
        assert!(shown(true, false).matches('\n').count() > 20);
        assert!(shown(false, true).starts_with("hams-agent 0.1.0: failing"));
    }

    #[test]
    fn exit_codes() {
        assert_eq!([State::Ok, State::Unknown, State::Degraded, State::Failing].map(code), [0, 1, 1, 2]);
    }
}
