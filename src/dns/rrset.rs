//! The unit of change in the DNS: all records of one name and type, with one TTL (RFC 2181 §5).

use std::collections::BTreeSet;
use std::fmt;

use super::name::Name;
use super::rtype::RecordType;

/// Seconds that a record may be cached: 0 to 2^31-1 (RFC 2181 §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(u32);

/// A TTL outside its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ttl {0} is not a whole number of seconds from 0 to 2147483647")]
pub struct TtlError(pub i64);

impl Ttl {
    /// From a number of seconds.
    pub fn new(seconds: i64) -> Result<Self, TtlError> {
        match u32::try_from(seconds) {
            Ok(value) if value <= 0x7fff_ffff => Ok(Self(value)),
            _ => Err(TtlError(seconds)),
        }
    }

    /// Whole seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

/// What identifies an RRset in a zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The owner.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.name, self.rtype)
    }
}

/// All records of one name and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RrSet {
    /// Owner and type.
    pub key: Key,
    /// One TTL for all of them.
    pub ttl: Ttl,
    /// Canonical contents, at least one.
    pub records: BTreeSet<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ttl_range() {
        assert_eq!(Ttl::new(0).map(Ttl::seconds), Ok(0));
        assert_eq!(Ttl::new(2_147_483_647).map(Ttl::seconds), Ok(2_147_483_647));
        assert!(Ttl::new(-1).is_err());
        assert!(Ttl::new(2_147_483_648).is_err());
    }
}
