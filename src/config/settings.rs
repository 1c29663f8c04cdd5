//! The validated configuration of one node.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::component::Component;
use crate::config::host_limits::HostLimits;
use crate::config::odoo::OdooSource;
use crate::config::postgresql::{Extension, PostgresqlSource};

/// Everything hams.toml says, checked, with the defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Lower case, no trailing dot.
    pub domain: String,
    /// What this host runs: each once, in the order of [`Component`], never empty.
    pub components: Vec<Component>,
    /// The table `[postgresql]`.
    pub postgresql: Postgresql,
    /// The table `[redis]`.
    pub redis: Redis,
    /// The table `[rabbitmq]`.
    pub rabbitmq: Rabbitmq,
    /// The table `[powerdns]`.
    pub powerdns: Powerdns,
    /// The table `[sync]`.
    pub sync: Sweep,
    /// The table `[health]`.
    pub health: Health,
    /// The table `[odoo]`.
    pub odoo: Odoo,
    /// The table `[tls]`; `None`: a certificate that hams-install makes.
    pub tls: Option<Tls>,
    /// The table `[nginx]`.
    pub nginx: Nginx,
    /// The table `[daemons]`.
    pub daemons: Daemons,
    /// The table `[apt]`.
    pub apt: Apt,
}

impl Config {
    /// Whether this host runs the component.
    pub fn has(&self, component: Component) -> bool {
        self.components.contains(&component)
    }
}

/// Where the database is, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgresql {
    /// Another machine's name or address; `None`: this host.
    pub host: Option<String>,
    /// Where its packages come from.
    pub source: PostgresqlSource,
    /// The major version, when they come from PGDG.
    pub version: u16,
    /// Its port.
    pub port: u16,
    /// What is created in Odoo's database; never empty, nothing twice.
    pub extensions: Vec<Extension>,
}

/// The cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// Another machine's name or address; `None`: this host.
    pub host: Option<String>,
    /// How much it may hold.
    pub maxmemory: MaxMemory,
}

/// `redis.maxmemory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxMemory {
    /// As much as suits the host.
    Auto,
    /// Bytes: whole MiB.
    Bytes(u64),
}

impl fmt::Display for MaxMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaxMemory::Auto => f.write_str("auto"),
            MaxMemory::Bytes(bytes) => write!(f, "{}MB", bytes >> 20),
        }
    }
}

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rabbitmq {
    /// Another machine's name or address; `None`: this host.
    pub host: Option<String>,
}

/// The name server and the zones it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Powerdns {
    /// Another machine's name or address; `None`: this host.
    pub host: Option<String>,
    /// Where questions are answered; never empty, nothing twice.
    pub listen: Vec<Listen>,
    /// Absolute names, lower case, with the trailing dot; the first is the zones' primary.
    pub nameservers: Vec<String>,
    /// Absolute name, lower case, with the trailing dot.
    pub personal_parent_zone: String,
    /// Absolute names, lower case, with the trailing dot; never empty.
    pub managed_suffixes: Vec<String>,
}

/// How the agent looks for changes that no message told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// Between two looks at what was written: 1 to 1440 minutes.
    pub sweep_minutes: u16,
    /// The local hour of the full comparison: 0 to 23.
    pub full_sweep_hour: u8,
    /// Zones that one sweep may remove.
    pub max_removals: u32,
    /// The same in percent of those that are owned: 0 to 100.
    pub max_removals_percent: u8,
}

/// How the agent tells how the node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// A port of 127.0.0.1 that is open to every local user; `None`: the control socket alone.
    pub http_port: Option<u16>,
    /// The file with the URL of a webhook, an absolute path.
    pub webhook_file: Option<PathBuf>,
    /// The file with the URL of a heartbeat, an absolute path.
    pub heartbeat_file: Option<PathBuf>,
    /// A program that is told of each change, an absolute path.
    pub command: Option<PathBuf>,
    /// What is restarted when it stays failing: each on this host, with one unit of its own; nothing twice.
    pub restart: Vec<Component>,
    /// How long it must have failed.
    pub restart_after: Duration,
    /// When somebody should look at the host.
    pub host: HostLimits,
}

/// The application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odoo {
    /// Another machine's name or address; `None`: this host.
    pub host: Option<String>,
    /// The file of the agent's key: an absolute path.
    pub key_file: PathBuf,
    /// Its database: lower-case letters, digits, underscores.
    pub database: String,
    /// Where its package comes from.
    pub source: OdooSource,
    /// What is installed in the database; never empty, nothing twice.
    pub modules: Vec<String>,
    /// Folders with more modules: absolute paths.
    pub addons_path: Vec<PathBuf>,
    /// Debian packages that the modules need beside Odoo's own.
    pub packages: Vec<String>,
}

/// The operator's certificate: absolute paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate with its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nginx {
    /// The root of the certificates that `auth.DOMAIN` takes, an absolute path; `None`: it takes nobody.
    pub client_ca: Option<PathBuf>,
    /// Whether Cloudflare stands in front.
    pub cloudflare: bool,
    /// The root of the certificates that the domain's connections must show, an absolute path; `None`: none is asked for.
    pub origin_pull_ca: Option<PathBuf>,
    /// Who may see the agent's page at `https://DOMAIN/hams-status`, an absolute path; `None`: nobody. With it there is a
    /// `health.http_port`.
    pub status_users: Option<PathBuf>,
}

/// The Python daemons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemons {
    /// Where their code lies, an absolute path.
    pub source: PathBuf,
    /// The site's own catalogue, an absolute path.
    pub catalogue: Option<PathBuf>,
    /// Names of opt-in daemons, nothing twice.
    pub enable: Vec<String>,
}

/// How packages are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apt {
    /// How long to wait for whoever holds apt's or dpkg's lock.
    pub lock_timeout: Duration,
    /// The table `[apt.pgdg]`.
    pub pgdg: Repository,
    /// The table `[apt.odoo]`.
    pub odoo: Mirror,
    /// The table `[apt.odoo-nightly]`.
    pub odoo_nightly: Repository,
}

/// A Debian mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Its address, without a slash at its end; `None`: the one that apt uses already.
    pub uri: Option<String>,
    /// The operator's key for it; `None`: Debian's own keyring.
    pub signed_by: Option<PathBuf>,
}

/// A package repository beside Debian's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its address, without a slash at its end.
    pub uri: String,
    /// The operator's key for it; `None`: the one that hams brings along.
    pub signed_by: Option<PathBuf>,
}

/// One entry of `powerdns.listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Every global address that the host has at the time of the run.
    Auto,
    /// This address.
    Address(IpAddr),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Auto => f.write_str("auto"),
            Listen::Address(address) => address.fmt(f),
        }
    }
}
