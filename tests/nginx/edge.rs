//! A host that is an edge, another host that asks it, and what the two are told to do.

use super::lab::manifest::times;
use super::lab::{Ended, Host};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// The domain of the edge.
pub const DOMAIN: &str = "hams.test";
/// A run: the configuration is in hams.toml.
pub const INSTALL: [&str; 2] = ["hams-install", "--yes"];
/// Where the certificates are, on both hosts.
pub const CERTIFICATES: &str = "/root/certificates";
const CONFIG: &str = "/etc/hams/hams.toml";
/// Programs of the tests, on both hosts.
const TOOLS: &str = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends curl openssl python3 >&2";

/// The two hosts.
pub struct Edge {
    pub host: Host,
    pub client: Host,
}

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// The status; 0 when there was no answer.
    pub status: u16,
    /// The lines of its head.
    pub head: String,
    /// What the upstream said that it was asked.
    pub body: String,
}

impl Answer {
    /// The upstream's own words: port, path and headers.
    #[track_caller]
    pub fn echo(&self) -> Echo {
        let said: Value = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no echo: {self:?}"));
        let headers = said["headers"].as_array().expect("headers").iter().map(|pair| {
            let text = |at: usize| pair[at].as_str().expect("text").to_owned();
            (text(0).to_lowercase(), text(1))
        });
        Echo { port: said["port"].as_u64().expect("a port"), headers: headers.collect() }
    }
}

/// What reached the upstream.
#[derive(Debug)]
pub struct Echo {
    pub port: u64,
    pub headers: BTreeMap<String, String>,
}

impl Edge {
    /// Two fresh hosts, of which nothing is installed on the first but what tests need.
    #[track_caller]
    pub fn up(suite: &str) -> Self {
        let (host, client) = (Host::up(suite), Host::up("trixie"));
        for each in [&host, &client] {
            each.ok(&format!("apt-get update --quiet=2; {TOOLS}"));
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nginx");
        host.push(&here.join("upstream.py"), "/root/");
        client.push(&here.join("certificates.sh"), "/root/");
        client.ok(&format!("bash /root/certificates.sh {CERTIFICATES}"));
        let folder = tempfile::tempdir().expect("a folder");
        client.pull(CERTIFICATES, folder.path());
        host.push(folder.path(), CERTIFICATES);
        Self { host, client }
    }

    /// Starts what stands behind the edge: it lives until the next boot.
    #[track_caller]
    pub fn start_upstream(&self) {
        self.host
            .ok("systemd-run --quiet --collect --unit=upstream python3 /root/upstream.py 8069 8072 8765");
        wait_for("the upstream", || self.host.sh("curl -s -o /dev/null http://127.0.0.1:8765/").code == 0);
    }

    /// Writes hams.toml: the edge alone, with `more`.
    #[track_caller]
    pub fn configure(&self, more: &str) {
        self.host.ok("mkdir -p /etc/hams");
        self.host.write(CONFIG, &format!("domain = \"{DOMAIN}\"\ncomponents = [\"nginx\"]\n{more}"));
    }

    /// Which start of nginx is running, and whether systemd had to help.
    #[track_caller]
    pub fn start(&self) -> String {
        self.host.ok("systemctl show nginx.service --property=InvocationID,NRestarts,MainPID")
    }

    /// A run that changes something, by a reload or without: nginx is not started again. Gives what it said.
    #[track_caller]
    pub fn change(&self) -> String {
        let before = self.start();
        let said = self.host.run(&INSTALL).expect(0).stderr;
        assert_eq!(self.start(), before, "nginx was started again: {said}");
        said
    }

    /// A run is refused as wrong configuration: it says every text of `said`, touches no file and leaves nginx alone.
    #[track_caller]
    pub fn refuses(&self, said: &[&str]) {
        let (files, start) = (times(&self.host), self.start());
        let refused = self.host.run(&INSTALL).expect(2);
        for text in said.iter().chain(&["error: ", "hint: "]) {
            assert!(refused.stderr.contains(text), "it does not say `{text}`: {}", refused.text());
        }
        assert!(times(&self.host) == files, "a refused run touched files: {}", refused.text());
        assert_eq!(self.start(), start, "nginx was started again");
    }

    /// Nothing is left to do, and verify finds no fault.
    #[track_caller]
    pub fn is_clean(&self) {
        let plan = self.host.run(&["hams-install", "plan"]);
        assert_eq!(plan.code, 0, "{}", plan.text());
        self.host.run(&["hams-install", "verify"]).expect(0);
    }

    /// Asks `https://NAME PATH` from the client's host, with more words for curl.
    pub fn get(&self, name: &str, path: &str, words: &[&str]) -> Answer {
        self.curl(&format!("https://{name}{path}"), words)
    }

    /// Asks for a URL whose names all lead to the edge.
    pub fn curl(&self, url: &str, words: &[&str]) -> Answer {
        let address = self.host.address();
        let to = format!("::{address}:");
        let fixed = ["curl", "--silent", "--insecure", "--max-time", "8", "--connect-to", &to, "--include"];
        let ended = self.client.run(&[&fixed[..], words, &[url]].concat());
        answer(&ended)
    }

    /// The handshake for `name`, by openssl from the client's host; with an empty name none is asked for.
    pub fn handshake(&self, name: &str, words: &str) -> Ended {
        let name = if name.is_empty() { "-noservername".to_owned() } else { format!("-servername {name}") };
        self.client.sh(&format!(
            "openssl s_client -connect {}:443 {name} {words} </dev/null 2>&1",
            self.host.address()
        ))
    }

    /// The subject of the certificate that is shown for the domain, and its fingerprint.
    #[track_caller]
    pub fn certificate(&self) -> String {
        let shown = self.handshake(DOMAIN, "").stdout;
        self.client
            .run_with(&shown, &["openssl", "x509", "-noout", "-subject", "-fingerprint", "-sha256"])
            .expect(0)
            .stdout
    }
}

/// The last head and what follows; curl shows the head of a 101 or of a CONNECT too.
fn answer(ended: &Ended) -> Answer {
    let text = ended.stdout.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Waits until `is_so`; ends the test after twenty seconds.
#[track_caller]
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "never came: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
