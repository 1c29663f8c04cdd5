//! The password of Odoo's user `admin`, set before a port opens: from the vault's hash, or one that nobody knows.
//!
//! An operator may change it in Odoo: it is set again only when the vault has another hash than the one that was set last, or
//! when the database is another. `/var/lib/hams/odoo-admin` keeps which that was, and is what Odoo's unit waits for.

use super::odoo_database::Facts;
use super::postgresql_cluster::Cluster;
use super::template::render;
use crate::host::file::read_if_there;
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource, paths, write};
use crate::secrets::{Secret, is_admin_password, unknown_password_hash};
use minijinja::context;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// What Odoo gives a new database.
const FIRST: &str = "admin";

/// The admin's password in the database.
pub struct AdminPassword {
    cluster: Cluster,
    database: String,
    inspect: String,
    /// The vault's hash.
    hash: Option<Secret>,
}

impl AdminPassword {
    /// In the database `database` of `cluster`, looked at with `inspect`; `hash` is the vault's.
    pub fn new(cluster: Cluster, database: &str, inspect: String, hash: Option<Secret>) -> Self {
        Self { cluster, database: database.into(), inspect, hash }
    }

    /// The id of the password.
    pub fn id_of() -> String {
        "odoo:admin-password".into()
    }

    /// Where it stands which one was set; Odoo's unit does not start without it.
    fn path() -> PathBuf {
        Path::new(paths::STATE).join("odoo-admin")
    }

    async fn facts(&self, host: &Host) -> Result<Result<(String, String), String>, Error> {
        let facts = Facts::of(self.cluster, &self.inspect, host).await?;
        Ok(facts.and_then(|facts| match facts.admin {
            Some(password) => Ok((facts.oid, password)),
            None => Err("there is no user admin yet".to_owned()),
        }))
    }

    async fn set(&self, hash: &Secret) -> Result<(), Error> {
        let sql = render(
            "odoo/admin.sql.j2",
            include_str!("../../deploy/odoo/admin.sql.j2"),
            context! { database => self.database, hash => hash.expose() },
        );
        let sql = sql.map_err(|error| Error::Unexpected(error.to_string()))?;
        self.cluster.psql().input(sql).run().await.map(drop)
    }
}

/// Which password was set last: in the database of this number, the one whose kept text has this digest.
fn noted(oid: &str, kept: &str) -> String {
    let digest = Sha256::digest(kept.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("1 {oid} {digest}\n")
}

/// What is to be said against the note of the last password; `wanted` is the vault's hash.
fn difference(note: Option<&str>, oid: &str, wanted: Option<&str>) -> Option<&'static str> {
    let is_of_database = note.is_some_and(|note| note.starts_with(&format!("1 {oid} ")));
    match wanted {
        _ if !is_of_database => Some("it was not set in this database yet"),
        Some(wanted) if note != Some(noted(oid, wanted).as_str()) => {
            Some("the vault has another hash than the one that was set last")
        }
        _ => None,
    }
}

impl Resource for AdminPassword {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        match self.hash {
            Some(_) => "set the password of Odoo's user admin to that of the vault".into(),
            None => "give Odoo's user admin a password that nobody knows; `hams-install hash-admin-password` and then \
                     `hams-install` set yours"
                .into(),
        }
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let oid = match self.facts(host).await? {
                Ok((oid, _)) => oid,
                Err(reason) => return Ok(Finding::differs(reason)),
            };
            let note = read_if_there(&Self::path())?;
            let wanted = self.hash.as_ref().map(Secret::expose);
            Ok(difference(note.as_deref(), &oid, wanted).map_or(Finding::Holds, Finding::differs))
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async { Ok(Some(Change::File { path: Self::path(), before: None })) })
    }

    fn apply<'a>(&'a self, host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let (oid, kept) = self.facts(host).await?.map_err(Error::Unexpected)?;
            let note = read_if_there(&Self::path())?;
            let is_new = difference(note.as_deref(), &oid, None).is_some();
            // A database that hams has not set it in may be an operator's own, taken over: his password stays.
            let is_open = kept.is_empty() || is_admin_password(&kept, FIRST);
            let kept = Secret::new(kept);
            let hash = match &self.hash {
                _ if is_new && !is_open => self.hash.as_ref().unwrap_or(&kept).clone(),
                Some(hash) => {
                    self.set(hash).await?;
                    hash.clone()
                }
                None => {
                    let unknown =
                        unknown_password_hash().map_err(|error| Error::Unexpected(error.to_string()))?;
                    self.set(&unknown).await?;
                    unknown
                }
            };
            let note = noted(&oid, hash.expose());
            write::atomically(&Self::path(), note.as_bytes(), write::PRIVATE)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_set_once_and_when_the_vault_changes() {
        let note = noted("7", "$a");
        assert!(!note.contains("$a"));
        assert!(difference(None, "7", Some("$a")).is_some() && difference(None, "7", None).is_some());
        assert_eq!(difference(Some(&note), "7", Some("$a")), None);
        assert_eq!(difference(Some(&note), "7", None), None);
        assert!(difference(Some(&note), "7", Some("$b")).unwrap().contains("another hash"));
        assert!(difference(Some(&note), "8", Some("$a")).unwrap().contains("this database"));
    }
}
