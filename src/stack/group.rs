//! The platform's groups of variables, each a file /etc/hams/env/GROUP.env.

use crate::config::{Component, Config};
use serde::Deserialize;

/// A group of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // the platform's names
pub enum Group {
    Common,
    Db,
    Pdns,
    Odoo,
    Rabbitmq,
    Redis,
    Smtp,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 7] =
        [Self::Common, Self::Db, Self::Pdns, Self::Odoo, Self::Rabbitmq, Self::Redis, Self::Smtp];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Common => "common",
            Self::Db => "db",
            Self::Pdns => "pdns",
            Self::Odoo => "odoo",
            Self::Rabbitmq => "rabbitmq",
            Self::Redis => "redis",
            Self::Smtp => "smtp",
        }
    }

    /// The component that its variables lead to; none for what leads to none or out of the platform.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Db => Some(Component::Postgresql),
            Self::Redis => Some(Component::Redis),
            Self::Rabbitmq => Some(Component::Rabbitmq),
            Self::Pdns => Some(Component::Powerdns),
            Self::Odoo => Some(Component::Odoo),
            Self::Common | Self::Smtp => None,
        }
    }

    /// The component that its variables lead to, and where it is when it is not on this host; none for what needs none.
    pub fn source(self, config: &Config) -> Option<(Component, Option<&str>)> {
        let component = self.component()?;
        let host = match self {
            Self::Db => &config.postgresql.host,
            Self::Redis => &config.redis.host,
            Self::Rabbitmq => &config.rabbitmq.host,
            Self::Pdns => &config.powerdns.host,
            Self::Common | Self::Odoo | Self::Smtp => return None,
        };
        Some((component, host.as_deref()))
    }

    /// Whether what its variables lead to is anywhere.
    pub fn is_there(self, config: &Config) -> bool {
        self.source(config).is_none_or(|(component, host)| config.has(component) || host.is_some())
    }
}
