//! PostgreSQL's memory settings, from the memory of a host that Odoo, RabbitMQ and others share.

use serde::Serialize;

const MIB: u64 = 1 << 20;
/// Memory is taken in steps of this many MB: a new kernel, which keeps a little more to itself, changes no setting and
/// restarts nothing.
const STEP: u64 = 256;

/// The settings, in MB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// The host's memory, rounded.
    pub memory: u64,
    /// `max_connections`, a number.
    pub connections: u32,
    /// `shared_buffers`
    pub shared_buffers: u64,
    /// `effective_cache_size`
    pub effective_cache_size: u64,
    /// `maintenance_work_mem`
    pub maintenance_work_mem: u64,
    /// `work_mem`
    pub work_mem: u64,
}

impl Sizes {
    /// For a host with so many bytes of memory.
    pub fn of(memory: u64) -> Self {
        let memory = ((memory / MIB + STEP / 2) / STEP * STEP).max(STEP);
        Self {
            memory,
            connections: 100,
            // A dedicated server would have a quarter.
            shared_buffers: (memory / 8).clamp(64, 4096),
            effective_cache_size: memory / 2,
            maintenance_work_mem: (memory / 32).clamp(32, 512),
            // Every sort of every connection may take as much.
            work_mem: (memory / 512).clamp(4, 32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_hosts_have_their_share() {
        let sizes = Sizes::of(1000 * MIB);
        assert_eq!((sizes.memory, sizes.shared_buffers, sizes.work_mem), (1024, 128, 4));
        let sizes = Sizes::of(64 << 30);
        assert_eq!((sizes.shared_buffers, sizes.maintenance_work_mem, sizes.work_mem), (4096, 512, 32));
        for memory in [512, 1024, 2048, 8192, 65536] {
            let sizes = Sizes::of(memory * MIB);
            assert!(sizes.shared_buffers + 10 * sizes.work_mem <= memory / 2, "{sizes:?}");
        }
    }

    #[test]
    fn a_little_more_or_less_memory_changes_nothing() {
        assert_eq!(Sizes::of(7_890 * MIB), Sizes::of(7_930 * MIB));
    }
}
