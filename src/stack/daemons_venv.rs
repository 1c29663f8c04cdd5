//! The venv of a daemon: Python's own packages and those that its list of requirements names, and nothing else.
//!
//! `/var/lib/hams-daemons/NAME/current` points to a folder that is named by what it was made from. It is made beside the
//! one in use, by an account that owns nothing else, in a sandbox that systemd ends with all that runs in it: pip may run
//! code of the packages. Then it goes to root, so that no daemon can change what it runs, and the link is moved. Cut short
//! at any moment, the old one stays in use and the next run begins anew.
//!
//! A list that cannot be installed is no failure of the run: the reason is kept, and the daemon's check tells it.

use crate::host::command::Command;
use crate::host::file::{read_if_there, remove_all};
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource, paths, write};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// The account that makes venvs.
pub const BUILDER: &str = "hams-build";
const PYTHON: &str = "/usr/bin/python3";
/// Another recipe makes every venv anew.
const RECIPE: &str = "1";
/// Large wheels over a thin line.
const LIMIT: Duration = Duration::from_secs(30 * 60);
const STAMP: &str = "hams-stamp";
const FAILURE: &str = "failure";
const LIST: &str = "requirements.txt";

/// One at a time, so that nothing else runs as the builder.
static BUILDS: Mutex<()> = Mutex::const_new(());

/// The venv of one daemon.
pub struct Venv {
    daemon: String,
    requirements: Option<PathBuf>,
    tried: AtomicBool,
}

/// The folder of the daemon `name`.
pub fn folder(name: &str) -> PathBuf {
    Path::new(paths::DAEMONS).join(name)
}

/// What the daemon `name` is run by.
pub fn python(name: &str) -> String {
    format!("{}/{name}/current/bin/python", paths::DAEMONS)
}

/// What changes whenever the daemon `name` gets another venv.
pub fn stamp(name: &str) -> String {
    format!("{}/{name}/current/{STAMP}", paths::DAEMONS)
}

/// Why the daemon `name` has not got what it requires, if so; the first line says it.
pub fn failure(name: &str) -> Result<Option<String>, Error> {
    read_if_there(&folder(name).join(FAILURE))
}

/// Whether the daemon `name` has a venv to run by, be it an earlier one.
pub fn is_there(name: &str) -> bool {
    Path::new(&stamp(name)).exists()
}

impl Venv {
    /// The venv of `daemon` with what the file `requirements` lists.
    pub fn new(daemon: &str, requirements: Option<PathBuf>) -> Self {
        Self { daemon: daemon.into(), requirements, tried: AtomicBool::new(false) }
    }

    /// The id of the venv of `daemon`.
    pub fn id_of(daemon: &str) -> String {
        format!("venv:{daemon}")
    }

    fn list(&self) -> Result<String, Error> {
        match &self.requirements {
            None => Ok(String::new()),
            Some(path) => fs::read_to_string(path).map_err(Error::io("read", path)),
        }
    }

    /// What it is to be made from, in one word; `None` before Python is installed.
    fn wanted(&self) -> Result<Option<String>, Error> {
        let version = match fs::read_link(PYTHON) {
            Ok(target) => target,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", Path::new(PYTHON))(error)),
        };
        let mut digest = Sha256::new();
        for part in [RECIPE, &version.to_string_lossy(), &self.list()?] {
            digest.update(part);
            digest.update([0]);
        }
        Ok(Some(digest.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect()))
    }

    fn look(&self) -> Result<Finding, Error> {
        let made = read_if_there(Path::new(&stamp(&self.daemon)))?;
        let made = made.as_deref().and_then(|text| text.lines().next());
        if made.is_some() && made == self.wanted()?.as_deref() {
            return Ok(Finding::Holds);
        }
        let mut reasons = vec![match made {
            None => "there is none yet".to_owned(),
            Some(_) => {
                "its list of requirements or the host's Python is another one than it was made for".into()
            }
        }];
        if let Some(failure) = failure(&self.daemon)? {
            reasons.push(failure.lines().next().unwrap_or_default().to_owned());
        }
        Ok(Finding::from_reasons(reasons))
    }

    /// Makes the venv at `target`; the inner error is of requirements that cannot be installed.
    async fn make(&self, target: &Path, list: &str, host: &Host) -> Result<Result<(), Error>, Error> {
        let folder = folder(&self.daemon);
        write::private_folder(&folder)?;
        access(&folder, 0, 0, 0o755)?;
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            // What was cut short, and what came before the one in use.
            if path.is_dir() && !path.is_symlink() && !self.is_in_use(&path) {
                remove_all(&path)?;
            }
        }
        let builder = crate::host::account::user(BUILDER)?;
        write::private_folder(target)?;
        access(target, builder.uid.as_raw(), builder.gid.as_raw(), 0o755)?;
        let place = target.to_string_lossy();
        // The interpreter itself is a link: a security update of Debian's reaches every daemon.
        let words: &[&str] = if list.is_empty() { &["--without-pip"] } else { &[] };
        sandboxed(target)
            .args([PYTHON, "-m", "venv"])
            .args(words.iter().copied())
            .args([&*place])
            .run()
            .await?;
        if list.is_empty() {
            return Ok(Ok(()));
        }
        let copy = folder.join(LIST);
        let everybody = write::Access { uid: 0, gid: 0, mode: 0o644 };
        write::atomically(&copy, list.as_bytes(), everybody)?;
        let mut pip = sandboxed(target)
            .args([format!("{place}/bin/python")])
            .args(["-m", "pip", "install", "--no-input", "--no-cache-dir", "--disable-pip-version-check"])
            .args(["--quiet", "--progress-bar=off"]);
        if has_hashes(list) {
            pip = pip.args(["--require-hashes"]);
        }
        if host.offline {
            pip = pip.args(["--no-index"]);
        }
        let installed = pip.args(["--requirement", &copy.to_string_lossy()]).limit(LIMIT).run().await;
        match installed {
            Ok(_) => Ok(Ok(())),
            Err(error) if error.is_disk_full() => Err(error),
            Err(error @ (Error::Command { .. } | Error::Timeout { .. })) => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }

    fn is_in_use(&self, path: &Path) -> bool {
        let target = fs::read_link(folder(&self.daemon).join("current"));
        target.is_ok_and(|target| path.file_name().is_some_and(|name| *name == *target.as_os_str()))
    }

    async fn renew(&self, host: &Host, progress: &Progress) -> Result<(), Error> {
        let _alone = BUILDS.lock().await;
        let Some(wanted) = self.wanted()? else {
            return Err(Error::Unexpected(format!(
                "`{PYTHON}` is not there: the package python3 is not installed"
            )));
        };
        let (list, folder) = (self.list()?, folder(&self.daemon));
        progress.report(0.0, "installing what it requires");
        let target = folder.join(&wanted);
        if let Err(error) = self.make(&target, &list, host).await? {
            let reason = format!(
                "what it requires cannot be installed: {}\n{error}\n",
                last_line(&error).unwrap_or("pip failed")
            );
            remove_all(&target)?;
            write::atomically(&folder.join(FAILURE), reason.as_bytes(), write::PRIVATE)?;
            self.tried.store(true, Ordering::Relaxed);
            return Ok(());
        }
        hand_to_root(&target)?;
        // All of it on the disk before the link says so.
        nix::unistd::sync();
        // The time makes another one of a venv that is made a second time from the same: who runs by it starts anew.
        let now = humantime::format_rfc3339_micros(SystemTime::now());
        let everybody = write::Access { uid: 0, gid: 0, mode: 0o644 };
        write::atomically(&target.join(STAMP), format!("{wanted}\n{now}\n").as_bytes(), everybody)?;
        let link = folder.join(".current.hams-new");
        write::remove_if_there(&link)?;
        std::os::unix::fs::symlink(&wanted, &link).map_err(Error::io("link", &link))?;
        let current = folder.join("current");
        fs::rename(&link, &current).map_err(Error::io("rename to", &current))?;
        write::sync_folder(&current)?;
        write::remove_if_there(&folder.join(FAILURE))
    }
}

/// Whether the list names the hash of what it wants.
pub fn has_hashes(list: &str) -> bool {
    list.contains("--hash=")
}

/// pip's own last word.
fn last_line(error: &Error) -> Option<&str> {
    match error {
        Error::Command { output, .. } => {
            let mut lines = output.lines().rev().filter(|line| line.starts_with("ERROR: "));
            lines.next().map(|line| line.trim_start_matches("ERROR: "))
        }
        _ => None,
    }
}

/// A command as the builder, that can write to `target` alone and of which nothing is left when it ends.
fn sandboxed(target: &Path) -> Command {
    let properties = [
        format!("User={BUILDER}"),
        format!("Group={BUILDER}"),
        format!("ReadWritePaths={}", target.display()),
        "ProtectSystem=strict".into(),
        "ProtectHome=yes".into(),
        "PrivateTmp=yes".into(),
        "PrivateDevices=yes".into(),
        "ProtectProc=invisible".into(),
        "ProtectKernelTunables=yes".into(),
        "ProtectControlGroups=yes".into(),
        "NoNewPrivileges=yes".into(),
        "CapabilityBoundingSet=".into(),
        "RestrictSUIDSGID=yes".into(),
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6".into(),
        "InaccessiblePaths=-/etc/hams -/var/lib/hams".into(),
        "UMask=0022".into(),
        "KillMode=control-group".into(),
    ];
    Command::new("systemd-run")
        .args(["--quiet", "--wait", "--pipe", "--collect", "--service-type=exec"])
        .args(properties.map(|property| format!("--property={property}")))
        .args(["--setenv=HOME=/nonexistent", "--"])
        .limit(LIMIT)
}

fn access(path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Error> {
    std::os::unix::fs::chown(path, Some(uid), Some(gid)).map_err(Error::io("chown", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Error::io("chmod", path))
}

/// Makes root the owner of all below `path`, and takes from others what lets them write. Nobody else is at work there.
fn hand_to_root(path: &Path) -> Result<(), Error> {
    let found = fs::symlink_metadata(path).map_err(Error::io("read", path))?;
    std::os::unix::fs::lchown(path, Some(0), Some(0)).map_err(Error::io("chown", path))?;
    if found.is_symlink() {
        return Ok(());
    }
    let readable = if found.is_dir() || found.mode() & 0o111 != 0 { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(readable)).map_err(Error::io("chmod", path))?;
    if found.is_dir() {
        for entry in fs::read_dir(path).map_err(Error::io("read", path))? {
            hand_to_root(&entry.map_err(Error::io("read", path))?.path())?;
        }
    }
    Ok(())
}

impl Resource for Venv {
    fn id(&self) -> String {
        Self::id_of(&self.daemon)
    }

    fn describe(&self) -> String {
        let what = match &self.requirements {
            Some(path) => format!("with what {} lists", path.display()),
            None => "with nothing but Python".into(),
        };
        format!("make the venv of the daemon {} {what}", self.daemon)
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async { self.look() })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async { Ok(Some(Change::Tree { path: folder(&self.daemon) })) })
    }

    fn apply<'a>(&'a self, host: &'a Host, progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.renew(host, progress))
    }

    fn verify<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        // What this run has tried in vain is told by the daemon's check.
        Box::pin(async { if self.tried.load(Ordering::Relaxed) { Ok(Finding::Holds) } else { self.look() } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_list_is_another_venv() {
        let list = tempfile::NamedTempFile::new().unwrap();
        let wanted = |text: &str| {
            fs::write(list.path(), text).unwrap();
            Venv::new("x", Some(list.path().to_owned())).wanted().unwrap()
        };
        assert_eq!(wanted("pika\n"), wanted("pika\n"));
        assert_ne!(wanted("pika\n"), wanted("pika==1\n"));
        assert!(has_hashes("pika==1 \\\n  --hash=sha256:00\n") && !has_hashes("pika==1\n"));
    }

    #[test]
    fn the_reason_is_pips_own() {
        let output = "noise\nERROR: No matching distribution found for x\n".to_owned();
        let error = Error::Command { command: "pip".into(), status: "exit status: 1".into(), output };
        assert_eq!(last_line(&error), Some("No matching distribution found for x"));
    }
}
