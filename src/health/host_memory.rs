//! Memory that programs can still have, swap, and whether the kernel had to kill for want of it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::check::{Check, Outcome, State};
use super::measure::Quantity;
use super::pressure;
use crate::config::HostLimits;
use crate::host::{BoxFuture, os};

const MIB: u64 = 1 << 20;
/// Percent of the memory: with less to be had, programs fail in a moment.
const NONE: u64 = 3;
/// Percent more than what called for a look end it.
const HYSTERESIS: u64 = 2;
/// Percent of the swap: with less of it, little memory is less than it seems.
const SWAP: u64 = 10;
/// Percent of the last minute in which nothing went on because all waited for memory: somebody should look,
const WAITS: f64 = 10.0;
/// and until it is less than this.
const WAITS_NO_MORE: f64 = 5.0;
/// So long a killed process is told.
const KILLED: Duration = Duration::from_secs(15 * 60);

/// Reads /proc/meminfo, /proc/vmstat and /proc/pressure/memory.
#[derive(Debug, Default)]
pub struct MemoryCheck {
    limits: HostLimits,
    seen: Mutex<Seen>,
}

/// What earlier looks have left.
#[derive(Debug, Default)]
struct Seen {
    told: Option<State>,
    /// How many were killed since the boot.
    kills: Option<u64>,
    /// How many of them lately, and when they were seen.
    killed: Option<(u64, Instant)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Memory {
    /// Octets, as all here.
    available: u64,
    size: u64,
    swap_free: u64,
    /// 0 without swap.
    swap_size: u64,
    /// Percent of the last minute.
    waits: Option<f64>,
    /// Processes that were killed lately.
    killed: u64,
}

impl Seen {
    /// Takes note of how many were killed since the boot; hands back how many lately.
    fn killed(&mut self, kills: Option<u64>, now: Instant) -> u64 {
        let before = std::mem::replace(&mut self.kills, kills);
        self.killed = self.killed.filter(|(_, at)| now.saturating_duration_since(*at) < KILLED);
        if let (Some(before), Some(kills)) = (before, kills) {
            let more = kills.saturating_sub(before);
            if more > 0 {
                let earlier = self.killed.map_or(0, |(earlier, _)| earlier);
                self.killed = Some((earlier + more, now));
            }
        }
        self.killed.map_or(0, |(killed, _)| killed)
    }
}

impl MemoryCheck {
    /// One that calls for a look by these limits.
    pub fn new(limits: HostLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    fn ask(&self) -> Outcome {
        let mut memory = match std::fs::read_to_string("/proc/meminfo") {
            Ok(text) => match parse(&text) {
                Some(memory) => memory,
                None => return Outcome::unknown("/proc/meminfo has no `MemAvailable`"),
            },
            Err(error) => return Outcome::unknown(format!("/proc/meminfo: {error}")),
        };
        let kills = std::fs::read_to_string("/proc/vmstat").ok().and_then(|text| kills(&text));
        let waits = pressure::last_minute("memory", "full");
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // What other systems on the machine wait for, and who was killed there, is not this container's.
        if os::container().is_none() {
            memory.waits = waits;
            memory.killed = seen.killed(kills, Instant::now());
        }
        let outcome = judge(memory, self.limits.memory_percent, seen.told.unwrap_or(State::Ok));
        seen.told = Some(outcome.state);
        let outcome = outcome
            .with(Quantity::HostMemoryFreeBytes, "memory", memory.available as f64)
            .with(Quantity::HostMemorySizeBytes, "memory", memory.size as f64)
            .with(Quantity::HostMemoryFreeBytes, "swap", memory.swap_free as f64)
            .with(Quantity::HostMemorySizeBytes, "swap", memory.swap_size as f64);
        let outcome = match waits {
            Some(waits) => outcome.with(Quantity::HostPressureRatio, "memory", waits / 100.0),
            None => outcome,
        };
        match kills {
            Some(kills) => outcome.with(Quantity::HostOomKills, "boot", kills as f64),
            None => outcome,
        }
    }
}

/// `little`: with less of it, in percent, somebody should look; `before`: what was told of it last.
fn judge(memory: Memory, little: u64, before: State) -> Outcome {
    let Memory { available, size, swap_free, swap_size, waits, killed } = memory;
    let words = format!("{} of {} MiB of memory can be had", available / MIB, size / MIB);
    let hint = "`ps -eo pid,rss,comm --sort=-rss | head` shows who has it";
    let is_told = matches!(before, State::Degraded | State::Failing);
    let none = if before == State::Failing { NONE + HYSTERESIS } else { NONE };
    let little = if is_told { little + HYSTERESIS } else { little };
    let part = percent(available, size);
    if part < none {
        return Outcome::failing(format!("memory runs out, {words}: {hint}"));
    }
    if part < little {
        return Outcome::degraded(format!("memory gets short, {words}: {hint}"));
    }
    if swap_size > 0 && part < 2 * little && percent(swap_free, swap_size) < SWAP {
        let (free, size) = (swap_free / MIB, swap_size / MIB);
        return Outcome::degraded(format!("{words}, and {free} of {size} MiB of swap are free: {hint}"));
    }
    if killed > 0 {
        let who = if killed == 1 { "a process was".to_owned() } else { format!("{killed} processes were") };
        return Outcome::degraded(format!(
            "{who} killed for want of memory, its unit's or the host's: `journalctl -k -g 'Killed process'` names it"
        ));
    }
    let most = if is_told { WAITS_NO_MORE } else { WAITS };
    if let Some(waits) = waits.filter(|waits| *waits >= most) {
        return Outcome::degraded(format!(
            "all work waited for memory in {waits:.0} % of the last minute: {hint}"
        ));
    }
    Outcome::ok_with(words)
}

fn percent(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

fn parse(text: &str) -> Option<Memory> {
    let octets = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        value.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
    };
    Some(Memory {
        available: octets("MemAvailable")?,
        size: octets("MemTotal")?,
        swap_free: octets("SwapFree").unwrap_or_default(),
        swap_size: octets("SwapTotal").unwrap_or_default(),
        ..Memory::default()
    })
}

fn kills(vmstat: &str) -> Option<u64> {
    vmstat.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

impl Check for MemoryCheck {
    fn name(&self) -> &str {
        "host memory"
    }

    fn component(&self) -> &str {
        "host"
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async { self.ask() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_judged() {
        use State::{Degraded, Failing, Ok};
        for (available, swap, waits, killed, before, expected) in [
            (500, (0, 0), None, 0, Ok, Ok),
            (100, (0, 0), Some(9.9), 0, Ok, Ok),
            (99, (0, 0), None, 0, Ok, Degraded),
            (29, (0, 0), None, 0, Ok, Failing),
            (150, (5, 100), None, 0, Ok, Degraded),
            (250, (5, 100), None, 0, Ok, Ok),
            (150, (50, 100), None, 0, Ok, Ok),
            (500, (0, 0), Some(10.0), 0, Ok, Degraded),
            (500, (0, 0), None, 2, Ok, Degraded),
            // At the edge it stays as it was.
            (110, (0, 0), None, 0, Degraded, Degraded),
            (120, (0, 0), None, 0, Degraded, Ok),
            (40, (0, 0), None, 0, Failing, Failing),
            (50, (0, 0), None, 0, Failing, Degraded),
            (500, (0, 0), Some(6.0), 0, Degraded, Degraded),
            (500, (0, 0), Some(4.0), 0, Degraded, Ok),
        ] {
            let (swap_free, swap_size) = swap;
            let memory = Memory { available, size: 1000, swap_free, swap_size, waits, killed };
            let outcome = judge(memory, 10, before);
            assert_eq!(outcome.state, expected, "{memory:?} {before:?}: {outcome:?}");
        }
        let one = judge(Memory { available: 1, size: 1, killed: 1, ..Memory::default() }, 10, Ok);
        let short = Memory { available: 90, size: 1000, ..Memory::default() };
        assert_eq!((judge(short, 10, Ok).state, judge(short, 5, Ok).state), (Degraded, Ok));
        assert!(one.reason.unwrap().starts_with("a process was killed"));
    }

    #[test]
    fn the_kernels_form_is_read() {
        let text = "MemTotal:       1000 kB\nMemFree:  5 kB\nMemAvailable:    400 kB\nSwapTotal:  20 kB\nSwapFree: 10 kB\n";
        let expected = Memory {
            available: 400 << 10,
            size: 1000 << 10,
            swap_free: 10 << 10,
            swap_size: 20 << 10,
            ..Memory::default()
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("MemTotal: 1000 kB\n"), None);
        assert_eq!(kills("pgfault 1\noom_kill 7\noom_kill_other 9\n"), Some(7));
        assert_eq!(kills("pgfault 1\n"), None);
    }

    #[test]
    fn who_was_killed_is_told_for_a_while() {
        let (mut seen, start) = (Seen::default(), Instant::now());
        for (kills, minute, expected) in [
            (Some(3), 0, 0),
            (Some(3), 1, 0),
            (Some(4), 2, 1),
            (Some(6), 10, 3),
            (None, 11, 3),
            (Some(6), 24, 3),
            (Some(6), 25, 0),
            (Some(7), 26, 1),
        ] {
            assert_eq!(
                seen.killed(kills, start + Duration::from_secs(60 * minute)),
                expected,
                "minute {minute}"
            );
        }
    }

    #[test]
    fn this_machine_has_memory() {
        assert_ne!(MemoryCheck::default().ask().state, State::Unknown);
    }
}
