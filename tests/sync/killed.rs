//! The agent is killed in the middle of its work, again and again, and nothing is lost.

use super::events::{EVENTS, Story, ZONES};
use super::lab::random::Random;
use super::node::{Node, parsed};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const KILLS: usize = 5;

/// A thousand events with five kills; gives what they told.
pub fn nothing_is_lost(node: &Node, random: &mut Random) -> Story {
    let story = Story::tell(random);
    let gone = story.zones.values().filter(|content| content.is_none()).count();
    let (old, recreated) = (story.old, story.recreated);
    eprintln!(
        "{EVENTS} events, {ZONES} zones: {gone} gone at last, {recreated} made again, {old} events too old"
    );
    assert!(gone >= 10 && recreated >= 10 && old >= 20);
    let before = node.start();
    let moments: Vec<Value> = (0..KILLS).map(|_| json!([random.fraction(), random.fraction()])).collect();
    let bodies: Vec<_> = story.events.iter().map(|event| event.to_string().into_bytes()).collect();
    let input = node.input(&format!("{}\n", Value::from(moments)), bodies.iter().map(Vec::as_slice));
    let kills = parsed(&node.host.run_with(&input, &["python3", "/root/kill.py"]).expect(0).stdout);
    let kills = kills.as_array().expect("a list");
    assert_eq!(kills.len(), KILLS);
    for kill in kills {
        eprintln!("killed: {kill}");
        let number = |key: &str| kill[key].as_u64().expect("a number");
        // None: it was frozen while it asked for a wider window.
        assert!(number("consumers") <= 1, "{kill}");
        assert!(number("done") > 0, "the agent had done nothing: {kill}");
        assert!(number("left") > 0, "the agent had done everything: {kill}");
    }
    node.drained(0);
    node.holds(&story.zones);
    let there = story.zones.iter().filter(|(_, content)| content.is_some()).map(|(name, _)| name.clone());
    let expected: BTreeSet<_> = there.chain(["u.hams.test.".to_owned()]).collect();
    assert_eq!(node.zones().into_keys().collect::<BTreeSet<_>>(), expected, "nothing but these");
    // Applied and not acknowledged yet: what a kill makes the agent do twice.
    assert!(
        kills.iter().any(|kill| kill["again"].as_i64() > Some(1)),
        "every kill hit the end of a batch: {kills:?}"
    );
    let after = node.start();
    assert_eq!((after.restarts, after.active.as_str()), (before.restarts + KILLS as u64, "active"));
    assert_ne!(after.invocation, before.invocation);
    let (_, status) = node.status();
    let dropped = status["sync"]["counters"]["dropped_old"].as_u64().expect("a number");
    // Counted before they are acknowledged; what was in hand at a kill comes again and counts again.
    assert!(dropped >= story.old as u64, "{} events were too old: {status:#}", story.old);
    story
}
