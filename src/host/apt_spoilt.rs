//! Setting packages up again whose apt run a power cut ended: see [`apt_mark`](super::apt_mark) for what it spoils.

use super::account;
use super::apt_get::{DOWNLOADED, LIMIT as APT_LIMIT, configure_pending, download, quiet};
use super::command::Command;
use super::error::Error;
use super::file::{read_if_there, remove_all};
use super::handle::Host;
use super::resource::Progress;
use super::write;
use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SETTINGS: &str = "/etc";
const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";
const OVERRIDES: &str = "/var/lib/dpkg/statoverride";
/// The tables of accounts.
const TABLES: [&str; 6] =
    ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"];
/// Where dpkg keeps maintainer scripts.
const SCRIPTS: &str = "/var/lib/dpkg/info";
/// Where the archives are gathered that are unpacked again.
const ARCHIVES: &str = "/var/cache/hams-archives";
/// What userdel(8) ends with when a process runs as the account.
const IN_USE: i32 = 8;
/// A maintainer script may take this long.
const LIMIT: Duration = Duration::from_secs(600);

/// Brings what dpkg had noted when the power went into its database, without setting up anything: apt does not work before.
pub async fn settle_database() -> Result<(), Error> {
    Command::new("dpkg").args(["--set-selections"]).run().await.map(drop)
}

/// Unpacks `names` anew, with all their settings waiting to be configured. Not by apt: it does not unpack what it takes to
/// be unpacked already ("Internal Error, No file name for …").
pub async fn unpack_again(names: &[String], host: &Host, progress: &Progress) -> Result<(), Error> {
    let folder = Path::new(ARCHIVES);
    remove_all(folder)?;
    std::fs::create_dir(folder).map_err(Error::io("create", folder))?;
    if host.offline {
        gather(names, folder).await?;
    } else {
        progress.report(0.0, "fetching what is to be unpacked again");
        download(names, folder).await?;
    }
    let mut archives = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        archives.push(entry.map_err(Error::io("read", folder))?.path().to_string_lossy().into_owned());
    }
    progress.report(0.0, "unpacking again");
    // What one needs of another to be unpacked was there when it was unpacked first.
    let options = ["--force-confdef", "--force-confold", "--force-confmiss", "--force-depends", "--unpack"];
    let unpack = Command::new("dpkg").args(options).args(archives).limit(APT_LIMIT);
    quiet(unpack).run().await?;
    remove_all(folder)
}

/// Copies the archives of `names`, in the versions that dpkg has of them, from where apt keeps them.
async fn gather(names: &[String], folder: &Path) -> Result<(), Error> {
    let format = "${Package}_${Version}_${Architecture}.deb\n";
    let query =
        Command::new("dpkg-query").args(["--show", "--showformat", format]).args(names.iter().cloned());
    for line in query.run().await?.lines() {
        let file = line.replace(':', "%3a");
        let archive = Path::new(DOWNLOADED).join(&file);
        if !archive.exists() {
            return Err(Error::Unexpected(format!(
                "`{}` is not there, and a power cut may have spoilt its package\n\
                 hint: run again without `--offline`",
                archive.display()
            )));
        }
        std::fs::copy(&archive, folder.join(&file)).map_err(Error::io("copy", &archive))?;
    }
    Ok(())
}

/// Says to apt once more that `names` came as dependencies: what it had noted of it may be gone, and installing them by
/// name says the contrary.
pub async fn mark_automatic(names: impl Iterator<Item = &String>) -> Result<(), Error> {
    let names: Vec<String> = names.cloned().collect();
    if names.is_empty() {
        return Ok(());
    }
    Command::new("apt-mark").args(["auto"]).args(names).run().await.map(drop)
}

/// Removes the empty files below /etc that came to be from `since` to before `until` (since the epoch): what a power cut
/// emptied. dpkg and maintainer scripts would keep them as an operator's own; those that are meant to be empty
/// come back with their package. Gives what was removed; tables of accounts that were never finished go, too.
pub fn remove_emptied(since: Duration, until: Duration) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    let mut folders = vec![PathBuf::from(SETTINGS)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let found = std::fs::symlink_metadata(&path).map_err(Error::io("read", &path))?;
            let is_of_then = (since..until).contains(&changed(&found));
            if found.is_dir() {
                folders.push(path);
            } else if found.is_file() && is_of_then && is_unfinished_table(&path) {
                write::remove_if_there(&path)?;
            } else if found.is_file() && found.len() == 0 && is_of_then {
                write::remove_if_there(&path)?;
                removed.push(path);
            }
        }
    }
    Ok(removed)
}

/// Whether useradd or its like has left `path` behind: "passwd+", which was to take the place of the table, or "passwd.963",
/// its lock under the number of its process.
fn is_unfinished_table(path: &Path) -> bool {
    let Some(path) = path.to_str() else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    TABLES.iter().any(|table| {
        let ending = path.strip_prefix(table).unwrap_or_default();
        ending == "+" || ending.strip_prefix('.').is_some_and(is_number)
    })
}

/// When a file's name, owner or content was last changed, since the epoch.
fn changed(found: &Metadata) -> Duration {
    let seconds = u64::try_from(found.ctime()).unwrap_or_default();
    Duration::new(seconds, u32::try_from(found.ctime_nsec()).unwrap_or_default())
}

/// Configures `names` as at their first installation: some scripts write their settings only then. Such a script must bear
/// being run again (Debian policy, 6.2). It runs as dpkg runs it (dpkg(1), "Internal environment").
pub async fn configure_first(names: &[String]) -> Result<(), Error> {
    let format = "${Package}\t${Architecture}\n";
    let query =
        Command::new("dpkg-query").args(["--show", "--showformat", format]).args(names.iter().cloned());
    for (name, architecture) in query.run().await?.lines().filter_map(|line| line.split_once('\t')) {
        let Some(script) = postinst(name)? else { continue };
        quiet(Command::new(&script.to_string_lossy()))
            .args(["configure", ""])
            .env("DPKG_ROOT", "") // scripts with `set -u` stop without it
            .env("DPKG_ADMINDIR", "/var/lib/dpkg")
            .env("DPKG_MAINTSCRIPT_DEBUG", "0")
            .env("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1")
            .env("DPKG_MAINTSCRIPT_NAME", "postinst")
            .env("DPKG_MAINTSCRIPT_PACKAGE", name)
            .env("DPKG_MAINTSCRIPT_ARCH", architecture)
            .limit(LIMIT)
            .run()
            .await?;
    }
    // The scripts may have activated triggers, which dpkg works off at its next run.
    configure_pending().run().await.map(drop)
}

/// "NAME.postinst", or "NAME:ARCHITECTURE.postinst" of a package that can be installed for several.
fn postinst(name: &str) -> Result<Option<PathBuf>, Error> {
    let folder = Path::new(SCRIPTS);
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let package = file.strip_suffix(".postinst").and_then(|stem| stem.split(':').next());
        if package == Some(name) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Mends those of `accounts`, all made in the run, that a power cut left unfinished. One without a line in /etc/shadow
/// gets it, locked. The account made last goes when it has no comment: a cut between useradd and usermod (adduser(8))
/// leaves such a one, and its package's script, which runs again, sets the comment only when it makes the account. One that
/// owns a file by dpkg-statoverride(1) stays: its script has come further, and without it dpkg does not work.
pub async fn complete_accounts(accounts: &BTreeSet<String>) -> Result<(), Error> {
    let passwd = std::fs::read_to_string(PASSWD).map_err(Error::io("read", Path::new(PASSWD)))?;
    let overrides = read_if_there(Path::new(OVERRIDES))?.unwrap_or_default();
    let is_unfinished = |name: &&str| accounts.contains(*name) && !is_owner(name, &overrides);
    if let Some(name) = last_without_comment(&passwd).filter(is_unfinished) {
        let command = Command::new("userdel").args([name]);
        let output = command.output().await?;
        // One that a process runs as is finished: it has no comment by right.
        if !matches!(output.code, Some(0 | IN_USE)) {
            return Err(output.into_error(command.line()));
        }
    }
    let shadow = std::fs::read_to_string(SHADOW).map_err(Error::io("read", Path::new(SHADOW)))?;
    let has_line = |name: &str| shadow.lines().any(|line| line.split(':').next() == Some(name));
    for name in accounts {
        if account::find_user(name)?.is_some() && !has_line(name) {
            Command::new("pwconv").run().await?;
            Command::new("usermod").args(["--password", "!", name]).run().await?;
        }
    }
    Ok(())
}

/// The account in the last line of a table in the form of passwd(5), when its comment is empty.
fn last_without_comment(passwd: &str) -> Option<&str> {
    let fields: Vec<&str> = passwd.lines().last()?.split(':').collect();
    fields.get(4)?.is_empty().then(|| fields[0])
}

/// Whether a line of dpkg's statoverride file ("OWNER GROUP MODE PATH") names the account.
fn is_owner(account: &str, overrides: &str) -> bool {
    overrides.lines().any(|line| line.split(' ').take(2).any(|name| name == account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_useradd_leaves_is_known() {
        for name in ["/etc/passwd+", "/etc/gshadow+", "/etc/passwd.963"] {
            assert!(is_unfinished_table(Path::new(name)), "{name}");
        }
        for name in
            ["/etc/passwd", "/etc/passwd-", "/etc/passwd.d", "/etc/passwd.", "/etc/hosts.1", "/srv/passwd+"]
        {
            assert!(!is_unfinished_table(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn an_owner_by_override_is_finished() {
        let overrides = "root ssl-cert 0710 /etc/ssl/private\nredis redis 640 /etc/redis/redis.conf\n";
        assert!(is_owner("redis", overrides) && is_owner("ssl-cert", overrides));
        assert!(!is_owner("pdns", overrides) && !is_owner("640", overrides));
    }

    #[test]
    fn only_the_account_made_last_is_unfinished() {
        let made = "epmd:x:100:101::/run/epmd:/usr/sbin/nologin\n\
            rabbitmq:x:102:104::/var/lib/rabbitmq:/usr/sbin/nologin\n";
        assert_eq!(last_without_comment(made), Some("rabbitmq"));
        let finished = made.replace("104::", "104:RabbitMQ messaging server:");
        assert_eq!(last_without_comment(&finished), None);
        assert_eq!(last_without_comment(""), None);
    }
}
