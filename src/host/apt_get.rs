//! Running apt-get and dpkg: without questions, with a time limit, apt's own progress passed on, their words kept for errors.

use super::command::{Command, last_lines};
use super::error::Error;
use super::handle::Host;
use super::resource::Progress;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

/// Where apt keeps what it has fetched.
pub(super) const DOWNLOADED: &str = "/var/cache/apt/archives";
/// An apt transaction may take this long before it is ended.
pub(super) const LIMIT: Duration = Duration::from_secs(3600);
/// Lines before dpkg's first error that an error quotes.
const WORDS_BEFORE: usize = 5;
/// Lines that an error quotes at most.
const QUOTED_LINES: usize = 20;

/// `first`, and all of `names`.
pub(super) fn words<const N: usize>(first: &[&str], names: [&[String]; N]) -> Vec<String> {
    let first = first.iter().map(|word| (*word).to_owned());
    first.chain(names.into_iter().flatten().cloned()).collect()
}

/// `command` told to ask nothing and to restart nothing. Settings that ucf(1) keeps come back where they are missing: a power
/// cut can take them, and ucf would hold that for an operator's wish.
pub(super) fn quiet(command: Command) -> Command {
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("APT_LISTCHANGES_FRONTEND", "none")
        .env("UCF_FORCE_CONFFMISS", "1")
        .env("NEEDRESTART_MODE", "l")
        .env("NEEDRESTART_SUSPEND", "hams-install")
}

/// apt-get with our options, for what changes nothing or needs no progress.
pub(super) fn apt_command(words: impl IntoIterator<Item = String>) -> Command {
    let options = [
        "--yes",
        "--quiet",
        "--no-install-recommends",
        "--option=Dpkg::Options::=--force-confdef",
        "--option=Dpkg::Options::=--force-confold",
        "--option=Dpkg::Use-Pty=0",
        "--option=Acquire::Retries=3",
    ];
    quiet(Command::new("apt-get")).args(options).args(words).limit(LIMIT)
}

/// Fetches the archives of `packages` ("NAME" or "NAME=VERSION") into the folder; apt has verified them.
pub(super) async fn download(packages: &[String], folder: &Path) -> Result<(), Error> {
    let words = words(&["--option=APT::Sandbox::User=root", "download"], [packages]);
    apt_command(words).current_dir(folder).run().await.map(drop)
}

/// dpkg, told to configure all that is unpacked and to work off triggers.
pub(super) fn configure_pending() -> Command {
    let options = ["--force-confdef", "--force-confold", "--configure", "--pending"];
    quiet(Command::new("dpkg")).args(options).limit(LIMIT)
}

/// Runs apt-get and passes its own progress on.
pub(super) async fn apt_get(host: &Host, words: &[String], progress: &Progress) -> Result<(), Error> {
    let timeout = format!("--option=DPkg::Lock::Timeout={}", host.apt_lock_timeout.as_secs());
    let apt = apt_command(words.iter().cloned()).args([timeout, "--option=APT::Status-Fd=3".to_owned()]);
    // The shell gives apt its status on descriptor 3: our pipe; its words go where its errors go.
    let line = apt.line();
    let mut process = quiet(Command::new("sh"))
        .args(["-c", "exec \"$@\" 3>&1 1>&2", "sh"])
        .args(apt.words())
        .limit(LIMIT)
        .process()?;
    process.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process.spawn().map_err(|source| Error::Spawn { command: line.clone(), source })?;
    let (status, words) = (child.stdout.take(), child.stderr.take());
    let follow = async {
        if let Some(status) = status {
            let mut lines = BufReader::new(status).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((percent, message)) = status_line(&line) {
                    progress.report(percent, message);
                }
            }
        }
    };
    let read = async {
        let mut text = Vec::new();
        if let Some(mut words) = words {
            words.read_to_end(&mut text).await?;
        }
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&text).into_owned())
    };
    let all = async { tokio::join!(child.wait(), follow, read) };
    let ended = tokio::time::timeout(LIMIT, all).await;
    let (ended, (), text) = ended.map_err(|_| Error::Timeout { command: line.clone(), limit: LIMIT })?;
    let ended = ended.map_err(|source| Error::Spawn { command: line.clone(), source })?;
    let text = text.map_err(|source| Error::Spawn { command: line.clone(), source })?;
    if ended.success() {
        return Ok(());
    }
    Err(Error::Command { command: line, status: ended.to_string(), output: reasons(&text) })
}

/// Why apt-get failed: where dpkg stopped, with what stood before (a maintainer script's own words); a full disk; apt's "E:".
fn reasons(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let failed = lines.iter().position(|line| line.starts_with("dpkg: error"));
    let before = failed.map_or(&[][..], |failed| &lines[failed.saturating_sub(WORDS_BEFORE)..failed]);
    let mut quoted = before.to_vec();
    // dpkg goes on in an indented line.
    let is_reason = |index: usize, line: &str| {
        let goes_on = index > 0 && line.starts_with(' ') && lines[index - 1].starts_with("dpkg: error");
        goes_on || line.starts_with("dpkg: error") || line.starts_with("E:") || line.contains("No space left")
    };
    let reasons = lines.iter().enumerate().filter(|(index, line)| is_reason(*index, line));
    for (_, line) in reasons {
        if !quoted.contains(line) {
            quoted.push(line);
        }
    }
    if quoted.is_empty() { last_lines(text) } else { quoted[..quoted.len().min(QUOTED_LINES)].join("\n") }
}

/// "pmstatus:NAME:PERCENT:MESSAGE" or "dlstatus:N:PERCENT:MESSAGE" (apt's README.progress-reporting).
fn status_line(line: &str) -> Option<(f32, &str)> {
    let mut parts = line.splitn(4, ':');
    if !matches!(parts.next()?, "pmstatus" | "dlstatus") {
        return None;
    }
    let percent = parts.nth(1)?.parse().ok()?;
    Some((percent, parts.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_quotes_the_script_dpkg_and_apt() {
        let text = "Reading package lists...\nSetting up python3 ...\nTraceback: no module\n\
            dpkg: error processing package python3 (--configure):\n \
            installed python3 package post-installation script subprocess returned error exit status 1\n\
            Setting up adduser ...\nErrors were encountered while processing:\n python3\n\
            E: Sub-process /usr/bin/dpkg returned an error code (1)\n";
        let quoted = reasons(text);
        assert!(quoted.contains("Traceback: no module\ndpkg: error processing package python3"), "{quoted}");
        assert!(quoted.contains("exit status 1\nE: Sub-process"), "{quoted}");
        assert!(!quoted.contains("adduser"), "{quoted}");
        assert_eq!(reasons("one\n\ntwo\n"), "one\ntwo");
    }

    #[test]
    fn reads_apts_status() {
        assert_eq!(
            status_line("pmstatus:erlang-base:42.5:Unpacking erlang-base"),
            Some((42.5, "Unpacking erlang-base"))
        );
        assert_eq!(
            status_line("dlstatus:3:10.0:Retrieving file 3 of 9"),
            Some((10.0, "Retrieving file 3 of 9"))
        );
        assert_eq!(status_line("Reading package lists..."), None);
    }
}
