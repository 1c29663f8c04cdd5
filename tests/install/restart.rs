//! What hangs is restarted where hams.toml asks for it, by a service of root that does just that: seldom, of what is listed,
//! for the agent, and never of what somebody has stopped.

use super::metrics;
use super::node::{Node, wait_for};
use super::units::{POWERDNS, restarted, starts};
use hams::agent::MESSAGE_IDS;
use serde_json::Value;

const CONFIG: &str = "/etc/hams/hams.toml";
const AGENT: &str = "/etc/hams/agent.toml";
const TABLE: &str = "/etc/hams/repair.toml";
const SOCKET: &str = "hams-repair.socket";
/// Asks for the restart of a component; prints the answer.
const ASK: &str = "
import socket, sys
service = socket.socket(socket.AF_UNIX)
service.connect('/run/hams-repair/socket')
service.sendall(sys.argv[1].encode() + b'\\n')
print(service.makefile().read(), end='')
";

#[track_caller]
pub fn what_hangs(node: &Node) {
    let host = &node.host;
    assert_eq!(host.run(&["systemctl", "is-active", SOCKET]).stdout, "inactive\n", "nobody has asked for it");
    host.ok(&format!(
        "cp --archive {CONFIG} /root/hams.toml; echo '[health]\nrestart = [\"redis\"]' >>{CONFIG}"
    ));
    let refused = node.hams(&["plan"]).expect(2);
    assert!(
        refused.stderr.contains("`health.restart`: `redis` is none of this host's"),
        "{}",
        refused.text()
    );
    host.ok(&format!("sed -i 's/^restart = .*/restart = [\"powerdns\"]/' {CONFIG}"));
    let (said, started) = node.repair();
    assert_eq!(started, ["hams-agent.service"], "started again: {said}");
    node.is_clean();

    only_what_is_listed(node);
    what_is_stopped_stays_so(node);
    what_stays_failing(node);
    no_more_than_three(node);

    host.ok(&format!("cp --archive /root/hams.toml {CONFIG}"));
    let (said, gone) = node.repair();
    assert_eq!(gone, ["hams-agent.service", SOCKET], "started again, or gone: {said}");
    let state = host.run(&["systemctl", "is-enabled", SOCKET]).stdout;
    assert_eq!(state, "disabled\n");
    host.ok(&format!("test ! -e {TABLE}; test ! -e /run/hams-repair/socket; rm -r /var/lib/hams-repair"));
    wait_for("an agent that is well", || host.run(&["hams-agent", "status"]).code == 0);
    assert!(!host.run(&["hams-agent", "status"]).stdout.contains("repair powerdns"));
    node.is_clean();
}

/// The answer to `user`.
#[track_caller]
fn ask(node: &Node, user: &str, component: &str) -> String {
    node.host.run(&["runuser", "-u", user, "--", "python3", "-c", ASK, component]).expect(0).stdout
}

#[track_caller]
fn only_what_is_listed(node: &Node) {
    let before = starts(&node.host);
    let nobody = node.host.run(&["runuser", "-u", "nobody", "--", "python3", "-c", ASK, "powerdns"]);
    assert!(nobody.code == 1 && nobody.stderr.contains("PermissionError"), "{}", nobody.text());
    for component in ["rabbitmq", "rabbitmq-server.service", POWERDNS, "../powerdns", ""] {
        let said = ask(node, "hams-agent", component);
        let expected =
            format!("refused: `{component}` is not among what hams.toml has restarted (`health.restart`)\n");
        assert_eq!(said, expected);
    }
    let started = restarted(&before, &starts(&node.host));
    assert!(started.is_empty(), "started again: {started:?}");
}

#[track_caller]
fn what_is_stopped_stays_so(node: &Node) {
    node.host.ok(&format!("systemctl stop {POWERDNS}"));
    assert_eq!(ask(node, "hams-agent", "powerdns"), "refused: pdns.service is inactive (dead)\n");
    assert_eq!(node.host.run(&["systemctl", "is-active", POWERDNS]).stdout, "inactive\n");
    wait_for("a status that says why", || {
        let status = node.host.run(&["hams-agent", "status"]).stdout;
        status.contains(&format!("repair powerdns: not restarted: unit {POWERDNS} is failing"))
    });
    node.host.ok(&format!("systemctl start {POWERDNS}"));
}

/// A PowerDNS that neither ends nor answers.
#[track_caller]
fn what_stays_failing(node: &Node) {
    let host = &node.host;
    let before = starts(host)[POWERDNS].clone();
    // The agent that begins anew looks at once; in a test nobody has three minutes.
    host.ok(&format!(
        "systemctl kill --signal=STOP {POWERDNS}
        sed -i 's/^after_seconds = .*/after_seconds = 4/; s/^apart_seconds = .*/apart_seconds = 1/' {AGENT} {TABLE}
        systemctl reload hams-agent"
    ));
    wait_for("another start of PowerDNS", || {
        starts(host).get(POWERDNS).is_some_and(|start| *start != before)
    });
    wait_for("an agent that is well", || host.run(&["hams-agent", "status"]).code == 0);
    let status = host.run(&["hams-agent", "status"]).stdout;
    let line = status.lines().find(|line| line.contains("repair powerdns: restarted pdns.service at 2"));
    assert!(line.is_some_and(|line| line.contains(", 1 of 3 within 60 min; ")), "{status}");
    let status: Value =
        serde_json::from_str(&host.run(&["hams-agent", "status", "--json"]).expect(0).stdout).expect("JSON");
    let repair = &status["repairs"][0];
    assert_eq!(repair["component"], "powerdns", "{status:#}");
    assert_eq!(repair["attempts"]["restarted"], 1, "{status:#}");
    assert!(repair["restarted"].is_string(), "{status:#}");
    let told = metrics::text(node);
    let line = "hams_repairs_total{component=\"powerdns\",result=\"restarted\"} 1";
    assert!(told.lines().any(|given| given == line), "{told}");
    for (words, more) in
        [("Of `hams-repair`: it has restarted", "_UID=0"), ("hams-agent has asked", "RESULT=restarted")]
    {
        let (id, _) = MESSAGE_IDS.iter().find(|(_, said)| said.starts_with(words)).expect("an id");
        let matches = [&format!("MESSAGE_ID={id}"), "COMPONENT=powerdns", "UNIT=pdns.service", more];
        let journal = ["journalctl", "--quiet", "--output=cat", "--lines=1"];
        let entry = host.run(&[&journal[..], &matches].concat()).expect(0).stdout;
        assert!(entry.contains("1 of 3 within 60 min"), "{words}: {entry}");
    }
    let of_root = host.ok("journalctl --quiet --output=cat --identifier=hams-repair");
    assert!(
        of_root.contains("is not restarted for hams-agent: pdns.service is inactive (dead)"),
        "{of_root}"
    );
}

/// Whoever asks, and however often the agent is started anew.
#[track_caller]
fn no_more_than_three(node: &Node) {
    for count in 2..=3 {
        let said = ask(node, "hams-agent", "powerdns");
        assert_eq!(said, format!("restarted: {count} of 3 within 60 min\n"));
        std::thread::sleep(std::time::Duration::from_millis(1100));
    }
    let before = starts(&node.host);
    for user in ["hams-agent", "root"] {
        let said = ask(node, user, "powerdns");
        assert_eq!(said, "refused: 3 of 3 within 60 min are used up: restarts do not cure it\n", "{user}");
    }
    let started = restarted(&before, &starts(&node.host));
    assert!(started.is_empty(), "started again: {started:?}");
}
