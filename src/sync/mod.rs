//! From a message on the broker to a changed zone in PowerDNS: one file a stage, in the order of the stages
//! (event, what Odoo has of a reference, writer with its PowerDNS client, memory, dead letter, acknowledgement). Nothing here prints, and
//! nothing here knows how the agent is run.

mod apply;
mod backlog;
mod backoff;
mod broker;
mod contents;
mod dead_letter;
mod event;
mod finding;
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
mod odoo_key_store;
mod odoo_key_term;
mod odoo_key_watch;
mod odoo_keys;
mod odoo_rows;
mod odoo_stamp;
mod order;
mod outage;
mod pipeline;
mod powerdns;
mod powerdns_http;
mod powerdns_list;
mod preview;
mod progress;
mod publish;
mod reason;
mod reference;
mod run;
mod schedule;
mod sweep;
mod sweep_item;
mod sweep_read;
mod sweep_run;
mod sweeper;
mod sweeping;
mod target;
mod touched;
mod wanted;
mod writer;

pub use backoff::Backoff;
pub use broker::{BrokerLogin, BrokerSettings};
pub use event::Event;
pub use letter::{Letter, LetterId};
pub use letter_choice::{Choice, ChoiceError, Listed, Listing};
pub use letters::{Done, LettersError, LettersSettings, Settlement};
pub use log_file::{Condition, LogFile, Opened};
pub use memory::MemoryError;
pub use moving::Pulse;
pub use odoo_api::{OdooSettings, OdooSetupError};
pub use order::{
    Deed, Fate, RequestError, SyncLine, SyncOrder, SyncProgress, SyncRequest, SyncSummary, SyncedZone, Which,
};
pub use powerdns::{PowerDns, PowerDnsError, RemoteZone};
pub use progress::{Counters, KeyProgress, Phase, Progress, SweepPhase, SweepProgress, SweepResult};
pub use reason::{Reason, Rejection};
pub use run::{OpenError, Settings, ZoneSync};
pub use schedule::SweepTimes;
pub use sweep::Caps;
pub use sweeper::SweepSettings;
