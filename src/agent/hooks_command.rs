//! The command hook: a program of the operator's that gets the message on standard input, as the agent's user, in its sandbox.

use std::path::PathBuf;
use std::time::Duration;

use super::hooks_deliver::Carrier;
use crate::host::command::Command;
use crate::host::{BoxFuture, Error, command_group};

/// How long it may take.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// The program.
pub(super) struct CommandHook {
    pub(super) program: PathBuf,
    /// Its `HOME`: the agent's own folder.
    pub(super) home: PathBuf,
    pub(super) limit: Duration,
}

impl Carrier for CommandHook {
    fn carry(&self, message: String) -> BoxFuture<'_, Result<(), String>> {
        // Its environment is made anew: nothing of the agent's own is in it.
        let command = Command::new(&self.program.to_string_lossy())
            .env("HOME", self.home.to_string_lossy())
            .input(format!("{message}\n"))
            .limit(self.limit);
        Box::pin(async move {
            command_group::run(&command).await.map_err(|error| match error {
                Error::Command { command, status, output } if output.is_empty() => {
                    format!("{command} ended with {status}")
                }
                Error::Command { command, status, output } => {
                    format!("{command} ended with {status}: {output}")
                }
                Error::Timeout { .. } => format!("{error}, and was killed"),
                other => other.to_string(),
            })
        })
    }
}
