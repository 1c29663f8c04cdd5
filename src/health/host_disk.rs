//! Room on the file systems that hold what a node writes.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use nix::sys::statvfs::statvfs;

use super::check::{Check, Outcome, State};
use super::measure::Quantity;
use crate::config::HostLimits;
use crate::host::BoxFuture;

/// What a node writes to; those that there are.
const FOLDERS: [&str; 9] = [
    "/",
    "/var",
    "/var/log",
    "/var/lib",
    "/var/lib/postgresql",
    "/var/lib/rabbitmq",
    "/var/lib/powerdns",
    "/var/lib/odoo",
    "/var/lib/hams-agent",
];
const MIB: u64 = 1 << 20;
/// With less room than this, writes fail in a moment.
const FULL: u64 = 100 * MIB;
/// Percent more than what called for a look end it.
const HYSTERESIS: u64 = 2;

/// Looks at every file system of the folders once.
#[derive(Debug, Default)]
pub struct DiskCheck {
    limits: HostLimits,
    /// What was last told of each, by its device.
    told: Mutex<BTreeMap<u64, State>>,
}

/// What a file system has.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// Octets for an unprivileged writer.
    free: u64,
    size: u64,
    inodes_free: u64,
    /// 0 where the file system makes them as it needs them.
    inodes: u64,
}

impl DiskCheck {
    /// One that calls for a look by these limits.
    pub fn new(limits: HostLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    fn ask(&self) -> Outcome {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut worst, mut faults, mut measures) = (State::Ok, Vec::new(), Vec::new());
        let mut devices = BTreeMap::new();
        for folder in FOLDERS {
            if let Ok(found) = std::fs::metadata(folder) {
                devices.entry(found.dev()).or_insert(folder);
            }
        }
        for (device, folder) in devices {
            let room = match room(folder) {
                Ok(room) => room,
                Err(error) => return Outcome::unknown(format!("{folder}: {error}")),
            };
            let before = told.get(&device).copied().unwrap_or(State::Ok);
            let (state, fault) = judge(folder, room, self.limits, before);
            told.insert(device, state);
            worst = worst.max(state);
            faults.extend(fault);
            measures.push((folder, room));
        }
        let outcome = match worst {
            State::Ok => Outcome::ok_with(seen(&measures)),
            State::Degraded | State::Unknown => Outcome::degraded(faults.join("; ")),
            State::Failing => Outcome::failing(faults.join("; ")),
        };
        // A count of octets is exact up to 2^53.
        measures.into_iter().fold(outcome, |outcome, (folder, room)| {
            outcome
                .with(Quantity::HostDiskFreeBytes, folder, room.free as f64)
                .with(Quantity::HostDiskSizeBytes, folder, room.size as f64)
                .with(Quantity::HostDiskInodesFree, folder, room.inodes_free as f64)
        })
    }
}

fn room(folder: &str) -> nix::Result<Room> {
    let found = statvfs(Path::new(folder))?;
    let unit = found.fragment_size();
    Ok(Room {
        free: found.blocks_available() * unit,
        size: found.blocks() * unit,
        inodes_free: found.files_available(),
        inodes: found.files(),
    })
}

/// `before`: what was told of it last.
fn judge(folder: &str, room: Room, limits: HostLimits, before: State) -> (State, Option<String>) {
    let Room { free, size, inodes_free, inodes } = room;
    let hint = format!("`du -xh {folder} | sort -h | tail` shows what takes it");
    let full = if before == State::Failing { 2 * FULL } else { FULL };
    let (little, enough) = (limits.disk_percent, limits.disk_gib << 30);
    let (little, enough) = match before {
        State::Ok | State::Unknown => (little, enough),
        State::Degraded | State::Failing => (little + HYSTERESIS, enough / 100 * (100 + HYSTERESIS)),
    };
    if free < full.min(size) {
        let (free, size) = (free / MIB, size / MIB);
        return (
            State::Failing,
            Some(format!("the disk at {folder} is full, {free} of {size} MiB are free: {hint}")),
        );
    }
    if inodes > 0 && inodes_free == 0 {
        return (State::Failing, Some(format!("the disk at {folder} is full: no inode is free; {hint}")));
    }
    if percent(free, size) < little && free < enough {
        let (free, size) = (free / MIB, size / MIB);
        return (
            State::Degraded,
            Some(format!("the disk at {folder} fills up, {free} of {size} MiB are free: {hint}")),
        );
    }
    if inodes > 0 && percent(inodes_free, inodes) < little {
        let fault = format!("the inodes at {folder} run out, {inodes_free} of {inodes} are free: {hint}");
        return (State::Degraded, Some(fault));
    }
    (State::Ok, None)
}

fn percent(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

fn seen(rooms: &[(&str, Room)]) -> String {
    let one = |(folder, room): &(&str, Room)| format!("{} GiB free at {folder}", room.free >> 30);
    rooms.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Check for DiskCheck {
    fn name(&self) -> &str {
        "host disk"
    }

    fn component(&self) -> &str {
        "host"
    }

    fn is_certain(&self) -> bool {
        true
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async { self.ask() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_judged() {
        const GIB: u64 = 1 << 30;
        use State::{Degraded, Failing, Ok};
        for (free, size, inodes_free, inodes, before, expected) in [
            (50 * GIB, 100 * GIB, 900, 1000, Ok, Ok),
            (8 * GIB, 12 * GIB, 900, 1000, Ok, Ok),
            (20 * GIB, 400 * GIB, 900, 1000, Ok, Ok),
            (9 * GIB, 100 * GIB, 900, 1000, Ok, Degraded),
            (GIB, 12 * GIB, 900, 1000, Ok, Degraded),
            (99 * MIB, 12 * GIB, 900, 1000, Ok, Failing),
            (0, 12 * GIB, 900, 1000, Ok, Failing),
            (50 * GIB, 100 * GIB, 0, 1000, Ok, Failing),
            (50 * GIB, 100 * GIB, 99, 1000, Ok, Degraded),
            (50 * GIB, 100 * GIB, 0, 0, Ok, Ok),
            // At the edge it stays as it was.
            (11 * GIB / 10, 10 * GIB, 900, 1000, Ok, Ok),
            (11 * GIB / 10, 10 * GIB, 900, 1000, Degraded, Degraded),
            (13 * GIB / 10, 10 * GIB, 900, 1000, Degraded, Ok),
            (150 * MIB, 100 * GIB, 900, 1000, Ok, Degraded),
            (150 * MIB, 100 * GIB, 900, 1000, Failing, Failing),
            (250 * MIB, 100 * GIB, 900, 1000, Failing, Degraded),
        ] {
            let room = Room { free, size, inodes_free, inodes };
            let (state, fault) = judge("/var", room, HostLimits::default(), before);
            assert_eq!(state, expected, "{room:?} {before:?}: {fault:?}");
            assert_eq!(fault.is_none(), state == Ok, "{fault:?}");
        }
    }

    #[test]
    fn other_limits_call_for_a_look_elsewhere() {
        let room = Room { free: 9 << 30, size: 100 << 30, inodes_free: 0, inodes: 0 };
        let state = |limits| judge("/var", room, limits, State::Ok).0;
        assert_eq!(state(HostLimits::default()), State::Degraded);
        assert_eq!(state(HostLimits { disk_percent: 9, ..HostLimits::default() }), State::Ok);
        assert_eq!(state(HostLimits { disk_gib: 9, ..HostLimits::default() }), State::Ok);
    }

    #[test]
    fn this_machine_has_a_disk() {
        let outcome = DiskCheck::default().ask();
        assert_ne!(outcome.state, State::Unknown, "{outcome:?}");
        assert!(outcome.measures.iter().any(|measure| measure.of == "/" && measure.value > 0.0));
    }
}
