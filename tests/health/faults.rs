//! The faults of every component.

use super::fault::Fault;
use super::looks::Looks;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Messages enough to be more than the agent takes at once.
const MANY: usize = 4000;

/// A run of the installer puts right what was changed by hand.
fn repaired(domain: &str) -> String {
    format!("hams-install --yes --domain {domain} 2>&1")
}

/// Packets to a port of this host that nobody answers.
fn blocked(rule: &str) -> (String, String) {
    let begin = format!(
        "nft add table inet fault
        nft add chain inet fault in '{{ type filter hook input priority 0; }}'
        nft add rule inet fault in {rule} drop"
    );
    (begin, "nft delete table inet fault".into())
}

struct Component {
    name: &'static str,
    unit: &'static str,
    /// The check of its unit, and the one that asks it.
    checks: [&'static str; 2],
    port: u16,
    /// Changes of DNS go through without it.
    is_aside: bool,
}

const COMPONENTS: [Component; 6] = [
    Component {
        name: "postgresql",
        unit: "postgresql@16-main.service",
        checks: ["unit postgresql@16", "postgresql sql"],
        port: 5432,
        is_aside: true,
    },
    Component {
        name: "redis",
        unit: "redis-server.service",
        checks: ["unit redis-server", "redis ping"],
        port: 6379,
        is_aside: true,
    },
    Component {
        name: "rabbitmq",
        unit: "rabbitmq-server.service",
        checks: ["unit rabbitmq-server", "rabbitmq amqp"],
        port: 5672,
        is_aside: false,
    },
    Component {
        name: "powerdns",
        unit: "pdns.service",
        checks: ["unit pdns", "powerdns api"],
        port: 8081,
        is_aside: false,
    },
    Component {
        name: "odoo",
        unit: "odoo.service",
        checks: ["unit odoo", "odoo http"],
        port: 8069,
        is_aside: true,
    },
    Component {
        name: "nginx",
        unit: "nginx.service",
        checks: ["unit nginx", "nginx tls"],
        port: 443,
        is_aside: true,
    },
];

/// Makes them one after the other; the agent itself comes last. Gives the table.
#[track_caller]
pub fn happen(looks: &Looks<'_>, faults: &[Fault]) -> String {
    let agent = looks.agent();
    let mut table = vec![Fault::head()];
    let mut wrong = Vec::new();
    for fault in faults {
        let name = format!("{}: {}", fault.component, fault.what);
        eprintln!("{name}");
        // One that goes wrong says so at once, and does not hide what the others would show.
        match catch_unwind(AssertUnwindSafe(|| fault.happens(looks))) {
            Ok(row) => table.push(row),
            Err(_) => {
                wrong.push(name);
                fault.ends(looks);
            }
        }
    }
    assert!(wrong.is_empty(), "went wrong: {wrong:?}\n{}", table.join("\n"));
    assert_eq!(looks.agent(), agent, "the agent was started anew");
    table.push(looks.a_stopped_agent_is_started_by_the_watchdog());
    let table = table.join("\n");
    eprintln!("\n{table}\n");
    table
}

/// A few that pass soon.
pub fn few(domain: &str) -> Vec<Fault> {
    all(domain).into_iter().filter(|fault| fault.is_quick).collect()
}

/// All of them; `domain` is the node's.
pub fn all(domain: &str) -> Vec<Fault> {
    let mut all: Vec<Fault> = COMPONENTS.iter().flat_map(of_any).collect();
    all.extend(wrong_credentials(domain));
    all.extend(single(domain));
    all
}

/// What can happen to each.
fn of_any(component: &Component) -> Vec<Fault> {
    let Component { name, unit, checks: [of_unit, probe], port, is_aside } = *component;
    let fault = |what, begin: String, end: String, cause, state, words: &[&'static str]| Fault {
        is_aside,
        ..Fault::new(name, what, [begin, end], (cause, state, words))
    };
    let start = format!("systemctl start {unit}");
    let (block, unblock) = blocked(&format!("tcp dport {port}"));
    let mut hung = fault(
        "hangs (SIGSTOP)",
        format!("systemctl kill --signal=STOP {unit}"),
        format!("systemctl kill --signal=CONT {unit}"),
        probe,
        "failing",
        &["no answer", "timed out", "no heartbeat"],
    );
    if name == "powerdns" {
        hung.roots.push("dns ");
    }
    let mut all = vec![
        fault(
            "stopped",
            format!("systemctl stop {unit}"),
            start.clone(),
            of_unit,
            "failing",
            &["inactive (dead)"],
        ),
        fault(
            "killed",
            format!("systemctl kill --signal=KILL {unit}"),
            format!("systemctl reset-failed {unit}; {start}"),
            of_unit,
            "degraded",
            &["it ended by itself"],
        ),
        hung,
        fault("port blocked", block, unblock, probe, "failing", &["no answer", "timed out", "no heartbeat"]),
    ];
    // Of components that come back in a moment: one that was killed needs a look for two minutes.
    let quick: &[usize] = match name {
        "powerdns" => &[0, 2],
        "postgresql" => &[2],
        _ => &[],
    };
    for place in quick {
        all[*place].is_quick = true;
    }
    all
}

fn wrong_credentials(domain: &str) -> Vec<Fault> {
    let fault = |component, begin: &str, cause, words, is_aside| Fault {
        is_aside,
        ..Fault::new(
            component,
            "credentials wrong",
            [begin.into(), repaired(domain)],
            (cause, "failing", &[words]),
        )
    };
    vec![
        fault(
            "postgresql",
            "runuser -u postgres -- psql --quiet --command \"ALTER ROLE hams_listen PASSWORD 'another'\"",
            "postgresql sql",
            "password authentication failed",
            true,
        ),
        fault(
            "redis",
            "sed -i '/hams_monitor/s/#[0-9a-f]*/>another/' /etc/redis/users.acl; systemctl restart redis-server",
            "redis ping",
            "the password of hams_monitor is not the one Redis has",
            true,
        ),
        fault(
            "rabbitmq",
            "rabbitmqctl --quiet change_password hams_agent another",
            "rabbitmq amqp",
            "ACCESS_REFUSED",
            false,
        ),
        fault(
            "powerdns",
            "sed -i 's/^api-key=.*/api-key=another/' /etc/powerdns/pdns.d/50-hams.conf; systemctl restart pdns",
            "powerdns api",
            "the API key is not the one PowerDNS has",
            false,
        ),
        // Odoo does not start without its database; why, it says itself in the lines beside the reason. It is stopped before
        // the run that mends it, which else may find it in a moment between two ends, take it for running, and end with 5.
        Fault {
            words: vec!["restarted by systemd", "it ends again and again"],
            journal: Some("not permitted to log in"),
            end: format!("systemctl stop odoo; {}", repaired(domain)),
            ..fault(
                "odoo",
                "runuser -u postgres -- psql --quiet --command 'ALTER ROLE odoo NOLOGIN'; systemctl restart odoo",
                "unit odoo",
                "",
                true,
            )
        },
    ]
}

fn single(domain: &str) -> Vec<Fault> {
    let fault = |component, what, begin: &str, end: String, cause, state, words| {
        Fault::new(component, what, [begin.into(), end], (cause, state, &[words]))
    };
    let (block, unblock) = blocked("ip version 4 udp dport 53");
    let expired = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /etc/nginx/old.pem \
             -subj /CN=hams.test -addext subjectAltName=DNS:hams.test -not_before 20200101000000Z \
             -not_after 20210101000000Z -out /etc/nginx/old.crt 2>/dev/null
        cat /etc/nginx/old.crt >>/etc/nginx/old.pem
        sed --in-place --regexp-extended \
            's#^(ssl_certificate|ssl_certificate_key) .*#\\1 /etc/nginx/old.pem;#' /etc/nginx/hams/server.conf
        grep --quiet /etc/nginx/old.pem /etc/nginx/hams/server.conf
        systemctl reload nginx";
    let many = (0..MANY).map(|number| Looks::message(&format!("q{}.u.hams.test.", number % 10), 1)).collect();
    vec![
        fault("powerdns", "UDP blocked", &block, unblock, "dns udp", "failing", "no answer"),
        fault("nginx", "certificate expired", expired, repaired(domain), "nginx tls", "failing", "expired"),
        Fault {
            roots: vec!["unit pdns"],
            messages: many,
            ..fault(
                "rabbitmq",
                "queue backed up",
                "systemctl stop pdns",
                "systemctl start pdns".into(),
                "rabbitmq amqp",
                "degraded",
                "changes wait",
            )
        },
        Fault {
            messages: vec!["no JSON".into()],
            is_aside: true,
            is_quick: true,
            ..fault(
                "rabbitmq",
                "a dead letter",
                "true",
                "hams-agent dead-letters drop --all --yes".into(),
                "rabbitmq amqp",
                "degraded",
                "can never be applied",
            )
        },
        fault(
            "host",
            "disk full",
            // What PostgreSQL, Redis and RabbitMQ do with a full disk is theirs; the agent writes no zone meanwhile.
            "fallocate --length $(($(df --output=avail --block-size=1 / | tail -n 1) - 20000000)) /var/full",
            "rm /var/full".into(),
            "host disk",
            "failing",
            "full",
        ),
    ]
}
