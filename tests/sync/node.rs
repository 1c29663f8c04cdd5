//! The node that all parts share, and what they ask it.

use super::lab::{Host, dns};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

pub const UNIT: &str = "hams-agent.service";
const PATIENCE: Duration = Duration::from_secs(90);
/// The password of the broker's user `reader`.
const READER: &str = "letters of the dead";
const NO_SUCH_NAME: u8 = 3;
const NAME_SERVERS: [&str; 2] = ["ns1.hams.test.", "ns2.hams.test."];

/// RRsets by name and type: the TTL and the contents, as PowerDNS spells them.
pub type Content = BTreeMap<(String, String), (u64, BTreeSet<String>)>;

/// A zone as PowerDNS holds it, without the SOA of its apex, and without the NS if it is hams'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub content: Content,
    pub serial: u64,
    pub account: String,
}

/// Which start of the agent is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub restarts: u64,
    pub invocation: String,
    pub active: String,
}

/// A host on which hams-install has run.
pub struct Node {
    pub host: Host,
    publisher: String,
    key: String,
}

impl Node {
    #[track_caller]
    pub fn up(suite: &str) -> Self {
        let host = Host::up(suite);
        host.install_package();
        host.ok("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends python3-pika >&2");
        host.install().expect(0);
        for script in ["publish.py", "kill.py", "zones.py", "letters.py"] {
            host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sync").join(script), "/root/");
        }
        host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/pdns.py"), "/root/");
        let secret = |name| host.run(&["hams-install", "secrets", "show", name]).expect(0).stdout;
        let (publisher, key) = (secret("RMQ_PASS"), secret("PDNS_API_KEY"));
        // What hams says of dead letters is held against what another client sees, which has a user of this test's own. By its
        // hash, as in hams' own definitions, for `rabbitmqctl add_user` takes a password from a terminal or an argument.
        let salted = [&[0; 4], READER.as_bytes()].concat();
        let hash = BASE64.encode([&[0; 4], &Sha256::digest(salted)[..]].concat());
        let algorithm = "rabbit_password_hashing_sha256";
        let user =
            json!({"name": "reader", "tags": [], "hashing_algorithm": algorithm, "password_hash": hash});
        let read = "^dns_zone_updates[.]dlq$";
        let may = json!({"user": "reader", "vhost": "/", "configure": "^$", "write": "^$", "read": read});
        host.write("/srv/reader.json", &json!({"users": [user], "permissions": [may]}).to_string());
        host.ok("rabbitmqctl --quiet import_definitions /srv/reader.json >&2");
        Self { host, publisher: publisher.trim().to_owned(), key: key.trim().to_owned() }
    }

    /// The lines that the scripts read: the password, then the messages.
    pub fn input<'a>(&self, more: &str, bodies: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut input = format!("{}\n{more}", self.publisher);
        for body in bodies {
            BASE64.encode_string(body, &mut input);
            input.push('\n');
        }
        input
    }

    /// Publishes with publish.py; gives what it says.
    #[track_caller]
    pub fn publish<'a>(&self, options: &[&str], bodies: impl IntoIterator<Item = &'a [u8]>) -> Value {
        let command = [&["python3", "/root/publish.py"], options].concat();
        parsed(&self.host.run_with(&self.input("", bodies), &command).expect(0).stdout)
    }

    /// Messages of the main queue that wait, messages that the agent has, and dead letters.
    #[track_caller]
    pub fn queues(&self) -> [u64; 3] {
        let words =
            "rabbitmqctl --quiet --formatter json list_queues name messages_ready messages_unacknowledged";
        let lists = parsed(&self.host.ok(words));
        let of = |name: &str, key: &str| {
            let queue = lists.as_array().and_then(|all| all.iter().find(|queue| queue["name"] == name));
            queue.and_then(|queue| queue[key].as_u64()).unwrap_or_else(|| panic!("no {name}: {lists}"))
        };
        let (main, dead) = ("dns_zone_updates", "dns_zone_updates.dlq");
        [
            of(main, "messages_ready"),
            of(main, "messages_unacknowledged"),
            of(dead, "messages_ready") + of(dead, "messages_unacknowledged"),
        ]
    }

    /// Waits until the main queue is empty and the agent has nothing in hand; then there are `dead` letters.
    #[track_caller]
    pub fn drained(&self, dead: u64) {
        self.wait_for("an empty queue", || self.queues()[..2] == [0, 0]);
        assert_eq!(self.queues(), [0, 0, dead], "waiting, in hand, dead");
    }

    /// Every dead letter: body, reason, reason in words.
    #[track_caller]
    pub fn letters(&self) -> Vec<(Vec<u8>, String, String)> {
        let all = parsed(
            &self.host.run_with(&format!("{READER}\n"), &["python3", "/root/letters.py"]).expect(0).stdout,
        );
        let letter = |letter: &Value| {
            assert!(letter["persistent"] == true, "it would not survive a restart of the broker: {letter}");
            assert_eq!(letter["content_type"], "application/json");
            let header = |name: &str| letter["headers"][name].as_str().unwrap_or_default().to_owned();
            let body = BASE64.decode(letter["body"].as_str().expect("a body")).expect("base64");
            (body, header("hams-reason"), header("hams-reason-text"))
        };
        all.as_array().expect("a list").iter().map(letter).collect()
    }

    /// The first line that the scripts read that ask PowerDNS.
    pub fn key_line(&self) -> String {
        format!("{}\n", self.key)
    }

    /// All zones of PowerDNS.
    #[track_caller]
    pub fn zones(&self) -> BTreeMap<String, Stored> {
        let all =
            parsed(&self.host.run_with(&self.key_line(), &["python3", "/root/zones.py"]).expect(0).stdout);
        all.as_object().expect("an object").iter().map(|(name, zone)| (name.clone(), stored(zone))).collect()
    }

    /// Ends the test unless each of `wanted` is there with that content, or gone: in PowerDNS, and for who asks from outside.
    #[track_caller]
    pub fn holds(&self, wanted: &BTreeMap<String, Option<Content>>) {
        let (zones, server) = (self.zones(), self.host.address().into());
        for (name, content) in wanted {
            let asked = format!("www.{name}");
            let reply = dns::ask_a(server, &asked).unwrap_or_else(|error| panic!("{asked}: {error}"));
            let Some(content) = content else {
                assert_eq!(zones.get(name), None, "{name} is not gone");
                assert_eq!(reply.code, NO_SUCH_NAME, "{asked}: {reply:?}");
                continue;
            };
            let zone = zones.get(name).unwrap_or_else(|| panic!("{name} is not there"));
            assert_eq!(&zone.content, content, "{name}");
            assert_eq!(zone.account, "hams", "{name}");
            let addresses: BTreeSet<_> = reply.addresses().iter().map(ToString::to_string).collect();
            let expected = content.get(&(asked.clone(), "A".to_owned())).map(|(_, records)| records.clone());
            assert_eq!(Some(addresses), expected, "{asked}");
            assert!(reply.authoritative, "{asked}");
        }
    }

    /// The agent's own status, and its exit status.
    #[track_caller]
    pub fn status(&self) -> (i32, Value) {
        let ended = self.host.run(&["hams-agent", "status", "--json"]);
        (ended.code, parsed(&ended.stdout))
    }

    /// Whether all is well, but for the dead letters that the tests leave, and for what came and went a moment ago.
    #[track_caller]
    pub fn is_well(&self) -> bool {
        let (_, status) = self.status();
        let is_well = |check: &Value| {
            let reason = check["reason"].as_str().unwrap_or_default();
            let is_known =
                ["can never be applied", "it comes and goes"].iter().any(|words| reason.contains(words));
            check["state"] == "ok" || check["state"] == "degraded" && is_known
        };
        status["sync"]["state"] == "ok"
            && status["checks"].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_well))
    }

    /// Which start of the agent this is.
    #[track_caller]
    pub fn start(&self) -> Start {
        let words = format!("systemctl show --property=NRestarts,InvocationID,ActiveState {UNIT}");
        let text = self.host.ok(&words);
        let value = |key: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("no {key}: {text}")).to_owned()
        };
        Start {
            restarts: value("NRestarts").parse().expect("a number"),
            invocation: value("InvocationID"),
            active: value("ActiveState"),
        }
    }

    /// Waits until `is_so`, or ends the test with what the agent said.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            if Instant::now() > end {
                let log =
                    self.host.sh(&format!("hams-agent status; journalctl --lines=40 --unit={UNIT}")).text();
                panic!("never came: {what}; queues {:?}; {log}", self.queues());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[track_caller]
pub fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}

fn stored(zone: &Value) -> Stored {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let apex = text(&zone["name"]);
    let mut content = Content::new();
    for rrset in zone["rrsets"].as_array().expect("rrsets") {
        let records = rrset["records"].as_array().expect("records");
        assert!(records.iter().all(|record| record["disabled"] == false), "{rrset}");
        let records: BTreeSet<_> = records.iter().map(|record| text(&record["content"])).collect();
        let key = (text(&rrset["name"]), text(&rrset["type"]));
        assert!(content.insert(key, (rrset["ttl"].as_u64().expect("a TTL"), records)).is_none(), "{zone}");
    }
    let account = text(&zone["account"]);
    let soa = content.remove(&(apex.clone(), "SOA".to_owned()));
    assert!(soa.is_some_and(|(_, records)| records.len() == 1), "{apex} has no SOA: {zone}");
    if account == "hams" {
        let ns = content.remove(&(apex.clone(), "NS".to_owned())).map(|(_, records)| records);
        assert_eq!(ns, Some(NAME_SERVERS.map(str::to_owned).into()), "{apex}");
    }
    Stored { content, serial: zone["serial"].as_u64().expect("a serial"), account }
}
