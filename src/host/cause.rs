//! What lies at the bottom of an error: the libraries' own words above it say less.

use std::error::Error;

/// What is told of a request that was not answered in its time.
pub const LATE: &str = "no answer in time";

/// The words of the last cause of `error`; its own where it names none.
pub fn last_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
