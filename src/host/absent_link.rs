//! A link that must not be there: Debian switches many things on by a link in a folder, and off by its removal.

use super::change::Change;
use super::error::Error;
use super::file::existing;
use super::handle::Host;
use super::resource::{BoxFuture, Finding, Progress, Resource};
use super::write;
use std::path::{Path, PathBuf};

/// A symbolic link that is removed where it points to `target`. Anything else under that name is somebody's own and stays.
pub struct AbsentLink {
    path: PathBuf,
    target: PathBuf,
}

impl AbsentLink {
    /// The link at `path` that points to `target`, word by word.
    pub fn new(path: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), target: target.into() }
    }

    /// The id of the link at `path`.
    pub fn id_of(path: &str) -> String {
        format!("absent-link:{path}")
    }

    fn is_there(&self) -> Result<bool, Error> {
        if !existing(&self.path)?.is_some_and(|found| found.is_symlink()) {
            return Ok(false);
        }
        let target = std::fs::read_link(&self.path).map_err(Error::io("read", &self.path))?;
        Ok(self.absolute(&target) == self.absolute(&self.target))
    }

    fn absolute(&self, target: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("/")).join(target)
    }
}

impl Resource for AbsentLink {
    fn id(&self) -> String {
        Self::id_of(&self.path.to_string_lossy())
    }

    fn describe(&self) -> String {
        format!("remove the link {} to {}", self.path.display(), self.target.display())
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            Ok(if self.is_there()? { Finding::differs("it is there") } else { Finding::Holds })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async { Ok(Some(Change::Link { path: self.path.clone(), target: self.target.clone() })) })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            write::remove_if_there(&self.path)?;
            write::sync_folder(&self.path)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::revert::{Scope, revert};
    use std::os::unix::fs::symlink;

    #[tokio::test]
    async fn is_removed_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default");
        symlink("/etc/x/default", &path).unwrap();
        let host = Host::new(std::time::Duration::ZERO, true);
        let link = AbsentLink::new(&path, "/etc/x/default");
        assert_ne!(link.inspect(&host).await.unwrap(), Finding::Holds);
        let change = link.undo(&host).await.unwrap().unwrap();
        link.apply(&host, &Progress::silent()).await.unwrap();
        assert_eq!(link.inspect(&host).await.unwrap(), Finding::Holds);
        revert(&change, &[], Scope::default(), &host, &Progress::silent()).await.unwrap();
        assert_eq!(std::fs::read_link(&path).unwrap(), Path::new("/etc/x/default"));
    }

    #[tokio::test]
    async fn what_points_elsewhere_is_somebodys_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default");
        symlink("/srv/mine", &path).unwrap();
        let host = Host::new(std::time::Duration::ZERO, true);
        let link = AbsentLink::new(&path, "/etc/x/default");
        assert_eq!(link.inspect(&host).await.unwrap(), Finding::Holds);
    }
}
