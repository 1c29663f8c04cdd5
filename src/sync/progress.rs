//! What the sync is doing, for those who watch it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// Where the sync stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Reaching the broker for the first time or again.
    #[default]
    Connecting,
    /// Connected, nothing to do.
    Idle,
    /// An event is on its way to PowerDNS.
    Applying,
    /// Something that it needs is away; it tries again by itself.
    Waiting,
    /// On its way out.
    Stopping,
}

/// Counts since the agent's start; `dropped_old` goes on across restarts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Messages taken from the broker.
    pub received: u64,
    /// Events that changed PowerDNS.
    pub applied: u64,
    /// Events that PowerDNS already agreed with.
    pub unchanged: u64,
    /// Events that a later one of the same zone made needless before they were applied.
    #[serde(default)]
    pub merged: u64,
    /// Events of an older version than one already applied.
    pub dropped_old: u64,
    /// Messages sent to the dead-letter queue.
    pub dead_lettered: u64,
    /// Attempts that failed for a passing reason.
    pub retries: u64,
}

/// The sync as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Since when.
    pub since: SystemTime,
    /// What it waits for, in words.
    pub reason: Option<String>,
    /// Counts.
    pub counters: Counters,
    /// When an event was last applied or found applied.
    pub last_success: Option<SystemTime>,
    /// How many zones are remembered.
    pub zones: usize,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            phase: Phase::default(),
            since: SystemTime::now(),
            reason: None,
            counters: Counters::default(),
            last_success: None,
            zones: 0,
        }
    }
}

impl Progress {
    /// Moves to a phase; `since` changes with the phase only.
    pub fn enter(&mut self, phase: Phase, reason: Option<String>) {
        if self.phase != phase {
            self.since = SystemTime::now();
        }
        self.phase = phase;
        self.reason = reason;
    }
}
