//! A whole node: every component's part put together into one plan.

use super::part::{Context, Part, PartError};
use super::{agent, base, daemons, environment, nginx, odoo, postgresql, powerdns, rabbitmq, redis, target};
use crate::config::{Component, Config, Listen};
use crate::health::Check;
use crate::host::apt::Packages;
use crate::host::file::{File, read_if_there};
use crate::host::sockets::{self, Transport};
use crate::host::{Error, os, paths};
use crate::plan::precheck::Needs;
use crate::plan::step::PlanError;
use crate::plan::{Assessment, Plan, Step};
use crate::secrets::{SecretsError, Vault};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

/// Bytes of memory that a node of any size needs.
const MEMORY: u64 = 400 << 20;
/// Bytes that apt needs beside what it installs, for archives and lists.
const DISK: u64 = 300 << 20;

/// Programs that others run beside us: what they listen on elsewhere is no matter of ours.
const SHARED_PROGRAMS: [&str; 4] = ["systemd", "postgres", "python", "python3"];

/// Every component and its file.
const PARTS: [(Component, Maker); 8] = [
    (Component::Postgresql, postgresql::part),
    (Component::Redis, redis::part),
    (Component::Rabbitmq, rabbitmq::part),
    (Component::Powerdns, powerdns::part),
    (Component::Odoo, odoo::part),
    (Component::Nginx, nginx::part),
    (Component::Daemons, daemons::part),
    (Component::Agent, agent::part),
];

type Maker = fn(&Context<'_>) -> Result<Part, PartError>;

/// A node as its configuration wants it.
pub struct Node {
    /// All that has to be true, in order.
    pub plan: Plan,
    /// What it needs of the host before anything is touched.
    pub needs: Needs,
    /// Every secret; in a diff its values are masked.
    pub vault: Vault,
    /// How to tell that it works, asked from outside each component.
    pub checks: Vec<Box<dyn Check>>,
    /// What people should know of it, and what is no fault.
    pub notes: Vec<String>,
    public: Vec<(Transport, u16)>,
}

/// A node that could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A component of it.
    #[error(transparent)]
    Part(#[from] PartError),
    /// The host could not be read.
    #[error(transparent)]
    Host(#[from] Error),
    /// The vault.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// Its steps make no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Node {
    /// The node of `config` with the secrets of `vault`, the missing ones generated.
    pub fn new(config: &Config, mut vault: Vault) -> Result<Self, NodeError> {
        vault.generate_missing()?;
        let listen = listen(config)?;
        let context = Context { config, vault: &vault, listen: &listen };
        let mut steps = base::steps(config, &vault);
        let mut packages = Packages::default();
        let mut needs = Needs { memory: MEMORY, disk: DISK, ..Needs::default() };
        let mut public = Vec::new();
        let mut checks = Vec::new();
        let mut before_packages = Vec::new();
        let mut notes = Vec::new();
        let mut groups = BTreeSet::new();
        for (component, part) in PARTS {
            if !config.has(component) {
                continue;
            }
            let part = part(&context)?;
            packages.names.extend(part.packages.names);
            packages.accounts.extend(part.packages.accounts);
            packages.data.extend(part.packages.data);
            packages.first_starts.extend(part.packages.first_starts);
            packages.ahead_of.extend(part.packages.ahead_of);
            steps.extend(part.steps);
            before_packages.extend(part.before_packages);
            needs.ports.extend(part.ports);
            needs.disk += part.disk;
            needs.memory += part.memory;
            needs.sources.extend(part.sources);
            public.extend(part.public);
            checks.extend(part.checks);
            notes.extend(part.notes);
            groups.extend(part.environment);
        }
        steps.extend(environment::steps(groups, config, &vault)?);
        steps.extend(target::steps(config, &steps)?);
        if !packages.names.is_empty() {
            before_packages.push(File::id_of(paths::VAULT));
            steps.push(Step::new("packages", packages, before_packages));
        }
        Ok(Self { plan: Plan::new(steps)?, needs, vault, checks, notes, public })
    }

    /// What of the node's needs is known only after looking: whether packages are going to be installed.
    pub fn needs(&self, assessment: &Assessment) -> Needs {
        let sets = [Packages::id_of(), Packages::id_for(odoo::NAME)];
        let mut positions = sets.iter().filter_map(|id| self.plan.position(id));
        let pending = positions.any(|position| assessment.pending[position].is_some());
        Needs { packages: pending, ..self.needs.clone() }
    }

    /// Ports of the node's own programs that other hosts can reach and must not, in words.
    pub fn exposed(&self) -> Result<Vec<String>, Error> {
        let listeners = sockets::listeners()?;
        let exposed = listeners.iter().filter(|listener| {
            let kind = (listener.transport, listener.address.port());
            let of_ours = || {
                let private = self.needs.ports.iter().any(|port| (port.transport, port.number) == kind);
                let program = listener.program();
                private
                    || self.needs.ports.iter().any(|port| {
                        let ours = port.own_programs.iter().filter(|name| !SHARED_PROGRAMS.contains(name));
                        program.as_deref().is_some_and(|program| ours.clone().any(|name| *name == program))
                    })
            };
            listener.is_public() && !self.public.contains(&kind) && of_ours()
        });
        Ok(exposed
            .map(|listener| format!("{}/{} ({})", listener.address, listener.transport, listener.holder()))
            .collect())
    }
}

/// The vault of this host; an empty one where there is none.
pub fn read_vault() -> Result<Vault, NodeError> {
    let path = Path::new(paths::VAULT);
    let text = read_if_there(path)?.unwrap_or_default();
    Ok(Vault::parse(&text, path)?)
}

fn listen(config: &Config) -> Result<Vec<IpAddr>, Error> {
    let mut addresses = Vec::new();
    for listen in &config.powerdns.listen {
        match listen {
            Listen::Auto => addresses.extend(os::global_addresses()?),
            Listen::Address(address) => addresses.push(*address),
        }
    }
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}
