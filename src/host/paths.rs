//! Where hams keeps its own things on a host.

/// The operator's file.
pub const CONFIG: &str = "/etc/hams/hams.toml";
/// What is hams' own under /etc.
pub const ETC: &str = "/etc/hams";
/// The vault: every generated or given secret, root 0600.
pub const VAULT: &str = "/etc/hams/secrets.env";
/// Derived, one secret a file, for `LoadCredential=`.
pub const CREDENTIALS: &str = "/etc/hams/credentials";
/// Derived, the daemons' variables in groups, for `EnvironmentFile=`.
pub const ENVIRONMENT: &str = "/etc/hams/env";
/// What the daemons run from: of each its venv.
pub const DAEMONS: &str = "/var/lib/hams-daemons";
/// The agent's configuration, derived from hams.toml.
pub const AGENT_CONFIG: &str = "/etc/hams/agent.toml";
/// What root's service may restart for the agent, derived from hams.toml; there only while that names something.
pub const REPAIR_TABLE: &str = "/etc/hams/repair.toml";
/// Where the agent asks for it.
pub const REPAIR_SOCKET: &str = "/run/hams-repair/socket";
/// When it has done so.
pub const REPAIR_STATE: &str = "/var/lib/hams-repair";
/// The installer's state: journal, receipt, backups, unit stamps.
pub const STATE: &str = "/var/lib/hams";
/// What the unit of each name was last started with (digests).
pub const UNIT_STAMPS: &str = "/var/lib/hams/units";
/// Files that were there before hams wrote its own.
pub const BACKUPS: &str = "/var/lib/hams/backups";
/// Volatile: the run lock, the policy that keeps services down during apt.
pub const RUN: &str = "/run/hams";
