//! A client that is not ours: redis-cli, with passwords on its stdin alone.

use super::lab::Host;

pub const PORT: u16 = 6379;
pub const TCP: [&str; 2] = ["-h", "127.0.0.1"];
pub const SOCKET: [&str; 2] = ["-s", "/run/redis/redis.sock"];

/// A command and how its answer begins.
pub type Try = (&'static str, &'static str);

const NO: &str = "NOPERM";

/// What Odoo and the daemons need, and what would harm all.
pub const PLATFORM: &[Try] = &[
    ("PING", "PONG"),
    ("SELECT 0", "OK"),
    ("CLIENT SETNAME odoo", "OK"),
    ("SETEX some:key 60 value", "OK"),
    ("GET some:key", "value"),
    ("INCR count", "1"),
    ("PUBLISH some:channel word", "0"),
    ("MULTI\nLPUSH list a\nEXEC", "OK\nQUEUED\n1"),
    ("DEL count list some:key", "3"),
    ("SELECT 1", "ERR"),
    ("FLUSHALL", NO),
    ("FLUSHDB", NO),
    ("KEYS *", NO),
    ("CONFIG GET maxmemory", NO),
    ("CONFIG SET maxmemory 0", NO),
    ("ACL LIST", NO),
    ("ACL SETUSER default on nopass +@all", NO),
    ("CLIENT LIST", NO),
    ("EVAL return(1) 0", NO),
    ("MODULE LIST", NO),
    ("REPLICAOF 192.0.2.1 6379", NO),
    ("SAVE", NO),
    ("SHUTDOWN", NO),
    ("INFO", NO),
];

/// The monitor sees how Redis is, and no key.
pub const MONITOR: &[Try] = &[
    ("PING", "PONG"),
    ("INFO clients", "# Clients"),
    ("GET some:key", NO),
    ("SET some:key value", NO),
    ("SCAN 0", NO),
    ("DBSIZE", NO),
    ("PUBLISH some:channel word", NO),
    ("SPUBLISH some:channel word", NO),
    ("CLIENT LIST", NO),
    ("CONFIG GET maxmemory", NO),
    ("ACL WHOAMI", NO),
    ("SHUTDOWN", NO),
];

/// What redis-cli prints for `commands`, a line each.
#[track_caller]
pub fn ask(host: &Host, way: [&str; 2], commands: &str) -> String {
    host.run_with(commands, &["redis-cli", way[0], way[1]]).stdout
}

/// Logs in as `user` and tries each command, with a mark behind its answer.
#[track_caller]
pub fn may(host: &Host, way: [&str; 2], user: &str, password: &str, tries: &[Try]) {
    const MARK: &str = "--next--";
    let commands: String = tries.iter().map(|(command, _)| format!("{command}\nPING {MARK}\n")).collect();
    let answers = ask(host, way, &format!("AUTH {user} {password}\nPING {MARK}\n{commands}"));
    let mut parts = answers.split(MARK).map(str::trim);
    assert_eq!(parts.next(), Some("OK"), "{user} {way:?}: {answers}");
    for (command, answer) in tries {
        let said = parts.next().unwrap_or("nothing");
        assert!(said.starts_with(answer), "{user} {way:?}, {command}: {said}");
    }
}
