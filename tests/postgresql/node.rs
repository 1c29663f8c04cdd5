//! A host with PostgreSQL by hams, and what a test asks it.

use super::lab::pgdg::REPOSITORY;
use super::lab::{Ended, Host};

/// What a host is before hams comes: the operator's file, elsewhere, so that hams writes its own.
pub const CONFIG: &str = "/root/hams.toml";

/// A host and its cluster.
pub struct Node {
    pub host: Host,
    pub version: u16,
    pub port: u16,
}

impl Node {
    /// A fresh host of `suite` with the repository, the package and hams.toml: `[postgresql]` with `table`.
    #[track_caller]
    pub fn prepare(suite: &str, options: &[&str], table: &str) -> Host {
        let host = Host::up_with(suite, options);
        host.install_pgdg();
        host.write(
            CONFIG,
            &format!(
                "domain = \"hams.test\"\ncomponents = [\"postgresql\"]\n[postgresql]\n{table}\n\
                 [apt.pgdg]\nuri = \"file:{REPOSITORY}\"\nsigned_by = \"{REPOSITORY}/key.asc\"\n"
            ),
        );
        host
    }

    /// Its unit.
    pub fn unit(&self) -> String {
        format!("postgresql@{}-main.service", self.version)
    }

    /// The folder of its settings.
    pub fn settings(&self) -> String {
        format!("/etc/postgresql/{}/main", self.version)
    }

    /// Runs `hams-install` with `words`, by the file that its first run wrote.
    pub fn hams(&self, words: &[&str]) -> Ended {
        self.host.run(&[&["hams-install"], words].concat())
    }

    /// SQL by `postgres` over the socket, in `database`; fields parted by `|`.
    #[track_caller]
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.asked("postgres", &format!("host=/run/postgresql dbname={database} user=postgres"), sql)
            .expect(0)
            .stdout
    }

    /// SQL by the account `account` of the host over the connection `to`, as it ends.
    pub fn asked(&self, account: &str, to: &str, sql: &str) -> Ended {
        let psql = format!("/usr/lib/postgresql/{}/bin/psql", self.version);
        let to = format!("{to} port={}", self.port);
        let options =
            ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--file=-"];
        self.host.run_with(sql, &[&["runuser", "-u", account, "--", &psql, &to], &options[..]].concat())
    }

    /// SQL by the role of the daemons with `password`, which goes by the environment of psql's own shell.
    pub fn listens(&self, password: &str, database: &str, sql: &str) -> Ended {
        let (version, port) = (self.version, self.port);
        self.host.sh(&format!(
            "PGPASSWORD='{password}' runuser -u nobody -- /usr/lib/postgresql/{version}/bin/psql --no-psqlrc --quiet \
             --no-align --tuples-only --set=ON_ERROR_STOP=1 --file=- --no-password \
             'host=127.0.0.1 port={port} dbname={database} user=hams_listen' <<'SQL'\n{sql}\nSQL\n"
        ))
    }

    /// The password of the daemons' role.
    #[track_caller]
    pub fn password(&self) -> String {
        self.hams(&["secrets", "show", "DB_PASS"]).expect(0).stdout.trim().to_owned()
    }

    /// Which start of the server it is.
    #[track_caller]
    pub fn start(&self) -> String {
        self.host
            .run(&["systemctl", "show", "--property=InvocationID,NRestarts", &self.unit()])
            .expect(0)
            .stdout
    }

    /// `plan` finds `said`; a run repairs it, with a new start of the server or without.
    #[track_caller]
    pub fn repairs(&self, said: &[&str], starts_again: bool) {
        let plan = self.hams(&["plan"]).expect(10);
        for text in said {
            assert!(plan.stderr.contains(text), "the plan does not say `{text}`: {}", plan.text());
        }
        assert!(!plan.text().contains("SCRAM-SHA-256$"), "the plan shows a verifier: {}", plan.text());
        let before = self.start();
        let run = self.hams(&["--yes"]).expect(0);
        assert_eq!(self.start() != before, starts_again, "a new start: {}", run.text());
        self.is_clean();
    }

    /// Nothing is left to do, and all is well.
    #[track_caller]
    pub fn is_clean(&self) {
        self.hams(&["plan"]).expect(0);
        self.hams(&["verify"]).expect(0);
    }
}
