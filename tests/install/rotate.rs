//! `secrets rotate`: the new value reaches all that use it, the old one opens nothing and stands nowhere.

use super::node::Node;
use super::secrets;
use super::units::{POWERDNS, RABBITMQ, restarted, starts};
use super::watch::CommandLines;
use std::collections::BTreeMap;

const AGENT: &str = "hams-agent.service";

pub fn the_api_key(node: &Node) {
    let (old, new, started) = rotated(node, "PDNS_API_KEY");
    assert_eq!(node.api(&new, "GET", "/zones"), "200", "the new key");
    assert_eq!(node.api(&old, "GET", "/zones"), "401", "the old key");
    assert!(started.iter().any(|unit| unit == POWERDNS), "{started:?}");
    assert!(
        !started.iter().any(|unit| unit == RABBITMQ),
        "the broker has nothing to do with it: {started:?}"
    );
}

pub fn the_agents_password(node: &Node) {
    let (old, new, started) = rotated(node, "HAMS_AGENT_RMQ_PASS");
    assert_eq!(node.broker("hams_agent", &old, &["read-dead"]), "no entry\n", "the old password");
    assert_eq!(node.broker("hams_agent", &new, &["read-dead"]), "read-dead 403\n", "the new password");
    assert!(started.iter().all(|unit| unit == AGENT), "only the agent reads it: {started:?}");
    super::outside::the_broker_lets_in_whom_it_should(node);
}

/// Rotates `name`: the old value, the new one, and the units that were started again.
fn rotated(node: &Node, name: &str) -> (String, String, Vec<String>) {
    let (before, units) = (secrets::vault(&node.host), starts(&node.host));
    let lines = CommandLines::start(&node.host);
    let ended = node.hams(&["--yes", "secrets", "rotate", name]).expect(0);
    let lines: String = lines.stop().into_iter().collect();
    let started = restarted(&units, &starts(&node.host));
    let after = secrets::vault(&node.host);
    let changed: Vec<_> = before.keys().filter(|key| before[*key] != after[*key]).collect();
    assert_eq!(changed, [name], "what changed in the vault");
    for vault in [&before, &after] {
        secrets::are_not_in("what the run says", &ended.text(), vault);
        secrets::are_not_in("a command line", &lines, vault);
    }
    secrets::are_only_with_root(&node.host, &after);
    let old = before[name].clone();
    nowhere(node, name, &old);
    let shown = node.host.run(&["hams-install", "secrets", "show", name]).expect(0).stdout;
    assert_eq!(shown.trim(), after[name], "`secrets show`");
    node.is_clean();
    (old, after[name].clone(), started)
}

/// The old value is in no file, root's own among them.
fn nowhere(node: &Node, name: &str, old: &str) {
    let gone = BTreeMap::from([(name.to_owned(), old.to_owned())]);
    assert_eq!(secrets::found(&node.host, &[], &gone), [].into(), "where the old {name} stands");
}
