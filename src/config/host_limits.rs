//! From where on somebody should look at the host: the same in hams.toml and in agent.toml.

use serde::{Deserialize, Serialize};

use crate::config::name::Problem;
use crate::config::sync::within;

/// What calls for a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HostLimits {
    /// Percent of a file system, or of its inodes: less is left …
    pub disk_percent: u64,
    /// … and less than so many GiB.
    pub disk_gib: u64,
    /// Percent of the memory: less can be had.
    pub memory_percent: u64,
    /// So many processes want each CPU, over five minutes.
    pub load_per_cpu: u64,
}

/// What hams.toml's defaults are, for a file of a version that knew no other.
impl Default for HostLimits {
    fn default() -> Self {
        Self { disk_percent: 10, disk_gib: 10, memory_percent: 10, load_per_cpu: 4 }
    }
}

/// `health.disk_percent`.
pub(super) fn disk_percent(number: u64) -> Result<u64, Problem> {
    within(number, 1, 50, "percent")
}

/// `health.disk_gib`.
pub(super) fn disk_gib(number: u64) -> Result<u64, Problem> {
    within(number, 1, 100_000, "GiB")
}

/// `health.memory_percent`: with less than 3 % it fails.
pub(super) fn memory_percent(number: u64) -> Result<u64, Problem> {
    within(number, 4, 50, "percent")
}

/// `health.load_per_cpu`.
pub(super) fn load_per_cpu(number: u64) -> Result<u64, Problem> {
    within(number, 1, 1000, "processes for each CPU")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_hams_toml() {
        let default = |name: &str| crate::config::keys::find(name).unwrap().default.unwrap();
        let limits = HostLimits::default();
        assert_eq!(default("health.disk_percent"), limits.disk_percent.to_string());
        assert_eq!(default("health.disk_gib"), limits.disk_gib.to_string());
        assert_eq!(default("health.memory_percent"), limits.memory_percent.to_string());
        assert_eq!(default("health.load_per_cpu"), limits.load_per_cpu.to_string());
    }
}
