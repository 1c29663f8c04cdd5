//! An addon with the models of the event contract in the real Odoo: what is saved there becomes a message at the broker, once
//! it is committed.

use super::node::{CONFIG, DOMAIN, INSTALL, Node, PASSWORD};
use serde_json::{Value, json};
use std::path::Path;

const FOLDER: &str = "/opt/hams/addons";
/// The zone that is saved.
pub const ZONE: &str = "k6bp.u.hams.test.";
/// Takes every message of the queue as the agent would: its password is on stdin. Prints a message a line.
const TAKE: &str = "
import sys, pika
login = pika.PlainCredentials('hams_agent', sys.stdin.readline().strip())
channel = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', credentials=login)).channel()
while True:
    method, properties, body = channel.basic_get('dns_zone_updates', auto_ack=True)
    if method is None:
        break
    print(properties.delivery_mode, body.decode())
";

/// The addon is added to a running node by three lines of hams.toml; a saved zone and its record are published, a rolled-back
/// one is not. Gives the ids of both; the agent has seen nothing of them.
#[track_caller]
pub fn publishes_on_commit(node: &Node) -> (u64, u64) {
    let addon = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/addons/ham_dns");
    node.host.ok(&format!("mkdir -p {FOLDER}/ham_dns"));
    node.host.push(&addon, &format!("{FOLDER}/ham_dns"));
    let before = node.host.read(CONFIG);
    let odoo = format!(
        "[odoo]\naddons_path = [\"{FOLDER}\"]\nmodules = [\"base\", \"web\", \"ham_dns\"]\npackages = [\"python3-pika\"]\n"
    );
    node.host.write(CONFIG, &format!("{before}\n{odoo}"));
    node.host.run(&INSTALL).expect(0);
    node.is_clean();

    node.host.ok("systemctl stop hams-agent");
    assert!(node.logs_in("admin", PASSWORD), "the session that the next calls use");
    let zone = call(node, "ham.dns.zone", "create", json!([[{ "name": ZONE }]]));
    let record =
        json!({ "zone_id": zone["result"][0], "name": "www", "record_type": "A", "content": "192.0.2.10" });
    let record = call(node, "ham.dns.record", "create", json!([[record]]));
    let again = call(node, "ham.dns.zone", "create", json!([[{ "name": ZONE }]]));
    assert!(again["error"].to_string().contains("There is a zone of that name"), "{again}");
    let password = node.hams(&["secrets", "show", "HAMS_AGENT_RMQ_PASS"]).expect(0).stdout;
    let taken = node.host.run_with(&password, &["python3", "-c", TAKE]).expect(0).stdout;
    let events: Vec<Value> = taken
        .lines()
        .map(|line| {
            serde_json::from_str(line.strip_prefix("2 ").expect("a persistent message")).expect("JSON")
        })
        .collect();
    let (zones, records) = (&zone["result"], &record["result"]);
    assert_eq!(
        events,
        [
            json!({ "action": "create", "model": "ham.dns.zone", "ids": zones, "zone_ids": zones, "zone": ZONE }),
            json!({ "action": "create", "model": "ham.dns.record", "ids": records, "zone_ids": zones, "zone": ZONE }),
        ]
    );
    node.host.ok("systemctl start hams-agent");
    node.is_clean();
    let id = |ids: &Value| ids[0].as_u64().expect("an id");
    (id(zones), id(records))
}

/// A method by the session of the last login.
#[track_caller]
pub fn call(node: &Node, model: &str, method: &str, args: Value) -> Value {
    let call = json!({
        "jsonrpc": "2.0", "method": "call", "id": 1,
        "params": { "model": model, "method": method, "args": args, "kwargs": {} }
    });
    let url = format!("https://{DOMAIN}/web/dataset/call_kw/{model}/{method}");
    let words = ["--header", "Content-Type: application/json", "--data", &call.to_string()];
    let (status, body) = node.curl(&url, &words);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}
