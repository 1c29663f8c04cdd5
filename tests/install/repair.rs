//! What was changed behind hams' back is found by `plan` and repaired by a run: that, and nothing else.

use super::lab::dns::ask_udp;
use super::lab::manifest::times;
use super::node::Node;
use super::secrets;
use super::units::{POWERDNS, RABBITMQ};

const SETTINGS: &str = "/etc/powerdns/pdns.d/50-hams.conf";
const PARENT: &str = "u.hams.test";
const TYPE_NS: u16 = 2;
/// What a run that changes something writes for itself.
const OWN_RECORDS: &str = "/var/lib/hams";

/// An edited file is shown with its secrets masked, and it alone is written anew; nobody had read it, so that no unit
/// is started again.
pub fn a_hand_edit(node: &Node) {
    let right = node.host.read(SETTINGS);
    node.host.ok(&format!(
        "sed -i -e 's/^version-string=.*/version-string=full/' -e 's/^api-key=.*/api-key=typed-by-hand/' {SETTINGS}"
    ));
    let shown = node.plan_finds(&[
        SETTINGS,
        "- version-string=full",
        "+ version-string=anonymous",
        "- api-key=*** (another value)\n",
        "+ api-key=***\n",
    ]);
    assert!(!shown.contains("typed-by-hand") && !shown.contains("$scrypt$"), "the plan shows keys: {shown}");
    let before = times(&node.host);
    let (said, started) = node.repair();
    let after = times(&node.host);
    let touched: Vec<_> =
        after.iter().filter(|(path, time)| before.get(*path) != Some(*time)).map(|(path, _)| path).collect();
    let others: Vec<_> = touched
        .iter()
        .filter(|path| {
            !path.starts_with(OWN_RECORDS) && !["/etc/powerdns/pdns.d", SETTINGS].contains(&path.as_str())
        })
        .collect();
    assert!(
        others.is_empty() && touched.iter().any(|path| *path == SETTINGS),
        "touched {touched:#?}: {said}"
    );
    assert_eq!(node.host.read(SETTINGS), right, "the file is as before");
    assert_eq!(started, Vec::<String>::new(), "units started again: {said}");
    node.is_clean();
}

/// A unit that was started with the edited file is started again with the right one.
pub fn a_hand_edit_that_was_taken_up(node: &Node) {
    node.host.ok(&format!("echo 'default-ttl=4711' >>{SETTINGS}; systemctl restart {POWERDNS}"));
    node.plan_finds(&[SETTINGS, "- default-ttl=4711"]);
    let (said, started) = node.repair();
    assert_eq!(started, [POWERDNS], "units started again: {said}");
    node.is_clean();
}

/// Users, permissions, policies and queues of the broker.
pub fn the_brokers_objects(node: &Node) {
    node.host.ok(
        "rabbitmqctl --quiet delete_user hams_rabbitmq; rabbitmqctl --quiet add_user guest guest
        rabbitmqctl --quiet set_permissions hams_agent '.*' '.*' '.*'
        rabbitmqctl --quiet clear_policy hams-dns-zone-updates; rabbitmqctl --quiet delete_queue dns_zone_updates.dlq",
    );
    node.plan_finds(&[
        "users: hams_rabbitmq is not there",
        "users: guest is there",
        "permissions: hams_agent / has another",
        "policies: hams-dns-zone-updates / is not there",
        "queues: dns_zone_updates.dlq / is not there",
    ]);
    let (said, started) = node.repair();
    assert_eq!(started, Vec::<String>::new(), "units started again: {said}");
    node.is_clean();
    super::outside::the_broker_lets_in_whom_it_should(node);
}

/// The parent zone, deleted through the API.
pub fn the_parent_zone(node: &Node) {
    let key = &secrets::vault(&node.host)["PDNS_API_KEY"];
    assert_eq!(node.api(key, "DELETE", &format!("/zones/{PARENT}.")), "204");
    node.plan_finds(&[&format!("serve the zone {PARENT}."), "the zone does not exist"]);
    let (said, started) = node.repair();
    assert_eq!(started, Vec::<String>::new(), "units started again: {said}");
    let reply = ask_udp(node.host.address().into(), PARENT, TYPE_NS).expect("an answer");
    assert!(reply.authoritative && reply.records.len() == 2, "{reply:?}");
    node.is_clean();
}

/// A stopped unit fails the verification, and a run starts it.
pub fn a_stopped_unit(node: &Node) {
    node.host.ok(&format!("systemctl stop {POWERDNS}"));
    let verified = node.hams(&["verify"]).expect(5);
    assert!(
        verified.stderr.contains(POWERDNS) && verified.stderr.contains("inactive"),
        "{}",
        verified.text()
    );
    let json = node.json(5, &["verify", "--json"]);
    assert!(json["faults"].as_u64() > Some(0), "{json:#}");
    node.plan_finds(&["enable and start pdns.service", "inactive"]);
    let (said, started) = node.repair();
    assert!(!started.iter().any(|unit| unit == RABBITMQ), "started again: {started:?}: {said}");
    node.is_clean();
}
