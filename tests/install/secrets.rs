//! Where a host's secrets are: in root's own files, and nowhere else.

use super::lab::Host;
use super::lab::package::COMPONENTS;
use std::collections::{BTreeMap, BTreeSet};

/// Every file that may hold a secret in clear: root's own, and systemd's copy for the agent.
const ALLOWED: &[(&str, &str)] = &[
    ("/etc/hams/secrets.env", "600 root:root"),
    ("/etc/hams/credentials/pdns-api-key", "400 root:root"),
    ("/etc/hams/credentials/rabbitmq-letters-password", "400 root:root"),
    ("/etc/hams/credentials/rabbitmq-password", "400 root:root"),
];
const OF_SYSTEMD: &str = "/run/credentials/hams-agent.service/";

/// The vault's passwords and keys by their names; a salt is no secret, it stands beside each hash.
#[track_caller]
pub fn vault(host: &Host) -> BTreeMap<String, String> {
    let text = host.read("/etc/hams/secrets.env");
    let assignments =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let secrets: BTreeMap<_, _> = assignments
        .filter(|(name, _)| !name.ends_with("_SALT"))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect();
    for name in ["RMQ_PASS", "HAMS_AGENT_RMQ_PASS", "HAMS_LETTERS_RMQ_PASS", "PDNS_API_KEY"] {
        assert!(secrets.get(name).is_some_and(|value| value.len() >= 24), "{name} is no good secret: {text}");
    }
    let different: BTreeSet<_> = secrets.values().collect();
    assert_eq!(different.len(), secrets.len(), "two secrets are the same");
    secrets
}

/// Ends the test unless `secrets` stand in the allowed files alone, and only root can read these.
#[track_caller]
pub fn are_only_with_root(host: &Host, secrets: &BTreeMap<String, String>) {
    let planted = "/srv/planted";
    host.write(planted, &format!("before{}after\n", secrets["PDNS_API_KEY"]));
    host.ok(&format!("chmod 0644 {planted}"));
    let mut by_root = found(host, &[], secrets);
    let by_nobody = found(host, &["runuser", "-u", "nobody", "--"], secrets);
    host.ok(&format!("rm {planted}"));
    assert!(by_root.remove(planted), "the search would find a secret: {by_root:?}");
    assert_eq!(by_nobody, BTreeSet::from([planted.to_owned()]), "an unprivileged user can read secrets");
    by_root.retain(|path| !path.starts_with(OF_SYSTEMD));
    let with_agent = COMPONENTS.split(',').any(|component| component == "agent");
    let allowed = ALLOWED.iter().filter(|(path, _)| with_agent || !path.contains("/credentials/"));
    assert_eq!(by_root, allowed.clone().map(|(path, _)| (*path).to_owned()).collect(), "where secrets stand");
    for (path, access) in allowed {
        assert_eq!(host.run(&["stat", "--format=%a %U:%G", path]).expect(0).stdout.trim(), *access, "{path}");
    }
    are_not_in("the system's journal", &host.ok("journalctl --no-pager --output=export"), secrets);
}

/// Ends the test when `text` holds one of `secrets`.
#[track_caller]
pub fn are_not_in(what: &str, text: &str, secrets: &BTreeMap<String, String>) {
    assert!(!text.is_empty(), "{what} is empty: nothing was looked at");
    for (name, value) in secrets {
        assert!(!text.contains(value), "{what} holds {name}");
    }
}

/// The files below / that hold one of `secrets` and that the user whom `become` makes us can read.
#[track_caller]
pub fn found(host: &Host, become_user: &[&str], secrets: &BTreeMap<String, String>) -> BTreeSet<String> {
    let patterns: String = secrets.values().map(|value| format!("{value}\n")).collect();
    let search = [
        "grep",
        "--recursive",
        "--files-with-matches",
        "--fixed-strings",
        "--no-messages",
        "--devices=skip",
        "--file=-",
        "--exclude-dir=proc",
        "--exclude-dir=sys",
        "--exclude-dir=dev",
        "/",
    ];
    let ended = host.run_with(&patterns, &[become_user, &search].concat());
    assert!(ended.code <= 2, "{}", ended.text());
    ended.stdout.lines().map(str::to_owned).collect()
}
