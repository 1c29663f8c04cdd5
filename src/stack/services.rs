//! The services of other packages that a node of a configuration has, each under one name everywhere. PostgreSQL is not among
//! them: its unit is named after its cluster.

use super::{nginx, odoo, powerdns, rabbitmq, redis};
use crate::config::{Component, Config};

const UNITS: [(Component, &str); 5] = [
    (Component::Redis, redis::UNIT),
    (Component::Rabbitmq, rabbitmq::UNIT),
    (Component::Powerdns, powerdns::UNIT),
    (Component::Odoo, odoo::UNIT),
    (Component::Nginx, nginx::UNIT),
];

/// Their components and units.
pub fn units(config: &Config) -> impl Iterator<Item = (Component, &'static str)> {
    UNITS.into_iter().filter(|(component, _)| config.has(*component))
}
