//! A folder with its owner and mode, or one that merely has to exist because a package will own it later.

use super::account;
use super::change::Change;
use super::error::Error;
use super::file::existing;
use super::handle::Host;
use super::resource::{BoxFuture, Finding, Progress, Resource};
use super::write;
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;

/// A folder that must be there. Its parent has to exist.
pub struct Directory {
    path: PathBuf,
    owner: String,
    group: String,
    mode: u32,
    shared: bool,
    data: bool,
}

impl Directory {
    /// A folder of ours: owner, group and mode are held.
    pub fn new(path: impl Into<PathBuf>, owner: &str, group: &str, mode: u32) -> Self {
        Self { path: path.into(), owner: owner.into(), group: group.into(), mode, shared: false, data: false }
    }

    /// A folder that belongs to another package: made root:root 0755 when missing, left as it is when there.
    pub fn shared(path: impl Into<PathBuf>) -> Self {
        Self { shared: true, ..Self::new(path, "root", "root", 0o755) }
    }

    /// What comes to lie in it stays on the host until it is asked to go.
    pub fn data(mut self) -> Self {
        self.data = true;
        self
    }

    /// The id of the folder at `path`.
    pub fn id_of(path: &str) -> String {
        format!("directory:{path}")
    }

    fn look(&self) -> Result<Finding, Error> {
        let Some(found) = existing(&self.path)? else { return Ok(Finding::differs("it is not there")) };
        if !found.is_dir() {
            return Err(Error::Unexpected(format!(
                "`{}` is not a folder: move it away and run again",
                self.path.display()
            )));
        }
        if self.shared {
            return Ok(Finding::Holds);
        }
        let mut reasons = Vec::new();
        if (found.uid(), found.gid()) != self.ids()? {
            reasons.push(format!("its owner is not {}:{}", self.owner, self.group));
        }
        if found.mode() & 0o7777 != self.mode {
            reasons.push(format!("its mode is {:04o}, not {:04o}", found.mode() & 0o7777, self.mode));
        }
        Ok(Finding::from_reasons(reasons))
    }

    fn ids(&self) -> Result<(u32, u32), Error> {
        let user = account::user(&self.owner)?;
        let group = account::find_group(&self.group)?;
        let group = group.ok_or_else(|| Error::NoAccount { kind: "group", name: self.group.clone() })?;
        Ok((user.uid.as_raw(), group.gid.as_raw()))
    }
}

impl Resource for Directory {
    fn id(&self) -> String {
        Self::id_of(&self.path.to_string_lossy())
    }

    fn describe(&self) -> String {
        format!("make {}/ ({}:{} {:04o})", self.path.display(), self.owner, self.group, self.mode)
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async { self.look() })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            let made = existing(&self.path)?.is_none();
            Ok(made.then(|| match self.data {
                true => Change::Data { paths: vec![self.path.clone()] },
                false => Change::Directory { path: self.path.clone() },
            }))
        })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let (uid, gid) = self.ids()?;
            if existing(&self.path)?.is_none() {
                let made = fs::DirBuilder::new().mode(0o700).create(&self.path);
                made.map_err(Error::io("create", &self.path))?;
            }
            std::os::unix::fs::chown(&self.path, Some(uid), Some(gid))
                .map_err(Error::io("chown", &self.path))?;
            let mode = Permissions::from_mode(self.mode);
            fs::set_permissions(&self.path, mode).map_err(Error::io("chmod", &self.path))?;
            write::sync_folder(&self.path)
        })
    }
}
