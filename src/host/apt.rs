//! Packages: an apt transaction for all that is missing, with every service kept down. A large package can have a second one
//! of its own, beside which the rest is configured: what it depends on comes with the first.

use super::account;
use super::apt_fit;
use super::apt_get::{self, DOWNLOADED, apt_command, apt_get, configure_pending, words};
use super::apt_lists;
use super::apt_lock;
use super::apt_mark::Mark;
use super::apt_spoilt;
use super::change::Change;
use super::command::Command;
use super::error::Error;
use super::fresh;
use super::handle::Host;
use super::policy_rc;
use super::resource::{BoxFuture, Finding, Progress, Resource};
use std::path::{Path, PathBuf};

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
    /// Packages of a later transaction whose dependencies come with this one.
    pub ahead_of: Vec<String>,
    /// What the transaction is for; nothing for the one of all components.
    pub purpose: Option<&'static str>,
}

impl Packages {
    /// The id of the package set of all components.
    pub fn id_of() -> String {
        "packages".into()
    }

    /// The id of the package set of `purpose` alone.
    pub fn id_for(purpose: &str) -> String {
        format!("packages:{purpose}")
    }

    /// What a transaction that brings `missing` would newly install, without what a later one brings.
    async fn new_packages(&self, missing: &[String]) -> Result<Vec<String>, Error> {
        let mut all = would_install(&[missing, &self.ahead_of].concat()).await?;
        all.retain(|name| !self.ahead_of.contains(name));
        Ok(all)
    }

    /// Those that are not installed. apt is told to install these alone: it would upgrade others that are named, and stop at
    /// one that an operator holds.
    async fn missing(&self) -> Result<Vec<String>, Error> {
        let installed = installed(&self.names).await?;
        Ok(self.names.iter().filter(|name| !installed.contains(name)).cloned().collect())
    }

    /// Installs what is missing.
    async fn install(&self, host: &Host, progress: &Progress) -> Result<(), Error> {
        if let Some(mark) = Mark::read()? {
            let spoilt = with_files(&mark.spoilt()?).await?;
            if !spoilt.is_empty() {
                return self.set_up_again(&mark, &spoilt, host, progress).await;
            }
        }
        recover(host, progress).await?;
        let missing = self.missing().await?;
        if missing.is_empty() {
            return Ok(());
        }
        let new = self.new_packages(&missing).await?;
        Mark::set(&new, &self.accounts)?;
        fresh::record(&self.first_starts)?;
        let mut dependencies = new;
        dependencies.retain(|name| !self.names.contains(name));
        if self.ahead_of.is_empty() {
            dependencies.clear(); // apt finds them itself
        }
        apt_get(host, &words(&["install"], [&missing, &dependencies]), progress).await?;
        apt_spoilt::mark_automatic(dependencies.iter()).await
    }

    /// Installs what is missing, and once more the packages that a power cut may have spoilt: all are unpacked anew before
    /// any is configured, since the script of one may need the settings of another.
    async fn set_up_again(
        &self,
        mark: &Mark,
        spoilt: &[String],
        host: &Host,
        progress: &Progress,
    ) -> Result<(), Error> {
        apt_spoilt::settle_database().await?;
        apt_lists::update(host, progress).await?;
        let emptied = apt_spoilt::remove_emptied(mark.since(), host.systemd().await?.booted().await?)?;
        apt_spoilt::complete_accounts(mark.new_accounts()).await?;
        Mark::set(&would_install(&self.missing().await?).await?, &self.accounts)?;
        fresh::record(&self.first_starts)?;
        apt_spoilt::unpack_again(spoilt, host, progress).await?;
        let first = ["--fix-broken", "--option=Dpkg::Options::=--force-confmiss", "install"];
        apt_get(host, &words(&first, [&self.missing().await?]), progress).await?;
        if emptied.iter().any(|path| !path.exists()) {
            apt_spoilt::configure_first(spoilt).await?;
        }
        let is_wanted = |name: &String| self.names.contains(name) || self.ahead_of.contains(name);
        apt_spoilt::mark_automatic(spoilt.iter().filter(|name| !is_wanted(name))).await
    }
}

impl Resource for Packages {
    fn id(&self) -> String {
        self.purpose.map_or_else(Self::id_of, Self::id_for)
    }

    fn describe(&self) -> String {
        let ahead = match self.ahead_of.is_empty() {
            true => String::new(),
            false => format!(", and what {} depends on", self.ahead_of.join(" ")),
        };
        format!("install {}{ahead} with apt", self.names.join(" "))
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
            let missing = self.missing().await?;
            if missing.is_empty() {
                return Ok(None);
            }
            apt_lock::wait(host.apt_lock_timeout, &Progress::silent()).await?;
            apt_lists::update(host, &Progress::silent()).await?;
            let installed = self.new_packages(&missing).await?;
            let accounts = account::missing(&self.accounts)?;
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
            apt_lists::settled()?;
            Mark::clear()
        })
    }
}

/// Those of `names` that are installed and configured.
pub async fn installed(names: &[String]) -> Result<Vec<String>, Error> {
    of_status(names, |status| status == "installed").await
}

/// Those of `names` of which dpkg still has files or configuration.
pub async fn with_files(names: &[String]) -> Result<Vec<String>, Error> {
    of_status(names, |status| status != "not-installed").await
}

/// Those of `names` whose status dpkg knows and `is_so` takes.
pub(super) async fn of_status(names: &[String], is_so: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
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
    let simulated = apt_command(words(&["--simulate", verb], [&there])).run().await?;
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
    apt_get(host, &words(&[verb], [&there]), progress).await
}

/// Does `work` while no maintainer script may start a service.
async fn with_services_down(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    policy_rc::deny()?;
    let done = work.await;
    policy_rc::allow()?;
    done
}

/// Installs what `name` depends on and is still missing, with every service kept down.
pub(super) async fn complete(name: &str, host: &Host, progress: &Progress) -> Result<(), Error> {
    let mut missing = would_install(&[name.to_owned()]).await?;
    missing.retain(|other| other != name);
    if missing.is_empty() {
        return Ok(());
    }
    Mark::set(&missing, &[])?;
    with_services_down(apt_get(host, &words(&["install"], [&missing]), progress)).await?;
    apt_spoilt::mark_automatic(missing.iter()).await
}

/// The archive of `name`, from where apt keeps what it has fetched; where it keeps none (of a source on this host), a copy in
/// the empty `folder` of root's.
pub(super) async fn archive(
    name: &str,
    folder: &Path,
    host: &Host,
    progress: &Progress,
) -> Result<PathBuf, Error> {
    let names = [name.to_owned()];
    apt_get(host, &words(&["--download-only", "install"], [&names]), progress).await?;
    let simulated = apt_command(words(&["--simulate", "install"], [&names])).run().await?;
    match simulated.lines().find_map(|line| file_name(line, name)) {
        Some(file) if Path::new(DOWNLOADED).join(&file).is_file() => Ok(Path::new(DOWNLOADED).join(file)),
        _ => download(name, folder).await,
    }
}

/// "odoo-19_19.0_all.deb" of apt's line "Inst odoo-19 (19.0 Debian:unstable [all])".
fn file_name(line: &str, name: &str) -> Option<String> {
    let rest = line.strip_prefix("Inst ")?.strip_prefix(name)?.strip_prefix(" (")?;
    let version = rest.split_whitespace().next()?.replace(':', "%3a");
    let architecture = rest.split_once('[')?.1.split_once(']')?.0;
    Some(format!("{name}_{version}_{architecture}.deb"))
}

/// Fetches the archive of `package` ("NAME" or "NAME=VERSION") into the empty `folder` of root's; apt has verified it.
pub async fn download(package: &str, folder: &Path) -> Result<PathBuf, Error> {
    apt_get::download(&[package.to_owned()], folder).await?;
    let mut entries = std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
    match entries.next() {
        Some(entry) => Ok(entry.map_err(Error::io("read", folder))?.path()),
        None => Err(Error::Unexpected(format!("apt-get fetched no archive of `{package}`"))),
    }
}

/// Finishes what an interrupted run left half done.
async fn recover(host: &Host, progress: &Progress) -> Result<(), Error> {
    if audit().await?.is_none() {
        return Ok(());
    }
    apt_lists::update(host, progress).await?;
    let configured = configure_pending().output().await?;
    // What dpkg could not configure may lack a dependency, which apt brings, or may be unpacked in part, which apt does
    // not mend by itself.
    let in_part = unpacked_in_part().await?;
    let fix = words(&["--fix-broken", "--reinstall", "install"], [&in_part]);
    apt_get(host, &fix, &Progress::silent()).await?;
    match audit().await? {
        None => Ok(()),
        Some(_) => Err(configured.into_error("dpkg --configure --pending".into())),
    }
}

/// The packages that dpkg was interrupted in unpacking: it does not configure them until they are unpacked anew.
async fn unpacked_in_part() -> Result<Vec<String>, Error> {
    let format = "${binary:Package}\t${db:Status-Eflag}\n";
    let text = Command::new("dpkg-query").args(["--show", "--showformat", format]).run().await?;
    let name = |line: &str| line.strip_suffix("\treinstreq").map(str::to_owned);
    Ok(text.lines().filter_map(name).collect())
}

/// What `apt-get install` of `names` would newly install, dependencies among them, also while dpkg is interrupted.
pub(super) async fn would_install(names: &[String]) -> Result<Vec<String>, Error> {
    let simulated = apt_command(words(&["--simulate", "--fix-broken", "install"], [names]));
    let output = simulated.output().await?;
    if output.code != Some(0) {
        let told = apt_fit::unmet(&output.stdout).or_else(|| apt_fit::unknown(&output.stderr));
        return Err(told.unwrap_or_else(|| output.into_error(simulated.line())));
    }
    let output = output.stdout;
    // "Inst NAME (VERSION …" is new; "Inst NAME [OLD] (VERSION …" an upgrade.
    let new = |line: &str| {
        let mut words = line.strip_prefix("Inst ")?.split_whitespace();
        let name = words.next()?;
        words.next().is_some_and(|word| word.starts_with('(')).then(|| name.to_owned())
    };
    Ok(output.lines().filter_map(new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_line_names_the_archive() {
        let line = "Inst odoo-19 (1:19.0.0+dfsg-1 Debian:unstable [all])";
        assert_eq!(file_name(line, "odoo-19").as_deref(), Some("odoo-19_1%3a19.0.0+dfsg-1_all.deb"));
        assert_eq!(file_name("Inst odoo-19-x (2 Debian [all])", "odoo-19"), None);
        assert_eq!(file_name("Conf odoo-19 (2 Debian [all])", "odoo-19"), None);
    }
}
