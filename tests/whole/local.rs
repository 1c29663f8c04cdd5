//! What an unprivileged account of the host gets: no secret, and no way into a service.

use super::found::{are_not_in, found};
use super::node::Node;
use std::collections::BTreeSet;

/// Who tries: an account of Debian's own, without a group of ours.
const NOBODY: [&str; 4] = ["runuser", "-u", "games", "--"];
const PLANTED: &str = "/srv/planted";

/// No file that it can read holds a secret of the vault.
#[track_caller]
pub fn reads_no_secret(node: &Node) {
    let secrets = node.secrets();
    node.host.write(PLANTED, &secrets["PDNS_API_KEY"]);
    node.host.ok(&format!("chmod 0644 {PLANTED}"));
    let found = found(&node.host, &NOBODY, &secrets);
    node.host.ok(&format!("rm {PLANTED}"));
    assert_eq!(found, BTreeSet::from([PLANTED.to_owned()]), "readable by everybody");
    let journal = node.host.ok("journalctl --no-pager --output=export");
    are_not_in("the system's journal", &journal, &secrets);
}

/// PostgreSQL by its socket, Redis, the broker and PowerDNS's API refuse it.
#[track_caller]
pub fn is_let_in_nowhere(node: &Node) {
    for role in ["odoo", "postgres", "hams_listen"] {
        let psql = "/usr/lib/postgresql/16/bin/psql";
        let to = format!("host=/run/postgresql dbname=hams_prod user={role}");
        let ended =
            node.host.run(&[&NOBODY[..], &[psql, "--no-password", "--command=SELECT 1", &to]].concat());
        assert_eq!(ended.code, 2, "games comes in as {role}: {}", ended.text());
    }
    let redis = node.host.run(&[&NOBODY[..], &["redis-cli", "PING"]].concat());
    assert!(redis.stdout.contains("NOAUTH"), "Redis: {}", redis.text());
    let guest =
        "exec 3<>/dev/tcp/127.0.0.1/5672; printf 'AMQP\\0\\0\\11\\1' >&3; head -c 4 <&3 | od -An -tx1";
    let broker = node.host.run(&[&NOBODY[..], &["bash", "-c", guest]].concat()).expect(0);
    assert!(broker.stdout.contains("01 00 00"), "the broker would answer: {}", broker.text());
    let users =
        node.host.run(&["rabbitmqctl", "--quiet", "list_users", "--no-table-headers"]).expect(0).stdout;
    let users: BTreeSet<_> = users.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(users, BTreeSet::from(["hams_agent", "hams_letters", "hams_rabbitmq"]), "no guest");
    let api = "exec 3<>/dev/tcp/127.0.0.1/8081; printf 'GET /api/v1/servers HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3";
    let api = node.host.run(&[&NOBODY[..], &["bash", "-c", api]].concat()).expect(0);
    assert!(api.stdout.contains(" 401 "), "PowerDNS's API: {}", api.text());
}
