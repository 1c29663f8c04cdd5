//! The resident agent: starts the sync and the checks, tells systemd and the control socket how they are, and
//! stops cleanly. It decides nothing about zones (`sync/`) or components (`health/`).

mod checks;
mod client;
mod credentials;
mod hooks;
mod hooks_command;
mod hooks_deliver;
mod hooks_entry;
mod hooks_heartbeat;
mod hooks_http;
mod hooks_journal;
mod hooks_memory;
mod hooks_message;
mod hooks_outbox;
mod hooks_snapshot;
mod hooks_webhook;
mod journal;
mod letters_settings;
mod logging;
mod message_ids;
mod metrics;
mod notify;
mod one_line;
mod page;
mod pulses;
mod repair;
mod repair_answer;
mod repair_helper;
mod run;
mod socket;
mod status;
mod sync_client;
mod sync_orders;
mod watched;
mod words;

pub use client::{ClientError, fetch};
pub use credentials::CredentialError;
pub use letters_settings::{LettersSettingsError, letters_settings};
pub use logging::start as start_logging;
pub use message_ids::MESSAGE_IDS;
pub use repair_helper::{RepairOptions, repair};
pub use run::{AgentError, Options, run};
pub use status::{CheckStatus, KeyStatus, RepairStatus, Status, SweepStatus, SweptStatus, SyncStatus};
pub use sync_client::{SyncLines, order};
pub use words::{Line, age, counts, doing, summary_words, sync_lines};
