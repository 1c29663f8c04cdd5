//! A command of somebody else's that must not outlive its limit: it is ended with all that it has started.

use super::command::Command;
use super::error::Error;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What is kept of standard error.
const KEPT: usize = 8 * 1024;

/// The processes that a command has started; they end when this is dropped.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // One that has ended by itself is what is wanted.
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}

/// Runs `command` within its limit, then ends whatever is left of it; anything but status 0 is an error with the last line that
/// it wrote to standard error. Its standard output is thrown away. It ends, too, when the future is dropped.
pub async fn run(command: &Command) -> Result<(), Error> {
    let failed = |source| Error::Spawn { command: command.line(), source };
    let mut process = command.process()?;
    let mut child = process.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let group = id.map(|id| Group(Pid::from_raw(id)));
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let feed = async move {
        if let (Some(mut stdin), Some(input)) = (stdin, command.input_bytes()) {
            // A program that ends without reading its input says why by its status.
            let _closed_early = stdin.write_all(input).await;
        }
    };
    let mut kept = Vec::new();
    let read = async {
        let Some(mut stderr) = stderr else { return };
        let mut piece = [0; 1024];
        while let Ok(length @ 1..) = stderr.read(&mut piece).await {
            kept.extend_from_slice(piece.get(..length).unwrap_or_default());
            let excess = kept.len().saturating_sub(KEPT);
            kept.drain(..excess);
        }
    };
    // What it has left behind would hold its standard error open.
    let wait = async {
        let ended = child.wait().await;
        drop(group);
        ended
    };
    let ended = tokio::time::timeout(command.time_limit(), async { tokio::join!(wait, read, feed).0 }).await;
    let ended = ended.map_err(|_| Error::Timeout { command: command.line(), limit: command.time_limit() })?;
    let ended = ended.map_err(failed)?;
    if ended.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&kept);
    let output = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned();
    Err(Error::Command { command: command.line(), status: ended.to_string(), output })
}
