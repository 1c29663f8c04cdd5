//! Checks that tell how a component is doing, and the report they make up. The agent runs them at their own
//! interval, `hams-install verify` once: one probe for one question.

mod attempt;
mod causes;
pub mod certificate;
mod check;
mod damping;
mod dns;
mod host_clock;
mod host_disk;
mod host_load;
mod host_memory;
mod host_reboot;
mod host_updates;
mod measure;
mod nginx;
mod odoo;
mod postgresql;
mod powerdns;
mod pressure;
mod rabbitmq;
mod redis;
mod repair;
mod report;
mod timers;
mod units;

pub use attempt::{Attempt, Repair};
pub use check::{Check, Outcome, State, probe};
pub use dns::{DnsCheck, Transport};
pub use host_clock::ClockCheck;
pub use host_disk::DiskCheck;
pub use host_load::LoadCheck;
pub use host_memory::MemoryCheck;
pub use host_reboot::RebootCheck;
pub use host_updates::UpdatesCheck;
pub use measure::{Measure, Quantity};
pub use nginx::NginxCheck;
pub use odoo::OdooCheck;
pub use postgresql::PostgresqlCheck;
pub use powerdns::PowerDnsCheck;
pub use rabbitmq::RabbitmqCheck;
pub use redis::RedisCheck;
pub use repair::{Limits, Need, need};
pub use report::{Entry, OF_AGENT, Report};
pub use timers::TimerCheck;
pub use units::UnitCheck;

#[cfg(test)]
pub(crate) use report::tests;
