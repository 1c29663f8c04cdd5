//! Odoo's workers and their limits, from the cores and the memory of a host that PostgreSQL, RabbitMQ and others share.

use serde::Serialize;

const MIB: u64 = 1 << 20;
/// Memory is taken in steps of this many MB: a new kernel, which keeps a little more to itself, changes no setting.
const STEP: u64 = 256;
/// MB: what one worker takes in ordinary work.
const WORKER: u64 = 256;
/// MB: above the soft limit a worker ends after its request, at the hard one within it.
const LEAST_SOFT: u64 = 640;
const MOST_SOFT: u64 = 2048;

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// The host's memory in MB, rounded.
    pub memory: u64,
    /// Its cores.
    pub cores: u64,
    /// `workers`: processes that answer requests.
    pub workers: u64,
    /// `db_maxconn`: connections that each process may have.
    pub connections: u64,
    /// `limit_memory_soft` in bytes.
    pub memory_soft: u64,
    /// `limit_memory_hard` in bytes.
    pub memory_hard: u64,
}

impl Sizes {
    /// For a host with so many bytes of memory and so many cores, and a role that may have so many connections.
    pub fn of(memory: u64, cores: u64, connections: u64) -> Self {
        let memory = ((memory / MIB + STEP / 2) / STEP * STEP).max(STEP);
        // Odoo's own rule for the cores; half of the memory is for others.
        let workers = (2 * cores + 1).min(memory / 2 / WORKER).clamp(2, 16);
        let soft = (memory / 2 / workers).clamp(LEAST_SOFT, MOST_SOFT);
        Self {
            memory,
            cores,
            workers,
            // One process for cron, one for the websocket, one for the master.
            connections: (connections / (workers + 3)).clamp(3, 16),
            memory_soft: soft * MIB,
            memory_hard: soft * MIB * 8 / 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_hosts_have_their_share() {
        let sizes = Sizes::of(1000 * MIB, 1, 64);
        assert_eq!((sizes.workers, sizes.memory_soft, sizes.memory_hard), (2, 640 * MIB, 1024 * MIB));
        let sizes = Sizes::of(4000 * MIB, 2, 64);
        assert_eq!((sizes.workers, sizes.connections), (5, 8));
        assert_eq!(Sizes::of(64 << 30, 32, 64).workers, 16);
        for (memory, cores) in [(512, 1), (2048, 2), (8192, 4), (65536, 64)] {
            let sizes = Sizes::of(memory * MIB, cores, 64);
            assert!(sizes.connections * (sizes.workers + 3) <= 64, "{sizes:?}");
        }
    }

    #[test]
    fn a_little_more_or_less_memory_changes_nothing() {
        assert_eq!(Sizes::of(7_890 * MIB, 4, 64), Sizes::of(7_930 * MIB, 4, 64));
    }
}
