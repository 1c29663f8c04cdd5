//! How hams speaks with people: arguments, prompts, tables, diffs, progress.
//!
//! Knows how things look and decides nothing.

pub mod admin_password;
pub mod agent_args;
pub mod args;
mod ask_admin_password;
pub mod context;
#[cfg(feature = "agent")]
pub mod dead_letters;
pub mod exit;
pub mod hidden;
pub mod import;
pub mod install;
#[cfg(feature = "agent")]
mod plain;
pub mod run;
pub mod screen;
pub mod secrets;
#[cfg(feature = "agent")]
mod show_letters;
pub mod show_plan;
pub mod show_run;
#[cfg(feature = "agent")]
mod show_sync;
pub mod show_verify;
#[cfg(feature = "agent")]
pub mod status;
#[cfg(feature = "agent")]
pub mod sync;
pub mod uninstall;
pub mod vault;
