//! A node that an older hams made, without a user of the broker for dead letters: one run gives it one, and an uninstall takes
//! that one back, too.

use super::lab::Host;
use super::node::Node;
use super::secrets;
use serde_json::Value;
use std::collections::BTreeSet;

const AGENT: &str = "hams-agent.service";
const CREDENTIAL: &str = "/etc/hams/credentials/rabbitmq-letters-password";
const RECEIPT: &str = "/var/lib/hams/receipt.json";
const LIST: [&str; 3] = ["hams-agent", "dead-letters", "list"];

/// Takes away what the older one did not know of, then runs this one.
pub fn gets_a_user_for_letters(node: &Node) {
    let host = &node.host;
    let before = receipt(host);
    let mut older = before.clone();
    let entries = older["entries"].as_array_mut().expect("entries");
    entries.retain(|entry| !is_of_the_credential(entry));
    for entry in entries {
        if let Some(commands) = entry["change"]["commands"].as_array_mut() {
            commands.retain(|words| !words.to_string().contains("hams_letters"));
        }
    }
    assert_ne!(taken_back(&older), taken_back(&before), "the receipt does not know of the user: {before:#}");
    host.write(RECEIPT, &older.to_string());
    host.ok(&format!(
        "sed -i '/^HAMS_LETTERS_/d' /etc/hams/secrets.env; rm {CREDENTIAL}
        sed -i '/^\\[dead_letters\\]/,/^$/d' /etc/hams/agent.toml; systemctl restart {AGENT}
        rabbitmqctl --quiet delete_user hams_letters"
    ));

    let refused = host.run(&LIST).expect(2);
    for said in ["/etc/hams/agent.toml does not say where dead letters lie", "hint: `sudo hams-install`"] {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.text());
    }
    let plan = node.hams(&["plan"]).expect(10);
    for said in ["users: hams_letters is not there", CREDENTIAL, "+ [dead_letters]"] {
        assert!(plan.stderr.contains(said), "plan does not say `{said}`: {}", plan.text());
    }
    let (said, started) = node.repair();
    assert_eq!(started, [AGENT], "its settings are others, and nothing else is: {said}");
    node.is_clean();
    assert_eq!(host.run(&LIST).expect(0).stderr, "no dead letters\n");
    secrets::are_only_with_root(host, &secrets::vault(host));
    super::outside::the_broker_lets_in_whom_it_should(node);
    let after = receipt(host);
    assert_eq!(taken_back(&after), taken_back(&before), "what an uninstall will do: {said}");
    let entries = after["entries"].as_array().expect("entries");
    assert!(entries.iter().any(is_of_the_credential), "{after:#}");
}

/// An uninstall that leaves the packages leaves no user of ours in the broker, and no password.
pub fn is_taken_back(node: &Node) {
    let host = &node.host;
    let uninstalled = node.hams(&["uninstall", "--yes", "--keep-packages"]).expect(0);
    host.ok("systemctl start rabbitmq-server.service");
    let users = host.ok("rabbitmqctl --quiet list_users --no-table-headers");
    assert!(!users.contains("hams_"), "{users}: {}", uninstalled.text());
    assert_eq!(host.run(&["test", "-e", CREDENTIAL]).code, 1, "{}", uninstalled.text());
}

#[track_caller]
fn receipt(host: &Host) -> Value {
    serde_json::from_str(&host.read(RECEIPT)).expect("a receipt")
}

fn is_of_the_credential(entry: &Value) -> bool {
    entry["id"] == format!("file:{CREDENTIAL}")
}

/// The commands that take back what is in the broker.
fn taken_back(receipt: &Value) -> BTreeSet<String> {
    let entries = receipt["entries"].as_array().expect("entries");
    let objects =
        entries.iter().find(|entry| entry["id"] == "rabbitmq:objects").expect("the broker's objects");
    let commands = objects["change"]["commands"].as_array().expect("commands");
    let all: BTreeSet<_> = commands.iter().map(Value::to_string).collect();
    assert_eq!(all.len(), commands.len(), "a command that would run twice, and fail then: {commands:?}");
    all
}
