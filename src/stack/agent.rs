//! The resident agent: its account, its configuration, its credentials, its unit.

use super::agent_hooks::Hooks;
use super::agent_key::{self, KeyFile, OperatorsFile};
use super::agent_repair::{self, Repair};
use super::daemons_selection::Selection;
use super::part::{Context, Part, PartError, credential, credential_path, drop_in, drop_in_path};
use super::template::render;
use super::{odoo, postgresql, powerdns, redis, services};
use crate::config::{Component, Config};
use crate::health::UnitCheck;
use crate::host::apt::Packages;
use crate::host::file::File;
use crate::host::system_account::SystemAccount;
use crate::host::unit::Unit;
use crate::host::{Resource, paths};
use crate::plan::Step;
use minijinja::context;
use std::collections::BTreeMap;
use std::net::IpAddr;

const NAME: &str = "agent";
/// The unit.
pub const UNIT: &str = "hams-agent.service";
/// The broker's password of the user `hams_agent`.
pub const RABBITMQ_PASSWORD: &str = "rabbitmq-password";
/// The broker's password of the user `hams_letters`: root's, for `hams-agent dead-letters`. The unit is not given it.
pub const LETTERS_PASSWORD: &str = "rabbitmq-letters-password";
/// PowerDNS's API key, in clear.
pub const PDNS_API_KEY: &str = "pdns-api-key";
/// Redis's password of the user `hams_monitor`, where the node has a Redis.
pub const REDIS_PASSWORD: &str = "redis-monitor-password";
/// PostgreSQL's password of the daemons' role, which may log in and listen, where this host runs PostgreSQL.
pub const POSTGRESQL_PASSWORD: &str = "postgresql-password";

/// The agent's part of a node.
pub fn part(cx: &Context<'_>) -> Result<Part, PartError> {
    let config = cx.config;
    let watched = Watched::of(config)?;
    let mut after = vec![File::id_of(paths::AGENT_CONFIG)];
    after.extend(services::units(config).map(|(_, unit)| Unit::id_of(unit)));
    let sql = match config.has(Component::Postgresql) {
        true => Some(context! {
            port => postgresql::cluster(config)?.port,
            database => config.odoo.database,
            role => postgresql::LISTEN_ROLE,
        }),
        false => None,
    };
    let dns = config.has(Component::Powerdns).then(|| {
        let addresses: Vec<String> = cx.listen.iter().map(ToString::to_string).collect();
        context! { zone => config.powerdns.personal_parent_zone, addresses }
    });
    let key = KeyFile::of(config);
    let hooks = Hooks::of(config)?;
    let repair = Repair::of(config)?;
    let settings = render(
        "agent/agent.toml.j2",
        include_str!("../../deploy/agent/agent.toml.j2"),
        context! {
            broker_host => config.rabbitmq.host.as_deref().unwrap_or("127.0.0.1"),
            powerdns_api => powerdns::api(config),
            nameservers => config.powerdns.nameservers,
            managed_suffixes => config.powerdns.managed_suffixes,
            sync => context! {
                sweep_minutes => config.sync.sweep_minutes,
                full_sweep_hour => config.sync.full_sweep_hour,
                max_removals => config.sync.max_removals,
                max_removals_percent => config.sync.max_removals_percent,
            },
            odoo_url => key.as_ref().map(|key| &key.url),
            odoo_database => config.odoo.database,
            odoo_key_file => key.as_ref().map(|key| &key.path),
            redis_host => redis::host(config),
            redis_port => redis::PORT,
            redis_user => redis::MONITOR,
            units => watched.units,
            timers => watched.timers,
            components => watched.components,
            needs => watched.needs,
            sql,
            dns,
            odoo_ports => config.has(Component::Odoo).then_some(odoo::PORTS),
            http_port => config.health.http_port,
            webhook_file => config.health.webhook_file,
            heartbeat_file => config.health.heartbeat_file,
            command => config.health.command,
            host => config.health.host,
            repair => repair.as_ref().map(Repair::values),
            tls_domain => config.has(Component::Nginx).then_some(&config.domain),
        },
    )?;
    let account =
        SystemAccount { name: "hams-agent".into(), declaration: "/usr/lib/sysusers.d/hams.conf".into() };
    let folder = crate::host::directory::Directory::id_of(paths::CREDENTIALS);
    let mut credentials = vec![(RABBITMQ_PASSWORD, "HAMS_AGENT_RMQ_PASS"), (PDNS_API_KEY, "PDNS_API_KEY")];
    // Those that the unit itself does not name.
    let of_redis = redis::host(config).map(|_| (REDIS_PASSWORD, redis::MONITOR_PASSWORD));
    let of_postgresql = config.has(Component::Postgresql).then_some((POSTGRESQL_PASSWORD, "DB_PASS"));
    let more: Vec<_> = of_redis.into_iter().chain(of_postgresql).collect();
    credentials.extend(&more);
    let files: Vec<String> = credentials.iter().map(|(name, _)| credential_path(name)).collect();
    after.extend(files.iter().map(|path| File::id_of(path)));
    after.push(account.id());
    let mut reads = vec![paths::AGENT_CONFIG];
    reads.extend(files.iter().map(String::as_str));
    let drop_in_file = drop_in_path(UNIT);
    let far = far(config, cx.listen, !hooks.files.is_empty());
    let mut operators = hooks.files;
    if let Some(key) = key {
        operators.push(OperatorsFile { credential: "odoo-key", path: key.path });
    }
    // Also where there is nothing to say: then nothing of an earlier configuration stays.
    reads.push(&drop_in_file);
    after.push(File::id_of(&drop_in_file));
    let none: [String; 0] = [];
    let mut steps = vec![
        Step::new(NAME, account, none),
        Step::new(NAME, File::new(paths::AGENT_CONFIG, settings), [File::id_of(paths::VAULT)]),
        Step::new(NAME, Unit::new(UNIT, &reads), after),
    ];
    // Not before the unit: it is none of those that the agent reads.
    credentials.push((LETTERS_PASSWORD, "HAMS_LETTERS_RMQ_PASS"));
    for (name, secret) in credentials {
        steps.push(Step::new(NAME, credential(name, cx.vault.require(secret)?), [folder.clone()]));
    }
    let template = include_str!("../../deploy/agent/50-hams.conf.j2");
    let credentials: Vec<_> = more.iter().map(|(name, _)| name).collect();
    let text = render(
        "agent/50-hams.conf.j2",
        template,
        context! { addresses => far.join(" "), credentials, operators },
    )?;
    steps.extend(drop_in(NAME, UNIT, text));
    if !operators.is_empty() {
        steps.extend(agent_key::watch(NAME, &operators)?);
    }
    steps.extend(agent_repair::steps(NAME, repair.as_ref())?);
    // Whom to trust; the agent reads it when it first needs it.
    let names = hooks.is_tls.then(|| "ca-certificates".to_owned()).into_iter().collect();
    let packages = Packages { names, ..Packages::default() };
    Ok(Part { packages, steps, checks: vec![Box::new(UnitCheck::new(NAME, UNIT))], ..Part::default() })
}

/// The units and timers that the agent watches.
#[derive(Default)]
struct Watched {
    units: Vec<String>,
    timers: Vec<String>,
    /// Of each of them.
    components: BTreeMap<String, &'static str>,
    /// The components that some of them need.
    needs: BTreeMap<String, Vec<&'static str>>,
}

impl Watched {
    fn of(config: &Config) -> Result<Self, PartError> {
        let mut all = Self::default();
        for (component, unit) in services::units(config) {
            all.add_unit(component, unit.to_owned());
        }
        if config.has(Component::Postgresql) {
            all.add_unit(Component::Postgresql, postgresql::cluster(config)?.unit());
        }
        for (daemon, _) in Selection::of(config)?.daemons {
            let name = daemon.timer().unwrap_or_else(|| daemon.service());
            let list = if daemon.timer().is_some() { &mut all.timers } else { &mut all.units };
            list.push(name.clone());
            all.components.insert(name.clone(), Component::Daemons.as_str());
            let needs = daemon.components();
            if !needs.is_empty() {
                all.needs.insert(name, needs.into_iter().map(Component::as_str).collect());
            }
        }
        Ok(all)
    }

    fn add_unit(&mut self, component: Component, unit: String) {
        self.units.push(unit.clone());
        self.components.insert(unit, component.as_str());
    }
}

/// What the unit must let the agent reach beside this host's loopback, in the words of `IPAddressAllow=`: addresses, those
/// among them on which this host's PowerDNS is asked, and `any` where a host is given by its name, which can get another
/// address, and which a name server must be asked for; so, too, where the agent has a URL of the operator's, which stands in
/// no file that everybody can read, and may be replaced at any time.
fn far(config: &Config, listen: &[IpAddr], has_url: bool) -> Vec<String> {
    let hosts = [&config.redis.host, &config.rabbitmq.host, &config.powerdns.host, &config.odoo.host];
    let own = if config.has(Component::Powerdns) { listen } else { &[] };
    let hosts = hosts.into_iter().flatten().cloned().chain(own.iter().map(ToString::to_string));
    let word = |host: String| match host.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => None,
        Ok(address) => Some(address.to_string()),
        Err(_) => (host != "localhost").then(|| "any".to_owned()),
    };
    hosts.filter_map(word).chain(has_url.then(|| "any".to_owned())).collect()
}
