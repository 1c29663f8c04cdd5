//! Taking back what a receipt says, from the record alone: no resource of today's code is needed for it.

use super::apt;
use super::change::{Backup, Change};
use super::command::Command;
use super::error::Error;
use super::file::{existing, remove_all};
use super::handle::Host;
use super::resource::Progress;
use super::unit_stamp;
use super::units::{Job, Systemd};
use super::{account, write};
use std::fs;
use std::path::Path;

/// Debian 13's systemd makes this link; a purge of the package `locales` takes it away.
const LOCALE: &str = "/etc/default/locale";

/// What an uninstall may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// Databases, queues and the vault too.
    pub purge_data: bool,
    /// Packages stay installed.
    pub keep_packages: bool,
}

/// Takes `change` back. `installed` are all packages that hams installed. Gives what stays on the host, in words.
pub async fn revert(
    change: &Change,
    installed: &[String],
    scope: Scope,
    host: &Host,
    progress: &Progress,
) -> Result<Vec<String>, Error> {
    match change {
        Change::File { path, before } => file(path, before.as_ref()).map(|()| Vec::new()),
        Change::Directory { path } => directory(path),
        Change::Link { path, target } => link(path, target).map(|()| Vec::new()),
        Change::Unit { name, was_enabled, was_active } => {
            unit_back(host.systemd().await?, name, *was_enabled, *was_active).await.map(|()| Vec::new())
        }
        Change::Packages { installed, accounts, data } => {
            packages(installed, accounts, data, scope, host, progress).await
        }
        Change::Data { paths } => {
            if scope.purge_data {
                paths.iter().try_for_each(|path| remove_all(path)).map(|()| Vec::new())
            } else {
                Ok(paths.iter().filter(|path| path.exists()).map(|path| path.display().to_string()).collect())
            }
        }
        Change::Account { name, owns_data } => {
            if *owns_data && !scope.purge_data {
                return Ok(vec![format!("account {name}")]);
            }
            remove_account(name).await.map(|()| Vec::new())
        }
        Change::Tree { path } => remove_all(path).map(|()| Vec::new()),
        Change::Undo { package, commands, data_commands } => {
            if installed.contains(package) && !scope.keep_packages {
                return Ok(Vec::new());
            }
            run_all(commands).await?;
            if scope.purge_data {
                return run_all(data_commands).await.map(|()| Vec::new());
            }
            Ok(data_commands.iter().map(|words| format!("what `{}` removes", words.join(" "))).collect())
        }
    }
}

async fn run_all(commands: &[Vec<String>]) -> Result<(), Error> {
    for words in commands {
        if let Some((program, arguments)) = words.split_first() {
            Command::new(program).args(arguments.iter().cloned()).run().await?;
        }
    }
    Ok(())
}

fn file(path: &Path, before: Option<&Backup>) -> Result<(), Error> {
    let Some(backup) = before else { return write::remove_if_there(path) };
    if existing(&backup.content)?.is_none() && existing(path)?.is_some() {
        return Ok(()); // put back by an uninstall that was cut short after this
    }
    let content = fs::read(&backup.content).map_err(Error::io("read", &backup.content))?;
    write::atomically(path, &content, backup.access())?;
    write::remove_if_there(&backup.content)
}

fn directory(path: &Path) -> Result<Vec<String>, Error> {
    match fs::remove_dir(path) {
        Ok(()) => Ok(Vec::new()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
            Ok(vec![path.display().to_string()])
        }
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}

/// Makes a link again. What has taken its place since stays; where its folder is gone, so is what it was for.
fn link(path: &Path, target: &Path) -> Result<(), Error> {
    if existing(path)?.is_some() || !path.parent().is_some_and(Path::is_dir) {
        return Ok(());
    }
    std::os::unix::fs::symlink(target, path).map_err(Error::io("link", path))
}

async fn unit_back(systemd: &Systemd, name: &str, was_enabled: bool, was_active: bool) -> Result<(), Error> {
    let state = systemd.state(name).await?;
    if state.load != "not-found" {
        if !was_active && state.active != "inactive" {
            systemd.run(Job::Stop, name).await?;
        }
        if !was_enabled && state.unit_file == "enabled" {
            systemd.disable(name).await?;
        }
        if state.active == "failed" {
            systemd.reset_failed(name).await?;
        }
    }
    write::remove_if_there(&unit_stamp::path(name))
}

async fn packages(
    installed: &[String],
    accounts: &[String],
    data: &[std::path::PathBuf],
    scope: Scope,
    host: &Host,
    progress: &Progress,
) -> Result<Vec<String>, Error> {
    if scope.keep_packages {
        return Ok(vec![format!("packages: {}", installed.join(" "))]);
    }
    let locale = fs::read_link(LOCALE).ok();
    apt::remove(host, installed, scope.purge_data, progress).await?;
    if let Some(target) = locale {
        link(Path::new(LOCALE), &target)?;
    }
    if !scope.purge_data {
        let kept = data.iter().filter(|path| path.exists()).map(|path| path.display().to_string());
        let accounts = accounts.iter().map(|name| format!("account {name}"));
        let configured = apt::with_files(installed).await?;
        let configuration = (!configured.is_empty())
            .then(|| format!("configuration of the packages {}", configured.join(" ")));
        return Ok(kept.chain(accounts).chain(configuration).collect());
    }
    for path in data {
        remove_all(path)?;
    }
    for name in accounts {
        remove_account(name).await?;
    }
    Ok(Vec::new())
}

async fn remove_account(name: &str) -> Result<(), Error> {
    if account::find_user(name)?.is_some() {
        Command::new("userdel").args([name]).run().await?;
    }
    if account::find_group(name)?.is_some() {
        Command::new("groupdel").args([name]).run().await?;
    }
    Ok(())
}
