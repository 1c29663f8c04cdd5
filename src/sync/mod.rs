//! From a message on the broker to a changed zone in PowerDNS: one file a stage, in the order of the stages
//! (event, what Odoo has of a reference, writer with its PowerDNS client, memory, dead letter, acknowledgement). Nothing here prints, and
//! nothing here knows how the agent is run.

mod apply;
mod backlog;
mod backoff;
mod broker;
mod cause;
mod contents;
mod dead_letter;
mod event;
mod letter;
mod letter_choice;
pub mod letters;
mod log_file;
mod marks;
mod memory;
mod moving;
mod odoo;
mod odoo_api;
mod odoo_key;
mod outage;
mod pipeline;
mod powerdns;
mod progress;
mod publish;
mod reason;
mod reference;
mod run;
mod target;
mod wanted;
mod writer;

pub use broker::{BrokerLogin, BrokerSettings};
pub use letter::{Letter, LetterId};
pub use letter_choice::{Choice, ChoiceError, Listed, Listing};
pub use letters::{Done, Fate, LettersError, LettersSettings};
pub use memory::MemoryError;
pub use moving::Pulse;
pub use odoo_api::{OdooSettings, OdooSetupError};
pub use powerdns::{PowerDns, PowerDnsError, RemoteZone};
pub use progress::{Counters, Phase, Progress};
pub use reason::Reason;
pub use run::{OpenError, Settings, ZoneSync};
