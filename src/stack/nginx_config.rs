//! nginx's own word on its configuration, before any start or reload: what it refuses is never brought into force.

use crate::host::command::{self, Command};
use crate::host::file::File;
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource};
use std::path::PathBuf;

/// The configuration as a whole, Debian's and the operator's part among it.
pub struct Configuration {
    files: Vec<PathBuf>,
}

impl Configuration {
    /// The configuration of which `files` are ours.
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self { files }
    }

    /// Its id.
    pub fn id_of() -> String {
        "nginx:configuration".into()
    }
}

fn test() -> Command {
    Command::new("nginx").args(["-t", "-q"])
}

impl Resource for Configuration {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        "have nginx test its configuration".into()
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            if !command::is_installed("nginx") {
                return Ok(Finding::differs("nginx is not installed yet"));
            }
            let tested = test().output().await?;
            let said = tested.stderr.lines().find(|line| line.contains("[emerg]"));
            Ok(match tested.code {
                Some(0) => Finding::Holds,
                _ => Finding::differs(said.unwrap_or("nginx refuses it").trim()),
            })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async { Ok(None) })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { test().run().await.map(drop) })
    }

    fn reads(&self) -> Vec<String> {
        self.files.iter().map(|path| File::id_of(&path.to_string_lossy())).collect()
    }
}
