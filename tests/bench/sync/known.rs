//! What 50,000 zones cost an agent that knows them, and, behind `HAMS_ALL=1`, how it bears many of them and much work.

use super::fleet::Fleet;
use super::lab::is_long_run;
use super::lab::random::Random;
use super::load;
use super::node::{Node, rate};
use super::rows::patches;
use super::table::{self, Figures, Target};
use anyhow::Result;
use std::time::{Duration, Instant};

const ZONES: usize = 50_000;
/// Of the same size as the curve's.
const CURVE: [usize; 3] = [1000, 10_000, 50_000];
/// A point of the curve is measured in so many parts, each of other zones, of as many as the limit's at least, and right after
/// the limit, which moves by a tenth from one minute to the next.
const CURVE_PARTS: usize = 3;
const LIMIT_ZONES: usize = 1000;
const IDLE_SECONDS: usize = 60;
/// The long load: how often each zone comes, and how many events it has each time, one after the other, as the saves of
/// somebody who edits his zone do.
const TURNS: usize = 2;
const EVENTS_A_TURN: usize = 10;
/// What is published at once, and at most waits.
const PART: usize = 5000;
const MAX_WAITING: u32 = 20_000;

/// Those of its parts that are wanted: memory, curve, million.
pub fn print(node: &mut Node, parts: &[&str]) -> Result<()> {
    let has = |part| parts.contains(&part);
    let is_long =
        (has("curve") || has("million")) && is_long_run("the curve to 50,000 zones, a million events");
    if !has("memory") && !is_long {
        return Ok(());
    }
    let mut limit = Fleet::new("x", node.size(LIMIT_ZONES));
    let posts = Figures(vec![rate(limit.len(), creations(node, &mut limit)?)]);
    let mut fleet = Fleet::new("m", node.size(ZONES));
    let count = fleet.len();
    eprintln!("making {count} zones");
    let created = Figures(vec![rate(count, node.create(&mut fleet)?)]);
    table::ratio(
        &format!("{count} zones made by events"),
        &created,
        "zones/s",
        ("POST/s, one by one", &posts),
        None,
    );
    if has("memory") {
        at_rest(node, &format!("{count} zones just made"))?;
        node.agent.stop()?;
        node.restart_agent()?;
        at_rest(node, &format!("{count} zones known since a start"))?;
    }
    if is_long && has("curve") {
        curve(node, &mut fleet, &mut limit)?;
    }
    if is_long && has("million") {
        million(node, &mut fleet)?;
    }
    Ok(())
}

/// One POST after the other.
fn creations(node: &Node, fleet: &mut Fleet) -> Result<Duration> {
    let all: Vec<_> = (0..fleet.len()).map(|number| fleet.creation(number)).collect();
    let begun = Instant::now();
    for body in &all {
        node.api.post(body)?;
    }
    let took = begun.elapsed();
    fleet.check(&node.api)?;
    Ok(took)
}

fn at_rest(node: &Node, what: &str) -> Result<()> {
    let time = Duration::from_secs(node.size(IDLE_SECONDS) as u64);
    std::thread::sleep(Duration::from_secs(2));
    let (before, begun) = (node.agent.cpu()?, Instant::now());
    std::thread::sleep(time);
    let busy = (node.agent.cpu()? - before).as_secs_f64() / begun.elapsed().as_secs_f64();
    let memory = Figures(vec![node.agent.memory()?]);
    node.agent.is_the_same()?;
    table::alone(&format!("memory, {what}"), &memory, "MiB", Some(Target::AtMost(40.0)));
    let percent = Figures(vec![busy * 100.0]);
    table::alone(&format!("idle CPU, {what}"), &percent, "% of a core", Some(Target::Below(0.1)));
    Ok(())
}

fn curve(node: &Node, fleet: &mut Fleet, limit: &mut Fleet) -> Result<()> {
    for whole in CURVE {
        let count = node.size(whole);
        let size = (count / CURVE_PARTS).max(limit.len()).min(fleet.len() / CURVE_PARTS);
        let (mut patched, mut agent) = (vec![], vec![]);
        for part in 0..CURVE_PARTS {
            patched.push(rate(limit.len(), patches(node, limit)?));
            let events = (part * size..(part + 1) * size).map(|number| fleet.change(number)).collect();
            agent.push(rate(size, node.through_agent(fleet, events)?));
        }
        let what = format!("events on {count} of {} zones", fleet.len());
        let beside = ("PATCH/s, one by one", &Figures(patched));
        table::ratio(&what, &Figures(agent), "events/s", beside, Some(Target::AtLeast(0.90)));
    }
    Ok(())
}

/// So much work that a leak shows: memory and descriptors at its end beside those after its first part.
fn million(node: &Node, fleet: &mut Fleet) -> Result<()> {
    let turns = load::shuffled(fleet.len(), TURNS, &mut Random::seeded());
    let order: Vec<usize> =
        turns.into_iter().flat_map(|number| std::iter::repeat_n(number, EVENTS_A_TURN)).collect();
    let (mut memory, mut descriptors) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for part in order.chunks(PART) {
        node.broker.publish(part.iter().map(|number| fleet.change(*number)).collect::<Vec<_>>())?;
        while node.broker.waiting()? > MAX_WAITING {
            std::thread::sleep(Duration::from_millis(100));
        }
        memory.push(node.agent.memory()?);
        descriptors.push(node.agent.descriptors()? as f64);
    }
    // What is still under way comes in by the same door as any load.
    node.through_agent(fleet, vec![])?;
    let rates = Figures(vec![rate(order.len(), begun.elapsed())]);
    table::alone(&format!("{} events over {} zones", order.len(), fleet.len()), &rates, "events/s", None);
    for (what, samples, unit, limit) in
        [("memory", memory, "MiB", 1.10), ("descriptors", descriptors, "", 1.0)]
    {
        // A tenth of the way: everything that is made once is there.
        let (first, last) = (samples[samples.len() / 10], samples[samples.len() - 1]);
        let (first, last) = (Figures(vec![first]), Figures(vec![last]));
        let beside = ("after a tenth of them", &first);
        table::ratio(&format!("{what} at the end of them"), &last, unit, beside, Some(Target::AtMost(limit)));
    }
    Ok(())
}
