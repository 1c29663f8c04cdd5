//! The agent's key to Odoo near its end: what an operator is told, how it is changed for another one, and that a stop in
//! between leaves one that works.

use super::addon::call;
use super::lab::dns;
use super::node::{Node, PASSWORD};
use super::reference::{KEY_FILE, give_key, make_key, status, wait_for};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

const ZONE: &str = "key.u.hams.test.";
/// Where the agent keeps its own.
const STATE: &str = "/var/lib/hams-agent/odoo-key";
/// What lets an account make keys in Odoo.
const PARAMETER: &str = "base.enable_programmatic_api_keys";
/// The newest key is 88 days old and has nearly 2 left, as one of 90 days has in the end; it is the account's only one.
const NEAR_ITS_END: &str = "
UPDATE res_users_apikeys SET create_date = now() AT TIME ZONE 'utc' - interval '88 days',
    expiration_date = now() AT TIME ZONE 'utc' + interval '47 hours 30 minutes'
    WHERE id = (SELECT max(id) FROM res_users_apikeys);
DELETE FROM res_users_apikeys WHERE id <> (SELECT max(id) FROM res_users_apikeys);
";
/// Puts the agent's state back to before the new key was tried.
const UNTRIED: &str = "
import hashlib, json
path = '/var/lib/hams-agent/odoo-key'
head, line = open(path).read().splitlines()
kept = json.loads(line.split(' ', 1)[1])
kept.update(coming=kept['in_use'], in_use=None, is_file_going=False)
line = json.dumps(kept)
open(path, 'w').write(f'{head}\\n{hashlib.sha256(line.encode()).hexdigest()[:16]} {line}\\n')
";
/// Asks Odoo with the key on stdin; prints the status.
const ASK: &str = "
import sys, urllib.error, urllib.request
headers = {'Authorization': 'bearer ' + sys.stdin.read().strip(), 'Content-Type': 'application/json'}
try:
    print(urllib.request.urlopen(urllib.request.Request(
        'http://127.0.0.1:8069/json/2/res.users/context_get', b'{}', headers), timeout=30).status)
except urllib.error.HTTPError as error:
    print(error.code)
";

/// To be called with the agent at work and the session of an administrator.
#[track_caller]
pub fn is_changed_before_it_ends(node: &Node) {
    assert!(node.logs_in("admin", PASSWORD), "the session that the next calls use");
    let zone = call(node, "ham.dns.zone", "create", json!([[{ "name": ZONE }]]));
    let record =
        json!({ "zone_id": zone["result"][0], "name": "www", "record_type": "A", "content": "192.0.2.1" });
    let record = &call(node, "ham.dns.record", "create", json!([[record]]))["result"][0];
    let old = make_key(node);
    sql(node, NEAR_ITS_END);
    give_key(node, &format!("{old}\n"));

    is_told_where_odoo_makes_none(node);
    changes(node, record, 2);
    is_asked_for_once_a_day(node);
    assert_eq!(odoo_says(node, &old), 200);
    changes(node, record, 3);
    let own = survives_a_kill_between_the_keys(node, &old, record);
    wins_when_it_is_another_one(node, &own);
    changes(node, record, 5);
    call(node, "ham.dns.zone", "unlink", json!([zone["result"]]));
}

/// The status says when it ends, and what is to be done; everything goes on.
#[track_caller]
fn is_told_where_odoo_makes_none(node: &Node) {
    wait_for("a status that tells the end", || {
        let key = key_status(node);
        let reason = key["reason"].as_str().unwrap_or_default();
        let is_told =
            reason.contains("ends in 47 h") && reason.contains(PARAMETER) && reason.contains(KEY_FILE);
        (is_told && key["state"] == "degraded").then_some(()).ok_or(key.to_string())
    });
    let told = node.host.run(&["hams-agent", "status"]).expect(1);
    assert!(told.stdout.contains("the key to Odoo ends in 47 h"), "{}", told.text());
}

/// Killed while Odoo makes one, the agent goes on with the old one, and asks for no other one that day.
#[track_caller]
fn is_asked_for_once_a_day(node: &Node) {
    let done = call(node, "ir.config_parameter", "set_param", json!([PARAMETER, "True"]));
    assert!(done["error"].is_null(), "{done}");
    let held = Held::by(node, "LOCK TABLE res_users_apikeys IN SHARE MODE;");
    node.host.ok("systemctl restart hams-agent.service");
    held.is_waited_for();
    node.host.ok("systemctl kill --signal=KILL hams-agent.service");
    held.refuse_the_waiting();
    drop(held);
    wait_for("an agent that does not ask again", || {
        let key = key_status(node);
        let is_told = key["reason"].as_str().unwrap_or_default().contains("less than a day ago");
        is_told.then_some(()).ok_or(key.to_string())
    });
    assert_eq!(sql(node, "SELECT count(*) FROM res_users_apikeys;").trim(), "1");
}

/// Killed when the new key is in use and the old one not yet revoked, the agent goes on with the new one, and revokes the old
/// one as soon as it may. Gives the new one.
#[track_caller]
fn survives_a_kill_between_the_keys(node: &Node, old: &str, record: &Value) -> String {
    // The next day.
    node.host.ok(&format!("systemctl stop hams-agent.service && rm {STATE}"));
    let held = Held::by(node, "SELECT 1 FROM res_users_apikeys WHERE name = 'dns_sync_key' FOR UPDATE;");
    node.host.ok("systemctl start hams-agent.service");
    held.is_waited_for();
    node.host.ok("systemctl kill --signal=KILL hams-agent.service");
    held.refuse_the_waiting();
    let kept = kept(node);
    let own = kept["in_use"]["key"].as_str().expect("a key of its own").to_owned();
    assert!(kept["is_file_going"] == true, "the old one is to be revoked");
    assert!(!node.host.read(STATE).contains(old), "the operator's key stands there");
    assert_eq!(node.host.ok(&format!("stat --format='%U %a' {STATE}")).trim(), "hams-agent 600");
    held.is_waited_for();
    // A kill before it was tried leaves less.
    node.host.ok("systemctl kill --signal=KILL hams-agent.service; systemctl stop hams-agent.service");
    held.refuse_the_waiting();
    node.host.run(&["python3", "-c", UNTRIED]).expect(0);
    node.host.ok("systemctl start hams-agent.service");
    held.is_waited_for();
    assert_eq!(self::kept(node)["in_use"]["key"], own.as_str());
    assert_eq!((odoo_says(node, old), odoo_says(node, &own)), (200, 200));
    changes(node, record, 4);
    drop(held);
    wait_for("the old key to be refused", || {
        let key = key_status(node);
        let is_done = odoo_says(node, old) == 401 && key["state"] == "ok" && key["ends"].is_string();
        is_done.then_some(()).ok_or(key.to_string())
    });
    assert_eq!(odoo_says(node, &own), 200);
    let days = "SELECT extract(day FROM expiration_date - now() AT TIME ZONE 'utc') FROM res_users_apikeys;";
    assert_eq!(sql(node, days).trim(), "89");
    changes(node, record, 1);
    own
}

/// Another key in the file is used instead, and the agent's own is revoked.
#[track_caller]
fn wins_when_it_is_another_one(node: &Node, own: &str) {
    give_key(node, &format!("{}\n", make_key(node)));
    wait_for("the agent's own key to be refused", || {
        let key = key_status(node);
        (odoo_says(node, own) == 401 && key["state"] == "ok").then_some(()).ok_or(key.to_string())
    });
}

/// A record that is saved now is answered.
#[track_caller]
fn changes(node: &Node, record: &Value, last: u8) {
    let done =
        call(node, "ham.dns.record", "write", json!([[record], { "content": format!("192.0.2.{last}") }]));
    assert_eq!(done["result"], true, "{done}");
    wait_for("the answer to change", || {
        let reply = dns::ask_a(node.host.address().into(), &format!("www.{}", ZONE.trim_end_matches('.')))
            .map_err(|error| error.to_string())?;
        let is_new = reply.addresses() == [Ipv4Addr::new(192, 0, 2, last)];
        is_new.then_some(()).ok_or_else(|| format!("{reply:?}\n{}", status(node)["sync"]))
    });
}

/// What the agent has written down.
#[track_caller]
fn kept(node: &Node) -> Value {
    let text = node.host.read(STATE);
    let (_, line) = text.split_once('\n').and_then(|(_, rest)| rest.split_once(' ')).expect("a checked line");
    serde_json::from_str(line).expect("JSON")
}

fn key_status(node: &Node) -> Value {
    status(node)["sync"]["odoo_key"].clone()
}

/// What Odoo answers to this key.
#[track_caller]
fn odoo_says(node: &Node, key: &str) -> u16 {
    let said = node.host.run_with(key, &["python3", "-c", ASK]).expect(0).stdout;
    said.trim().parse().expect("a status")
}

#[track_caller]
fn sql(node: &Node, sql: &str) -> String {
    let psql = "runuser -u postgres -- psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 \
                --dbname hams_prod --file=-";
    node.host.run_with(sql, &["sh", "-c", psql]).expect(0).stdout
}

/// A lock in Odoo's database, until it is dropped.
struct Held<'node> {
    node: &'node Node,
}

impl<'node> Held<'node> {
    #[track_caller]
    fn by(node: &'node Node, lock: &str) -> Self {
        let held = format!("SET application_name = 'held'; BEGIN; {lock} SELECT pg_sleep(120);");
        node.host.write("/tmp/held.sql", &held);
        node.host.ok(
            "systemd-run --quiet --unit=held --collect --uid=postgres psql --no-psqlrc --dbname hams_prod --file=/tmp/held.sql",
        );
        wait_for("the lock", || {
            let said = sql(
                node,
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'held' AND wait_event = 'PgSleep';",
            );
            (said.trim() == "1").then_some(()).ok_or(said)
        });
        Self { node }
    }

    /// Somebody waits for it.
    #[track_caller]
    fn is_waited_for(&self) {
        wait_for("Odoo to wait for the lock", || {
            let said =
                sql(self.node, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock';");
            (said.trim() == "1").then_some(()).ok_or(said)
        });
    }

    /// Whoever waits for it comes to nothing.
    #[track_caller]
    fn refuse_the_waiting(&self) {
        sql(self.node, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock';");
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.node.host.run(&["systemctl", "stop", "held.service"]);
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'held';";
        let _ = self
            .node
            .host
            .run_with(end, &["runuser", "-u", "postgres", "--", "psql", "--dbname", "hams_prod"]);
    }
}
