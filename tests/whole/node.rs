//! A host with the whole stack, a client's host beside it, and what a test asks them.

use super::lab::pgdg::REPOSITORY;
use super::lab::ports::{Sampler, open_tcp};
use super::lab::{Ended, Host};
use super::watch::CommandLines;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

pub const DOMAIN: &str = "hams.test";
/// What the world may reach of a node.
pub const PORTS: [u16; 3] = [443, 80, 53];
/// Odoo's administrator; the host is given its hash alone.
pub const PASSWORD: &str = "correct horse battery staple";
pub const INSTALL: [&str; 4] = ["hams-install", "--yes", "--domain", DOMAIN];
pub const CONFIG: &str = "/etc/hams/hams.toml";
/// Where the certificates of tests are, on both hosts.
pub const CERTIFICATES: &str = "/root/certificates";
/// Where the client keeps its session.
const JAR: &str = "/root/session";
/// Programs of the tests, on the client's host.
const TOOLS: &str = "curl openssl";

pub struct Node {
    pub host: Host,
    pub client: Host,
    pub first_run: Duration,
}

impl Node {
    /// A fresh host on which nothing is done but what an operator does before a run: the package, the mirrors, the
    /// administrator's password.
    #[track_caller]
    pub fn prepare(suite: &str, options: &[&str]) -> Host {
        let host = Host::up_with(suite, options);
        host.install_package();
        host.install_pgdg();
        host.ok("mkdir -p /etc/hams");
        host.write(
            CONFIG,
            &format!("[apt.pgdg]\nuri = \"file:{REPOSITORY}\"\nsigned_by = \"{REPOSITORY}/key.asc\"\n"),
        );
        host.run_with(&format!("{PASSWORD}\n"), &["hams-install", "hash-admin-password"]).expect(0);
        host.ok("sync");
        host
    }

    /// The install of such a host while others look at it.
    #[track_caller]
    pub fn installed(suite: &str) -> Self {
        let host = Self::prepare(suite, &[]);
        let (ports, lines) = (Sampler::start(&host), CommandLines::start(&host));
        let begun = Instant::now();
        let ended = host.run(&INSTALL).expect(0);
        let first_run = begun.elapsed();
        let (seen, lines) = (ports.stop(), lines.stop());
        eprintln!("{suite}: the first run took {:.1} s", first_run.as_secs_f64());
        seen.is_only(&PORTS);
        let node = Self { client: client(), host, first_run };
        let lines: Vec<_> = lines.into_iter().collect();
        for (name, value) in node.secrets() {
            assert!(!lines.iter().any(|line| line.contains(&value)), "{name} stood in a command line");
            assert!(!ended.text().contains(&value), "the run says {name}");
        }
        node
    }

    /// The vault's secrets; a salt stands beside each hash, and is none.
    #[track_caller]
    pub fn secrets(&self) -> BTreeMap<String, String> {
        let text = self.host.read("/etc/hams/secrets.env");
        let lines =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        let secrets: BTreeMap<_, _> = lines
            .filter(|(name, value)| !name.ends_with("_SALT") && value.len() >= 16)
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        for name in ["RMQ_PASS", "REDIS_PASSWORD", "DB_PASS", "PDNS_API_KEY", "ODOO_ADMIN_PASSWORD"] {
            assert!(secrets.contains_key(name), "the vault has no {name}");
        }
        secrets
    }

    /// Asks the edge from the client's host; gives the status and the body.
    pub fn curl(&self, url: &str, words: &[&str]) -> (u16, String) {
        let to = format!("::{}", self.host.address());
        let common = [
            "curl",
            "--silent",
            "--insecure",
            "--max-time",
            "30",
            "--cookie",
            JAR,
            "--cookie-jar",
            JAR,
            "--connect-to",
            &to,
            "--write-out",
            "\n%{http_code}",
        ];
        let ended = self.client.run(&[&common[..], words, &[url]].concat());
        let (body, status) = ended.stdout.rsplit_once('\n').unwrap_or(("", "0"));
        (status.parse().unwrap_or(0), body.to_owned())
    }

    /// Whether the edge lets `login` in with `password`, by the way that the login page goes.
    #[track_caller]
    pub fn logs_in(&self, login: &str, password: &str) -> bool {
        let database = "hams_prod";
        let call = serde_json::json!({
            "jsonrpc": "2.0", "method": "call", "id": 1,
            "params": { "db": database, "login": login, "password": password }
        });
        let url = format!("https://{DOMAIN}/web/session/authenticate");
        let words = ["--header", "Content-Type: application/json", "--data", &call.to_string()];
        let (status, body) = self.curl(&url, &words);
        assert_eq!(status, 200, "{body}");
        let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let is_in = answer["result"]["uid"].is_u64();
        assert!(is_in || body.contains("odoo.exceptions.AccessDenied"), "neither in nor refused: {body}");
        is_in
    }

    /// The node answers to the world as it should, and to nothing else.
    #[track_caller]
    pub fn answers(&self) {
        for address in [IpAddr::from(self.host.address()), IpAddr::from(self.host.address6())] {
            assert_eq!(open_tcp(address), BTreeSet::from(PORTS), "open at {address}");
        }
        let (status, page) = self.curl(&format!("https://{DOMAIN}/web/login"), &[]);
        assert!(status == 200 && page.contains("name=\"login\""), "{status}: {page}");
        let (status, _) = self.curl(&format!("https://{DOMAIN}/web/database/manager"), &[]);
        assert_eq!(status, 404, "the database manager");
        let upgrade = [
            "--http1.1",
            "--header",
            "Connection: Upgrade",
            "--header",
            "Upgrade: websocket",
            "--header",
            "Sec-WebSocket-Version: 13",
            "--header",
            "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==",
            "--header",
            "Origin: https://hams.test",
            "--max-time",
            "3",
        ];
        let (status, _) = self.curl(&format!("https://{DOMAIN}/websocket"), &upgrade);
        assert_eq!(status, 101, "the websocket upgrades");
        let reply =
            super::lab::dns::ask_udp(self.host.address().into(), "u.hams.test", 6).expect("an answer");
        assert!(reply.authoritative && reply.records.len() == 1, "{reply:?}");
    }

    pub fn hams(&self, words: &[&str]) -> Ended {
        self.host.run(&[&["hams-install", "--domain", DOMAIN], words].concat())
    }

    /// Nothing is left to do, and every probe finds its component well.
    #[track_caller]
    pub fn is_clean(&self) {
        self.hams(&["plan"]).expect(0);
        self.hams(&["verify"]).expect(0);
    }
}

/// A host that asks, with certificates as ARRL's are.
#[track_caller]
pub fn client() -> Host {
    let client = Host::up("trixie");
    client.ok(&format!(
        "apt-get update --quiet=2; DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 \
         --no-install-recommends {TOOLS} >&2"
    ));
    client.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nginx/certificates.sh"), "/root/");
    client.ok(&format!("bash /root/certificates.sh {CERTIFICATES}"));
    client
}
