//! Packages: one apt transaction for all that is missing, with every service kept down.

use super::account;
use super::apt_lock;
use super::apt_mark::Mark;
use super::apt_spoilt;
use super::change::Change;
use super::command::{Command, last_lines};
use super::error::Error;
use super::fresh;
use super::handle::Host;
use super::policy_rc;
use super::resource::{BoxFuture, Finding, Progress, Resource};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

/// An apt transaction may take this long before it is ended.
const LIMIT: Duration = Duration::from_secs(3600);
/// Lines before dpkg's first error that an error quotes.
const WORDS_BEFORE: usize = 5;
/// Lines that an error quotes at most.
const QUOTED_LINES: usize = 20;

/// A set of packages that must be installed.
#[derive(Debug, Clone, Default)]
pub struct Packages {
    /// Their names.
    pub names: Vec<String>,
    /// Accounts that they make, groups without a user among them.
    pub accounts: Vec<String>,
    /// Folders that they fill with data of the operator's.
    pub data: Vec<PathBuf>,
    /// Of these, the ones whose unit watches over its first start.
    pub first_starts: Vec<PathBuf>,
}

impl Packages {
    /// The id of the one package set of a plan.
    pub fn id_of() -> String {
        "packages".into()
    }

    async fn missing(&self) -> Result<Vec<String>, Error> {
        let installed = installed(&self.names).await?;
        Ok(self.names.iter().filter(|name| !installed.contains(name)).cloned().collect())
    }

    /// Installs what is missing, and once more what a power cut may have spoilt.
    async fn install(&self, host: &Host, progress: &Progress) -> Result<(), Error> {
        let mark = Mark::read()?;
        let spoilt = mark.as_ref().map_or(Ok(Vec::new()), Mark::spoilt)?;
        let spoilt = with_files(&spoilt).await?;
        let emptied = match &mark {
            Some(mark) if !spoilt.is_empty() => {
                apt_spoilt::remove_emptied(mark.since(), host.systemd().await?.booted().await?)?
            }
            _ => Vec::new(),
        };
        recover(host).await?;
        let words = |first: &[&str], names: &[String]| -> Vec<String> {
            first.iter().map(|word| (*word).to_owned()).chain(names.iter().cloned()).collect()
        };
        if !self.missing().await?.is_empty() {
            Mark::set(&would_install(&self.names).await?)?;
            fresh::record(&self.first_starts)?;
            apt_get(host, &words(&["install"], &self.names), progress).await?;
        }
        if !spoilt.is_empty() {
            let again = ["install", "--reinstall", "--option=Dpkg::Options::=--force-confmiss"];
            apt_get(host, &words(&again, &spoilt), progress).await?;
            if emptied.iter().any(|path| !path.exists()) {
                apt_spoilt::configure_first(&spoilt).await?;
            }
            apt_spoilt::complete_accounts(&self.accounts).await?;
        }
        Ok(())
    }
}

impl Resource for Packages {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        format!("install {} with apt", self.names.join(" "))
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let (missing, audit) = tokio::try_join!(self.missing(), audit())?;
            let mut reasons = Vec::new();
            if !missing.is_empty() {
                reasons.push(format!("not installed: {}", missing.join(" ")));
            }
            if let Some(first) = audit {
                reasons.push(format!("dpkg was interrupted: {first}"));
            }
            if policy_rc::is_left_behind()? {
                reasons.push("the policy that keeps services down was left behind".into());
            }
            if let Some(mark) = Mark::read()? {
                let spoilt = mark.spoilt()?.len();
                reasons.push(match spoilt {
                    0 => "an apt run was cut short".into(),
                    _ => format!(
                        "the power went during an apt run: its {spoilt} packages are to be set up again"
                    ),
                });
            }
            Ok(Finding::from_reasons(reasons))
        })
    }

    fn undo<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            if self.missing().await?.is_empty() {
                return Ok(None);
            }
            apt_lock::wait(host.apt_lock_timeout, &Progress::silent()).await?;
            update(host, &Progress::silent()).await?;
            with_services_down(recover(host)).await?;
            let installed = would_install(&self.names).await?;
            let mut accounts = Vec::new();
            for name in &self.accounts {
                if account::find_user(name)?.is_none() && account::find_group(name)?.is_none() {
                    accounts.push(name.clone());
                }
            }
            Ok(Some(Change::Packages { installed, accounts, data: self.data.clone() }))
        })
    }

    fn adds_up(&self) -> bool {
        true
    }

    fn apply<'a>(&'a self, host: &'a Host, progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            apt_lock::wait(host.apt_lock_timeout, progress).await?;
            with_services_down(self.install(host, progress)).await?;
            // Maintainer scripts do not sync what they write; a power cut after this step must not undo it.
            nix::unistd::sync();
            Mark::clear()
        })
    }
}

/// Those of `names` that are installed and configured.
async fn installed(names: &[String]) -> Result<Vec<String>, Error> {
    of_status(names, |status| status == "installed").await
}

/// Those of `names` of which dpkg still has files or configuration.
pub async fn with_files(names: &[String]) -> Result<Vec<String>, Error> {
    of_status(names, |status| status != "not-installed").await
}

/// Those of `names` whose status dpkg knows and `is_so` takes.
async fn of_status(names: &[String], is_so: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
    if names.is_empty() {
        return Ok(Vec::new()); // dpkg-query would list every package
    }
    let format = "${Package}\t${db:Status-Status}\n";
    let command =
        Command::new("dpkg-query").args(["--show", "--showformat", format]).args(names.iter().cloned());
    let output = command.output().await?;
    // 1: some name is unknown to dpkg, which is what is asked here.
    if !matches!(output.code, Some(0 | 1)) {
        return Err(output.into_error(command.line()));
    }
    let lines = output.stdout.lines().filter_map(|line| line.split_once('\t'));
    Ok(lines.filter(|(_, status)| is_so(status)).map(|(name, _)| name.to_owned()).collect())
}

/// The first line of what `dpkg --audit` finds wrong; `None` when all is well.
pub async fn audit() -> Result<Option<String>, Error> {
    let output = Command::new("dpkg").args(["--audit"]).output().await?;
    let first = output.stdout.lines().find(|line| !line.trim().is_empty());
    Ok(first.map(|line| line.trim().to_owned()))
}

/// Removes `names`; with `purge`, their configuration and data too. Nothing else is ever removed with them.
pub async fn remove(host: &Host, names: &[String], purge: bool, progress: &Progress) -> Result<(), Error> {
    let there = with_files(names).await?;
    if there.is_empty() {
        return Ok(());
    }
    let verb = if purge { "purge" } else { "remove" };
    let words = || std::iter::once(verb.to_owned()).chain(there.iter().cloned());
    let simulated = apt_command(["--simulate".to_owned()].into_iter().chain(words())).run().await?;
    let others: Vec<&str> = simulated
        .lines()
        .filter_map(|line| line.strip_prefix("Remv ").or_else(|| line.strip_prefix("Purg ")))
        .filter_map(|rest| rest.split_whitespace().next())
        .filter(|name| !there.iter().any(|ours| ours == name))
        .collect();
    if !others.is_empty() {
        return Err(Error::Unexpected(format!(
            "removing what hams installed would also remove {}\n\
             hint: remove these yourself first, or keep all with `hams-install uninstall --keep-packages`",
            others.join(" ")
        )));
    }
    apt_lock::wait(host.apt_lock_timeout, progress).await?;
    apt_get(host, &words().collect::<Vec<_>>(), progress).await
}

/// Does `work` while no maintainer script may start a service.
async fn with_services_down(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    policy_rc::deny()?;
    let done = work.await;
    policy_rc::allow()?;
    done
}

/// Fetches the package lists, unless told to do without.
async fn update(host: &Host, progress: &Progress) -> Result<(), Error> {
    if host.offline {
        return Ok(());
    }
    apt_get(host, &["update".to_owned(), "--error-on=any".to_owned()], progress).await
}

/// Finishes what an interrupted run left half done.
async fn recover(host: &Host) -> Result<(), Error> {
    if audit().await?.is_none() {
        return Ok(());
    }
    let configure =
        Command::new("dpkg").args(["--force-confdef", "--force-confold", "--configure", "--pending"]);
    let configured = quiet(configure).limit(LIMIT).output().await?;
    // What dpkg could not configure may only lack a dependency, which apt brings.
    apt_get(host, &["--fix-broken".to_owned(), "install".to_owned()], &Progress::silent()).await?;
    match audit().await? {
        None => Ok(()),
        Some(_) => Err(configured.into_error("dpkg --configure --pending".into())),
    }
}

/// What `apt-get install` of `names` would newly install, dependencies among them.
async fn would_install(names: &[String]) -> Result<Vec<String>, Error> {
    let words = ["--simulate".to_owned(), "install".to_owned()].into_iter().chain(names.iter().cloned());
    let output = apt_command(words).run().await?;
    // "Inst NAME (VERSION …" is new; "Inst NAME [OLD] (VERSION …" an upgrade.
    let new = |line: &str| {
        let mut words = line.strip_prefix("Inst ")?.split_whitespace();
        let name = words.next()?;
        words.next().is_some_and(|word| word.starts_with('(')).then(|| name.to_owned())
    };
    Ok(output.lines().filter_map(new).collect())
}

fn quiet(command: Command) -> Command {
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("APT_LISTCHANGES_FRONTEND", "none")
        .env("NEEDRESTART_MODE", "l")
        .env("NEEDRESTART_SUSPEND", "hams-install")
}

fn apt_command(words: impl IntoIterator<Item = String>) -> Command {
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

/// Runs apt-get and passes its own progress on.
async fn apt_get(host: &Host, words: &[String], progress: &Progress) -> Result<(), Error> {
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
