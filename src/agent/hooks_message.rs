//! The JSON that a webhook and a command get. Keys are only ever added within a schema.

use std::fmt::Write;
use std::time::SystemTime;

use serde::Serialize;

use super::hooks_outbox::{Batch, Change};
use crate::health::State;

/// Of the shape below.
const SCHEMA: u32 = 1;
/// Changes that the text lists; all of them are in `changes`.
const LISTED: usize = 20;

#[derive(Serialize)]
struct Message<'a> {
    schema: u32,
    /// The node's host name.
    host: &'a str,
    /// When this was put together.
    time: String,
    /// All of it for people: chats show this key.
    text: String,
    node: Node,
    changes: &'a [Change],
    /// How many changes before these were left out, overtaken by later ones of their checks.
    left_out: u64,
}

#[derive(Serialize)]
struct Node {
    from: State,
    to: State,
}

/// The message of `host` at `now`, one line.
pub(super) fn message(host: &str, batch: &Batch, now: SystemTime) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Message {
        schema: SCHEMA,
        host,
        time: humantime::format_rfc3339_seconds(now).to_string(),
        text: text(host, batch),
        node: Node { from: batch.node_from, to: batch.node_to },
        changes: &batch.changes,
        left_out: batch.left_out,
    })
}

fn text(host: &str, batch: &Batch) -> String {
    let was = match batch.node_from {
        from if from == batch.node_to => String::new(),
        from => format!(" (was {})", from.as_str()),
    };
    let mut text = format!("{host} is {}{was}", batch.node_to.as_str());
    for change in batch.changes.iter().take(LISTED) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{} is {} (was {})", change.check, change.to.as_str(), change.from.as_str());
        if let Some(cause) = &change.cause {
            let _ = write!(text, " because of {cause}");
        }
        if let Some(reason) = change.reason.as_ref().filter(|_| change.to != State::Ok) {
            let _ = write!(text, ": {reason}");
        }
    }
    match batch.changes.len().saturating_sub(LISTED) {
        0 => {}
        more => drop(write!(text, "\nand {more} more changes")),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::hooks_outbox::{Outbox, Told};
    use super::super::hooks_snapshot::tests::snapshot;
    use super::*;

    #[test]
    fn its_shape() {
        let mut outbox = Outbox::new("webhook", Told::default());
        outbox.see(&snapshot(&[("a", State::Failing)]), "");
        outbox.see(&snapshot(&[("a", State::Ok), ("b", State::Degraded)]), "");
        let batch = outbox.batch().unwrap();
        let message = message("node1", &batch, SystemTime::UNIX_EPOCH).unwrap();
        assert!(!message.contains('\n'), "{message}");
        let given: serde_json::Value = serde_json::from_str(&message).unwrap();
        let since = "2026-11-29T06:00:00Z";
        let expected = serde_json::json!({
            "schema": 1,
            "host": "node1",
            "time": "1970-01-01T00:00:00Z",
            "text": "node1 is degraded (was ok)\na is failing (was ok): a has a reason\na is ok (was failing)\n\
                     b is degraded (was ok): b has a reason",
            "node": { "from": "ok", "to": "degraded" },
            "changes": [
                { "check": "a", "from": "ok", "to": "failing", "since": since, "reason": "a has a reason", "cause": null },
                { "check": "a", "from": "failing", "to": "ok", "since": since, "reason": "a has a reason", "cause": null },
                { "check": "b", "from": "ok", "to": "degraded", "since": since, "reason": "b has a reason", "cause": null },
            ],
            "left_out": 0,
        });
        assert_eq!(given, expected, "{given:#}");
    }
}
