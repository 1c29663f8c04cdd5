//! /etc/hams/agent.toml: what the agent needs to know, derived from hams.toml by the installer. Holds no secret.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::host_limits::HostLimits;
use crate::config::name::Problem;
use crate::config::repair::RepairTable;
use crate::config::sync;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AgentConfigError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}\n\nhint: `sudo hams-install` writes it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What came of it.
        source: io::Error,
    },
    /// It is no TOML, or has a key too much, too few or of the wrong kind.
    #[error("{path}: {source}\nhint: the file is derived from hams.toml; `sudo hams-install` writes it anew")]
    Form {
        /// The file.
        path: PathBuf,
        /// With line and key.
        source: Box<toml::de::Error>,
    },
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// Where the events come from.
    pub broker: BrokerConfig,
    /// Where those lie that can never be applied; a file of an older hams-install does not say it.
    #[serde(default)]
    pub dead_letters: Option<DeadLettersConfig>,
    /// Where they go.
    pub powerdns: PowerDnsConfig,
    /// How it looks for changes that no message told it.
    #[serde(default)]
    pub sync: SyncConfig,
    /// What events refer to, where this node knows it.
    #[serde(default)]
    pub odoo: Option<OdooReadConfig>,
    /// The cache, where this node has one.
    #[serde(default)]
    pub redis: Option<RedisConfig>,
    /// What is watched.
    pub health: HealthConfig,
}

/// `[broker]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Virtual host.
    pub vhost: String,
    /// The agent's user.
    pub user: String,
    /// The queue of events.
    pub queue: String,
    /// Where dead letters go.
    pub dead_letter_exchange: String,
}

/// `[dead_letters]`: for `hams-agent dead-letters`; the resident agent has no use for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLettersConfig {
    /// The broker's user that may read them, root's alone.
    pub user: String,
    /// Their queue.
    pub queue: String,
}

/// `[powerdns]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerDnsConfig {
    /// The API's address down to `/servers/localhost`.
    pub api: String,
    /// The apex NS of every zone, absolute.
    pub nameservers: Vec<String>,
    /// Zones below these belong to hams, absolute.
    pub managed_suffixes: Vec<String>,
}

/// `[sync]`: as hams.toml has it; the ranges are checked once more, since a value out of them would undo a safeguard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawSync")]
pub struct SyncConfig {
    /// Between two sweeps of what was written.
    pub sweep_minutes: u16,
    /// The local hour of the full sweep.
    pub full_sweep_hour: u8,
    /// Zones that one sweep may remove.
    pub max_removals: u32,
    /// The same in percent of those that are owned.
    pub max_removals_percent: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSync {
    sweep_minutes: u64,
    full_sweep_hour: u64,
    max_removals: u64,
    max_removals_percent: u64,
}

/// What hams.toml's defaults are, for a file of a version that knew no sweep.
impl Default for SyncConfig {
    fn default() -> Self {
        Self { sweep_minutes: 15, full_sweep_hour: 3, max_removals: 50, max_removals_percent: 1 }
    }
}

impl TryFrom<RawSync> for SyncConfig {
    type Error = String;

    fn try_from(raw: RawSync) -> Result<Self, String> {
        fn checked<T>(
            key: &str,
            number: u64,
            check: impl Fn(u64) -> Result<T, Problem>,
        ) -> Result<T, String> {
            check(number).map_err(|problem| format!("`{key}`: {number} {}; {}", problem.what, problem.fix))
        }
        Ok(Self {
            sweep_minutes: checked("sweep_minutes", raw.sweep_minutes, sync::minutes)?,
            full_sweep_hour: checked("full_sweep_hour", raw.full_sweep_hour, sync::hour)?,
            max_removals: checked("max_removals", raw.max_removals, sync::removals)?,
            max_removals_percent: checked("max_removals_percent", raw.max_removals_percent, sync::percent)?,
        })
    }
}

/// `[odoo]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OdooReadConfig {
    /// The address, without a path.
    pub url: String,
    /// The database.
    pub database: String,
    /// Where the key comes from; the agent itself gets it from systemd.
    pub key_file: String,
}

/// `[redis]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Who may ask how it is.
    pub user: String,
}

/// `[health]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthConfig {
    /// Units to watch.
    pub units: Vec<String>,
    /// Timers to watch.
    #[serde(default)]
    pub timers: Vec<String>,
    /// The component of each unit and timer; one that is not named is a component of its own.
    #[serde(default)]
    pub components: BTreeMap<String, String>,
    /// The components that a unit or timer needs beside what every one of its component does.
    #[serde(default)]
    pub needs: BTreeMap<String, Vec<String>>,
    /// The domain that this host's nginx serves; `None`: this host has none.
    #[serde(default)]
    pub tls_domain: Option<String>,
    /// The port of 127.0.0.1 that questions are answered on, beside the control socket.
    #[serde(default)]
    pub http_port: Option<u16>,
    /// The file with the URL of a webhook; the agent itself gets it from systemd.
    #[serde(default)]
    pub webhook_file: Option<PathBuf>,
    /// The same of a heartbeat.
    #[serde(default)]
    pub heartbeat_file: Option<PathBuf>,
    /// A program that is told of each change of state.
    #[serde(default)]
    pub command: Option<PathBuf>,
    /// When somebody should look at the host.
    #[serde(default)]
    pub host: HostLimits,
    /// What is restarted when it stays failing; `None`: nothing.
    #[serde(default)]
    pub repair: Option<RepairConfig>,
    /// Where Odoo is, when this host runs it.
    #[serde(default)]
    pub odoo: Option<OdooConfig>,
    /// Where PostgreSQL is, when this host runs it.
    #[serde(default)]
    pub postgresql: Option<PostgresqlConfig>,
    /// What PowerDNS is asked, when this host runs it.
    #[serde(default)]
    pub dns: Option<DnsConfig>,
}

/// `[health.repair]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepairConfig {
    /// How long a component must have failed.
    pub after_seconds: u64,
    /// What root's service restarts, and how often: as its own file has it.
    pub table: RepairTable,
}

/// `[health.postgresql]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresqlConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// A database.
    pub database: String,
    /// Who may log in to it.
    pub role: String,
}

/// `[health.dns]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsConfig {
    /// A zone that is always there.
    pub zone: String,
    /// The addresses on which the world asks.
    pub addresses: Vec<IpAddr>,
}

/// `[health.odoo]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OdooConfig {
    /// Host name or address.
    pub host: String,
    /// The port of requests.
    pub http_port: u16,
    /// The port of the websocket.
    pub gevent_port: u16,
}

impl AgentConfig {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<Self, AgentConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| AgentConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|source| AgentConfigError::Form { path: path.to_owned(), source: Box::new(source) })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An agent.toml with what must be there, and no more.
    pub(crate) const TEXT: &str = r#"
        [broker]
        host = "127.0.0.1"
        port = 5672
        vhost = "/"
        user = "hams_agent"
        queue = "dns_zone_updates"
        dead_letter_exchange = "dns.dlx"
        [powerdns]
        api = "http://127.0.0.1:8081/api/v1/servers/localhost"
        nameservers = ["ns1.hams.test."]
        managed_suffixes = ["u.hams.test."]
        [health]
        units = ["pdns.service"]
    "#;

    fn load(text: &str) -> Result<AgentConfig, AgentConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        AgentConfig::load(file.path())
    }

    #[test]
    fn the_installers_form_loads() {
        let config = load(TEXT).unwrap();
        assert_eq!(config.broker.port, 5672);
        assert_eq!(config.health.units, ["pdns.service"]);
        assert_eq!((config.redis, config.odoo, config.health.odoo), (None, None, None));
        assert_eq!(config.dead_letters, None);
        let letters = "[dead_letters]\nuser = \"x\"\nqueue = \"q.dlq\"\n[health]";
        assert_eq!(load(&TEXT.replace("[health]", letters)).unwrap().dead_letters.unwrap().queue, "q.dlq");
        let read =
            "[odoo]\nurl = \"http://127.0.0.1:8069\"\ndatabase = \"hams_prod\"\nkey_file = \"/k\"\n[health]";
        let read = load(&TEXT.replace("[health]", read)).unwrap().odoo.expect("Odoo");
        assert_eq!((read.url.as_str(), read.database.as_str()), ("http://127.0.0.1:8069", "hams_prod"));
        let with_odoo =
            format!("{TEXT}\n[health.odoo]\nhost = \"127.0.0.1\"\nhttp_port = 8069\ngevent_port = 8072\n");
        let odoo = load(&with_odoo).unwrap().health.odoo.expect("Odoo");
        assert_eq!((odoo.host.as_str(), odoo.http_port, odoo.gevent_port), ("127.0.0.1", 8069, 8072));
        let with_redis =
            TEXT.replace("[health]", "[redis]\nhost = \"127.0.0.1\"\nport = 6379\nuser = \"x\"\n[health]");
        assert_eq!(load(&with_redis).unwrap().redis.unwrap().port, 6379);
        assert_eq!(config.health.tls_domain, None);
        let edge = load(&format!("{TEXT}\ntls_domain = \"hams.test\"")).unwrap();
        assert_eq!(edge.health.tls_domain.as_deref(), Some("hams.test"));
        assert!(config.health.components.is_empty() && config.health.needs.is_empty());
        let more = "[health.components]\n\"pdns.service\" = \"powerdns\"\n[health.needs]\n\"a.timer\" = [\"redis\"]\n\
             [health.dns]\nzone = \"u.hams.test.\"\naddresses = [\"192.0.2.1\", \"2001:db8::1\"]\n\
             [health.postgresql]\nhost = \"127.0.0.1\"\nport = 5432\ndatabase = \"hams_prod\"\nrole = \"x\"\n";
        let more = load(&format!("{TEXT}\n{more}")).unwrap().health;
        assert_eq!(more.components["pdns.service"], "powerdns");
        assert_eq!(more.needs["a.timer"], ["redis"]);
        assert_eq!(more.dns.unwrap().addresses.len(), 2);
        assert_eq!(more.postgresql.unwrap().port, 5432);
        assert_eq!(config.health.http_port, None);
        assert_eq!(load(&format!("{TEXT}\nhttp_port = 9853")).unwrap().health.http_port, Some(9853));
        let hooks = "webhook_file = \"/w\"\nheartbeat_file = \"/h\"\ncommand = \"/c\"";
        let hooks = load(&format!("{TEXT}\n{hooks}")).unwrap().health;
        assert_eq!((&config.health.repair, config.health.host), (&None, HostLimits::default()));
        let host = "[health.host]\ndisk_percent = 5\ndisk_gib = 50\nmemory_percent = 6\nload_per_cpu = 8\n";
        assert_eq!(load(&format!("{TEXT}\n{host}")).unwrap().health.host.disk_gib, 50);
        let repair = "[health.repair]\nafter_seconds = 180\n[health.repair.table]\nat_most = 3\nwithin_seconds = 3600\n\
             apart_seconds = 600\n[health.repair.table.units]\npowerdns = \"pdns.service\"\n";
        let repair = load(&format!("{TEXT}\n{repair}")).unwrap().health.repair.expect("it");
        assert_eq!((repair.after_seconds, repair.table.at_most), (180, 3));
        assert_eq!(repair.table.units["powerdns"], "pdns.service");
        let paths = [hooks.webhook_file, hooks.heartbeat_file, hooks.command];
        assert_eq!(paths, ["/w", "/h", "/c"].map(|path| Some(path.into())));
    }

    #[test]
    fn without_a_table_for_the_sweep_the_defaults_hold() {
        assert_eq!(load(TEXT).unwrap().sync, SyncConfig::default());
        let keys = "[sync]\nsweep_minutes = 5\nfull_sweep_hour = 4\nmax_removals = 7\nmax_removals_percent = 2\n[health]";
        let sync = load(&TEXT.replace("[health]", keys)).unwrap().sync;
        let expected =
            SyncConfig { sweep_minutes: 5, full_sweep_hour: 4, max_removals: 7, max_removals_percent: 2 };
        assert_eq!(sync, expected);
        for (good, bad, words) in [
            (
                "sweep_minutes = 5",
                "sweep_minutes = 0",
                "`sweep_minutes`: 0 minutes is out of range; give one from 1 to 1440",
            ),
            ("hour = 4", "hour = 24", "`full_sweep_hour`: 24 is no hour of a day; give one from 0 to 23"),
            ("percent = 2", "percent = 200", "`max_removals_percent`: 200 percent is out of range"),
            ("max_removals = 7", "max_removal = 7", "unknown field `max_removal`"),
        ] {
            let error = load(&TEXT.replace("[health]", &keys.replace(good, bad))).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("hams-install"), "{error}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_hams_toml() {
        let default = |name: &str| crate::config::keys::find(name).unwrap().default.unwrap();
        let sync = SyncConfig::default();
        assert_eq!(default("sync.sweep_minutes"), sync.sweep_minutes.to_string());
        assert_eq!(default("sync.full_sweep_hour"), sync.full_sweep_hour.to_string());
        assert_eq!(default("sync.max_removals"), sync.max_removals.to_string());
        assert_eq!(default("sync.max_removals_percent"), sync.max_removals_percent.to_string());
    }

    #[test]
    fn errors_name_the_file_and_the_key() {
        let error = load(&TEXT.replace("port = 5672", "prot = 5672")).unwrap_err().to_string();
        assert!(error.contains("prot") && error.contains("hams-install"), "{error}");
        let missing = AgentConfig::load(Path::new("/nonexistent/agent.toml")).unwrap_err().to_string();
        assert!(missing.contains("/nonexistent/agent.toml"), "{missing}");
    }
}
