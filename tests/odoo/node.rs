//! A host with PostgreSQL and Odoo by hams, and what a test asks it.

use super::lab::{Ended, Host};
use std::time::{Duration, Instant};

/// What a host is before hams comes.
pub const CONFIG: &str = "/root/hams.toml";
pub const PASSWORD: &str = "correct horse battery staple";
pub const DATABASE: &str = "hams_prod";

/// A client as a browser is one: `python3 - LOGIN PASSWORD` says whom the session is of.
const LOGIN: &str = r#"
import json, sys, urllib.request
login, password = sys.argv[1:3]
call = {"jsonrpc": "2.0", "params": {"db": "hams_prod", "login": login, "password": sys.stdin.read() or password}}
request = urllib.request.Request("http://127.0.0.1:8069/web/session/authenticate", json.dumps(call).encode(),
                                 {"Content-Type": "application/json"})
answer = json.load(urllib.request.urlopen(request, timeout=60))
print("uid", answer["result"]["uid"] if "result" in answer else answer["error"]["data"]["name"])
"#;

/// A host and its Odoo.
pub struct Node {
    pub host: Host,
}

impl Node {
    /// A fresh host of `suite` with the package and hams.toml: PostgreSQL and Odoo, and `more`.
    #[track_caller]
    pub fn prepare(suite: &str, more: &str) -> Self {
        let host = Host::up_with(suite, &["--disk", "12G"]);
        host.write(
            CONFIG,
            &format!(
                "domain = \"hams.test\"\ncomponents = [\"postgresql\", \"odoo\"]\n\
                 [postgresql]\nsource = \"debian\"\n{more}"
            ),
        );
        host.write("/root/login.py", LOGIN);
        host.install_package();
        Self { host }
    }

    /// Runs `hams-install` with `words`.
    pub fn hams(&self, words: &[&str]) -> Ended {
        self.host.run(&[&["hams-install", "--config", CONFIG], words].concat())
    }

    /// A run that must come to its end.
    #[track_caller]
    pub fn installed(&self) -> Ended {
        let ended = self.hams(&["--yes"]).expect(0);
        assert!(ended.stderr.contains("odoo http: version 19.0"), "{}", ended.text());
        ended
    }

    /// Keeps `password`'s hash in the vault.
    #[track_caller]
    pub fn keep_password(&self, password: &str) {
        self.host.run_with(password, &["hams-install", "hash-admin-password"]).expect(0);
    }

    /// SQL by `postgres` in Odoo's database; fields parted by `|`.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        let options = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"];
        let psql = ["runuser", "-u", "postgres", "--", "psql", "--dbname", DATABASE];
        self.host.run_with(sql, &[&psql[..], &options, &["--file=-"]].concat()).expect(0).stdout
    }

    /// What the database keeps of the admin's password.
    #[track_caller]
    pub fn kept(&self) -> String {
        self.sql("SELECT password FROM res_users WHERE login = 'admin';").trim().to_owned()
    }

    /// Whether `admin` comes in with `password`, by the way of the login page.
    #[track_caller]
    pub fn lets_in(&self, password: &str) -> bool {
        let said =
            self.host.run_with(password, &["python3", "/root/login.py", "admin", "-"]).expect(0).stdout;
        match said.trim() {
            "uid 2" => true,
            "uid odoo.exceptions.AccessDenied" => false,
            other => panic!("neither in nor out: {other}"),
        }
    }

    /// Nothing is left to do, and all is well.
    #[track_caller]
    pub fn is_clean(&self) {
        self.hams(&["plan"]).expect(0);
        self.hams(&["verify"]).expect(0);
    }

    /// Which start of Odoo it is.
    #[track_caller]
    pub fn start(&self) -> String {
        self.host.ok("systemctl show --property=InvocationID,NRestarts,MainPID odoo.service")
    }

    /// Waits until `script` ends with 0, for a minute.
    #[track_caller]
    pub fn wait_for(&self, script: &str) {
        let patience = Instant::now() + Duration::from_secs(60);
        while self.host.sh(script).code != 0 {
            assert!(Instant::now() < patience, "this never came true: {script}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// An answer of Odoo with the database behind it.
pub const HEALTHY: &str = "python3 -c 'import urllib.request as r; \
    r.urlopen(\"http://127.0.0.1:8069/web/health?db_server_status=1\", timeout=3); \
    r.urlopen(\"http://127.0.0.1:8072/websocket/health\", timeout=3)'";
