//! `secrets rotate`: the new value reaches all that use it, the old one opens nothing and stands nowhere.

use super::node::Node;
use super::secrets;
use super::units::{POWERDNS, RABBITMQ, restarted, starts};
use super::watch::CommandLines;
use std::collections::{BTreeMap, BTreeSet};

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

pub fn the_letters_password(node: &Node) {
    let (old, new, started) = rotated(node, "HAMS_LETTERS_RMQ_PASS");
    assert_eq!(node.broker("hams_letters", &old, &["read-dead"]), "no entry\n", "the old password");
    assert_eq!(node.broker("hams_letters", &new, &["read-dead"]), "read-dead yes\n", "the new password");
    assert_eq!(started, Vec::<String>::new(), "no unit reads it");
    let mut where_it_is = BTreeSet::from(["/etc/hams/secrets.env".to_owned()]);
    if super::COMPONENTS.contains("agent") {
        let listed = node.host.run(&["hams-agent", "dead-letters", "list"]).expect(0);
        assert_eq!((listed.stdout.as_str(), listed.stderr.as_str()), ("", "no dead letters\n"));
        let credential = "/etc/hams/credentials/rabbitmq-letters-password";
        where_it_is.insert(credential.to_owned());
        node.host.ok(&format!("cp -a {credential} /root/kept; echo wrong >{credential}"));
        let refused = node.host.run(&["hams-agent", "dead-letters", "list"]).expect(2);
        assert!(
            refused.stderr.contains("refuses its user hams_letters")
                && refused.stderr.contains("hint: `sudo hams-install`"),
            "{}",
            refused.text()
        );
        node.host.ok(&format!("mv /root/kept {credential}"));
        node.is_clean();
    }
    let letters = BTreeMap::from([("HAMS_LETTERS_RMQ_PASS".to_owned(), new)]);
    assert_eq!(secrets::found(&node.host, &[], &letters), where_it_is, "the agent's unit has none of it");
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
