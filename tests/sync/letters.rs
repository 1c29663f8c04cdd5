//! Dead letters as root settles them: seen without taking one away, sent again, let go; and none is ever lost.

use super::lab::Ended;
use super::lab::random::Random;
use super::node::{Content, Node, UNIT, parsed};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const COMMAND: [&str; 2] = ["hams-agent", "dead-letters"];
/// The zone of the fixture that another has made, and what the letter wants there.
const FOREIGN: &str = "foreign.u.hams.test.";
const MANY: u64 = 300;
/// Milliseconds.
const SOONEST: u64 = 40;
const ROUNDS: usize = 3;

/// Settles some of the `dead` letters; gives how many there are after that.
pub fn are_settled(node: &Node, mut dead: u64, random: &mut Random) -> u64 {
    are_for_root_alone(node);
    are_shown(node, dead);
    a_mistake_changes_nothing(node, dead);

    // The cause is gone: it is applied, and no letter any more.
    node.host.ok(&format!("pdnsutil delete-zone {FOREIGN} >&2"));
    let id = foreign(node, "upsert");
    let done = run(node, &["replay", &id[..8]]).expect(0);
    assert_eq!(done.stdout, format!("{id}  1x  replayed\n"), "{}", done.text());
    dead -= 1;
    node.drained(dead);
    let key = (format!("www.{FOREIGN}"), "A".to_owned());
    let content = Content::from([(key, (300, BTreeSet::from(["192.0.2.77".to_owned()])))]);
    node.holds(&BTreeMap::from([(FOREIGN.to_owned(), Some(content))]));

    // It is not: the letter comes back, as new as the moment and with the same id.
    let id = the_one(node, |letter| letter["zone"] == "example.com.");
    let time = |node: &Node| one(node, &id)["time"].clone();
    let before = time(node);
    node.host.ok("sleep 1.1");
    run(node, &["replay", &id]).expect(0);
    node.drained(dead);
    assert_ne!(time(node), before);

    dead -= a_person_lets_one_go(node, &foreign(node, "delete"));
    node.drained(dead);
    run(node, &["drop", "--yes", "--all", "--reason", "unknown-schema"]).expect(0);
    dead -= 1;
    node.drained(dead);
    assert_eq!(list(node).iter().filter(|letter| letter["reason"] == "unknown-schema").count(), 0);
    let nothing = run(node, &["replay", "--all", "--reason", "unknown-schema"]).expect(0);
    assert!(nothing.stdout.is_empty() && nothing.stderr.contains("no dead letters"), "{}", nothing.text());

    equal_ones_go_together(node, dead);
    a_full_queue_takes_none(node, dead);
    is_killed(node, dead, random)
}

/// An unprivileged user is told what to do, and sees nothing.
fn are_for_root_alone(node: &Node) {
    for words in [&["list"][..], &["replay", "--all"], &["drop", "--all", "--yes"]] {
        let ended =
            node.host.run(&[&["runuser", "-u", "nobody", "--"], &COMMAND[..], words].concat()).expect(2);
        assert_eq!(ended.stdout, "", "{}", ended.text());
        for said in ["error: ", "/etc/hams/credentials/rabbitmq-letters-password", "hint: run it with sudo"] {
            assert!(ended.stderr.contains(said), "{said}: {}", ended.text());
        }
    }
}

/// Twice the same, each as a client that is not ours sees it, and all of them stay.
fn are_shown(node: &Node, dead: u64) {
    let listed = list(node);
    // Twice in a row, with nothing between them: the second sees what the first had.
    let twice = node.host.ok("hams-agent dead-letters list --json; hams-agent dead-letters list --json");
    let twice: Vec<Value> = stream(&twice);
    assert_eq!(twice, [Value::from(listed.clone()), Value::from(listed.clone())]);
    assert_eq!(listed.iter().map(|letter| letter["count"].as_u64().expect("a number")).sum::<u64>(), dead);
    assert_eq!(node.queues(), [0, 0, dead]);

    let lines = run(node, &["list"]).expect(0).stdout;
    assert_eq!(lines.lines().count(), listed.len(), "{lines}");
    assert!(is_plain(&lines), "{lines:?}");
    for (line, letter) in lines.lines().zip(&listed) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(["s", "min"].contains(&words[2]) && words[3] == "1x", "no age, or no count: {line}");
        assert!(
            words[0] == letter["id"] && words.contains(&letter["reason"].as_str().expect("a reason")),
            "{line}"
        );
        let zone = letter["zone"].as_str().filter(|zone| zone.len() < 60).unwrap_or_default();
        assert!(line.contains(zone), "{line}");
    }

    let ids: Vec<&str> = listed.iter().map(|letter| letter["id"].as_str().expect("an id")).collect();
    let show = |options: &str| {
        let each =
            format!("for id in {}; do hams-agent dead-letters show {options} $id; done", ids.join(" "));
        node.host.ok(&each)
    };
    let mut seen = node.letters();
    for shown in stream(&show("--json")) {
        let body = match (shown["body"].as_str(), shown["body_base64"].as_str()) {
            (Some(text), None) => text.as_bytes().to_vec(),
            (None, Some(text)) => BASE64.decode(text).expect("base64"),
            _ => panic!("one body: {shown}"),
        };
        let header = |name: &str| shown["headers"][name].as_str().expect("a header").to_owned();
        let letter = (body, header("hams-reason"), header("hams-reason-text"));
        let place = seen.iter().position(|other| *other == letter);
        seen.swap_remove(place.unwrap_or_else(|| panic!("nobody else sees it: {shown}")));
    }
    assert_eq!(seen, [], "letters that are not shown");
    let pages = show("");
    assert!(is_plain(&pages));
    // Of a key that stands there twice both are seen; what is no text is in base64.
    for part in [
        "\n  \"zone\": \"bad-once.u.hams.test.\",\n  \"zone\": \"bad-twice.u.hams.test.\"",
        "in base64\n\neyJhY3Rpb24i",
    ] {
        assert!(pages.contains(part), "{part}");
    }
    assert_eq!(node.queues(), [0, 0, dead]);
}

fn a_mistake_changes_nothing(node: &Node, dead: u64) {
    let id = the_one(node, |letter| letter["reason"] == "too-large");
    for words in [
        &["show", "0123456789ab"][..],
        &["replay", &id, "0123456789ab"],
        &["drop", "--yes", "0123456789ab", &id],
    ] {
        let ended = run(node, words).expect(2);
        assert!(ended.stdout.is_empty(), "{}", ended.text());
        assert!(ended.stderr.contains("`0123456789ab`"), "{}", ended.text());
        assert!(ended.stderr.contains("hint: `hams-agent dead-letters list`"), "{}", ended.text());
    }
    let unasked = run(node, &["drop", &id]).expect(2);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.text());
    node.drained(dead);
}

/// On a terminal: a no, then a yes. Gives how many are gone.
fn a_person_lets_one_go(node: &Node, id: &str) -> u64 {
    node.host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/install/terminal.py"), "/root/");
    let typed = |keys: &str| {
        node.host
            .run(&[&["python3", "/root/terminal.py", "true", keys], &COMMAND[..], &["drop", id]].concat())
    };
    let dead = node.queues()[2];
    let no = typed("n\\n").expect(1);
    assert!(
        no.stdout.contains("Drop these 1 dead letters for good?") && no.stdout.contains(FOREIGN),
        "{}",
        no.text()
    );
    assert_eq!(node.queues()[2], dead);
    typed("y\\n").expect(0);
    dead - node.queues()[2]
}

/// What was published twice is listed once and counted, and its id is both.
fn equal_ones_go_together(node: &Node, dead: u64) {
    let text: &[u8] = b"twice the same \x1b[2J";
    node.publish(&[], [text, text]);
    node.drained(dead + 2);
    let (listed, lines) = (list(node), run(node, &["list"]).expect(0).stdout);
    let twice: Vec<_> = listed.iter().filter(|letter| letter["count"] != 1).collect();
    assert!(matches!(twice[..], [letter] if letter["count"] == 2), "{twice:?}");
    let id = twice[0]["id"].as_str().expect("an id");
    assert!(lines.lines().any(|line| line.starts_with(id) && line.contains("  2x  ")), "{lines}");
    let page = run(node, &["show", id]).expect(0).stdout;
    assert!(is_plain(&page) && page.contains("\nletters: 2\n"), "{page}");
    let done = run(node, &["drop", "--yes", id]).expect(0);
    assert_eq!(done.stdout, format!("{id}  2x  dropped\n"), "{}", done.text());
    node.drained(dead);
}

/// What the queue of events does not take stays a letter, and is said to.
fn a_full_queue_takes_none(node: &Node, dead: u64) {
    let limit = r#"{"max-length": 1, "overflow": "reject-publish"}"#;
    node.host.ok(&format!(
        "systemctl stop {UNIT}; rabbitmqctl --quiet set_policy --priority 20 full '^dns_zone_updates$' '{limit}' >&2"
    ));
    node.wait_for("the limit", || {
        node.host.ok("rabbitmqctl --quiet list_queues name policy").contains("full")
    });
    let ended = run(node, &["replay", "--all", "--reason", "malformed"]).expect(1);
    assert!(ended.stdout.contains("  replayed\n") && ended.stdout.contains("  stays: "), "{}", ended.text());
    assert!(ended.stderr.contains("dead letters: not done"), "{}", ended.text());
    let [waiting, in_hand, letters] = node.queues();
    let said = |word: &str| ended.stdout.lines().filter(|line| line.contains(word)).count() as u64;
    assert_eq!((waiting, in_hand, letters + waiting), (said("  replayed"), 0, dead), "{}", ended.text());
    node.host.ok(&format!("rabbitmqctl --quiet clear_policy full >&2; systemctl start {UNIT}"));
    node.drained(dead);
}

/// Killed at any moment, a replay doubles a letter at most. Then all that it was about go at once.
fn is_killed(node: &Node, dead: u64, random: &mut Random) -> u64 {
    let bodies =
        |node: &Node| -> BTreeSet<Vec<u8>> { node.letters().into_iter().map(|(body, ..)| body).collect() };
    // So many that a replay of all takes a while.
    let more: Vec<String> = (0..MANY).map(|number| format!("no event, number {number}")).collect();
    node.publish(&[], more.iter().map(String::as_bytes));
    let dead = dead + MANY;
    node.drained(dead);
    let before = bodies(node);
    let others = dead - ids(node, |letter| letter["reason"] == "malformed").len() as u64;
    let is_halfway = |(_, letters): &(u64, u64)| others < *letters && *letters < dead;
    let mut at = Vec::new();
    for _ in 0..ROUNDS {
        node.host.ok(&format!("systemctl stop {UNIT}"));
        // Later each time, until one came too late: how long a replay takes is the machine's affair.
        let mut after = SOONEST + random.below(SOONEST as usize) as u64;
        loop {
            node.host.sh(&format!(
                "timeout --signal=KILL {}.{:03} hams-agent dead-letters replay --all --reason malformed",
                after / 1000,
                after % 1000
            ));
            node.wait_for("letters that nobody holds", || {
                !node.host.ok("rabbitmqctl --quiet list_connections user").contains("hams_letters")
            });
            let [waiting, _, letters] = node.queues();
            assert!(
                waiting + letters >= dead,
                "after {after} ms {waiting} events and {letters} of {dead} letters"
            );
            at.push((after, letters));
            if letters == others {
                break;
            }
            after += after / 4;
            assert!(after < 60_000, "they never go: {at:?}");
        }
        node.host.ok(&format!("systemctl start {UNIT}"));
        node.wait_for("an empty queue", || node.queues()[..2] == [0, 0]);
        assert_eq!(bodies(node), before, "all of them, and nothing else");
        if at.iter().any(is_halfway) {
            break;
        }
    }
    eprintln!("{dead} letters; a replay was killed after (ms, letters then): {at:?}");
    assert!(at.iter().any(is_halfway), "no kill came while letters went");
    let left = node.queues()[2];
    assert!(left >= dead && left <= dead + at.len() as u64, "{left} letters of {dead}");

    run(node, &["drop", "--yes", "--all", "--reason", "malformed"]).expect(0);
    node.drained(others);
    others
}

#[track_caller]
fn run(node: &Node, words: &[&str]) -> Ended {
    node.host.run(&[&COMMAND[..], words].concat())
}

#[track_caller]
fn list(node: &Node) -> Vec<Value> {
    parsed(&run(node, &["list", "--json"]).expect(0).stdout).as_array().expect("a list").clone()
}

#[track_caller]
fn one(node: &Node, id: &str) -> Value {
    parsed(&run(node, &["show", id, "--json"]).expect(0).stdout)
}

/// The ids of the letters that are meant.
#[track_caller]
fn ids(node: &Node, is_meant: impl Fn(&Value) -> bool) -> Vec<String> {
    let meant = list(node).into_iter().filter(is_meant);
    meant.map(|letter| letter["id"].as_str().expect("an id").to_owned()).collect()
}

/// The id of the only letter that is meant.
#[track_caller]
fn the_one(node: &Node, is_meant: impl Fn(&Value) -> bool) -> String {
    let ids = ids(node, is_meant);
    assert_eq!(ids.len(), 1, "{ids:?}");
    ids[0].clone()
}

/// The id of the letter that wants this of the zone that another has made.
#[track_caller]
fn foreign(node: &Node, action: &str) -> String {
    let mut ids = ids(node, |letter| letter["zone"] == FOREIGN);
    ids.retain(|id| parsed(one(node, id)["body"].as_str().expect("a text"))["action"] == action);
    assert_eq!(ids.len(), 1, "{action}: {ids:?}");
    ids[0].clone()
}

fn stream(text: &str) -> Vec<Value> {
    let values = serde_json::Deserializer::from_str(text).into_iter();
    values.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || !c.is_control())
}
