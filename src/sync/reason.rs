//! Why a message is dead-lettered: a short code that programs can count, and words for people.

use std::fmt;

/// The codes of the dead-letter header `hams-reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// More than 1 MiB.
    TooLarge,
    /// No JSON object of the event's shape.
    Malformed,
    /// A `schema` that this version does not know.
    UnknownSchema,
    /// An `action` that this version does not know.
    UnknownAction,
    /// The form with `model` and `ids`, where the agent knows no Odoo to read them from.
    ReferenceNotSupported,
    /// A zone that hams does not own.
    ForbiddenZone,
    /// Some RRsets cannot be published; the others were.
    BadRrset,
    /// PowerDNS refused the zone or some RRsets; the others were applied.
    Refused,
}

impl Reason {
    /// Every code there is.
    pub const ALL: [Self; 8] = [
        Self::TooLarge,
        Self::Malformed,
        Self::UnknownSchema,
        Self::UnknownAction,
        Self::ReferenceNotSupported,
        Self::ForbiddenZone,
        Self::BadRrset,
        Self::Refused,
    ];

    /// The code as it stands in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Malformed => "malformed",
            Self::UnknownSchema => "unknown-schema",
            Self::UnknownAction => "unknown-action",
            Self::ReferenceNotSupported => "reference-not-supported",
            Self::ForbiddenZone => "forbidden-zone",
            Self::BadRrset => "bad-rrset",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A permanent failure of one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {text}")]
pub struct Rejection {
    /// The code.
    pub reason: Reason,
    /// The words.
    pub text: String,
}

impl Rejection {
    /// A rejection with its words.
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}
