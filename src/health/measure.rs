//! Numbers that a check saw, in base units: for the status and for the metrics.

use serde::{Deserialize, Serialize};

/// What a number is of. Its name is that of the metric without `hams_` in front, by Prometheus's conventions: the unit last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Messages in a queue of the broker.
    QueueMessages,
    /// Who takes them.
    QueueConsumers,
    /// Octets that Redis uses.
    RedisMemoryUsedBytes,
    /// Octets that it may use.
    RedisMemoryLimitBytes,
    /// When a certificate ends.
    CertificateEndTimestampSeconds,
    /// How often systemd has started a unit again by itself.
    UnitRestarts,
    /// When a timer elapses next.
    TimerNextTimestampSeconds,
    /// Octets that are free on a file system for an unprivileged writer.
    HostDiskFreeBytes,
    /// Octets of a file system.
    HostDiskSizeBytes,
    /// Inodes that are free on it.
    HostDiskInodesFree,
    /// Octets of memory or swap that can still be had.
    HostMemoryFreeBytes,
    /// Octets of memory or swap in all.
    HostMemorySizeBytes,
    /// How much of the last minute work waited for a resource, 0 to 1.
    HostPressureRatio,
    /// Processes that the kernel has killed for want of memory.
    HostOomKills,
    /// The load average for each CPU.
    HostLoadRatio,
    /// How far the clock was off when it was last compared.
    HostClockOffsetSeconds,
    /// Packages that apt would upgrade now.
    HostPendingUpdates,
    /// When the package lists were last asked for.
    HostListsTimestampSeconds,
}

impl Quantity {
    /// All, in the order in which the metrics show them.
    pub const ALL: [Self; 18] = [
        Self::QueueMessages,
        Self::QueueConsumers,
        Self::RedisMemoryUsedBytes,
        Self::RedisMemoryLimitBytes,
        Self::CertificateEndTimestampSeconds,
        Self::UnitRestarts,
        Self::TimerNextTimestampSeconds,
        Self::HostDiskFreeBytes,
        Self::HostDiskSizeBytes,
        Self::HostDiskInodesFree,
        Self::HostMemoryFreeBytes,
        Self::HostMemorySizeBytes,
        Self::HostPressureRatio,
        Self::HostOomKills,
        Self::HostLoadRatio,
        Self::HostClockOffsetSeconds,
        Self::HostPendingUpdates,
        Self::HostListsTimestampSeconds,
    ];

    /// The name: "queue_messages".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueMessages => "queue_messages",
            Self::QueueConsumers => "queue_consumers",
            Self::RedisMemoryUsedBytes => "redis_memory_used_bytes",
            Self::RedisMemoryLimitBytes => "redis_memory_limit_bytes",
            Self::CertificateEndTimestampSeconds => "certificate_end_timestamp_seconds",
            Self::UnitRestarts => "unit_restarts",
            Self::TimerNextTimestampSeconds => "timer_next_timestamp_seconds",
            Self::HostDiskFreeBytes => "host_disk_free_bytes",
            Self::HostDiskSizeBytes => "host_disk_size_bytes",
            Self::HostDiskInodesFree => "host_disk_inodes_free",
            Self::HostMemoryFreeBytes => "host_memory_free_bytes",
            Self::HostMemorySizeBytes => "host_memory_size_bytes",
            Self::HostPressureRatio => "host_pressure_ratio",
            Self::HostOomKills => "host_oom_kills",
            Self::HostLoadRatio => "host_load_ratio",
            Self::HostClockOffsetSeconds => "host_clock_offset_seconds",
            Self::HostPendingUpdates => "host_pending_updates",
            Self::HostListsTimestampSeconds => "host_lists_timestamp_seconds",
        }
    }

    /// What the label `of` tells apart: "queue", "unit" …
    pub fn label(self) -> &'static str {
        match self {
            Self::QueueMessages | Self::QueueConsumers => "queue",
            Self::RedisMemoryUsedBytes | Self::RedisMemoryLimitBytes => "server",
            Self::CertificateEndTimestampSeconds => "domain",
            Self::UnitRestarts => "unit",
            Self::TimerNextTimestampSeconds => "timer",
            Self::HostDiskFreeBytes | Self::HostDiskSizeBytes | Self::HostDiskInodesFree => "folder",
            Self::HostMemoryFreeBytes | Self::HostMemorySizeBytes | Self::HostPendingUpdates => "kind",
            Self::HostPressureRatio => "resource",
            Self::HostOomKills => "since",
            Self::HostLoadRatio => "over",
            Self::HostClockOffsetSeconds => "server",
            Self::HostListsTimestampSeconds => "tool",
        }
    }

    /// A sentence without its period.
    pub fn help(self) -> &'static str {
        match self {
            Self::QueueMessages => "Messages that wait in a queue of RabbitMQ",
            Self::QueueConsumers => "Consumers of a queue of RabbitMQ",
            Self::RedisMemoryUsedBytes => "Memory that Redis uses",
            Self::RedisMemoryLimitBytes => "Memory that Redis may use (maxmemory)",
            Self::CertificateEndTimestampSeconds => "When the certificate that nginx shows ends",
            Self::UnitRestarts => {
                "Automatic restarts of a unit since it was last started by somebody (NRestarts)"
            }
            Self::TimerNextTimestampSeconds => "When a timer elapses next",
            Self::HostDiskFreeBytes => "Room that is free at a folder's file system",
            Self::HostDiskSizeBytes => "Size of a folder's file system",
            Self::HostDiskInodesFree => "Inodes that are free at a folder's file system",
            Self::HostMemoryFreeBytes => "Memory that programs can still have, and swap that is free",
            Self::HostMemorySizeBytes => "Size of memory and swap",
            Self::HostPressureRatio => {
                "Part of the last minute in which work waited for memory (all of it) or for a CPU (some of it)"
            }
            Self::HostOomKills => "Processes that the kernel has killed for want of memory",
            Self::HostLoadRatio => "Load average divided by the number of CPUs",
            Self::HostClockOffsetSeconds => {
                "How far the clock was from the time server's when it was last compared"
            }
            Self::HostPendingUpdates => "Packages that apt would upgrade now",
            Self::HostListsTimestampSeconds => "When the package lists were last asked for",
        }
    }
}

/// One number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What it is.
    pub name: Quantity,
    /// Of which one: the queue's name, the unit's.
    pub of: String,
    /// In the unit that the name ends with, else a count.
    pub value: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for quantity in Quantity::ALL {
            assert_eq!(serde_json::to_string(&quantity).unwrap(), format!("{:?}", quantity.as_str()));
            assert!(!quantity.help().ends_with('.') && !quantity.label().is_empty());
        }
    }
}
