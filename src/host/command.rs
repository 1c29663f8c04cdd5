//! Commands with a time limit, captured output, no terminal, and an environment of our own making.
//!
//! No secret may stand in an argument: hand it over on standard input.

use super::account;
use super::error::Error;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Lines of output that an error quotes.
const QUOTED_LINES: usize = 15;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command to run.
#[derive(Debug, Clone)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    user: Option<String>,
    input: Option<Vec<u8>>,
    folder: PathBuf,
    limit: Duration,
}

/// What a command left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    status: String,
}

impl Command {
    /// `program`, found on the fixed PATH, limited to 60 s.
    pub fn new(program: &str) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            user: None,
            input: None,
            folder: "/".into(),
            limit: Duration::from_secs(60),
        }
    }

    /// Adds arguments.
    pub fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs as this user, with its own group alone.
    pub fn user(mut self, name: &str) -> Self {
        self.user = Some(name.into());
        self
    }

    /// What it reads on standard input; without this it reads nothing.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// The folder that it works in; without this `/`.
    pub fn current_dir(mut self, folder: &Path) -> Self {
        self.folder = folder.to_owned();
        self
    }

    /// How long it may take before it is ended.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The command line, for messages.
    pub fn line(&self) -> String {
        std::iter::once(&self.program)
            .chain(&self.arguments)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// What it reads on standard input.
    pub(super) fn input_bytes(&self) -> Option<&[u8]> {
        self.input.as_deref()
    }

    /// How long it may take.
    pub(super) fn time_limit(&self) -> Duration {
        self.limit
    }

    /// The program and its arguments.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        std::iter::once(&self.program).chain(&self.arguments).cloned()
    }

    /// The process to spawn, everything set but the output pipes.
    pub(super) fn process(&self) -> Result<tokio::process::Command, Error> {
        let mut process = tokio::process::Command::new(&self.program);
        process.args(&self.arguments).env_clear().env("PATH", PATH).env("HOME", "/root");
        process.env("LC_ALL", "C.UTF-8").envs(self.environment.iter().map(|(name, value)| (name, value)));
        process.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        // A group of its own: Ctrl-C at the terminal stops hams between two steps, not dpkg in the middle of one.
        process.current_dir(&self.folder).kill_on_drop(true).process_group(0);
        if let Some(user) = &self.user {
            let account = account::user(user)?;
            process.uid(account.uid.as_raw()).gid(account.gid.as_raw());
            process.env("HOME", &account.dir).env("USER", user).env("LOGNAME", user);
        }
        Ok(process)
    }

    /// Runs it and hands back whatever it did, also a failure.
    pub async fn output(&self) -> Result<Output, Error> {
        let mut process = self.process()?;
        process.stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = process.spawn();
        let mut child = spawned.map_err(|source| Error::Spawn { command: self.line(), source })?;
        let (stdin, input) = (child.stdin.take(), self.input.clone());
        let feed = async move {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // A program that ends without reading its input says why by its status.
                let _closed_early = stdin.write_all(&input).await;
            }
        };
        let both = async { tokio::join!(child.wait_with_output(), feed).0 };
        let ended = tokio::time::timeout(self.limit, both).await;
        let ended = ended.map_err(|_| Error::Timeout { command: self.line(), limit: self.limit })?;
        let ended = ended.map_err(|source| Error::Spawn { command: self.line(), source })?;
        Ok(Output {
            code: ended.status.code(),
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
            status: ended.status.to_string(),
        })
    }

    /// Runs it with `file` for its standard output, on the disk when this returns; anything but status 0 is an error.
    pub async fn run_into(&self, file: std::fs::File) -> Result<(), Error> {
        let failed = |source| Error::Spawn { command: self.line(), source };
        let mut process = self.process()?;
        process.stdout(file.try_clone().map_err(failed)?).stderr(Stdio::piped());
        let child = process.spawn().map_err(failed)?;
        let ended = tokio::time::timeout(self.limit, child.wait_with_output()).await;
        let ended = ended.map_err(|_| Error::Timeout { command: self.line(), limit: self.limit })?;
        let ended = ended.map_err(failed)?;
        if !ended.status.success() {
            let output = last_lines(&String::from_utf8_lossy(&ended.stderr));
            return Err(Error::Command { command: self.line(), status: ended.status.to_string(), output });
        }
        file.sync_all().map_err(failed)
    }

    /// Runs it and passes each line of its standard error on; anything but status 0 is an error that quotes the last ones, and
    /// those that tell of a full disk.
    pub async fn run_telling(&self, mut tell: impl FnMut(&str)) -> Result<(), Error> {
        let failed = |source| Error::Spawn { command: self.line(), source };
        let mut process = self.process()?;
        process.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = process.spawn().map_err(failed)?;
        let stderr = child.stderr.take();
        let mut kept: VecDeque<String> = VecDeque::new();
        let mut full = None;
        let read = async {
            let Some(stderr) = stderr else { return };
            let mut lines = BufReader::new(stderr).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                let line = String::from_utf8_lossy(&line).into_owned();
                tell(&line);
                if full.is_none() && line.contains("No space left") {
                    full = Some(line.clone());
                }
                kept.push_back(line);
                if kept.len() > QUOTED_LINES {
                    kept.pop_front();
                }
            }
        };
        let both = async { tokio::join!(child.wait(), read).0 };
        let ended = tokio::time::timeout(self.limit, both).await;
        let ended = ended.map_err(|_| Error::Timeout { command: self.line(), limit: self.limit })?;
        let ended = ended.map_err(failed)?;
        if ended.success() {
            return Ok(());
        }
        let lines: Vec<String> = full.into_iter().chain(kept).collect();
        Err(Error::Command {
            command: self.line(),
            status: ended.to_string(),
            output: last_lines(&lines.join("\n")),
        })
    }

    /// Runs it; anything but status 0 is an error that quotes its last lines. Gives standard output.
    pub async fn run(&self) -> Result<String, Error> {
        let output = self.output().await?;
        if output.code == Some(0) { Ok(output.stdout) } else { Err(output.into_error(self.line())) }
    }
}

impl Output {
    /// The error that a failed command makes.
    pub fn into_error(self, command: String) -> Error {
        let text = if self.stderr.trim().is_empty() { self.stdout } else { self.stderr };
        Error::Command { command, status: self.status, output: last_lines(&text) }
    }
}

/// Whether `program` is on the PATH that commands get.
pub fn is_installed(program: &str) -> bool {
    which::which_in(program, Some(PATH), "/").is_ok()
}

/// The last lines of `text`, as many as an error quotes.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn feeds_input_and_captures_output() {
        let output = Command::new("cat").input("hello").run().await.unwrap();
        assert_eq!(output, "hello");
    }

    #[tokio::test]
    async fn a_failure_names_the_command_and_quotes_it() {
        let error = Command::new("sh").args(["-c", "echo why >&2; exit 3"]).run().await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("sh -c") && text.contains("exit status: 3") && text.contains("why"), "{text}");
    }

    #[tokio::test]
    async fn the_limit_ends_it() {
        let error =
            Command::new("sleep").args(["30"]).limit(Duration::from_millis(50)).run().await.unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error}");
    }
}
