//! What a component is made of, and what it is made from.

use super::group::Group;
use super::template::TemplateError;
use crate::config::Config;
use crate::health::Check;
use crate::host::apt::Packages;
use crate::host::directory::Directory;
use crate::host::{Error, file::File, paths, sockets::Transport};
use crate::plan::Step;
use crate::plan::precheck::Port;
use crate::secrets::{SecretsError, Vault};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// From what a component is made.
pub struct Context<'a> {
    /// The operator's configuration.
    pub config: &'a Config,
    /// Every secret, the missing ones generated.
    pub vault: &'a Vault,
    /// The addresses that PowerDNS answers on.
    pub listen: &'a [IpAddr],
}

/// What a component is made of.
#[derive(Default)]
pub struct Part {
    /// Packages it needs.
    pub packages: Packages,
    /// Groups of variables that its programs read.
    pub environment: BTreeSet<Group>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Ids of its steps that have to come before the packages: what keeps a service off the network from its first start.
    pub before_packages: Vec<String>,
    /// Ports it will listen on.
    pub ports: Vec<Port>,
    /// Ports that other hosts may reach.
    pub public: Vec<(Transport, u16)>,
    /// How to tell that it works.
    pub checks: Vec<Box<dyn Check>>,
    /// Bytes of disk that its packages and first data take.
    pub disk: u64,
    /// Bytes of memory that it needs beside what a node of any size does.
    pub memory: u64,
    /// Addresses of the package sources that it adds.
    pub sources: Vec<String>,
    /// What people should know of it, and what is no fault.
    pub notes: Vec<String>,
}

/// A component that could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// Its template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Its secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The host could not be read.
    #[error(transparent)]
    Host(#[from] Error),
    /// A value of the configuration that only the host could show to be wrong.
    #[error("{0}")]
    Config(String),
}

/// A credential of the agent: one secret a file, root 0400.
pub fn credential(name: &str, secret: &crate::secrets::Secret) -> File {
    File::new(credential_path(name), secret.expose())
        .access("root", "root", 0o400)
        .visibility(crate::host::file::Visibility::Secret)
}

/// Where the credential `name` stands.
pub fn credential_path(name: &str) -> String {
    format!("{}/{name}", paths::CREDENTIALS)
}

/// The steps of `component` that give `unit` settings of ours on top of its package's, in a drop-in.
pub fn drop_in(component: &'static str, unit: &str, content: impl Into<Vec<u8>>) -> [Step; 2] {
    let folder = format!("/etc/systemd/system/{unit}.d");
    let after = Directory::id_of(&folder);
    let none: [String; 0] = [];
    [
        Step::new(component, Directory::new(&folder, "root", "root", 0o755), none),
        Step::new(component, File::new(drop_in_path(unit), content), [after]),
    ]
}

/// Where our drop-in of `unit` stands.
pub fn drop_in_path(unit: &str) -> String {
    format!("/etc/systemd/system/{unit}.d/50-hams.conf")
}
