//! A large package unpacked and not yet set up: its files can be used while dpkg still works on the rest of it.
//!
//! What it depends on must be installed before. Setting it up is another step, by [`Packages`](super::apt::Packages), which
//! ends what is marked here as under way.

use super::apt;
use super::apt_get::{LIMIT, quiet};
use super::apt_lists;
use super::apt_lock;
use super::apt_mark::Mark;
use super::change::Change;
use super::command::Command;
use super::error::Error;
use super::file::remove_all;
use super::handle::Host;
use super::resource::{BoxFuture, Finding, Progress, Resource};
use super::{paths, write};
use std::path::Path;

/// The package of this name.
pub struct Unpacked {
    name: String,
}

impl Unpacked {
    /// `name`, which one of apt's sources has.
    pub fn new(name: &str) -> Self {
        Self { name: name.into() }
    }

    /// The id of the package `name`, unpacked.
    pub fn id_of(name: &str) -> String {
        format!("unpacked:{name}")
    }

    async fn is_unpacked(&self) -> Result<bool, Error> {
        let is_whole = |status: &str| !matches!(status, "not-installed" | "config-files" | "half-installed");
        Ok(!apt::of_status(std::slice::from_ref(&self.name), is_whole).await?.is_empty())
    }
}

impl Resource for Unpacked {
    fn id(&self) -> String {
        Self::id_of(&self.name)
    }

    fn describe(&self) -> String {
        format!("unpack {}", self.name)
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            Ok(if self.is_unpacked().await? { Finding::Holds } else { Finding::differs("it is not there") })
        })
    }

    fn undo<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            apt_lock::wait(host.apt_lock_timeout, &Progress::silent()).await?;
            apt_lists::update(host, &Progress::silent()).await?;
            let installed = apt::would_install(std::slice::from_ref(&self.name)).await?;
            Ok(Some(Change::Packages { installed, accounts: Vec::new(), data: Vec::new() }))
        })
    }

    fn apply<'a>(&'a self, host: &'a Host, progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            apt_lock::wait(host.apt_lock_timeout, progress).await?;
            apt_lists::update(host, progress).await?;
            apt::complete(&self.name, host, progress).await?;
            let folder = Path::new(paths::STATE).join("unpack");
            remove_all(&folder)?;
            write::private_folder(&folder)?;
            let archive = apt::archive(&self.name, &folder, host, progress).await?;
            Mark::set(std::slice::from_ref(&self.name), &[])?;
            progress.report(20.0, &format!("unpacking {}", self.name));
            let unpack = Command::new("dpkg")
                .args(["--force-confdef", "--force-confold", "--unpack", &archive.to_string_lossy()])
                .limit(LIMIT);
            quiet(unpack).run().await?;
            remove_all(&folder)
        })
    }
}
