//! Whatever goes wrong on the way, alone or three at once: when it is over, PowerDNS holds what was sent last, the
//! dead letters are those that can never be applied, and while it lasts the agent waits, says for what, and costs nothing.

use super::fault::{self, Fault};
use super::history::{Chapter, History};
use super::lab::is_long_run;
use super::lab::random::Random;
use super::node::{Node, UNIT};
use std::collections::{BTreeMap, BTreeSet};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

const EVENTS: usize = 5000;
const ZONES: usize = 500;
/// Published while everything is wrong, so that there is something to wait for.
const TAIL: usize = 40;
/// Rounds of three faults at once.
const TRIPLES: usize = 6;
/// Of one core, while everything is away.
const MOST_CPU: f64 = 0.01;
/// The longest that the agent waits between two attempts, and the least that is left of it by jitter.
const CEILING: [f64; 2] = [7.4, 15.6];

/// A sample within a minute: three faults at once, and what the agent costs while everything is away.
pub fn a_few(node: &Node, random: &mut Random) {
    is_long_run("each fault alone, on 500 zones");
    fault::stand_between(node);
    let mut history = History::default();
    let faults = three(random, &Fault::QUICK);
    round(node, &mut history, random, &faults, [500, 100]);
    everything_away(node, 20);
    fault::stand_aside(node);
}

/// Each fault alone, and three at once, on a node of their own.
pub fn all(suite: &str, random: &mut Random) {
    let node = Node::up(suite);
    node.host.ok(
        "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends libfaketime nftables >&2",
    );
    fault::stand_between(&node);
    let mut history = History::default();
    a_long_outage(&node);
    everything_away(&node, 30);
    for _ in 0..TRIPLES {
        let faults = three(random, &Fault::ALL);
        round(&node, &mut history, random, &faults, [EVENTS, ZONES]);
    }
    for fault in Fault::ALL {
        round(&node, &mut history, random, &[fault], [EVENTS, ZONES]);
    }
    node.holds(&history.zones);
}

fn three(random: &mut Random, of: &[Fault]) -> Vec<Fault> {
    let mut faults = Vec::new();
    while faults.len() < 3 {
        let fault = of[random.below(of.len())];
        // A restart would end the other's outage.
        let is_both = |one, other| fault == one && faults.contains(&other);
        let ends_it =
            is_both(Fault::Broker, Fault::BrokerRestart) || is_both(Fault::BrokerRestart, Fault::Broker);
        if !faults.contains(&fault) && !ends_it {
            faults.push(fault);
        }
    }
    faults
}

/// Faults come and go while changes are published, and stay until the agent has said what they are.
fn round(node: &Node, history: &mut History, random: &mut Random, faults: &[Fault], size: [usize; 2]) {
    let begun = Instant::now();
    let [events, zones] = size;
    node.host.ok("rabbitmqctl --quiet purge_queue dns_zone_updates.dlq >&2");
    faults.iter().for_each(|fault| fault.prepare(node));
    let (before, (_, log)) = (node.start(), fault::requests(node, 0));
    let chapter = history.tell(random, events, zones);
    let (main, tail) = chapter.bodies.split_at(events - TAIL);
    let publish = |bodies: &[Vec<u8>]| node.publish(&[], bodies.iter().map(Vec::as_slice));
    let mut turns = 0;
    let said = thread::scope(|scope| {
        let publisher = scope.spawn(|| publish(main));
        while turns < 2 || !publisher.is_finished() {
            fault::begin(node, faults, 40, turns);
            sleep(Duration::from_secs_f64(0.3 + random.fraction()));
            fault::end(node, faults);
            sleep(Duration::from_secs_f64(0.3 * random.fraction()));
            turns += 1;
        }
        let lost = publisher.join().expect("a publisher")["lost"].clone();
        fault::begin(node, faults, 100, turns);
        let tail = scope.spawn(|| publish(tail));
        let said = what_it_says(node, faults);
        fault::end(node, faults);
        tail.join().expect("a publisher");
        format!("{said:?}; the publisher lost its connection {lost} times")
    });
    let over = begun.elapsed().as_secs_f64();
    node.wait_for("an empty queue", || node.queues()[..2] == [0, 0]);
    let twice = the_dead(node, &chapter, faults);
    node.holds(&history.zones);
    let after = node.start();
    let is_killed = faults.contains(&Fault::Kill);
    assert_eq!(after.restarts > before.restarts, is_killed, "{faults:?}: from {before:?} to {after:?}");
    assert_eq!(after.active, "active");
    eprintln!(
        "{faults:?}: {} events ({} repeated, {} old) on {zones} zones, {turns} times and once more ({over:.0} s), through \
         {:.0} s after; requests met {}; {} dead letters, {twice} twice; it said {said}",
        chapter.bodies.len(),
        chapter.repeated,
        chapter.old,
        begun.elapsed().as_secs_f64() - over,
        fault::met(node, log),
        chapter.letters.len(),
    );
    faults.iter().for_each(|fault| fault.clear(node));
}

/// What the status says of the faults: each that alone is an outage is named.
fn what_it_says(node: &Node, faults: &[Fault]) -> String {
    let mut said = String::new();
    let names: Vec<_> = faults.iter().filter_map(|fault| fault.is_called()).collect();
    if faults == [Fault::Impatience] {
        impatience(node);
    }
    if faults == [Fault::Clock] {
        node.wait_for("an agent in another year", || {
            let (_, status) = node.status();
            let year =
                |time: &serde_json::Value| time.as_str().and_then(|time| time[..4].parse::<i32>().ok());
            let (then, now) = (year(&status["started"]), year(&status["sync"]["last_success"]));
            said = format!("started in {then:?}, last success in {now:?}");
            then.zip(now).is_some_and(|(then, now)| now != then)
        });
    } else if names.is_empty() {
        sleep(Duration::from_secs(2));
    } else {
        let mut is_named = || {
            // It may be down at this moment, killed.
            let ended = node.host.run(&["hams-agent", "status", "--json"]);
            let Ok(status) = serde_json::from_str::<serde_json::Value>(&ended.stdout) else { return false };
            said = status["sync"]["reason"].as_str().unwrap_or_default().to_owned();
            let is_waiting = status["sync"]["phase"] == "waiting" && status["sync"]["state"] == "degraded";
            is_waiting && names.iter().any(|name| said.contains(name)) && ended.code != 0
        };
        node.wait_for(&format!("an agent that says one of {names:?}"), &mut is_named);
    }
    said
}

/// The broker ends the agent's channel, which acknowledges nothing, again and again.
fn impatience(node: &Node) {
    let complaints = || {
        let words = format!(
            "journalctl --quiet --since=-1m --unit={UNIT} --grep=PRECONDITION_FAILED --output=cat | wc -l"
        );
        node.host.ok(&words).trim().parse::<u32>().expect("a number")
    };
    node.wait_for("two timeouts of an acknowledgement", || complaints() >= 2);
}

/// Ends the test unless the dead letters are those; gives how many are there twice.
fn the_dead(node: &Node, chapter: &Chapter, faults: &[Fault]) -> usize {
    let letters = node.letters();
    let reasons: BTreeMap<_, _> =
        letters.iter().map(|(body, reason, _)| (body.as_slice(), reason.as_str())).collect();
    let expected: BTreeMap<_, _> =
        chapter.letters.iter().map(|(body, reason)| (body.as_slice(), *reason)).collect();
    let text = |body: &&[u8]| String::from_utf8_lossy(body).into_owned();
    let other: BTreeSet<_> = reasons.keys().filter(|body| !expected.contains_key(*body)).map(text).collect();
    let missing: BTreeSet<_> =
        expected.keys().filter(|body| !reasons.contains_key(*body)).map(text).collect();
    assert!(
        other.is_empty() && missing.is_empty(),
        "{faults:?}: not to be there {other:?}, missing {missing:?}; {letters:?}"
    );
    assert_eq!(reasons, expected);
    let twice = letters.len() - reasons.len();
    // A letter whose original could not be acknowledged is written once more.
    assert!(twice == 0 || faults.iter().any(|fault| fault.ends_sessions()), "{twice} letters twice");
    twice
}

/// PowerDNS is away for longer than the agent ever waits, with more events than the agent takes.
fn a_long_outage(node: &Node) {
    let faults = [Fault::Status(500)];
    fault::begin(node, &faults, 100, 0);
    let events: Vec<_> = (0..3000)
        .map(|number| format!(r#"{{"action": "delete", "zone": "gone{number}.u.hams.test."}}"#).into_bytes())
        .collect();
    node.publish(&[], events.iter().map(Vec::as_slice));
    // 0.25, 0.5, 1, 2, 4, 8: then it is at the ceiling.
    sleep(Duration::from_secs(16));
    let (_, log) = fault::requests(node, 0);
    let cost = cost(node, 60);
    let (times, _) = fault::requests(node, log);
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    eprintln!(
        "PowerDNS away, 3,000 events wait: {:.3} % of a core (at most 1), {gaps:.1?} s between attempts",
        cost * 100.0
    );
    assert!(cost < MOST_CPU, "{cost}");
    assert!(gaps.len() >= 2 && gaps.iter().all(|gap| (CEILING[0]..CEILING[1]).contains(gap)), "{gaps:?}");
    fault::end(node, &faults);
    node.wait_for("an empty queue", || node.queues()[..2] == [0, 0]);
}

/// Nobody is there: neither PowerDNS, nor the broker.
fn everything_away(node: &Node, seconds: u64) {
    let faults = [Fault::Refuse, Fault::PowerDns, Fault::Broker];
    fault::begin(node, &faults, 100, 0);
    let said = what_it_says(node, &[Fault::Broker]);
    let cost = cost(node, seconds);
    eprintln!(
        "everything away: {:.3} % of a core over {seconds} s (at most 1); it said `{said}`",
        cost * 100.0
    );
    assert!(cost < MOST_CPU, "{cost}");
    fault::end(node, &faults);
    node.wait_for("a node that is well", || node.is_well());
}

/// The share of one core that the agent takes, without apt, which it asks for updates once in hours.
fn cost(node: &Node, seconds: u64) -> f64 {
    let process = node.host.ok(&format!("systemctl show --property=MainPID --value {UNIT}"));
    let used = || {
        // Of all of its threads, also of those that have ended, and of no child.
        let words = format!(
            "awk -v second=$(getconf CLK_TCK) '{{ print ($14 + $15) / second }}' /proc/{}/stat",
            process.trim()
        );
        node.host.ok(&words).trim().parse::<f64>().expect("seconds")
    };
    let looked = || node.status().1["checks"].to_string();
    let (looked_before, before, begun) = (looked(), used(), Instant::now());
    sleep(Duration::from_secs(seconds));
    let cost = (used() - before) / begun.elapsed().as_secs_f64();
    assert_ne!(
        looked(),
        looked_before,
        "an agent that does nothing at all would not notice that all is well again"
    );
    cost
}
