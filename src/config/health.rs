//! The table `[health]`: what each value may be.

use crate::config::name::Problem;

/// `health.http_port`.
pub(super) fn port(number: u64) -> Result<u16, Problem> {
    match u16::try_from(number) {
        // Below 1024 only root could listen.
        Ok(port) if port >= 1024 => Ok(port),
        _ => Err(Problem::new("is no port that the agent can have", "give one from 1024 to 65535")),
    }
}
