//! `/etc/hams/hams.toml`, read into a validated [`Config`].
//!
//! One table, [`KEYS`], names every key with its type, default and explanation; the reader, the
//! reference file and hams.toml(5) all come from it. This room reads the file it is given and
//! nothing else of the machine.

pub mod agent;
mod component;
mod document;
mod error;
mod host_limits;
mod keys;
mod load;
mod name;
mod odoo;
mod postgresql;
mod render;
pub mod repair;
mod resolve;
mod settings;
mod sync;

pub use component::{Component, UnknownComponent};
pub use error::{ConfigError, Place};
pub use host_limits::HostLimits;
pub use keys::{KEYS, Key, Kind};
pub use load::load;
pub use odoo::OdooSource;
pub use postgresql::{Extension, PostgresqlSource};
pub use render::{reference, render};
pub use resolve::Overrides;
pub use settings::{
    Apt, Config, Daemons, Health, Listen, MaxMemory, Mirror, Nginx, Odoo, Postgresql, Powerdns, Rabbitmq,
    Redis, Repository, Sweep, Tls,
};
