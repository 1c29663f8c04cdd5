//! PowerDNS's own SQLite database: its schema, loaded once, by the account that will use it.

use crate::host::account;
use crate::host::command::{self, Command};
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource};
use std::path::{Path, PathBuf};

/// Where the package pdns-backend-sqlite3 puts its schema.
const SCHEMA: &str = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
const OWNER: &str = "pdns";

/// The database at `path`.
pub struct Database {
    path: &'static str,
}

impl Database {
    /// The database at `path`.
    pub fn new(path: &'static str) -> Self {
        Self { path }
    }

    /// The id of the database.
    pub fn id_of() -> String {
        "powerdns:database".into()
    }

    async fn has_schema(&self) -> Result<bool, Error> {
        let question =
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('domains', 'records')";
        let answer = Command::new("sqlite3")
            .args(["-readonly", "-bail", self.path, question])
            .user(OWNER)
            .run()
            .await?;
        Ok(answer.trim() == "2")
    }
}

/// The database at `path` and what SQLite keeps beside it while it is open (WAL mode).
pub fn files(path: &str) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| PathBuf::from(format!("{path}{suffix}")))
}

impl Resource for Database {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        format!("load PowerDNS's schema into {}", self.path)
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            if account::find_user(OWNER)?.is_none() || !Path::new(self.path).exists() {
                return Ok(Finding::differs("the database is not there"));
            }
            if !command::is_installed("sqlite3") {
                return Ok(Finding::differs(
                    "sqlite3 is not installed yet, so that nothing can look into it",
                ));
            }
            Ok(if self.has_schema().await? { Finding::Holds } else { Finding::differs("it has no schema") })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            Ok((!Path::new(self.path).exists()).then(|| Change::Data { paths: files(self.path).to_vec() }))
        })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            // Loaded under another name and renamed: a power cut leaves no half of a schema.
            let fresh = format!("{}.hams-new", self.path);
            let script = "umask 027; rm -f \"$2\" && sqlite3 -bail \"$2\" \".read $1\" && sync \"$2\" && mv \"$2\" \"$3\"";
            Command::new("sh")
                .args(["-c", script, "sh", SCHEMA, &fresh, self.path])
                .user(OWNER)
                .run()
                .await?;
            crate::host::write::sync_folder(Path::new(self.path))
        })
    }
}
