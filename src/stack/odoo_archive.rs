//! Odoo's package as this host needs it: taken from where apt has verified it, or from the operator's file, its control file
//! repaired by rules, and kept in a small repository of the host's own, so that apt can install it, and once more after a
//! power cut.

use super::odoo_repair::{Repaired, Rules, field};
use crate::host::apt;
use crate::host::apt_lists;
use crate::host::command::Command;
use crate::host::file::{read_if_there, remove_all};
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource, apt_fit, deb, paths, write};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// The repository; apt's own account reads it.
const REPOSITORY: &str = "/var/lib/hams-odoo";
/// What the package in it was made from, so that another one is noticed.
const MADE_FROM: &str = "/var/lib/hams-odoo/made-from";
const INDEX: &str = "/var/lib/hams-odoo/Packages";

/// Where the package comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// One of apt's sources.
    Apt,
    /// A file on the host.
    File(PathBuf),
}

/// The package `name` in the repository.
pub struct Archive {
    name: String,
    origin: Origin,
    rules: Rules,
    release: String,
}

impl Archive {
    /// The package `name` of `origin` for the Debian of that VERSION_ID.
    pub fn new(name: &str, origin: Origin, rules: Rules, release: &str) -> Self {
        Self { name: name.into(), origin, rules, release: release.into() }
    }

    /// The id of the package in the repository.
    pub fn id_of() -> String {
        "odoo:archive".into()
    }

    /// In a line: from what, by which rules.
    fn made_from(&self) -> Result<String, Error> {
        let of = match &self.origin {
            Origin::Apt => self.name.clone(),
            Origin::File(path) => {
                let found = fs::metadata(path).map_err(Error::io("read", path))?;
                format!("{} {}", path.display(), found.len())
            }
        };
        Ok(format!("{of} Debian {}, rules {}\n", self.release, self.rules.version()))
    }

    /// The version that apt's other sources have, newest first; `None` before their lists are there.
    async fn version(&self) -> Result<Option<String>, Error> {
        let text = Command::new("apt-cache").args(["madison", &self.name]).run().await?;
        let version = |line: &str| {
            let mut fields = line.split('|').map(str::trim);
            let (_, version, source) = (fields.next()?, fields.next()?, fields.next()?);
            (!source.contains(REPOSITORY)).then(|| version.to_owned())
        };
        Ok(text.lines().find_map(version))
    }

    /// The control file as it is and as it must be, all of whose dependencies can be had; `None` while nobody knows it.
    async fn repaired(&self) -> Result<Option<Repaired>, Error> {
        let control = match &self.origin {
            Origin::File(path) => deb::control(path).await?,
            Origin::Apt => {
                let Some(version) = self.version().await? else { return Ok(None) };
                let record = format!("{}={version}", self.name);
                Command::new("apt-cache").args(["show", &record]).run().await?
            }
        };
        let repaired = self.rules.repair(&control);
        for name in ["Pre-Depends", "Depends"] {
            apt_fit::check(&self.name, &field(&repaired.control, name).unwrap_or_default()).await?;
        }
        Ok(Some(repaired))
    }

    /// Fetches the package into `folder`, or takes the operator's.
    async fn fetch(&self, folder: &Path) -> Result<PathBuf, Error> {
        let name = &self.name;
        match (&self.origin, self.version().await?) {
            (Origin::File(path), _) => Ok(path.clone()),
            (Origin::Apt, Some(version)) => apt::download(&format!("{name}={version}"), folder).await,
            (Origin::Apt, None) => Err(Error::Unexpected(format!(
                "no source of apt has the package `{name}`\nhint: `apt-get update` and `apt-cache policy {name}` show more"
            ))),
        }
    }

    async fn make(&self, progress: &Progress) -> Result<(), Error> {
        let work = Path::new(paths::STATE).join("odoo-archive");
        remove_all(&work)?;
        write::private_folder(&work)?;
        progress.report(0.0, &format!("fetching {}", self.name));
        let package = self.fetch(&work).await?;
        let control = deb::control(&package).await?;
        let repaired = self.rules.repair(&control);
        progress.report(50.0, "writing the package with its control file repaired");
        let repository = Path::new(REPOSITORY);
        remove_all(repository)?;
        fs::create_dir(repository).map_err(Error::io("create", repository))?;
        let version = field(&repaired.control, "Version").unwrap_or_default().replace(':', "%3a");
        let name = format!("{}_{version}_all.deb", self.name);
        let target = repository.join(&name);
        if repaired.changes.is_empty() {
            copy(&package, &target)?;
        } else {
            let parts = work.join("parts");
            write::private_folder(&parts)?;
            deb::with_control(&package, &repaired.control, &parts, &target).await?;
        }
        let (size, digest) = measured(&target)?;
        let control = repaired.control.trim_end();
        let index = format!("{control}\nFilename: ./{name}\nSize: {size}\nSHA256: {digest}\n");
        let open = write::Access { uid: 0, gid: 0, mode: 0o644 };
        write::atomically(Path::new(INDEX), index.as_bytes(), open)?;
        // The last: from now on the repository is whole.
        write::atomically(Path::new(MADE_FROM), self.made_from()?.as_bytes(), open)?;
        remove_all(&work)
    }
}

impl Resource for Archive {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        format!("fit the package {} to Debian {}, in the repository {REPOSITORY}", self.name, self.release)
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let made = read_if_there(Path::new(MADE_FROM))?;
            let installed = !apt::installed(std::slice::from_ref(&self.name)).await?.is_empty();
            // What is installed stays, also when a newer one could be had.
            if made.is_some() && (installed || made == Some(self.made_from()?)) {
                return Ok(Finding::Holds);
            }
            let mut reasons = match self.repaired().await? {
                Some(repaired) if repaired.changes.is_empty() => vec!["it fits as it is".into()],
                Some(repaired) => repaired.changes,
                // Before the first fetch of the lists only the rules are known.
                None => self.rules.words(),
            };
            if made.is_none() {
                reasons.insert(0, "it is not there".into());
            }
            Ok(Finding::from_reasons(reasons))
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            let words = ["rm", "--recursive", "--force", REPOSITORY].map(str::to_owned).to_vec();
            // A package that hams never installs: it goes in any case.
            Ok(Some(Change::Undo {
                package: "hams".into(),
                commands: vec![words],
                data_commands: Vec::new(),
            }))
        })
    }

    fn apply<'a>(&'a self, host: &'a Host, progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            apt_lists::update(host, progress).await?;
            self.repaired().await?;
            self.make(progress).await?;
            host.lists.set_new(false);
            Ok(())
        })
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map_err(Error::io("copy", from))?;
    let copied = fs::File::open(to).map_err(Error::io("open", to))?;
    copied.sync_all().map_err(Error::io("sync", to))
}

/// A file's size and the SHA-256 of its content.
fn measured(path: &Path) -> Result<(u64, String), Error> {
    let mut file = fs::File::open(path).map_err(Error::io("open", path))?;
    let mut digest = Sha256::new();
    let (mut size, mut block) = (0, vec![0; 1 << 20]);
    loop {
        let read = std::io::Read::read(&mut file, &mut block).map_err(Error::io("read", path))?;
        if read == 0 {
            break;
        }
        size += read as u64;
        digest.update(&block[..read]);
    }
    Ok((size, digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}
