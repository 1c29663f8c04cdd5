//! What is in PostgreSQL: roles, Odoo's database, privileges, extensions, compared by one run of psql; and whether the
//! server has read its present settings, which a reload by anybody may have replaced by edited ones.

use super::postgresql_cluster::Cluster;
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Extensions of vectors and trigrams are made in a moment; a database on a slow disk is not.
const LIMIT: Duration = Duration::from_secs(300);
/// psql's exit status when it could not connect (psql(1)).
const NO_CONNECTION: i32 = 2;
/// How long the server may take to read its settings anew.
const RELOAD_TRIES: u32 = 50;
const RELOAD_EVERY: Duration = Duration::from_millis(100);

/// What must be true inside the server.
pub struct Objects {
    cluster: Cluster,
    inspect: String,
    apply: String,
    /// Lines that the inspection must give, and what to say where one is missing; a line may hold a verifier.
    wanted: Vec<(String, String)>,
}

impl Objects {
    /// The id of the one such set of a plan.
    pub fn id_of() -> String {
        "postgresql:objects".into()
    }

    /// Inspected with the SQL of `inspect`, made so by that of `apply`, which may hold a verifier.
    pub fn new(cluster: Cluster, inspect: String, apply: String, wanted: Vec<(String, String)>) -> Self {
        Self { cluster, inspect, apply, wanted }
    }

    fn differences(&self, facts: &str) -> Vec<String> {
        let facts: BTreeSet<&str> = facts.lines().collect();
        let missing = self.wanted.iter().filter(|(fact, _)| !facts.contains(fact.as_str()));
        let forbidden = facts.iter().filter_map(|fact| fact.strip_prefix("forbidden\t"));
        missing.map(|(_, reason)| reason.clone()).chain(forbidden.map(str::to_owned)).collect()
    }
}

impl Resource for Objects {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        "set up PostgreSQL's roles, Odoo's database, its privileges and extensions".into()
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            Ok(match ask(self.cluster, &self.inspect, host).await? {
                Ok(facts) => Finding::from_reasons(self.differences(&facts)),
                Err(reason) => Finding::differs(reason),
            })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        // All of it lives in the cluster, which has an entry of its own.
        Box::pin(async { Ok(None) })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { self.cluster.psql().input(self.apply.as_str()).limit(LIMIT).run().await.map(drop) })
    }
}

/// That the server has read the settings that stand in its files.
pub struct Loaded {
    cluster: Cluster,
    files: Vec<String>,
}

impl Loaded {
    /// The server of `cluster` with these files.
    pub fn new(cluster: Cluster, files: Vec<String>) -> Self {
        Self { cluster, files }
    }

    /// The id of the settings' being read.
    pub fn id_of() -> String {
        "postgresql:loaded".into()
    }

    /// When the last of the files was written, in microseconds since the epoch.
    fn written(&self) -> Result<u128, Error> {
        let mut last = 0;
        for file in &self.files {
            let path = Path::new(file);
            let found = std::fs::metadata(path).map_err(Error::io("read", path))?;
            let written = found.modified().map_err(Error::io("read", path))?;
            last = last.max(written.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros());
        }
        Ok(last)
    }
}

impl Resource for Loaded {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        "let PostgreSQL read its settings".into()
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let question = "SELECT (extract(epoch FROM pg_conf_load_time()) * 1000000)::bigint;";
            let answer = match ask(self.cluster, question, host).await? {
                Ok(answer) => answer,
                Err(reason) => return Ok(Finding::differs(reason)),
            };
            let loaded: u128 = answer
                .trim()
                .parse()
                .map_err(|_| Error::Unexpected(format!("PostgreSQL says `{}` for a time", answer.trim())))?;
            Ok(if loaded < self.written()? {
                Finding::differs("it has not read the settings that stand in its files")
            } else {
                Finding::Holds
            })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async { Ok(None) })
    }

    fn apply<'a>(&'a self, host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            self.cluster.reload().await?;
            for _ in 0..RELOAD_TRIES {
                if self.inspect(host).await? == Finding::Holds {
                    break; // what is left after the last try, the verification tells
                }
                tokio::time::sleep(RELOAD_EVERY).await;
            }
            Ok(())
        })
    }
}

/// What psql answers to `sql`, or why nobody can be asked yet.
pub(super) async fn ask(cluster: Cluster, sql: &str, host: &Host) -> Result<Result<String, String>, Error> {
    if !host.systemd().await?.state(&cluster.unit()).await?.is_running() {
        return Ok(Err("PostgreSQL is not running yet".into()));
    }
    let psql = cluster.psql().input(sql);
    let output = psql.output().await?;
    match output.code {
        Some(0) => Ok(Ok(output.stdout)),
        Some(NO_CONNECTION) => Ok(Err("PostgreSQL lets nobody in with the settings that it has".into())),
        _ => Err(output.into_error(psql.line())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_and_what_must_not_be_is_told_without_a_verifier() {
        let wanted =
            [("password\ta\tSCRAM-SHA-256$x", "role a has another password"), ("extension\td\tx", "no x")];
        let wanted = wanted.map(|(fact, reason)| (fact.to_owned(), reason.to_owned())).to_vec();
        let cluster = Cluster { version: 16, port: 5432 };
        let objects = Objects::new(cluster, String::new(), String::new(), wanted);
        assert!(objects.differences("extension\td\tx\npassword\ta\tSCRAM-SHA-256$x\nmore\n").is_empty());
        assert_eq!(
            objects.differences("password\ta\tSCRAM-SHA-256$y\nforbidden\teverybody may connect\n"),
            ["role a has another password", "no x", "everybody may connect"]
        );
    }
}
