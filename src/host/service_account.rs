//! A system account for a service that no package makes: no login, no home, a group of its own.

use super::account;
use super::change::Change;
use super::command::Command;
use super::error::Error;
use super::handle::Host;
use super::resource::{BoxFuture, Finding, Progress, Resource};
use tokio::sync::Mutex;

/// One at a time: a second `useradd` would fail at the first one's lock.
static TABLES: Mutex<()> = Mutex::const_new(());

/// A system account that must be there.
pub struct ServiceAccount {
    name: String,
    owns_data: bool,
}

impl ServiceAccount {
    /// The account `name`; whether folders with data that outlive an uninstall are its own.
    pub fn new(name: &str, owns_data: bool) -> Self {
        Self { name: name.into(), owns_data }
    }

    /// The id of the account `name`.
    pub fn id_of(name: &str) -> String {
        format!("account:{name}")
    }

    fn is_there(&self) -> Result<bool, Error> {
        Ok(account::find_user(&self.name)?.is_some() && account::find_group(&self.name)?.is_some())
    }
}

impl Resource for ServiceAccount {
    fn id(&self) -> String {
        Self::id_of(&self.name)
    }

    fn describe(&self) -> String {
        format!("create the system account {}", self.name)
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            Ok(if self.is_there()? { Finding::Holds } else { Finding::differs("the account does not exist") })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            let change = Change::Account { name: self.name.clone(), owns_data: self.owns_data };
            Ok((!self.is_there()?).then_some(change))
        })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let _alone = TABLES.lock().await;
            // A power cut between the two tables leaves the user alone, with the number of a group that is not there.
            if let Some(user) = account::find_user(&self.name)? {
                let number = user.gid.to_string();
                let groupadd = Command::new("groupadd").args(["--system", "--gid", &number, &self.name]);
                return groupadd.run().await.map(drop);
            }
            // A group of that name may be left from an account that was removed by hand.
            let group = match account::find_group(&self.name)? {
                Some(_) => ["--gid", &self.name],
                None => ["--user-group", "--no-log-init"],
            };
            Command::new("useradd")
                .args(["--system", "--no-create-home", "--home-dir", "/nonexistent"])
                .args(["--shell", "/usr/sbin/nologin"])
                .args(group)
                .args([&self.name])
                .run()
                .await
                .map(drop)
        })
    }
}
