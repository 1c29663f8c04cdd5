//! The faults: how each begins and ends, and what the agent must say of it. Odoo's absence is in tests/whole/away.rs: it takes
//! an Odoo.

use super::node::{Node, UNIT};
use std::path::Path;

const FOLDER: &str = "/run/faulty";
const DROP_IN: &str = "/etc/systemd/system/hams-agent.service.d";
const CLOCK: &str = "/etc/hams-clock";

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens where PowerDNS's API should be.
    Refuse,
    /// PowerDNS answers late.
    Slow,
    /// PowerDNS does what it is told and never answers.
    Stall,
    /// PowerDNS does what it is told, and half of its answer comes.
    Half,
    /// PowerDNS does what it is told, and the connection ends without an answer.
    Lost,
    /// Something answers every request with this status.
    Status(u16),
    /// PowerDNS itself is stopped.
    PowerDns,
    /// RabbitMQ is stopped.
    Broker,
    /// RabbitMQ is started anew.
    BrokerRestart,
    /// Packets between the agent and RabbitMQ vanish.
    Cut,
    /// RabbitMQ gives up on an agent that acknowledges nothing for five seconds.
    Impatience,
    /// The agent's clock jumps by a year and more, there and back.
    Clock,
    /// The agent is killed.
    Kill,
}

use Fault::*;

impl Fault {
    pub const ALL: [Self; 16] = [
        Impatience,
        Clock,
        Kill,
        Refuse,
        Slow,
        Stall,
        Half,
        Lost,
        Status(500),
        Status(401),
        Status(422),
        Status(409),
        PowerDns,
        Broker,
        BrokerRestart,
        Cut,
    ];
    /// Those that take no time.
    pub const QUICK: [Self; 8] =
        [Refuse, Half, Lost, Status(500), Status(401), Status(422), Status(409), Kill];

    /// What faulty.py has to do.
    fn mode(self) -> Option<String> {
        match self {
            Refuse => Some("refuse".into()),
            Slow => Some("slow".into()),
            Stall => Some("stall".into()),
            Half => Some("half".into()),
            Lost => Some("lost".into()),
            Status(status) => Some(status.to_string()),
            // Without an outage everything is acknowledged at once.
            Impatience => Some("503".into()),
            PowerDns | Broker | BrokerRestart | Cut | Clock | Kill => None,
        }
    }

    /// What the status says while it lasts; `None` where it ends by itself, or is no outage.
    pub fn is_called(self) -> Option<String> {
        match self {
            Refuse | Stall | Half | Lost | PowerDns => Some("PowerDNS's API".into()),
            Status(401) => Some("refuses the API key".into()),
            Status(status) => Some(format!("PowerDNS answered {status}")),
            Impatience => Some("PowerDNS answered 503".into()),
            Broker | Cut => Some("RabbitMQ at 127.0.0.1:5672".into()),
            Slow | BrokerRestart | Clock | Kill => None,
        }
    }

    /// Whether the connection to the broker is lost by it, so that a dead letter may be written twice.
    pub fn ends_sessions(self) -> bool {
        matches!(self, Broker | BrokerRestart | Cut | Impatience | Kill)
    }

    /// Made ready before a round, and the agent started anew with it.
    pub fn prepare(self, node: &Node) {
        match self {
            Impatience => node.host.ok(&patience(5000, 1000)),
            Clock => {
                set_clock(node, "+0");
                node.host.ok(&format!(
                    "cat >{DROP_IN}/90-clock.conf <<END\n[Service]\nEnvironment=LD_PRELOAD=$(dpkg -L libfaketime | \
                     grep faketimeMT.so.1) FAKETIME_TIMESTAMP_FILE={CLOCK} FAKETIME_NO_CACHE=1 \
                     DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1\nEND\nsystemctl daemon-reload"
                ))
            }
            _ => return,
        };
        node.host.ok(&format!("systemctl restart {UNIT}"));
    }

    /// Undoes [`Fault::prepare`].
    pub fn clear(self, node: &Node) {
        match self {
            Impatience => node.host.ok(&patience(1_800_000, 60_000)),
            Clock => node.host.ok(&format!("rm {DROP_IN}/90-clock.conf; systemctl daemon-reload")),
            _ => return,
        };
        node.host.ok(&format!("systemctl restart {UNIT}"));
    }

    fn begin(self, node: &Node, turn: usize) {
        match self {
            PowerDns => node.host.ok("systemctl stop pdns.service"),
            Broker => node.host.ok("systemctl stop rabbitmq-server.service"),
            BrokerRestart => node.host.ok("systemctl restart rabbitmq-server.service"),
            // Both ways, and of the agent alone: the publisher's packets are others.
            Cut => node.host.ok("
                ports=$(ss -Htnp state established dport = :5672 | grep hams-agent | awk '{print $3}' | sed 's/.*://')
                nft 'add table inet cut; add chain inet cut out { type filter hook output priority 0; }'
                nft add rule inet cut out meta skuid hams-agent tcp dport 5672 drop
                for port in $ports; do nft add rule inet cut out tcp sport 5672 tcp dport $port drop; done"),
            Clock => {
                set_clock(node, if turn % 2 == 0 { "+400d" } else { "-400d" });
                String::new()
            }
            // It may be on its way up from the last time.
            Kill => node.host.ok(&format!("systemctl kill --signal=KILL {UNIT} || true")),
            _ => String::new(),
        };
    }

    fn end(self, node: &Node) {
        match self {
            PowerDns => node.host.ok("systemctl reset-failed pdns.service; systemctl start pdns.service"),
            Broker => node.host.ok("systemctl start rabbitmq-server.service"),
            Cut => node.host.ok("nft delete table inet cut"),
            Clock => {
                set_clock(node, "+0");
                String::new()
            }
            _ => String::new(),
        };
    }
}

/// All of them begin; of the requests to PowerDNS's API that many per cent are hit.
pub fn begin(node: &Node, faults: &[Fault], percent: usize, turn: usize) {
    let modes = faults.iter().filter_map(|fault| fault.mode());
    let with_percent = |mode: String| match mode.as_str() {
        "refuse" | "422" => mode,
        _ => format!("{mode} {percent}"),
    };
    let modes: Vec<_> = modes.map(with_percent).collect();
    set_mode(node, &modes.join("\n"));
    for fault in faults {
        fault.begin(node, turn);
    }
}

/// All of them end.
pub fn end(node: &Node, faults: &[Fault]) {
    for fault in faults {
        fault.end(node);
    }
    set_mode(node, "");
}

/// Puts faulty.py between the agent and PowerDNS.
pub fn stand_between(node: &Node) {
    node.host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sync/faulty.py"), "/root/");
    node.host.ok(&format!("mkdir {FOLDER}"));
    set_mode(node, "");
    node.host.ok(&format!(
        "systemd-run --quiet --unit=faulty python3 /root/faulty.py {FOLDER}
        cp --archive /etc/hams/agent.toml /etc/hams/agent-faulty.toml
        sed -i s/:8081/:18081/ /etc/hams/agent-faulty.toml
        grep -q :18081 /etc/hams/agent-faulty.toml
        mkdir -p {DROP_IN}
        cat >{DROP_IN}/80-faulty.conf <<END
[Service]
ExecStart=
ExecStart=/usr/bin/hams-agent run --config /etc/hams/agent-faulty.toml
END
        systemctl daemon-reload
        systemctl restart {UNIT}"
    ));
}

/// Takes it away again.
pub fn stand_aside(node: &Node) {
    let words = "systemctl daemon-reload; systemctl restart";
    node.host.ok(&format!("rm {DROP_IN}/80-faulty.conf; {words} {UNIT}; systemctl stop faulty.service"));
}

/// When the zones were asked for, in seconds, since the log had so many lines; and how many lines it has.
pub fn requests(node: &Node, after: usize) -> (Vec<f64>, usize) {
    let log = node.host.read(&format!("{FOLDER}/log"));
    let zones = log.lines().skip(after).filter(|line| line.contains("/zones"));
    let time = |line: &str| line.split(' ').next().and_then(|time| time.parse().ok()).expect("a time");
    (zones.map(time).collect(), log.lines().count())
}

/// Which faults a request has met, and how often.
pub fn met(node: &Node, after: usize) -> String {
    let words = format!("tail -n +{} {FOLDER}/log | awk '{{print $2}}' | sort | uniq -c", after + 1);
    node.host.ok(&words).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn set_mode(node: &Node, mode: &str) {
    // Whole or not at all: it is read for each request.
    node.host
        .run_with(mode, &["sh", "-c", &format!("cat >{FOLDER}/new; mv {FOLDER}/new {FOLDER}/mode")])
        .expect(0);
}

fn set_clock(node: &Node, offset: &str) {
    node.host.run_with(offset, &["sh", "-c", &format!("cat >{CLOCK}.new; mv {CLOCK}.new {CLOCK}")]).expect(0);
}

fn patience(timeout: u32, tick: u32) -> String {
    format!(
        "rabbitmqctl --quiet eval 'application:set_env(rabbit, consumer_timeout, {timeout}), \
         application:set_env(rabbit, channel_tick_interval, {tick}).' >&2"
    )
}
