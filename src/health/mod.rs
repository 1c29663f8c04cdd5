//! Checks that tell how a component is doing, and the report they make up. The agent runs them at their own
//! interval, `hams-install verify` once: one probe for one question.

mod causes;
pub mod certificate;
mod check;
mod damping;
mod dns;
mod host_disk;
mod measure;
mod nginx;
mod odoo;
mod postgresql;
mod powerdns;
mod rabbitmq;
mod redis;
mod report;
mod timers;
mod units;

pub use check::{Check, Outcome, State, probe};
pub use dns::{DnsCheck, Transport};
pub use host_disk::DiskCheck;
pub use measure::{Measure, Quantity};
pub use nginx::NginxCheck;
pub use odoo::OdooCheck;
pub use postgresql::PostgresqlCheck;
pub use powerdns::PowerDnsCheck;
pub use rabbitmq::RabbitmqCheck;
pub use redis::RedisCheck;
pub use report::{Entry, Report};
pub use timers::TimerCheck;
pub use units::UnitCheck;

#[cfg(test)]
pub(crate) use report::tests;
