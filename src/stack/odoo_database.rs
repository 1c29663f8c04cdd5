//! Odoo's database: the configured modules installed in it, by Odoo itself, without a port and without the service.

use super::postgresql_cluster::Cluster;
use super::postgresql_objects::ask;
use crate::host::command::Command;
use crate::host::file::read_if_there;
use crate::host::units::Job;
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource, os, paths, write};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `base` and `web` take 13 s; a hundred modules some minutes.
const LIMIT: Duration = Duration::from_secs(3600);
/// With less free disk a failure of PostgreSQL is most likely that of a full disk, whatever it says.
const FULL: u64 = 64 << 20;

/// What psql has told about the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// PostgreSQL's number of it; empty where it is not there.
    pub oid: String,
    /// The state of each module that is installed or about to be.
    pub modules: BTreeMap<String, String>,
    /// The modules that Odoo installs by itself with others, all of which are there, and yet are not: with which others.
    pub left_out: BTreeMap<String, Vec<String>>,
    /// What the admin's password is kept as.
    pub admin: Option<String>,
}

impl Facts {
    /// Asks psql with the SQL of deploy/odoo/inspect.sql.j2; the other side is why nobody can be asked yet.
    pub async fn of(cluster: Cluster, sql: &str, host: &Host) -> Result<Result<Self, String>, Error> {
        Ok(ask(cluster, sql, host).await?.map(|text| Self::parse(&text)))
    }

    fn parse(text: &str) -> Self {
        let mut facts = Self::default();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            match fields[..] {
                ["oid", oid] => oid.clone_into(&mut facts.oid),
                ["module", name, state] => {
                    facts.modules.insert(name.to_owned(), state.to_owned());
                }
                ["left out", name, others] => {
                    let others = others.split(' ').map(str::to_owned).collect();
                    facts.left_out.insert(name.to_owned(), others);
                }
                ["admin", password] => facts.admin = Some(password.to_owned()),
                _ => {}
            }
        }
        facts
    }
}

/// The mark of an installation of modules that has not come to its end.
///
/// Odoo commits after each module, and where it fails it forgets which ones were to follow: what it would have installed by
/// itself with those that are there already (such as `bus` with `web`), it never installs again.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    /// PostgreSQL's number of the database.
    oid: String,
    /// The modules that were installed in it before.
    before: BTreeSet<String>,
}

impl Mark {
    fn path() -> PathBuf {
        Path::new(paths::STATE).join("odoo-initialising")
    }

    /// The mark of the database that `facts` are of.
    fn of(facts: &Facts) -> Result<Option<Self>, Error> {
        let mark = read_if_there(&Self::path())?.as_deref().map(Self::parse);
        Ok(mark.filter(|mark| mark.oid == facts.oid))
    }

    /// First line: the database's number; then a module a line.
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().map(str::to_owned);
        Self { oid: lines.next().unwrap_or_default(), before: lines.collect() }
    }

    fn text(&self) -> String {
        let lines = std::iter::once(&self.oid).chain(&self.before);
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// The mark that must be there, on the disk, before Odoo changes anything in the database of `facts`.
    fn set(facts: &Facts) -> Result<Self, Error> {
        if let Some(mark) = Self::of(facts)? {
            return Ok(mark);
        }
        let before = facts.modules.keys().filter(|name| is_installed(facts, name)).cloned().collect();
        let mark = Self { oid: facts.oid.clone(), before };
        write::atomically(&Self::path(), mark.text().as_bytes(), write::PRIVATE)?;
        Ok(mark)
    }
}

fn is_installed(facts: &Facts, module: &str) -> bool {
    facts.modules.get(module).is_some_and(|state| state != "to install")
}

/// The modules in the database.
pub struct Database {
    cluster: Cluster,
    unit: &'static str,
    settings: &'static str,
    name: String,
    modules: Vec<String>,
    inspect: String,
    /// What makes the empty database, its extensions and privileges; holds a verifier.
    objects: String,
}

impl Database {
    /// `modules` in the database `name` of `cluster`, looked at with `inspect`, installed with Odoo's `settings` while `unit`
    /// is down; `objects` makes the database itself.
    pub fn new(
        cluster: Cluster,
        [unit, settings]: [&'static str; 2],
        name: &str,
        modules: &[String],
        [inspect, objects]: [String; 2],
    ) -> Self {
        Self { cluster, unit, settings, name: name.into(), modules: modules.to_vec(), inspect, objects }
    }

    /// The id of the modules.
    pub fn id_of() -> String {
        "odoo:database".into()
    }

    /// What is true now, where nobody to ask is an error.
    async fn facts(&self, host: &Host) -> Result<Facts, Error> {
        Facts::of(self.cluster, &self.inspect, host).await?.map_err(Error::Unexpected)
    }

    /// What is to be installed: the configured modules that are missing, and those at which Odoo was cut short.
    fn pending(&self, facts: &Facts, mark: Option<&Mark>) -> Vec<String> {
        let missing = self.modules.iter().filter(|module| !is_installed(facts, module));
        let begun = facts.modules.iter().filter(|(_, state)| *state == "to install").map(|(name, _)| name);
        // One that is left out without a module of the interrupted installation is so by the operator's will.
        let is_new = |other: &String| mark.is_some_and(|mark| !mark.before.contains(other));
        let left_out = facts.left_out.iter().filter(|(_, others)| others.iter().any(is_new));
        let left_out = left_out.map(|(name, _)| name);
        let mut all: Vec<String> = missing.chain(begun).chain(left_out).cloned().collect();
        all.sort();
        all.dedup();
        all
    }

    /// Empties a database whose filling was cut short before `base` was in it. Only one that hams itself was filling.
    async fn begin_anew(&self, facts: &Facts) -> Result<(), Error> {
        if facts.modules.is_empty() || is_installed(facts, "base") {
            return Ok(());
        }
        if Mark::of(facts)?.is_none() {
            return Err(Error::Unexpected(format!(
                "the database {} has modules and no `base`, and hams was not filling it\n\
                 hint: look at it; set another `database` in the table [odoo] of hams.toml, or drop it yourself",
                self.name
            )));
        }
        let sql = format!("DROP DATABASE {} WITH (FORCE);\n", self.name);
        self.cluster.psql().input(sql).limit(LIMIT).run().await?;
        self.cluster.psql().input(self.objects.as_str()).limit(LIMIT).run().await.map(drop)
    }

    async fn install(&self, modules: &[String], progress: &Progress) -> Result<(), Error> {
        // With us it ends: nobody fills the database when the next run begins.
        let odoo = Command::new("setpriv")
            .args(["--reuid=odoo", "--regid=odoo", "--init-groups", "--no-new-privs", "--pdeathsig=KILL"])
            .args(["/usr/bin/odoo", "--config", self.settings, "--database", &self.name])
            .args(["--init", &modules.join(","), "--stop-after-init", "--no-http"])
            .env("HOME", "/var/lib/odoo")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .limit(LIMIT);
        let told = odoo.run_telling(|line| {
            if let Some((module, number, count)) = loading(line) {
                #[allow(clippy::cast_precision_loss)] // some hundred modules
                let percent = number as f32 * 100.0 / count as f32;
                progress.report(percent, &format!("{number} of {count} modules: {module}"));
            }
        });
        match told.await {
            Err(error) if !error.is_disk_full() && is_disk_full()? => Err(Error::Unexpected(format!(
                "No space left on device: PostgreSQL or Odoo could not write\nhint: free disk space and run again; it goes \
                 on where it stopped\n{error}"
            ))),
            ended => ended,
        }
    }
}

fn is_disk_full() -> Result<bool, Error> {
    Ok(os::free_disk(Path::new("/var/lib/postgresql"))? < FULL)
}

/// "… Loading module web (5/14)", as Odoo logs it: the module, its number, of how many.
fn loading(line: &str) -> Option<(&str, u32, u32)> {
    let (module, rest) = line.split_once("Loading module ")?.1.split_once(" (")?;
    let (number, count) = rest.split_once(')')?.0.split_once('/')?;
    let count: u32 = count.parse().ok()?;
    (count > 0).then_some((module, number.parse().ok()?, count))
}

impl Resource for Database {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        format!("install the modules {} in Odoo's database {}", self.modules.join(", "), self.name)
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            Ok(match Facts::of(self.cluster, &self.inspect, host).await? {
                Err(reason) => Finding::differs(reason),
                Ok(facts) => {
                    let mark = Mark::of(&facts)?;
                    let reason = |module: &String| match facts.modules.contains_key(module) {
                        true => format!("the installation of the module {module} was cut short"),
                        false => {
                            format!("the module {module} is not installed; Odoo must find it in its folders")
                        }
                    };
                    let begun = mark.is_some().then(|| "an installation of modules was cut short".to_owned());
                    let pending = self.pending(&facts, mark.as_ref());
                    Finding::from_reasons(begun.into_iter().chain(pending.iter().map(reason)).collect())
                }
            })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        // All of it lives in the cluster, which has an entry of its own.
        Box::pin(async { Ok(None) })
    }

    fn apply<'a>(&'a self, host: &'a Host, progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let facts = self.facts(host).await?;
            let systemd = host.systemd().await?;
            let was_running = systemd.state(self.unit).await?.is_running();
            if was_running {
                // Beside an install, workers would run with models that are no longer those of the tables.
                systemd.run(Job::Stop, self.unit).await?;
            }
            self.begin_anew(&facts).await?;
            let facts = self.facts(host).await?;
            let mark = Mark::set(&facts)?;
            let installed = match &self.pending(&facts, Some(&mark))[..] {
                [] => Ok(()), // the interrupted run came to its end without us
                modules => self.install(modules, progress).await,
            };
            if installed.is_ok() {
                write::remove_if_there(&Mark::path())?;
            } else if was_running {
                // The modules that were there before are all as they were: what went wrong is told below.
                let _told_by_its_own_step = systemd.run(Job::Start, self.unit).await;
            }
            installed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        let cluster = Cluster { version: 17, port: 5432 };
        let modules = ["base", "web"].map(str::to_owned);
        Database::new(cluster, ["x.service", "/x"], "x", &modules, [String::new(), String::new()])
    }

    #[test]
    fn what_is_missing_or_begun_is_to_be_installed() {
        let facts =
            Facts::parse("oid\t16388\nmodule\tbase\tinstalled\nmodule\tbus\tto install\nadmin\t$x$y\n");
        assert_eq!(database().pending(&facts, None), ["bus", "web"]);
        assert_eq!((facts.oid.as_str(), facts.admin.as_deref()), ("16388", Some("$x$y")));
        let facts = Facts::parse("oid\t1\nmodule\tbase\tto upgrade\nmodule\tweb\tinstalled\n");
        assert!(database().pending(&facts, None).is_empty());
        assert_eq!(database().pending(&Facts::default(), None), ["base", "web"]);
    }

    #[test]
    fn what_odoo_forgot_is_installed_after_an_interruption_alone() {
        let text = "oid\t7\nmodule\tbase\tinstalled\nmodule\tweb\tinstalled\nleft out\tbus\tbase web\nleft out\tx\tbase\n";
        let facts = Facts::parse(text);
        let mark = Mark::parse("7\nbase\n");
        assert_eq!(database().pending(&facts, Some(&mark)), ["bus"]);
        assert!(database().pending(&facts, None).is_empty());
        assert_eq!(mark.text(), "7\nbase\n");
        assert_eq!(Mark::parse("7\n"), Mark { oid: "7".into(), before: BTreeSet::new() });
    }

    #[test]
    fn odoos_log_tells_how_far_it_is() {
        let line = "2026-11-25 17:59:00,790 5563 INFO x odoo.modules.loading: Loading module base (1/14) ";
        assert_eq!(loading(line), Some(("base", 1, 14)));
        assert_eq!(loading("odoo.modules.loading: loading 14 modules... "), None);
    }
}
