//! What the agent tells of itself over HTTP: to Prometheus, and to whatever asks whether it lives and is ready.

use super::lab::promtool::promtool;
use super::node::{Node, wait_for};

/// Asks over the control socket, as root; prints status and body.
const ASK: &str = "
import http.client, socket, sys
class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect('/run/hams-agent/agent.sock')
local = Local('agent')
local.request('GET', sys.argv[1])
answer = local.getresponse()
print(answer.status)
sys.stdout.write(answer.read().decode())
";

#[track_caller]
fn ask(node: &Node, path: &str) -> (String, String) {
    let said = node.host.run(&["python3", "-c", ASK, path]).expect(0).stdout;
    let (status, body) = said.split_once('\n').expect("a status");
    (status.to_owned(), body.to_owned())
}

/// All metrics.
#[track_caller]
pub fn text(node: &Node) -> String {
    ask(node, "/metrics").1
}

/// Prometheus's own tool has nothing to remark; what the node has is in it.
#[track_caller]
pub fn are_read_by_prometheus(node: &Node) {
    let expected = [
        "hams_node_state{state=\"ok\"} 1",
        "hams_check_state{check=\"rabbitmq amqp\",state=\"ok\"} 1",
        "hams_queue_messages{queue=\"dns_zone_updates\"} 0",
        "hams_queue_messages{queue=\"dns_zone_updates.dlq\"} 0",
        "hams_unit_restarts{unit=\"pdns.service\"} 0",
        "hams_sync_phase{phase=\"idle\"} 1",
    ];
    let mut text = String::new();
    // The agent has just been started.
    wait_for("an agent that has looked at everything", || {
        let (status, told) = ask(node, "/metrics");
        assert_eq!(status, "200", "{told}");
        text = told;
        expected.iter().all(|line| text.lines().any(|given| given == *line))
    });
    promtool(&["check", "metrics"], &text);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(node, path), ("200".to_owned(), "ok\n".to_owned()), "{path}");
    }
}
