//! What a host is, written so that two hosts can be compared line by line: files, accounts, packages, units, and the
//! objects of the broker and of PowerDNS where these run.
//!
//! What differs between two hosts that are the same is left out in one place each, with its reason: [`LEFT_OUT`] whole,
//! [`CONTENT_LEFT_OUT`] by content. Secrets and the host's own addresses are replaced by their names.

use super::Host;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Line by line: the thing (`file /etc/hosts`, `account redis`, …) and what it is like.
pub type Manifest = BTreeMap<String, String>;

/// Paths that are no part of a host's state (a folder: with all that lies in it).
const LEFT_OUT: &[(&str, &str)] = &[
    ("/proc", "the kernel's"),
    ("/sys", "the kernel's"),
    ("/dev", "the kernel's"),
    ("/run", "gone at the next boot"),
    ("/tmp", "gone at the next boot"),
    ("/var/tmp", "scratch space, with random names by systemd"),
    ("/var/log", "grows by itself"),
    ("/var/cache", "can be made again"),
    ("/var/lib/apt", "lists and marks of apt's own; packages are compared by `package`"),
    ("/var/lib/dpkg", "holds times and its own order; packages are compared by `package`"),
    ("/var/lib/systemd/timers", "times of the last run"),
    ("/var/lib/systemd/random-seed", "random"),
    ("/var/lib/systemd/credential.secret", "random"),
    ("/var/lib/systemd/catalog", "made again by systemd's own trigger"),
    ("/var/lib/rabbitmq/mnesia", "the node's database, with random names; compared by `rabbitmq`"),
    ("/var/lib/private", "made by systemd for its own dynamic users"),
    ("/var/backups/alternatives.tar.0", "dpkg's own backup, made at midnight"),
    ("/var/backups/dpkg.arch.0", "see alternatives.tar.0"),
    ("/var/backups/dpkg.diversions.0", "see alternatives.tar.0"),
    ("/var/backups/dpkg.statoverride.0", "see alternatives.tar.0"),
    ("/var/backups/dpkg.status.0", "see alternatives.tar.0"),
    ("/var/lib/logrotate", "times of the last run, which is at midnight"),
    ("/root/.cache", "can be made again"),
    ("/etc/passwd-", "the state before the last change"),
    ("/etc/group-", "the state before the last change"),
    ("/etc/shadow-", "the state before the last change"),
    ("/etc/gshadow-", "the state before the last change"),
    ("/etc/subuid-", "the state before the last change"),
    ("/etc/subgid-", "the state before the last change"),
    ("/etc/.pwd.lock", "a lock, made by the first change of an account"),
];

/// Files of which type, owner and mode count, and not the content (a folder: all that lies in it).
const CONTENT_LEFT_OUT: &[(&str, &str)] = &[
    ("/etc/machine-id", "random"),
    ("/etc/ld.so.cache", "made again by ldconfig"),
    ("/etc/passwd", "numbers are given in order of installation; compared by `account`"),
    ("/etc/group", "see /etc/passwd"),
    ("/etc/shadow", "see /etc/passwd"),
    ("/etc/gshadow", "see /etc/passwd"),
    ("/etc/subuid", "see /etc/passwd"),
    ("/etc/subgid", "see /etc/passwd"),
    ("/etc/.updated", "a time"),
    ("/var/.updated", "a time"),
    ("/var/lib/rabbitmq/.erlang.cookie", "random"),
    ("/var/lib/powerdns/pdns.sqlite3", "pages in order of writing; compared by `zone`"),
    ("/var/lib/powerdns/pdns.sqlite3-wal", "see pdns.sqlite3"),
    ("/var/lib/powerdns/pdns.sqlite3-shm", "see pdns.sqlite3"),
    ("/etc/hams/tls/self-signed.pem", "random"),
    ("/var/lib/hams/journal", "holds times"),
    ("/var/lib/hams/receipt.json", "holds times"),
    ("/var/lib/hams/units", "digests of what units read, random secrets among it"),
    ("/var/lib/systemd/linger", "a time"),
];

/// Everything that a host is. The host must be up.
#[track_caller]
pub fn manifest(host: &Host) -> Manifest {
    let mut manifest = files(host);
    manifest.extend(accounts(host));
    manifest.extend(packages(host));
    manifest.extend(units(host));
    manifest.extend(broker(host));
    manifest.extend(zones(host));
    manifest
}

/// What differs, a line each: `-` only before, `+` only after, `~` changed.
pub fn difference(before: &Manifest, after: &Manifest) -> Vec<String> {
    let things: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let line = |thing: &String| match (before.get(thing), after.get(thing)) {
        (Some(old), Some(new)) if old != new => Some(format!("~ {thing}: {old} -> {new}")),
        (Some(old), None) => Some(format!("- {thing}: {old}")),
        (None, Some(new)) => Some(format!("+ {thing}: {new}")),
        _ => None,
    };
    things.into_iter().filter_map(line).collect()
}

/// When each file of the host was last changed, in content or in owner and mode (seconds with fractions): what a run
/// that changes nothing must leave alone. The journal and what services write by themselves are left out.
#[track_caller]
pub fn times(host: &Host) -> BTreeMap<String, String> {
    const WRITTEN_BY_SERVICES: &[&str] = &["/var/lib/rabbitmq", "/var/lib/powerdns", "/var/lib/hams-agent"];
    let all = find(host, r"%T@ %C@");
    let is_quiet = |path: &String| {
        let left_out = LEFT_OUT.iter().map(|(folder, _)| *folder).chain(WRITTEN_BY_SERVICES.iter().copied());
        path.starts_with("/var/lib/apt/")
            || path.starts_with("/var/lib/dpkg/")
            || !left_out.into_iter().any(|folder| is_below(path, folder))
    };
    all.into_iter().filter(|(path, _)| is_quiet(path)).collect()
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every path of the host with what `find -printf` says of it.
#[track_caller]
fn find(host: &Host, format: &str) -> BTreeMap<String, String> {
    let output = Command::new("find")
        .arg(host.root())
        .args(["-xdev", "-mindepth", "1", "-printf", &format!("/%P\\t{format}\\0")])
        .output()
        .expect("run find");
    // A file that goes while find walks is no failure.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.split('\0').filter_map(|line| line.split_once('\t'));
    lines.map(|(path, rest)| (path.to_owned(), rest.to_owned())).collect()
}

#[track_caller]
fn files(host: &Host) -> Manifest {
    let root = host.root();
    let users = numbers(&std::fs::read_to_string(root.join("etc/passwd")).expect("the host's accounts"));
    let groups = numbers(&std::fs::read_to_string(root.join("etc/group")).expect("the host's groups"));
    let name =
        |names: &BTreeMap<String, String>, id: &str| names.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let names = Names::of(host);
    let mut manifest = Manifest::new();
    for (path, facts) in find(host, r"%y %m %U %G %s %l") {
        if LEFT_OUT.iter().any(|(folder, _)| is_below(&path, folder)) {
            continue;
        }
        let facts: Vec<_> = facts.splitn(6, ' ').collect();
        let [kind, mode, user, group, size, target] = facts[..] else {
            panic!("find says {facts:?} of {path}")
        };
        let mut line = format!("{kind} {mode} {}:{}", name(&users, user), name(&groups, group));
        match kind {
            "l" => write!(line, " -> {target}").expect("a string"),
            "f" if CONTENT_LEFT_OUT.iter().any(|(place, _)| is_below(&path, place)) => {}
            // Packages' own files: dpkg knows their content, and there are many.
            "f" if path.starts_with("/usr/") && !path.starts_with("/usr/local/") => {
                write!(line, " {size}").expect("a string");
            }
            "f" => write!(line, " {}", content(&root.join(&path[1..]), &names)).expect("a string"),
            _ => {}
        }
        manifest.insert(format!("file {path}"), line);
    }
    manifest
}

/// The size and digest of a file's content, secrets and addresses replaced by their names.
fn content(path: &Path, names: &Names) -> String {
    match std::fs::read(path) {
        Ok(bytes) => {
            let bytes = match String::from_utf8(bytes) {
                Ok(text) => names.put_into(text).into_bytes(),
                Err(binary) => binary.into_bytes(),
            };
            format!("{} {}", bytes.len(), hex(&Sha256::digest(&bytes)[..6]))
        }
        Err(error) => format!("unreadable: {error}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What stands in files for things that differ from host to host.
struct Names(Vec<(String, String)>);

impl Names {
    fn of(host: &Host) -> Self {
        let mut names = vec![
            (host.address().to_string(), "ADDRESS".to_owned()),
            (host.address6().to_string(), "ADDRESS6".to_owned()),
        ];
        let vault = std::fs::read_to_string(host.root().join("etc/hams/secrets.env")).unwrap_or_default();
        for line in vault.lines().filter(|line| !line.starts_with('#')) {
            if let Some((key, value)) = line.split_once('=') {
                let value = value.trim_matches(['\'', '"']);
                names.push((hex(&Sha256::digest(value)), format!("sha256 of {key}"))); // as Redis keeps it
                names.push((value.to_owned(), key.to_owned()));
            }
        }
        names.retain(|(value, _)| !value.is_empty());
        // Longest first, so that no name is put into the middle of a longer value.
        names.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Self(names)
    }

    fn put_into(&self, mut text: String) -> String {
        for (value, name) in &self.0 {
            text = text.replace(value, &format!("<{name}>"));
        }
        // Hashes of those secrets, whose salts are random too: PowerDNS's scrypt, RabbitMQ's base64.
        for begin in ["$scrypt$", "\"password_hash\":\"", "\"password_hash\": \""] {
            while let Some(at) = text.find(begin) {
                let rest = &text[at + begin.len()..];
                let length = rest.find(['"', '\n', ' ']).unwrap_or(rest.len());
                let mark = if begin.starts_with('$') { "<scrypt hash>" } else { "\"<password hash>" };
                text.replace_range(at..at + begin.len() + length, mark);
            }
        }
        text
    }
}

fn numbers(table: &str) -> BTreeMap<String, String> {
    let fields = table.lines().map(|line| line.split(':').collect::<Vec<_>>());
    fields.filter(|f| f.len() > 2).map(|f| (f[2].to_owned(), f[0].to_owned())).collect()
}

fn accounts(host: &Host) -> Manifest {
    let read = |file: &str| std::fs::read_to_string(host.root().join(file)).expect("the host's accounts");
    let (passwd, group, shadow) = (read("etc/passwd"), read("etc/group"), read("etc/shadow"));
    let groups = numbers(&group);
    let mut manifest = Manifest::new();
    for line in passwd.lines() {
        let [name, _, _, gid, gecos, home, shell] = line.split(':').collect::<Vec<_>>()[..] else { continue };
        let of_shadow = shadow.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let password = of_shadow.and_then(|rest| rest.split(':').next()).unwrap_or("none");
        let group = groups.get(gid).map_or(gid, String::as_str);
        manifest.insert(format!("account {name}"), format!("{group} `{gecos}` {home} {shell} {password}"));
    }
    for line in group.lines() {
        let fields: Vec<_> = line.split(':').collect();
        let mut members: Vec<_> = fields.last().copied().unwrap_or_default().split(',').collect();
        members.sort_unstable();
        manifest.insert(format!("group {}", fields[0]), members.join(","));
    }
    manifest
}

#[track_caller]
fn packages(host: &Host) -> Manifest {
    let text = host.ok("dpkg-query -W -f '${Package} ${db:Status-Abbrev} ${Version}\\n'");
    let manual = host.ok("apt-mark showmanual");
    let manual: BTreeSet<_> = manual.lines().collect();
    let mark = |name: &str| if manual.contains(name) { "manual" } else { "automatic" };
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(name, state)| (format!("package {name}"), format!("{state} {}", mark(name)))).collect()
}

/// How units are to start, and which services run now.
#[track_caller]
fn units(host: &Host) -> Manifest {
    let files = host.ok("systemctl list-unit-files --no-legend --no-pager --plain");
    let mut manifest = Manifest::new();
    for line in files.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        manifest.insert(format!("unit {}", fields[0]), fields[1].to_owned());
    }
    // Timers and oneshots come and go by themselves: long-running services only.
    let running =
        host.ok("systemctl list-units --type=service --state=running --no-legend --no-pager --plain");
    for line in running.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        if !STARTED_BY_DEMAND.contains(&name) {
            manifest.insert(format!("running {name}"), "yes".to_owned());
        }
    }
    manifest
}

/// Services that the bus starts when someone asks, and that end by themselves.
const STARTED_BY_DEMAND: &[&str] =
    &["systemd-hostnamed.service", "systemd-timedated.service", "systemd-localed.service", "polkit.service"];

/// The broker's definitions, an object a line.
#[track_caller]
fn broker(host: &Host) -> Manifest {
    let asked = host.sh("systemctl --quiet is-active rabbitmq-server.service && \
         rabbitmqctl --quiet export_definitions - --format=json && echo && \
         rabbitmqctl --quiet list_permissions --vhost / --formatter=json");
    let mut manifest = Manifest::new();
    let mut lines = asked.stdout.lines().filter(|line| !line.trim().is_empty());
    if let (0, Some(definitions)) = (asked.code, lines.next()) {
        let definitions: Value = serde_json::from_str(definitions).expect("RabbitMQ's definitions are JSON");
        for (kind, objects) in definitions.as_object().expect("an object") {
            for object in objects.as_array().into_iter().flatten() {
                let mut object = object.clone();
                let fields = object.as_object_mut().expect("an object");
                if fields.get("name").and_then(Value::as_str) == Some("internal_cluster_id") {
                    continue; // random
                }
                if let Some(hash) = fields.get_mut("password_hash") {
                    *hash = "<password hash>".into(); // salted
                }
                if fields.get("metadata").is_some_and(|metadata| metadata == "undefined") {
                    // 3.10 says so of a virtual host whose creation a power cut repeated: no description, no tags.
                    fields.insert("metadata".into(), serde_json::json!({"description": "", "tags": []}));
                }
                let key = ["vhost", "name", "user", "source", "destination"]
                    .iter()
                    .filter_map(|field| {
                        fields.get(*field).and_then(Value::as_str).map(|value| format!(" {value}"))
                    })
                    .collect::<String>();
                manifest.insert(format!("rabbitmq {kind}{key}"), object.to_string());
            }
        }
    }
    manifest
}

/// PowerDNS's zones, a record a line.
#[track_caller]
fn zones(host: &Host) -> Manifest {
    let mut manifest = Manifest::new();
    if host.sh("systemctl --quiet is-active pdns.service").code != 0 {
        return manifest;
    }
    let zones = host.ok("pdnsutil list-all-zones 2>/dev/null");
    for zone in zones.lines().map(str::trim).filter(|zone| !zone.is_empty() && !zone.contains(' ')) {
        let records = host.run(&["pdnsutil", "list-zone", zone]).expect(0).stdout;
        manifest.insert(format!("zone {zone}"), "there".to_owned());
        for record in records.lines().filter(|line| line.contains('\t')) {
            // The serial number of a zone is of the day on which it was made.
            let is_serial = |word: &&str| word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit());
            let words = record.split_whitespace().map(|word| if is_serial(&word) { "SERIAL" } else { word });
            manifest
                .insert(format!("zone {zone} {}", words.collect::<Vec<_>>().join(" ")), "there".to_owned());
        }
    }
    manifest
}
