//! Checks that tell how a component is doing, and the report they make up. The agent runs them at their own
//! interval, `hams-install verify` once: one probe for one question.

mod check;
mod dns;
mod postgresql;
mod powerdns;
mod rabbitmq;
mod report;
mod units;

pub use check::{Check, Outcome, State, probe};
pub use dns::{DnsCheck, Transport};
pub use postgresql::PostgresqlCheck;
pub use powerdns::PowerDnsCheck;
pub use rabbitmq::RabbitmqCheck;
pub use report::{Entry, Report};
pub use units::UnitCheck;
