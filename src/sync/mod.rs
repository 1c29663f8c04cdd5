//! From a message on the broker to a changed zone in PowerDNS: one file a stage, in the order of the stages
//! (event, writer with its PowerDNS client, memory, dead letter, acknowledgement). Nothing here prints, and
//! nothing here knows how the agent is run.

mod apply;
mod backoff;
mod broker;
mod dead_letter;
mod event;
mod letter;
mod log_file;
mod memory;
mod powerdns;
mod progress;
mod reason;
mod run;
mod writer;

pub use broker::{BrokerError, BrokerSettings};
pub use letter::{Letter, each_letter};
pub use memory::MemoryError;
pub use powerdns::{PowerDns, PowerDnsError, RemoteZone};
pub use progress::{Counters, Phase, Progress};
pub use run::{Pulse, Settings, ZoneSync};
