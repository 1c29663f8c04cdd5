//! What the sync is doing, for those who watch it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::order::SyncSummary;

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

impl Phase {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Idle => "idle",
            Self::Applying => "applying",
            Self::Waiting => "waiting",
            Self::Stopping => "stopping",
        }
    }

    /// Whether a change would be applied now.
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Idle | Self::Applying)
    }
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

/// Where the sweep stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SweepPhase {
    /// There is no Odoo to compare zones with.
    #[default]
    Off,
    /// The next one has its time.
    Waiting,
    /// Zones that were written are compared.
    Changed,
    /// All zones are compared.
    Full,
    /// What an operator has ordered is compared.
    Ordered,
}

/// What a sweep came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepResult {
    /// When it ended.
    pub at: SystemTime,
    /// Its sum.
    pub summary: SyncSummary,
}

/// The sweep as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepProgress {
    /// What it is doing.
    pub phase: SweepPhase,
    /// Since when.
    pub since: SystemTime,
    /// Zones read so far by the one under way.
    pub read: u64,
    /// Of so many.
    pub of: u64,
    /// Why the last one came to nothing, in words; it is tried again.
    pub error: Option<String>,
    /// The last one that came to its end.
    pub last: Option<SweepResult>,
    /// The last one of all zones.
    pub last_full: Option<SweepResult>,
}

impl Default for SweepProgress {
    fn default() -> Self {
        Self {
            phase: SweepPhase::default(),
            since: SystemTime::now(),
            read: 0,
            of: 0,
            error: None,
            last: None,
            last_full: None,
        }
    }
}

/// The key to Odoo, as far as Odoo has told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyProgress {
    /// When it ends; `None`: never, or that is not known.
    pub ends: Option<SystemTime>,
    /// When Odoo was last asked.
    pub asked: Option<SystemTime>,
    /// What an operator must know of it, in words.
    pub reason: Option<String>,
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
    /// When the oldest of the events was taken that are in hand and not applied.
    pub oldest: Option<SystemTime>,
    /// Counts.
    pub counters: Counters,
    /// When an event was last applied or found applied.
    pub last_success: Option<SystemTime>,
    /// How many zones are remembered.
    pub zones: usize,
    /// How zones are compared beside the events.
    pub sweep: SweepProgress,
    /// What Odoo is read with; `None`: this node knows no Odoo.
    pub key: Option<KeyProgress>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            phase: Phase::default(),
            since: SystemTime::now(),
            reason: None,
            oldest: None,
            counters: Counters::default(),
            last_success: None,
            zones: 0,
            sweep: SweepProgress::default(),
            key: None,
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
