//! Why an HTTP request came to nothing, in the words of whoever knows best.

use crate::host::cause::last_cause;

/// No answer in time, or the innermost cause.
pub(super) fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() { "no answer in time".to_owned() } else { last_cause(error) }
}
