//! What lies at the bottom of an error: the libraries' own words above it say less.

use std::error::Error;

/// The words of the last cause of `error`; its own where it names none.
pub fn last_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
