//! The only room that touches the machine: packages, accounts, files, units, commands, facts, locks,
//! and the way to its broker.
//!
//! A [`Resource`] is one thing that can be true of a host. The generic ones live here, a file each;
//! `stack/` makes components of them and `plan/` runs them. Nothing here knows a component, and nothing prints.

pub mod absent_file;
pub mod absent_link;
pub mod account;
pub mod amqp;
pub mod apt;
pub mod apt_fit;
mod apt_get;
pub mod apt_lists;
pub mod apt_lock;
pub mod apt_mark;
pub mod apt_sources;
pub mod apt_spoilt;
pub mod apt_unpacked;
pub mod cause;
pub mod change;
pub mod command;
pub mod command_group;
pub mod deb;
pub mod directory;
pub mod error;
pub mod file;
pub mod fresh;
pub mod handle;
pub mod lock;
pub mod nss;
pub mod os;
pub mod paths;
pub mod policy_rc;
pub mod resource;
pub mod revert;
pub mod service_account;
pub mod sockets;
pub mod stopped_unit;
pub mod system_account;
pub mod timedate;
pub mod unit;
mod unit_stamp;
pub mod units;
pub mod write;

pub use change::Change;
pub use error::Error;
pub use handle::Host;
pub use resource::{BoxFuture, Difference, Finding, Progress, Resource};
