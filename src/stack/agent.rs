//! The resident agent: its account, its configuration, its credentials, its unit.

use super::part::{Context, Part, PartError, credential, credential_path, drop_in, drop_in_path};
use super::template::render;
use super::{postgresql, powerdns, rabbitmq};
use crate::config::{Component, Config};
use crate::health::UnitCheck;
use crate::host::file::File;
use crate::host::system_account::SystemAccount;
use crate::host::unit::Unit;
use crate::host::{Resource, paths};
use crate::plan::Step;
use minijinja::context;
use std::net::IpAddr;

const NAME: &str = "agent";
/// The unit.
pub const UNIT: &str = "hams-agent.service";
/// The broker's password of the user `hams_agent`.
pub const RABBITMQ_PASSWORD: &str = "rabbitmq-password";
/// PowerDNS's API key, in clear.
pub const PDNS_API_KEY: &str = "pdns-api-key";

/// The agent's part of a node.
pub fn part(cx: &Context<'_>) -> Result<Part, PartError> {
    let config = cx.config;
    let mut units = Vec::new();
    let mut after = vec![File::id_of(paths::AGENT_CONFIG)];
    for (component, unit) in [(Component::Rabbitmq, rabbitmq::UNIT), (Component::Powerdns, powerdns::UNIT)] {
        if config.has(component) {
            after.push(Unit::id_of(unit));
            units.push(unit.to_owned());
        }
    }
    if config.has(Component::Postgresql) {
        units.push(postgresql::cluster(config)?.unit());
    }
    let settings = render(
        "agent/agent.toml.j2",
        include_str!("../../deploy/agent/agent.toml.j2"),
        context! {
            broker_host => config.rabbitmq.host.as_deref().unwrap_or("127.0.0.1"),
            powerdns_api => powerdns::api(config),
            nameservers => config.powerdns.nameservers,
            managed_suffixes => config.powerdns.managed_suffixes,
            units => units,
        },
    )?;
    let account =
        SystemAccount { name: "hams-agent".into(), declaration: "/usr/lib/sysusers.d/hams.conf".into() };
    let folder = crate::host::directory::Directory::id_of(paths::CREDENTIALS);
    let credentials = [RABBITMQ_PASSWORD, PDNS_API_KEY].map(credential_path);
    after.extend(credentials.iter().map(|path| File::id_of(path)));
    after.push(account.id());
    let mut reads = vec![paths::AGENT_CONFIG, &credentials[0], &credentials[1]];
    let drop_in_file = drop_in_path(UNIT);
    let far = far(config);
    if !far.is_empty() {
        reads.push(&drop_in_file);
    }
    let none: [String; 0] = [];
    let mut steps = vec![
        Step::new(NAME, account, none),
        Step::new(
            NAME,
            credential(RABBITMQ_PASSWORD, cx.vault.require("HAMS_AGENT_RMQ_PASS")?),
            [folder.clone()],
        ),
        Step::new(NAME, credential(PDNS_API_KEY, cx.vault.require("PDNS_API_KEY")?), [folder]),
        Step::new(NAME, File::new(paths::AGENT_CONFIG, settings), [File::id_of(paths::VAULT)]),
        Step::new(NAME, Unit::new(UNIT, &reads), after),
    ];
    if !far.is_empty() {
        let addresses = far.join(" ");
        let template = include_str!("../../deploy/agent/50-hams.conf.j2");
        let text = render("agent/50-hams.conf.j2", template, context! { addresses })?;
        steps.extend(drop_in(NAME, UNIT, text));
    }
    Ok(Part { steps, checks: vec![Box::new(UnitCheck::new(UNIT))], ..Part::default() })
}

/// What the unit must let the agent reach beside this host, in the words of `IPAddressAllow=`: addresses, and `any` where
/// a host is given by its name, which can get another address, and which a name server must be asked for.
fn far(config: &Config) -> Vec<String> {
    let hosts = [&config.rabbitmq.host, &config.powerdns.host].into_iter().flatten();
    let word = |host: &String| match host.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => None,
        Ok(address) => Some(address.to_string()),
        Err(_) => (host != "localhost").then(|| "any".to_owned()),
    };
    hosts.filter_map(word).collect()
}
