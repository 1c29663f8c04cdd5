//! `hams-agent status`: the answer for people, or as JSON, and the exit code.

use std::fmt::Write;
use std::time::SystemTime;

use super::age::age;
use super::agent_args::StatusArgs;
use crate::agent::{Status, fetch};
use crate::health::State;
use crate::sync::Phase;

/// Asks, prints to stdout, and returns the exit code.
#[allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where the program speaks")]
pub async fn status(args: &StatusArgs) -> u8 {
    let status = match fetch(&args.socket).await {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error}");
            return code(State::Failing);
        }
    };
    if args.json {
        match serde_json::to_string_pretty(&status) {
            Ok(text) => println!("{text}"),
            Err(error) => {
                eprintln!("error: cannot write the status as JSON: {error}");
                return code(State::Failing);
            }
        }
    } else {
        print!("{}", words(&status, SystemTime::now()));
    }
    code(status.state)
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
    if let Some(time) = &sync.last_success {
        let _ = writeln!(out, "            last success {} ago", age(time, now));
    }
    for check in &status.checks {
        let _ = write!(out, "  {:<9} {}", check.state.as_str(), check.name);
        if let Some(reason) = &check.reason {
            let _ = write!(out, ": {reason}");
        }
        if check.state != State::Ok {
            let _ = write!(out, " (for {})", age(&check.since, now));
        }
        out.push('\n');
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
            "reason": "failed (exit-code)", "checked": null, "last_ok": null}]}"#;

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
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn exit_codes() {
        assert_eq!([State::Ok, State::Unknown, State::Degraded, State::Failing].map(code), [0, 1, 1, 2]);
    }
}
