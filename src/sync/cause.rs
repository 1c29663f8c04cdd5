//! Why an HTTP request came to nothing, in the words of whoever knows best.

use std::error::Error;

/// The innermost cause; the libraries' own words above it say less.
pub(super) fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
