//! A webhook, a command, a heartbeat and the journal tell of a change of state; what a receiver misses it is told later.

use super::node::{Node, wait_for};
use super::units::POWERDNS;
use hams::agent::MESSAGE_IDS;
use serde_json::Value;

const CONFIG: &str = "/etc/hams/hams.toml";
const PROGRAM: &str = "/usr/local/sbin/hams-told";
/// What the program writes to: its `HOME`, where alone its sandbox lets it.
const TOLD: &str = "/var/lib/hams-agent/told-by-command";
/// What nobody may see.
const SECRET: &str = "s3cret-of-the-receiver";

/// Takes what comes, a line each: method, path, body.
const RECEIVER: &str = r#"
import http.server
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        with open("/run/received", "a") as file:
            file.write(f"{self.command} {self.path} {body}\n")
        self.send_response(200)
        self.end_headers()
    do_POST = do_GET
http.server.HTTPServer(("127.0.0.1", 9399), Receiver).serve_forever()
"#;

const HOOKS: &str = "
[health]
webhook_file = \"/etc/hams/webhook\"
heartbeat_file = \"/etc/hams/heartbeat\"
command = \"/usr/local/sbin/hams-told\"
";

#[track_caller]
pub fn tell_of_a_change(node: &Node) {
    let host = &node.host;
    host.write("/root/receiver.py", RECEIVER);
    let receive = || host.ok("systemd-run --quiet --collect --unit=receiver python3 /root/receiver.py");
    receive();
    host.write("/etc/hams/webhook", &format!("http://127.0.0.1:9399/hook/{SECRET}\n"));
    host.write("/etc/hams/heartbeat", &format!("http://127.0.0.1:9399/beat/{SECRET}\n"));
    host.write(PROGRAM, "#!/bin/sh\ncat >>\"$HOME/told-by-command\"\n");
    host.ok(&format!("chmod 0755 {PROGRAM}; chmod 0600 /etc/hams/heartbeat; chmod 0644 /etc/hams/webhook"));
    host.ok(&format!("cp --archive {CONFIG} /root/hams.toml"));
    host.write("/root/hooks.toml", HOOKS);
    host.ok(&format!("cat /root/hooks.toml >>{CONFIG}"));
    let refused = node.hams(&["plan"]).expect(2);
    assert!(refused.stderr.contains("`health.webhook_file`: /etc/hams/webhook"), "{}", refused.text());
    assert!(refused.stderr.contains("not root's alone"), "{}", refused.text());
    host.ok("chmod 0600 /etc/hams/webhook");
    let (said, started) = node.repair();
    assert_eq!(started, ["hams-agent.service"], "started again: {said}");
    wait_for("a heartbeat", || received(node).iter().any(|line| line.starts_with("GET /beat/")));
    wait_for("an agent that is well", || host.run(&["hams-agent", "status"]).code == 0);

    host.ok(&format!("systemctl stop {POWERDNS}"));
    wait_for("a webhook that tells of PowerDNS", || tells(&posts(node), "failing"));
    host.ok(&format!("systemctl start {POWERDNS}"));
    wait_for("a webhook that tells that all is well", || {
        tells(&posts(node), "ok") && posts(node).last().is_some_and(|last| last["node"]["to"] == "ok")
    });
    wait_for("a command that was told the same", || {
        let told = host.run(&["cat", TOLD]).stdout;
        let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        tells(&told, "failing") && tells(&told, "ok")
    });
    for ((id, _), state) in MESSAGE_IDS.iter().zip(["failing", "degraded", "unknown", "ok"]) {
        if ["failing", "ok"].contains(&state) {
            let matches =
                [format!("MESSAGE_ID={id}"), format!("CHECK=unit {POWERDNS}"), format!("STATE={state}")];
            let matches: Vec<&str> = matches.iter().map(String::as_str).collect();
            let journal = ["journalctl", "--quiet", "--output=cat", "--lines=1"];
            let entry = host.run(&[&journal[..], &matches].concat()).expect(0).stdout;
            assert!(entry.starts_with(&format!("unit {POWERDNS} is {state}")), "{entry}");
        }
    }

    // The receiver is away: nobody waits for it, and it is told afterwards.
    host.ok(&format!("systemctl stop receiver; systemctl stop {POWERDNS}"));
    wait_for("a status that tells of the webhook", || {
        let status = host.run(&["hams-agent", "status"]);
        status.code == 2 && status.stdout.contains("webhook: 127.0.0.1: Connection refused")
    });
    let missed = posts(node).len();
    host.ok(&format!("systemctl start {POWERDNS}"));
    receive();
    wait_for("a receiver that is told what it has missed", || {
        let posts = posts(node);
        let new = posts.get(missed..).unwrap_or_default();
        tells(new, "failing") && tells(new, "ok") && new.last().is_some_and(|last| last["node"]["to"] == "ok")
    });
    wait_for("an agent that is well", || host.run(&["hams-agent", "status"]).code == 0);

    // Another URL in the file is taken up by itself.
    host.ok("sed --in-place s,/beat/,/other/, /etc/hams/heartbeat");
    wait_for("a heartbeat elsewhere", || received(node).iter().any(|line| line.starts_with("GET /other/")));
    for shown in [
        host.ok("journalctl --unit=hams-agent --output=export"),
        host.ok("cat /etc/hams/agent.toml /etc/systemd/system/hams-agent.service.d/50-hams.conf"),
        host.run(&["hams-agent", "status", "--json"]).stdout,
        node.hams(&["plan"]).text(),
    ] {
        assert!(!shown.contains(SECRET), "the URL is shown: {shown}");
    }

    host.ok(&format!(
        "cp --archive /root/hams.toml {CONFIG}
        systemctl stop receiver; rm {PROGRAM} {TOLD} /etc/hams/webhook /etc/hams/heartbeat"
    ));
    node.repair();
    wait_for("an agent that is well", || host.run(&["hams-agent", "status"]).code == 0);
    node.is_clean();
}

fn received(node: &Node) -> Vec<String> {
    node.host.run(&["cat", "/run/received"]).stdout.lines().map(str::to_owned).collect()
}

/// What the webhook has got.
fn posts(node: &Node) -> Vec<Value> {
    let path = format!("POST /hook/{SECRET} ");
    let bodies = received(node);
    let bodies = bodies.iter().filter_map(|line| line.strip_prefix(&path));
    bodies.map(|body| serde_json::from_str(body).expect("JSON")).collect()
}

/// Whether one of the messages says that PowerDNS's unit has come into that state.
fn tells(messages: &[Value], state: &str) -> bool {
    let changes = messages.iter().flat_map(|message| message["changes"].as_array().into_iter().flatten());
    { changes }.any(|change| change["check"] == format!("unit {POWERDNS}") && change["to"] == state)
}
