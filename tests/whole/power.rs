//! The whole install is cut short, at any moment and in every way: a plain second run completes it.

use super::lab::random::Random;
use super::lab::{Host, is_long_run};
use super::node::{DOMAIN, INSTALL, Node, PASSWORD, client};
use std::time::{Duration, Instant};

const DISK: &str = "12G";
/// Power cuts in a whole install on each suite, spread over its length.
const CUTS: u32 = 5;
/// A state that a run reaches is there within this, or the test fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// The plain second run, and whether the node is one then.
fn completed(host: Host) -> Result<(), String> {
    let ended = host.run(&INSTALL);
    if ended.code != 0 {
        return Err(format!("the plain run ended otherwise: {}", ended.text()));
    }
    for words in ["plan", "verify"] {
        let ended = host.run(&["hams-install", "--domain", DOMAIN, words]);
        if ended.code != 0 {
            return Err(format!("`{words}` is not content: {}", ended.text()));
        }
    }
    let node = Node { client: client(), host, first_run: Duration::ZERO };
    if node.logs_in("admin", PASSWORD) && !node.logs_in("admin", "admin") {
        return Ok(());
    }
    Err("the administrator's password is another".to_owned())
}

#[test]
fn a_power_cut_at_any_moment_of_the_whole_install_on_bookworm() {
    if is_long_run("power cuts at random moments of the whole install on bookworm") {
        cut_at_random_moments("bookworm");
    }
}

#[test]
fn a_power_cut_at_any_moment_of_the_whole_install_on_trixie() {
    if is_long_run("power cuts at random moments of the whole install on trixie") {
        cut_at_random_moments("trixie");
    }
}

/// How long a whole install takes where nothing happens, beside whatever else this machine does now.
fn undisturbed(suite: &str) -> Duration {
    let host = Node::prepare(suite, &["--disk", DISK]);
    let begun = Instant::now();
    host.run(&INSTALL).expect(0);
    begun.elapsed()
}

/// Cuts the power on fresh hosts; every wrong end is told, not the first alone.
fn cut_at_random_moments(suite: &str) {
    let mut random = Random::seeded();
    let mut length = undisturbed(suite);
    let mut wrong = Vec::new();
    for number in 0..CUTS {
        let fraction = (f64::from(number) + random.fraction()) / f64::from(CUTS);
        // No two runs take the same time: one that ended before its cut is the measure from then on.
        let (host, moment) = loop {
            let moment = length.mul_f64(fraction);
            let host = Node::prepare(suite, &["--disk", DISK]);
            let begun = Instant::now();
            let mut running = host.spawn_unheard(&INSTALL);
            while begun.elapsed() < moment && running.try_wait().expect("a child").is_none() {
                std::thread::sleep(Duration::from_millis(10));
            }
            if running.try_wait().expect("a child").is_some() {
                length = begun.elapsed();
                continue;
            }
            host.cut_power();
            running.wait().expect("the command's end");
            break (host, moment);
        };
        host.boot();
        let step = host.sh("tail -n 1 /var/lib/hams/journal").stdout;
        let after = format!(
            "a cut at {:.1} s of {:.1} s on {suite} ({})",
            moment.as_secs_f64(),
            length.as_secs_f64(),
            step.trim()
        );
        eprintln!("{after}");
        if let Err(why) = completed(host) {
            eprintln!("WRONG after {after}: {why}");
            wrong.push(format!("after {after} {why}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {CUTS} cuts ended otherwise:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_network_that_goes_during_apt_is_told() {
    if !is_long_run("a network that goes during apt, with the whole install twice") {
        return;
    }
    let host = Node::prepare("trixie", &[]);
    let mut running = host.spawn(&INSTALL);
    // apt is fetching: some archive is there in part.
    let end = Instant::now() + PATIENCE;
    while host.sh("ls /var/cache/apt/archives/partial/*.deb").code != 0 {
        assert!(running.try_wait().expect("a child").is_none(), "the run ended before apt fetched anything");
        assert!(Instant::now() < end, "apt never fetched anything");
    }
    host.cut_network();
    let ended = running.wait_with_output().expect("the command's end");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains("E: Failed to fetch") || said.contains("Unable to fetch"), "{said}");
    assert!(said.contains("hint: "), "{said}");
    host.join_network();
    completed(host).unwrap_or_else(|why| panic!("after a network that went: {why}"));
}
