//! An install that is cut short at any moment is completed by the same command: power cuts, a killed program, a full disk.
//!
//! The measure is always the same: a plain second run ends with 0, and the host's manifest equals that of a host whose
//! install was left alone.

#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod lab;

use lab::manifest::{Manifest, difference, manifest};
use lab::package::INSTALL;
use lab::random::Random;
use lab::{Host, SUITES, is_long_run};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

const DISK: &str = "2G";
/// A state that a run reaches is there within this, or the test fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// A host whose install was left alone.
struct Undisturbed {
    manifest: Manifest,
    took: Duration,
    edges: Vec<Edge>,
}

/// A line of the journal: what happened to which step.
type Edge = (String, String);

/// Made once a suite; two tests that want it at once wait for one.
fn undisturbed(suite: &'static str) -> Arc<Undisturbed> {
    type Slot = Arc<OnceLock<Arc<Undisturbed>>>;
    static MADE: Mutex<BTreeMap<&str, Slot>> = Mutex::new(BTreeMap::new());
    let slot = MADE.lock().unwrap_or_else(PoisonError::into_inner).entry(suite).or_default().clone();
    let make = || {
        let host = ready(suite);
        let started = Instant::now();
        host.install().expect(0);
        let took = started.elapsed();
        // As those that it is compared with, it has been without power once.
        host.ok("sync");
        host.cut_power();
        host.boot();
        let edges = last_run(&host).0;
        Arc::new(Undisturbed { manifest: manifest(&host), took, edges })
    };
    slot.get_or_init(make).clone()
}

/// A host with a disk of its own and the package on it.
fn ready(suite: &str) -> Host {
    let host = Host::up_with_disk(suite, DISK);
    host.install_package();
    host
}

/// The plain second run: it must end with 0 and leave what an undisturbed run leaves.
#[track_caller]
fn complete(host: &Host, suite: &'static str, after: &str) {
    if let Err(wrong) = completed(host, suite) {
        panic!("after {after} {wrong}");
    }
}

/// What is wrong after a plain second run.
fn completed(host: &Host, suite: &'static str) -> Result<(), String> {
    let ended = host.install();
    if ended.code != 0 {
        return Err(format!("the plain run ended otherwise: {}", ended.text()));
    }
    let mut found = difference(&undisturbed(suite).manifest, &manifest(host));
    // Python makes its compiled files again, in memory or on the disk, where they are missing or damaged.
    found.retain(|line| !line.contains("/__pycache__"));
    if !found.is_empty() {
        return Err(format!("the host differs from an undisturbed one:\n{}", found.join("\n")));
    }
    let plan = host.run(&[&INSTALL[..], &["plan"]].concat());
    if plan.code != 0 {
        return Err(format!("there is something left to do: {}", plan.text()));
    }
    Ok(())
}

/// The journal's last run, and whether its last line was a whole one.
fn last_run(host: &Host) -> (Vec<Edge>, bool) {
    let text = host.sh("cat /var/lib/hams/journal").stdout;
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let Some(run) = lines.last().map(|line| word(line, "run")) else { return (Vec::new(), text.is_empty()) };
    let of_run = lines.iter().filter(|line| word(line, "run") == run);
    (of_run.map(|line| (word(line, "event"), word(line, "step"))).collect(), text.ends_with('\n'))
}

/// Every step that any run of the journal has done.
fn done(host: &Host) -> BTreeSet<String> {
    let text = host.sh("cat /var/lib/hams/journal").stdout;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["event"] == "done")
        .filter_map(|line| Some(line["step"].as_str()?.to_owned()))
        .collect()
}

/// Cuts the power `count` times, each time on a fresh host. Every wrong end is told, not the first alone.
fn cut_at_random_moments(suite: &'static str, count: u32) {
    let mut random = Random::seeded();
    let mut length = undisturbed(suite).took;
    let mut wrong = Vec::new();
    for number in 0..count {
        // One in each part of the run, so that no part is left out by chance. How long a run takes is known only
        // from others: one that ended before its cut is the measure from then on.
        let fraction = (f64::from(number) + random.fraction()) / f64::from(count);
        let (host, moment, text) = loop {
            let moment = length.mul_f64(fraction);
            let host = ready(suite);
            let started = Instant::now();
            let mut running = host.spawn_unheard(&INSTALL);
            while started.elapsed() < moment && running.try_wait().expect("a child").is_none() {
                std::thread::sleep(Duration::from_millis(10).min(moment.saturating_sub(started.elapsed())));
            }
            if running.try_wait().expect("a child").is_some() {
                length = started.elapsed();
                continue;
            }
            host.cut_power();
            let output = running.wait_with_output().expect("the command's end");
            break (host, moment, String::from_utf8_lossy(&output.stderr).into_owned());
        };
        host.boot();
        let (edges, _) = last_run(&host);
        let reached =
            edges.last().map_or("before the journal".into(), |(event, step)| format!("{event} {step}"));
        let after = format!(
            "a cut at {:.2} s of {:.2} s ({reached}) on {suite}",
            moment.as_secs_f64(),
            length.as_secs_f64()
        );
        eprintln!("{after}; the run said last: {}", text.trim_end().lines().last().unwrap_or("nothing"));
        if let Err(why) = completed(&host, suite) {
            eprintln!("WRONG after {after}: {why}");
            wrong.push(format!("after {after} {why}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cuts ended otherwise:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_power_cut_at_any_moment_on_trixie() {
    if is_long_run("all of 20 random moments on trixie") {
        cut_at_random_moments("trixie", 20);
    }
}

#[test]
fn a_power_cut_at_any_moment_on_bookworm() {
    if is_long_run("all of 20 random moments on bookworm") {
        cut_at_random_moments("bookworm", 20);
    }
}

/// Cuts at the journal's edges, on one host, each run going as far as one edge more than those before it.
struct Chain {
    host: Host,
    hit: Vec<Edge>,
}

impl Chain {
    /// Runs the install until its `count`-th edge and cuts the power there. Gives the edge; `None` when the run came
    /// to its end before.
    fn cut_at(&mut self, count: usize) -> Option<Edge> {
        let ended = self.host.stop_at("fdatasync", count, &INSTALL);
        if let Some(ended) = ended {
            ended.expect(0);
            return None;
        }
        self.host.cut_power();
        self.host.boot();
        let (edges, whole) = last_run(&self.host);
        assert_eq!(
            (edges.len(), whole),
            (count, true),
            "the journal has each edge, up to the cut: {edges:?}"
        );
        let edge = edges.last().cloned();
        self.hit.extend(edge.clone());
        edge
    }
}

#[test]
fn a_power_cut_at_the_edges_of_the_journal() {
    let suite = "trixie";
    let undisturbed = undisturbed(suite);
    let mut chain = Chain { host: ready(suite), hit: Vec::new() };
    let edge = |event: &str, step: &str| (event.to_owned(), step.to_owned());
    let packages = [edge("begin", "packages"), edge("done", "packages")];
    if is_long_run("all edges of the journal but a sample") {
        let mut count = 1;
        loop {
            let before = chain.hit.clone();
            let Some(reached) = chain.cut_at(count) else { break };
            let is_new = !before.contains(&reached);
            eprintln!("edge {count}: {} {}{}", reached.0, reached.1, if is_new { "" } else { ", again" });
            // A step that is done does not begin again: the next edge is the first after the start.
            count = if is_new && reached.0 == "done" { 2 } else { count + 1 };
        }
        let missed: Vec<_> = undisturbed.edges.iter().filter(|edge| !chain.hit.contains(edge)).collect();
        eprintln!(
            "{} edges were cut at; not met: {missed:?}",
            chain.hit.iter().collect::<BTreeSet<_>>().len()
        );
        // Side by side steps do not always come in one order, so that an edge can fall between two runs.
        assert!(missed.len() * 10 <= undisturbed.edges.len(), "too many edges were not met: {missed:?}");
    } else {
        let at = |fraction: usize| undisturbed.edges[undisturbed.edges.len() * fraction / 8].clone();
        let mut sample =
            vec![edge("start", ""), at(1), packages[0].clone(), packages[1].clone(), at(5), at(7)];
        sample.sort_by_key(|edge| undisturbed.edges.iter().position(|of_run| of_run == edge));
        sample.dedup();
        for target in sample {
            // Side by side steps do not always come in one order: tried again from what the cut has left.
            for _ in 0..4 {
                let done = done(&chain.host);
                if target.0 != "start" && done.contains(&target.1) {
                    break;
                }
                let left = undisturbed.edges.iter().filter(|(_, step)| !done.contains(step));
                let count = left.take_while(|edge| **edge != target).count() + 1;
                let reached = chain.cut_at(count).expect("the run is not at its end before its last edge");
                eprintln!("edge {count}: {} {}", reached.0, reached.1);
                if reached == target {
                    break;
                }
            }
        }
    }
    for edge in packages {
        assert!(chain.hit.contains(&edge), "{edge:?} was not met: {:?}", chain.hit);
    }
    complete(&chain.host, suite, "cuts at the journal's edges");
}

/// Waits until a shell script in the host succeeds.
#[track_caller]
fn wait_until(host: &Host, script: &str) {
    let started = Instant::now();
    while host.sh(script).code != 0 {
        assert!(started.elapsed() < PATIENCE, "this did not come true in {} s: {script}", PATIENCE.as_secs());
    }
}

/// dpkg is at work on a package, and half the set is not unpacked yet.
const IN_THE_MIDDLE_OF_APT: &str = "dpkg-query -W -f '${Package} ${db:Status-Status}\\n' | grep -q -e ' unpacked$' -e ' half-installed$' && test -e /usr/sbin/policy-rc.d";

#[test]
fn killed_in_the_middle_of_apt() {
    let long = is_long_run("the killed program and the full disk on bookworm");
    for suite in SUITES.into_iter().filter(|suite| long || *suite == "trixie") {
        let host = ready(suite);
        let running = host.spawn(&INSTALL);
        wait_until(&host, IN_THE_MIDDLE_OF_APT);
        host.ok("kill -KILL $(pidof hams-install)");
        let output = running.wait_with_output().expect("the command's end");
        assert!(!output.status.success(), "the run was killed and yet ended with 0");
        assert_eq!(
            host.sh("test -L /usr/sbin/policy-rc.d").code,
            0,
            "killed too late to leave the policy behind"
        );
        let ended = host.install().expect(0);
        assert!(
            ended.text().contains("cut short at packages"),
            "the run says where it goes on: {}",
            ended.text()
        );
        let left = host.sh("ls /usr/sbin/policy-rc.d*").stdout;
        assert_eq!(left, "", "the policy that keeps services down stays");
        host.ok("sync");
        host.cut_power();
        host.boot();
        complete(&host, suite, "a kill in the middle of apt");
    }
}

#[test]
fn a_full_disk() {
    let long = is_long_run("the full disk on bookworm");
    for suite in SUITES.into_iter().filter(|suite| long || *suite == "trixie") {
        let host = ready(suite);
        let running = host.spawn(&INSTALL);
        wait_until(&host, IN_THE_MIDDLE_OF_APT);
        host.fill_disk();
        let output = running.wait_with_output().expect("the command's end");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "a full disk ends the run with 4: {text}");
        assert!(text.contains("No space left on device"), "the run says why: {text}");
        assert_eq!(
            host.sh("ls /usr/sbin/policy-rc.d*").stdout,
            "",
            "the policy is taken away on the way out"
        );

        let again = host.install();
        assert!([3, 4].contains(&again.code), "the disk is still full: {}", again.text());
        assert!(
            ["No space left on device", " MiB free"].iter().any(|words| again.stderr.contains(words)),
            "{}",
            again.text()
        );
        host.free_disk();
        host.install().expect(0);

        // Everything is installed, and a file's write fails.
        host.ok("echo '# by hand' >>/etc/rabbitmq/conf.d/50-hams.conf; sync");
        host.fill_disk();
        let small = host.install();
        assert!([3, 4].contains(&small.code), "no file can be written: {}", small.text());
        assert!(small.stderr.contains("No space left on device"), "the run says why: {}", small.text());
        host.free_disk();
        host.install().expect(0);
        host.reboot();
        complete(&host, suite, "a full disk");
    }
}
