//! The system account of a program, declared by its package's sysusers.d file.

use super::account;
use super::change::Change;
use super::command::Command;
use super::error::Error;
use super::handle::Host;
use super::resource::{BoxFuture, Finding, Progress, Resource};

/// A system account that a file under sysusers.d declares.
pub struct SystemAccount {
    /// Its name.
    pub name: String,
    /// The sysusers.d file that declares it.
    pub declaration: String,
}

impl Resource for SystemAccount {
    fn id(&self) -> String {
        format!("account:{}", self.name)
    }

    fn describe(&self) -> String {
        format!("create the system account {}", self.name)
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let missing = account::find_user(&self.name)?.is_none();
            Ok(if missing { Finding::differs("the account does not exist") } else { Finding::Holds })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        // The package's own postrm removes the account that its sysusers.d file declares.
        Box::pin(async { Ok(None) })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Command::new("systemd-sysusers").args([&self.declaration]).run().await.map(drop) })
    }
}
