//! Which start of each unit is running.

use super::lab::Host;
use std::collections::BTreeMap;

pub const RABBITMQ: &str = "rabbitmq-server.service";
pub const POWERDNS: &str = "pdns.service";

/// The InvocationID and NRestarts of every running service: another value means that it was started again.
#[track_caller]
pub fn starts(host: &Host) -> BTreeMap<String, String> {
    let text = host.ok("systemctl show --property=Id,InvocationID,NRestarts \
         $(systemctl list-units --type=service,socket --state=active --plain --no-legend | cut -d ' ' -f 1)");
    let mut starts = BTreeMap::new();
    for block in text.split("\n\n") {
        let value = |key: &str| {
            block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or("")
        };
        // Started by the bus when somebody asks.
        if !matches!(value("Id"), "" | "systemd-hostnamed.service" | "systemd-timedated.service") {
            starts
                .insert(value("Id").to_owned(), format!("{} {}", value("InvocationID"), value("NRestarts")));
        }
    }
    assert!(starts.contains_key(RABBITMQ), "{text}");
    starts
}

/// The units of `before` that were started again or are gone.
pub fn restarted(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    before
        .iter()
        .filter(|(unit, start)| after.get(*unit) != Some(*start))
        .map(|(unit, _)| unit.clone())
        .collect()
}
