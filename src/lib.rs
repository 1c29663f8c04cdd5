//! hams turns a fresh Debian host into a running Hams.com node and keeps watching it.
//!
//! The rooms, from the top floor down (ARCHITECTURE.md): a room may use any room on a lower floor,
//! none beside or above it. `tests/house.rs` holds this.

#[cfg(feature = "agent")]
pub mod agent;
pub mod cli;
pub mod config;
pub mod dns;
pub mod health;
pub mod host;
pub mod plan;
pub mod secrets;
pub mod stack;
pub mod sync;
