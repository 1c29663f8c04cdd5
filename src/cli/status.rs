//! `hams-agent status`: the answer for people, or as JSON, and the exit code.

use std::fmt::Write;
use std::io::{IsTerminal, Write as _, stdout};
use std::time::{Duration, SystemTime};

use super::agent_args::StatusArgs;
use crate::agent::{Status, age, counts, doing, fetch, sync_lines};
use crate::health::State;

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
    let (state, doing) = (sync.state.as_str(), doing(sync.phase));
    let _ = writeln!(out, "\n  {state:<9} dns sync: {doing} for {}", age(&sync.since, now));
    if let Some(reason) = &sync.reason {
        let _ = writeln!(out, "            {reason}");
    }
    if let Some(cause) = &sync.because {
        let _ = writeln!(out, "            because of {cause}");
    }
    let counts = counts(sync).map(|(count, words)| format!("{count} {words}")).join(", ");
    let (zones, events) = (sync.zones, sync.counters.received);
    let _ = writeln!(out, "            {zones} zones known; {events} events: {counts}");
    for line in sync_lines(sync, now) {
        let _ = writeln!(out, "            {}", line.text);
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
