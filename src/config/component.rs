//! The parts of a node that this version can install.

use std::fmt;
use std::str::FromStr;

/// One part of a node, in the order in which the parts depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// The database, Odoo's above all.
    Postgresql,
    /// The cache of Odoo and the daemons.
    Redis,
    /// The message broker that carries the changes of zones.
    Rabbitmq,
    /// The authoritative name server.
    Powerdns,
    /// The application: Odoo 19.
    Odoo,
    /// The web server at the edge: TLS, rate limits, client certificates.
    Nginx,
    /// The Python daemons, each in an account and a sandbox of its own.
    Daemons,
    /// `hams-agent`, which applies the changes and watches the rest.
    Agent,
}

impl Component {
    /// Every component that this version carries; also the default of the key `components`.
    pub const ALL: &'static [Component] = &[
        Component::Postgresql,
        Component::Redis,
        Component::Rabbitmq,
        Component::Powerdns,
        Component::Odoo,
        Component::Nginx,
        Component::Daemons,
        Component::Agent,
    ];

    /// The name used in hams.toml and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Component::Postgresql => "postgresql",
            Component::Redis => "redis",
            Component::Rabbitmq => "rabbitmq",
            Component::Powerdns => "powerdns",
            Component::Odoo => "odoo",
            Component::Nginx => "nginx",
            Component::Daemons => "daemons",
            Component::Agent => "agent",
        }
    }

    /// The names of [`Component::ALL`], for messages: `postgresql, redis, rabbitmq, powerdns, odoo, nginx, daemons, agent`.
    pub fn list() -> String {
        Self::ALL.iter().map(|component| component.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The one of `among` that a wrong name may have been meant for.
    pub(super) fn nearest(text: &str, among: &[Self]) -> Option<Self> {
        among.iter().copied().find(|component| strsim::damerau_levenshtein(text, component.as_str()) <= 2)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no component of this version bears.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown component `{0}`: this version carries {list}", list = Component::list())]
pub struct UnknownComponent(
    /// The name as it was given.
    pub String,
);

impl FromStr for Component {
    type Err = UnknownComponent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|component| component.as_str() == text)
            .ok_or_else(|| UnknownComponent(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for component in Component::ALL {
            assert_eq!(component.as_str().parse(), Ok(*component));
        }
        assert!(Component::ALL.is_sorted());
    }

    #[test]
    fn a_component_of_another_version_names_those_of_this_one() {
        let error = "kubernetes".parse::<Component>().unwrap_err().to_string();
        let list = "postgresql, redis, rabbitmq, powerdns, odoo, nginx, daemons, agent";
        assert_eq!(error, format!("unknown component `kubernetes`: this version carries {list}"));
    }
}
