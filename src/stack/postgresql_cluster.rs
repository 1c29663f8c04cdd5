//! The PostgreSQL cluster `VERSION/main`: where it is, whether it is ours, and making it.
//!
//! postgresql-common's pg_createcluster makes it, with what `createcluster.d/50-hams.conf` says. Nobody syncs the settings
//! that it writes, so that a cluster whose creation was cut short is made anew: nobody had data in it yet.

use crate::host::command::Command;
use crate::host::file::read_if_there;
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource, fresh};
use crate::plan::Receipt;
use crate::plan::receipt::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ROOT: &str = "/etc/postgresql";
const NAME: &str = "main";
/// Making a cluster takes 2 s to 5 s on a quick disk.
const LIMIT: Duration = Duration::from_secs(300);

/// One cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// Its major version.
    pub version: u16,
    /// Its port.
    pub port: u16,
}

impl Cluster {
    /// Its unit.
    pub fn unit(self) -> String {
        format!("postgresql@{}-{NAME}.service", self.version)
    }

    /// The package of its server.
    pub fn package(self) -> String {
        format!("postgresql-{}", self.version)
    }

    /// As postgresql-common's tools name it: "16/main".
    pub fn name(self) -> String {
        format!("{}/{NAME}", self.version)
    }

    /// The file or folder `name` among its settings.
    pub fn setting(self, name: &str) -> String {
        format!("{ROOT}/{}/{name}", self.name())
    }

    /// The folder of its data.
    pub fn data(self) -> String {
        format!("/var/lib/postgresql/{}", self.name())
    }

    /// A program of its version.
    pub fn program(self, name: &str) -> String {
        format!("/usr/lib/postgresql/{}/bin/{name}", self.version)
    }

    /// Its id in a plan and in the receipt.
    pub fn id(self) -> String {
        format!("postgresql:cluster:{}", self.name())
    }

    /// Whether its server runs.
    pub async fn is_running(self) -> Result<bool, Error> {
        let status = Command::new("pg_ctlcluster").args([&self.version.to_string(), NAME, "status"]);
        Ok(status.output().await?.code == Some(0))
    }

    /// Lets its server read its settings anew, by a signal: those that it has may let nobody in.
    pub async fn reload(self) -> Result<(), Error> {
        Command::new("pg_ctlcluster").args([&self.version.to_string(), NAME, "reload"]).run().await.map(drop)
    }

    /// psql on its socket as `postgres`, quiet, fields parted by tabs, reading SQL from its standard input.
    pub fn psql(self) -> Command {
        let options = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"];
        let port = format!("--port={}", self.port);
        Command::new(&self.program("psql"))
            .args(options)
            .args(["--field-separator=\t", "--host=/run/postgresql", &port, "--dbname=postgres", "--file=-"])
            .user("postgres")
    }

    /// Why this cluster cannot be hams', in words with the fix: it was there before, or another one has its port.
    pub fn conflict(self) -> Result<Option<String>, Error> {
        let receipt = Receipt::load()?;
        let is_ours = receipt.knows(&self.id()) || receipt.packages().contains(&self.package());
        if Path::new(&self.setting("postgresql.conf")).exists() && !is_ours {
            return Ok(Some(format!(
                "the PostgreSQL cluster {} is there already and was not made by hams\n\
                 hint: set another `version` in the table [postgresql] of hams.toml, or move the cluster out of the way \
                 with `pg_renamecluster {} {NAME} mine`",
                self.name(),
                self.version
            )));
        }
        let others = others_on(Path::new(ROOT), self)?;
        Ok(others.first().map(|other| {
            format!(
                "the PostgreSQL cluster {other} has the port {} too\n\
                 hint: set another `port` in the table [postgresql] of hams.toml; data are taken over from an older \
                 version with `pg_upgradecluster`",
                self.port
            )
        }))
    }
}

/// The clusters that hams made, by what the receipt says: an uninstall needs no configuration. Their port is not in it.
pub fn of_receipt(receipt: &Receipt) -> Vec<Cluster> {
    let of_id = |entry: &Entry| -> Option<u16> {
        entry.id.strip_prefix("postgresql:cluster:")?.strip_suffix(&format!("/{NAME}"))?.parse().ok()
    };
    let of_package = |name: &String| -> Option<u16> { name.strip_prefix("postgresql-")?.parse().ok() };
    let mut versions: Vec<u16> = receipt.entries().iter().filter_map(of_id).collect();
    versions.extend(receipt.packages().iter().filter_map(of_package));
    versions.sort_unstable();
    versions.dedup();
    versions.into_iter().map(|version| Cluster { version, port: 0 }).collect()
}

/// The other clusters below `root` that are configured with the port of `cluster`: "15/main".
fn others_on(root: &Path, cluster: Cluster) -> Result<Vec<String>, Error> {
    let mut others = Vec::new();
    for version in entries(root)? {
        for folder in entries(&version)? {
            let name = folder.strip_prefix(root).unwrap_or(&folder).to_string_lossy().into_owned();
            if name != cluster.name() && port_of(&folder)? == Some(cluster.port) {
                others.push(name);
            }
        }
    }
    others.sort();
    Ok(others)
}

/// The last `port` of a cluster's settings, as PostgreSQL reads them; 5432 where there is none.
fn port_of(folder: &Path) -> Result<Option<u16>, Error> {
    let Some(mut text) = read_if_there(&folder.join("postgresql.conf"))? else { return Ok(None) };
    let mut more = entries(&folder.join("conf.d"))?;
    more.retain(|path| path.extension().is_some_and(|ending| ending == "conf"));
    for path in more {
        text.push('\n');
        text.push_str(&read_if_there(&path)?.unwrap_or_default());
    }
    let port = |line: &str| {
        let value = line.trim_start().strip_prefix("port")?.trim_start_matches([' ', '\t', '=', '\'']);
        let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    Ok(Some(text.lines().filter_map(port).next_back().unwrap_or(5432)))
}

/// What is in a folder, sorted; nothing in one that is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let read = fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let mut paths: Vec<PathBuf> = read
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(Error::io("read", folder))?;
    paths.sort();
    Ok(paths)
}

impl Resource for Cluster {
    fn id(&self) -> String {
        (*self).id()
    }

    fn describe(&self) -> String {
        format!("make the PostgreSQL cluster {}", self.name())
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let data = self.data();
            if fresh::contains(Path::new(&data))? {
                return Ok(Finding::differs("its creation was cut short"));
            }
            let (settings, version) = (self.setting("postgresql.conf"), format!("{data}/PG_VERSION"));
            Ok(match (Path::new(&settings).exists(), Path::new(&version).exists()) {
                (true, true) => Finding::Holds,
                // Data of an uninstall, of which only the settings went: pg_createcluster takes them up again.
                (false, true) => Finding::differs("its data have no settings"),
                (true, false) => {
                    return Err(Error::Unexpected(format!(
                        "the PostgreSQL cluster {} has settings, and no data in `{data}`\n\
                         hint: bring the data back, or `pg_dropcluster {} {NAME}` to begin with an empty one",
                        self.name(),
                        self.version
                    )));
                }
                (false, false) => Finding::differs("it is not there"),
            })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            let words = ["pg_dropcluster", "--stop", &self.version.to_string(), NAME].map(str::to_owned);
            Ok(Some(Change::Undo {
                package: self.package(),
                commands: Vec::new(),
                data_commands: vec![words.to_vec()],
            }))
        })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let data = PathBuf::from(self.data());
            if fresh::contains(&data)? {
                for folder in [&data, &PathBuf::from(self.setting(""))] {
                    if folder.exists() {
                        fs::remove_dir_all(folder).map_err(Error::io("remove", folder))?;
                    }
                }
            }
            fresh::record(std::slice::from_ref(&data))?;
            Command::new("pg_createcluster")
                .args(["--port", &self.port.to_string(), &self.version.to_string(), NAME])
                .limit(LIMIT)
                .run()
                .await?;
            nix::unistd::sync();
            fresh::forget(&data)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_who_has_the_port() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("16/main/postgresql.conf", "port = 5432\n");
        write("15/main/postgresql.conf", "#port = 1\nport = 5433\t\t# (change requires restart)\n");
        write("15/mine/postgresql.conf", "port = 5433\n");
        write("15/mine/conf.d/90.conf", "port='5432'\n");
        write("15/mine/conf.d/90.txt", "port = 7\n");
        write("17/main/postgresql.conf", "# nothing said\n");
        let on = |port| others_on(folder.path(), Cluster { version: 16, port }).unwrap();
        assert_eq!(on(5432), ["15/mine", "17/main"]);
        assert_eq!(on(5433), ["15/main"]);
        assert!(on(5434).is_empty());
    }
}
