//! The record types that an event may carry: an allow-list, because PowerDNS stores whatever it is given,
//! LUA code included (facts: powerdns.md §3.10).

use std::fmt;
use std::str::FromStr;

/// A record type that hams publishes.
#[allow(missing_docs, reason = "the names are the DNS's own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    A,
    Aaaa,
    Caa,
    Cname,
    Loc,
    Mx,
    Naptr,
    Ns,
    Srv,
    Sshfp,
    Txt,
}

/// A type outside the allow-list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record type `{0}` is not allowed; allowed are A AAAA CAA CNAME LOC MX NAPTR NS SRV SSHFP TXT")]
pub struct RecordTypeError(pub String);

impl RecordType {
    /// Every allowed type.
    pub const ALL: [Self; 11] = [
        Self::A,
        Self::Aaaa,
        Self::Caa,
        Self::Cname,
        Self::Loc,
        Self::Mx,
        Self::Naptr,
        Self::Ns,
        Self::Srv,
        Self::Sshfp,
        Self::Txt,
    ];

    /// The mnemonic in upper case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Caa => "CAA",
            Self::Cname => "CNAME",
            Self::Loc => "LOC",
            Self::Mx => "MX",
            Self::Naptr => "NAPTR",
            Self::Ns => "NS",
            Self::Srv => "SRV",
            Self::Sshfp => "SSHFP",
            Self::Txt => "TXT",
        }
    }
}

impl FromStr for RecordType {
    type Err = RecordTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|rtype| rtype.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| RecordTypeError(text.chars().filter(|c| !c.is_control()).take(20).collect()))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_its_own_name() {
        for rtype in RecordType::ALL {
            assert_eq!(rtype.as_str().parse(), Ok(rtype));
            assert_eq!(rtype.as_str().to_lowercase().parse(), Ok(rtype));
        }
    }

    #[test]
    fn code_and_zone_machinery_are_refused() {
        for text in ["LUA", "SOA", "ALIAS", "DNAME", "DS", "ANY", "TYPE65", "", "A "] {
            assert!(text.parse::<RecordType>().is_err(), "{text}");
        }
    }
}
