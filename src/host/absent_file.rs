//! A file of hams' own that this host no longer has.

use super::change::Change;
use super::error::Error;
use super::file::existing;
use super::handle::Host;
use super::resource::{BoxFuture, Finding, Progress, Resource};
use super::write;
use std::path::PathBuf;

/// A file that an earlier configuration asked for, and that is removed.
pub struct AbsentFile {
    path: PathBuf,
}

impl AbsentFile {
    /// No file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Resource for AbsentFile {
    fn id(&self) -> String {
        format!("absent-file:{}", self.path.display())
    }

    fn describe(&self) -> String {
        format!("remove {}, which this node no longer has", self.path.display())
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            Ok(match existing(&self.path)? {
                Some(_) => Finding::differs("it is there"),
                None => Finding::Holds,
            })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        // The receipt has what was there before hams wrote it.
        Box::pin(async { Ok(None) })
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

    #[tokio::test]
    async fn is_removed_and_stays_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table");
        std::fs::write(&path, "x").unwrap();
        let host = Host::new(std::time::Duration::ZERO, true);
        let file = AbsentFile::new(&path);
        assert_ne!(file.inspect(&host).await.unwrap(), Finding::Holds);
        assert_eq!(file.undo(&host).await.unwrap(), None);
        file.apply(&host, &Progress::silent()).await.unwrap();
        assert!(!path.exists());
        assert_eq!(file.inspect(&host).await.unwrap(), Finding::Holds);
        file.apply(&host, &Progress::silent()).await.unwrap();
    }
}
