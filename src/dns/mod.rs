//! DNS as pure values: names, record types, record contents in PowerDNS's canonical form, and what
//! must change to turn one zone's content into another's. No I/O, no async, no clock.

mod content;
mod diff;
mod diff_lines;
mod loc;
mod name;
mod rrset;
mod rtype;
mod text;
mod zone;

pub use content::{ContentError, canonical};
pub use diff::{Change, Stored, diff};
pub use diff_lines::diff_lines;
pub use loc::LocError;
pub use name::{Name, NameError};
pub use rrset::{Key, RrSet, Ttl, TtlError};
pub use rtype::{RecordType, RecordTypeError};
pub use text::TextError;
pub use zone::{Checked, Draft, Rejected, RrSetError, Zone};
