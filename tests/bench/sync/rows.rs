//! Rates and latency, beside the same PowerDNS, the same broker and the peer.

use super::api::URL;
use super::fleet::Fleet;
use super::lab::random::Random;
use super::load;
use super::node::{Node, rate};
use super::table::{self, Figures, Target, quantile};
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

/// After a first one that is thrown away.
const REPETITIONS: usize = 3;
/// Of what lasts three seconds and is a ratio near 1, where this is a tenth up or down from one to the next.
const SHORT_REPETITIONS: usize = 9;
const ZONES: usize = 1000;
const HOT_ZONES: usize = 200;
const EVENTS_A_ZONE: usize = 10;
const REPEATED: usize = 50_000;
const SINGLES: usize = 200;
/// Between two single events: everybody is asleep again.
const IDLE: Duration = Duration::from_millis(30);
/// Between two questions for an answer that must come at once.
const POLL: Duration = Duration::from_micros(100);
const LOST: Duration = Duration::from_secs(60);
/// Where PowerDNS keeps its database.
const DISK: &str = "/var/lib/powerdns";
/// What its SQLite writes out for one PATCH, one after the other (strace of PowerDNS 4.9.18).
const SYNCS: u64 = 4;

/// Zones of three owners, so that none finds his changed by another.
struct Fleets {
    agent: Fleet,
    peer: Fleet,
    limit: Fleet,
}

/// How many events a second.
pub fn rates(node: &mut Node) -> Result<()> {
    let count = node.size(ZONES);
    let mut fleets =
        Fleets { agent: Fleet::new("a", count), peer: Fleet::new("p", count), limit: Fleet::new("l", count) };
    let mut random = Random::seeded();
    eprintln!("making {} zones", 3 * count);
    for fleet in [&mut fleets.agent, &mut fleets.peer, &mut fleets.limit] {
        node.create(fleet)?;
    }
    distinct(node, &mut fleets)?;
    let hot = node.size(HOT_ZONES);
    many(node, &mut fleets, "10 events a zone, mixed", |fleet| {
        load::mixed(fleet, hot, EVENTS_A_ZONE, &mut random)
    })?;
    many(node, &mut fleets, "10 events a zone, in bursts", |fleet| load::bursts(fleet, hot, EVENTS_A_ZONE))?;
    repeated(node, &mut fleets.agent)
}

/// One PATCH after the other, each of another zone.
pub fn patches(node: &Node, fleet: &mut Fleet) -> Result<Duration> {
    let all: Vec<_> = (0..fleet.len()).map(|number| fleet.patch(number)).collect();
    let begun = Instant::now();
    for (zone, body) in &all {
        node.api.patch(zone, body)?;
    }
    let took = begun.elapsed();
    fleet.check(&node.api)?;
    Ok(took)
}

/// The same by reqwest, which connects anew for each.
fn patches_by_reqwest(node: &Node, fleet: &mut Fleet) -> Result<Duration> {
    let all: Vec<_> = (0..fleet.len()).map(|number| fleet.patch(number)).collect();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let begun = Instant::now();
    runtime.block_on(async {
        for (zone, body) in all {
            let request = client.patch(format!("{URL}/{zone}")).header("X-API-Key", node.api.key());
            let answer = request.header("Content-Type", "application/json").body(body).send().await?;
            ensure!(answer.status() == 204, "PowerDNS answered {} to a PATCH of {zone}", answer.status());
        }
        Ok(())
    })?;
    let took = begun.elapsed();
    fleet.check(&node.api)?;
    Ok(took)
}

fn distinct(node: &mut Node, fleets: &mut Fleets) -> Result<()> {
    let count = fleets.agent.len();
    let (mut limit, mut library, mut agent, mut peer) = (vec![], vec![], vec![], vec![]);
    for _ in 0..=SHORT_REPETITIONS {
        limit.push(rate(count, patches(node, &mut fleets.limit)?));
        library.push(rate(count, patches_by_reqwest(node, &mut fleets.limit)?));
        let events = load::each_once(&mut fleets.agent, count);
        agent.push(rate(count, node.through_agent(&mut fleets.agent, events)?));
        let events = load::each_once(&mut fleets.peer, count);
        peer.push(rate(count, node.through_incumbent(&mut fleets.peer, events)?));
    }
    let [limit, library, agent, peer] = [limit, library, agent, peer].map(warm);
    let what = format!("events on {count} distinct zones");
    let wanted = Target::AtLeast(0.90);
    table::ratio(&what, &agent, "events/s", ("PATCH/s, one by one", &limit), Some(wanted));
    table::ratio(&what, &agent, "events/s", ("incumbent", &peer), None);
    table::ratio("reqwest, for comparison", &library, "PATCH/s", ("PATCH/s, one by one", &limit), None);
    table::ratio("the incumbent, for comparison", &peer, "events/s", ("PATCH/s, one by one", &limit), None);
    Ok(())
}

fn many(
    node: &mut Node,
    fleets: &mut Fleets,
    what: &str,
    mut events: impl FnMut(&mut Fleet) -> Vec<Vec<u8>>,
) -> Result<()> {
    let (mut agent, mut peer) = (vec![], vec![]);
    for _ in 0..=REPETITIONS {
        let load = events(&mut fleets.agent);
        agent.push(rate(load.len(), node.through_agent(&mut fleets.agent, load)?));
        let load = events(&mut fleets.peer);
        peer.push(rate(load.len(), node.through_incumbent(&mut fleets.peer, load)?));
    }
    table::ratio(what, &warm(agent), "events/s", ("incumbent", &warm(peer)), Some(Target::AtLeast(8.0)));
    Ok(())
}

/// Events that say what is there; the last of each run changes something, so that it shows when they are through.
fn repeated(node: &mut Node, fleet: &mut Fleet) -> Result<()> {
    let count = node.size(REPEATED);
    let (mut agent, mut limit) = (vec![], vec![]);
    for repetition in 0..=REPETITIONS {
        let marker = repetition % fleet.len();
        let before = node.api.serials()?;
        let mut events: Vec<_> = (1..count).map(|event| fleet.repeat(event % fleet.len())).collect();
        events.push(fleet.change(marker));
        agent.push(rate(count, node.through_agent(fleet, events)?));
        let marked = fleet.zone(marker);
        for (zone, serial) in node.api.serials()? {
            let is_same = before.get(&zone) == Some(&serial);
            ensure!(
                is_same != (zone == marked),
                "an event that changes nothing was written: {zone}, serial {serial}"
            );
        }
        node.agent.stop()?;
        node.broker.publish((0..count).map(|event| fleet.repeat(event % fleet.len())))?;
        limit.push(rate(count, node.broker.consume(&node.agent_password, count)?));
        node.is_drained()?;
        node.restart_agent()?;
    }
    let (agent, limit) = (warm(agent), warm(limit));
    let beside = ("consume and acknowledge", &limit);
    table::value("events that change nothing", &agent, "events/s", beside, Target::AtLeast(10_000.0));
    Ok(())
}

/// How long one event takes, and one PATCH, and what one makes the disk do: single ones in turn, while nothing else goes on.
pub fn latency(node: &Node) -> Result<()> {
    let count = node.size(SINGLES);
    let (mut fleet, mut limit) = (Fleet::new("e", count), Fleet::new("q", count));
    for fleet in [&mut fleet, &mut limit] {
        node.create(fleet)?;
    }
    let disk = tempfile::tempfile_in(DISK).context(DISK)?;
    let (mut half, mut slow, mut patch, mut slow_patch, mut ask) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut sync, mut slow_sync) = (vec![], vec![]);
    for _ in 0..=REPETITIONS {
        let (mut events, mut requests, mut questions, mut syncs) = (vec![], vec![], vec![], vec![]);
        for number in 0..count {
            std::thread::sleep(IDLE);
            events.push(milliseconds(event(node, &mut fleet, number)?));
            std::thread::sleep(IDLE);
            let begun = Instant::now();
            fleet.wait_for(node.server, number, begun + LOST)?;
            questions.push(milliseconds(begun.elapsed()));
            std::thread::sleep(IDLE);
            let (zone, body) = limit.patch(number);
            let begun = Instant::now();
            node.api.patch(&zone, &body)?;
            requests.push(milliseconds(begun.elapsed()));
            std::thread::sleep(IDLE);
            syncs.push(milliseconds(synced(&disk)?));
        }
        node.is_drained()?;
        fleet.check(&node.api)?;
        limit.check(&node.api)?;
        half.push(quantile(&events, 0.5));
        slow.push(quantile(&events, 0.99));
        patch.push(quantile(&requests, 0.5));
        slow_patch.push(quantile(&requests, 0.99));
        ask.push(quantile(&questions, 0.5));
        sync.push(quantile(&syncs, 0.5));
        slow_sync.push(quantile(&syncs, 0.99));
    }
    let all = [half, slow, patch, slow_patch, ask, sync, slow_sync];
    let [half, slow, patch, slow_patch, ask, sync, slow_sync] = all.map(warm);
    let beside = ("one PATCH, p50, ms", &patch);
    table::ratio("publish to first right answer, p50", &half, "ms", beside, None);
    table::ratio("publish to first right answer, p99", &slow, "ms", beside, Some(Target::AtMost(4.0)));
    // Where the disk has moments of its own, both have them.
    let beside = ("one PATCH, p99, ms", &slow_patch);
    table::ratio("publish to first right answer, p99", &slow, "ms", beside, None);
    // How far its moments go: a PATCH waits for such writes, and an event for a PATCH.
    let beside = ("their p50, ms", &sync);
    table::ratio("four writes with their syncs, p99", &slow_sync, "ms", beside, None);
    table::alone("of it one DNS question, p50", &ask, "ms", None);
    Ok(())
}

/// From before its publishing to the first right answer.
fn event(node: &Node, fleet: &mut Fleet, number: usize) -> Result<Duration> {
    let body = fleet.change(number);
    let begun = Instant::now();
    let confirm = node.broker.start_publishing(&body)?;
    while !fleet.is_answered(node.server, number) {
        ensure!(begun.elapsed() < LOST, "lost: {} within {LOST:?}", fleet.zone(number));
        std::thread::sleep(POLL);
    }
    let took = begun.elapsed();
    node.broker.confirm(confirm).context("an event that was applied is not confirmed")?;
    Ok(took)
}

/// What the disk alone takes for one PATCH.
fn synced(disk: &File) -> Result<Duration> {
    let begun = Instant::now();
    for block in 0..SYNCS {
        disk.write_all_at(&[1; 4096], block * 4096)?;
        disk.sync_data()?;
    }
    Ok(begun.elapsed())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Without the first.
fn warm(mut figures: Vec<f64>) -> Figures {
    figures.remove(0);
    Figures(figures)
}
