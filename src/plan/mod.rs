//! The ordered plan and the engine that makes a host match it.
//!
//! Knows resources, not components. What it does is written ahead: the receipt says how to take a change back
//! before the change is made, the journal says what was begun and what was done.

pub mod assess;
pub mod engine;
pub mod event;
pub mod journal;
pub mod precheck;
pub mod receipt;
pub mod step;
pub mod uninstall;

pub use assess::{Assessment, Pending};
pub use event::Event;
pub use receipt::Receipt;
pub use step::{Plan, Step};
