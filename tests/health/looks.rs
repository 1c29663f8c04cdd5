//! What the agent says of a node, and changes of DNS that must go through meanwhile.

use super::lab::{Host, dns};
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// nftables, and a client of the broker.
const TOOLS: &str = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
     -o Acquire::Retries=3 nftables python3-pika >&2";
/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// The longest that anything may take.
pub const PATIENCE: Duration = Duration::from_secs(180);

pub struct Looks<'a> {
    pub host: &'a Host,
    password: String,
    changes: Cell<u8>,
}

/// A check that fails or needs a look, and what is said of it.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub check: String,
    pub state: String,
    pub reason: String,
    pub because: Option<String>,
    /// The lines of its unit's journal that are beside it.
    pub journal: Vec<String>,
}

impl<'a> Looks<'a> {
    /// Looks at a node of the domain; brings along what publishes and what blocks.
    #[track_caller]
    pub fn new(host: &'a Host, domain: &str) -> Self {
        host.ok(TOOLS);
        let publish = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo/publish.py");
        host.push(&publish, "/root/");
        let show = ["hams-install", "--domain", domain, "secrets", "show", "RMQ_PASS"];
        let password = host.run(&show).expect(0).stdout.trim().to_owned();
        Self { host, password, changes: Cell::new(0) }
    }

    /// The agent's status.
    #[track_caller]
    pub fn status(&self) -> Value {
        let said = self.host.run(&["hams-agent", "status", "--json"]).stdout;
        serde_json::from_str(&said).unwrap_or_default()
    }

    /// Everything that is not well.
    #[track_caller]
    pub fn troubles(&self) -> Vec<Trouble> {
        let status = self.status();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let checks = status["checks"].as_array().cloned().unwrap_or_default();
        assert!(!checks.is_empty(), "the agent says nothing: {status}");
        let trouble = |check: &Value| Trouble {
            check: text(&check["name"]),
            state: text(&check["state"]),
            reason: text(&check["reason"]),
            because: check["because"].as_str().map(str::to_owned),
            journal: check["journal"].as_array().into_iter().flatten().map(text).collect(),
        };
        checks.iter().map(trouble).filter(|trouble| trouble.state != "ok").collect()
    }

    /// The checks that fail because of nothing else.
    pub fn roots(troubles: &[Trouble]) -> BTreeSet<&str> {
        let is_root = |trouble: &&Trouble| trouble.state == "failing" && trouble.because.is_none();
        troubles.iter().filter(is_root).map(|trouble| trouble.check.as_str()).collect()
    }

    /// Waits until everything is well, for what has just come and gone again and again at the moment; gives how long that took.
    #[track_caller]
    pub fn are_well(&self) -> Duration {
        let begun = Instant::now();
        loop {
            let (status, troubles) = (self.status(), self.troubles());
            let is_well = |trouble: &Trouble| {
                trouble.state == "degraded" && trouble.reason.contains("it comes and goes")
            };
            if troubles.iter().all(is_well) && status["sync"]["state"] == "ok" {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < PATIENCE, "not well: {troubles:#?}\n{}", status["sync"]);
            std::thread::sleep(EVERY);
        }
    }

    /// Which start of the agent it is.
    #[track_caller]
    pub fn agent(&self) -> String {
        self.host.ok("systemctl show --property=InvocationID,NRestarts --value hams-agent")
    }

    /// Publishes as any client would.
    #[track_caller]
    pub fn publish(&self, messages: &[String]) {
        let lines = format!("{}\n{}\n", self.password, messages.join("\n"));
        self.host.run_with(&lines, &["python3", "/root/publish.py"]).expect(0);
    }

    /// A message that sets the address of a zone.
    pub fn message(zone: &str, last: u8) -> String {
        format!(
            r#"{{"action":"upsert","zone":"{zone}","rrsets":[{{"name":"www","type":"A","ttl":300,"records":["192.0.2.{last}"]}}]}}"#
        )
    }

    /// A change goes through in the time that one takes on a well node, and then some.
    #[track_caller]
    pub fn a_change_goes_through(&self) -> Duration {
        let last = self.changes.get() + 1;
        self.changes.set(last);
        self.publish(&[Self::message("meanwhile.u.hams.test.", last)]);
        self.answers("www.meanwhile.u.hams.test", last, Duration::from_secs(10))
    }

    /// Waits until PowerDNS answers with the address that ends so.
    #[track_caller]
    pub fn answers(&self, name: &str, last: u8, within: Duration) -> Duration {
        let begun = Instant::now();
        loop {
            let reply = dns::ask_a(self.host.address().into(), name);
            if reply.is_ok_and(|reply| reply.addresses().iter().any(|address| address.octets()[3] == last)) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < within, "a change waits: {}", self.status()["sync"]);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The group's members may look, nobody else; an order is root's.
    #[track_caller]
    pub fn are_for_those_who_are_allowed(&self) {
        self.host.ok("useradd --no-create-home --groups hams-agent watcher");
        let run = |user: &str, words: &[&str]| {
            self.host.run(&[&["runuser", "-u", user, "--", "hams-agent"], words].concat())
        };
        let denied = run("games", &["status"]).expect(2);
        assert!(
            denied.stderr.contains("the socket is for root and the group hams-agent"),
            "{}",
            denied.text()
        );
        run("watcher", &["status"]).expect(0);
        let refused = run("watcher", &["sync", "--all", "--force"]);
        assert!(
            refused.code != 0 && refused.stderr.contains("only root may order that"),
            "{}",
            refused.text()
        );
        let refused = run("watcher", &["dead-letters", "list"]);
        assert!(refused.code != 0, "{}", refused.text());
        self.host.ok("userdel watcher");
    }

    /// Gives a row of the table.
    #[track_caller]
    pub fn a_stopped_agent_is_started_by_the_watchdog(&self) -> String {
        let before = self.agent();
        let begun = Instant::now();
        self.host.ok("systemctl kill --signal=STOP hams-agent");
        loop {
            let now = self.agent();
            if now != before && self.host.run(&["systemctl", "is-active", "--quiet", "hams-agent"]).code == 0
            {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "the watchdog does not bite: {now}");
            std::thread::sleep(EVERY);
        }
        let took = begun.elapsed();
        let said = self.host.ok("journalctl --unit hams-agent --output cat --no-pager");
        assert!(said.contains("Watchdog timeout"), "{said}");
        let well = self.are_well();
        format!(
            "| agent | stopped by SIGSTOP | systemd | | \"Watchdog timeout\", started again | {:.0} s | {:.0} s |",
            took.as_secs_f64(),
            well.as_secs_f64()
        )
    }
}
