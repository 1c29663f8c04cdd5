//! The agent takes up another configuration without a restart, and refuses one that cannot be used.

use super::node::{Node, wait_for};

const FILE: &str = "/etc/hams/agent.toml";
/// Asks on the port as an unprivileged user: the metrics, then an order.
const ASK: &str = "
import urllib.error, urllib.request
agent = 'http://127.0.0.1:9853'
assert b'hams_sync_zones' in urllib.request.urlopen(agent + '/metrics', timeout=5).read()
try:
    urllib.request.urlopen(agent + '/sync', data=b'{}', timeout=5)
except urllib.error.HTTPError as error:
    print(error.code)
";

#[track_caller]
pub fn takes_what_is_good(node: &Node) {
    let process = || node.host.ok("systemctl show --property=MainPID,NRestarts --value hams-agent");
    let status = || node.host.run(&["hams-agent", "status"]);
    let before = process();
    node.host.ok(&format!("cp --archive {FILE} /root/agent.toml; echo 'nonsense = 1' >>{FILE}"));
    node.host.ok("systemctl reload hams-agent");
    wait_for("a status that tells of the refusal", || {
        let told = status();
        told.code == 1
            && told.stdout.contains("agent configuration: not taken up, the one before stays")
            && told.stdout.contains("nonsense")
    });

    node.host
        .ok(&format!("cp --archive /root/agent.toml {FILE}; sed -i '/^.health.$/a http_port = 9853' {FILE}"));
    node.host.ok("systemctl reload hams-agent");
    wait_for("an agent that is well", || status().code == 0);
    let ask = ["runuser", "-u", "nobody", "--", "python3", "-c", ASK];
    assert_eq!(node.host.run(&ask).expect(0).stdout, "404\n", "an order on the port");

    node.host.ok(&format!("cp --archive /root/agent.toml {FILE}; systemctl reload hams-agent"));
    wait_for("a port that nobody listens on", || node.host.run(&ask).code != 0);
    wait_for("an agent that is well", || status().code == 0);
    assert_eq!(process(), before, "the agent was started anew");
    node.is_clean();
}
