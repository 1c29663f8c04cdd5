//! DNS changes from RabbitMQ to PowerDNS on a real node: what is published last is what is answered, whatever happens
//! on the way, and what can never be applied is kept with its reason and holds up nothing.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod bad;
mod events;
mod fault;
mod faults;
mod history;
mod killed;
#[path = "../lab/mod.rs"]
mod lab;
mod large;
mod letters;
mod node;
mod outage;
mod round_trip;

use lab::random::Random;
use lab::{SUITES, is_long_run};
use node::Node;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One host at a time: the waits are measured on a machine that has nothing else to do.
static HOST: Mutex<()> = Mutex::new(());

#[test]
fn every_change_arrives() {
    let _turn = HOST.lock().unwrap_or_else(PoisonError::into_inner);
    let long = is_long_run("the sync on bookworm");
    let mut random = Random::seeded();
    for suite in SUITES.into_iter().filter(|suite| long || *suite == "trixie") {
        let begun = Instant::now();
        let past = |what: &str| eprintln!("{suite}: {what} ({:.0} s)", begun.elapsed().as_secs_f64());
        let node = Node::up(suite);
        past("a node");
        round_trip::survives(&node, &mut random);
        past("contents at random");
        let told = node.host.run(&["hams-agent", "sync", "--all"]).expect(1);
        assert!(told.stderr.contains("this node knows no Odoo"), "{}", told.text());
        let story = killed::nothing_is_lost(&node, &mut random);
        past("the agent was killed five times");
        outage::the_same_again_changes_nothing(&node, &story);
        past("the same again");
        let dead = bad::is_set_aside(&node);
        past("bad messages");
        let dead = letters::are_settled(&node, dead, &mut random);
        past("dead letters settled");
        large::goes_in_parts(&node, dead);
        past("a large zone");
        large::properties_are_read(&node, dead);
        past("a message with long properties");
        outage::of_powerdns(&node, dead);
        past("an outage of PowerDNS");
        outage::of_the_broker(&node, dead);
        past("an outage of RabbitMQ");
        faults::a_few(&node, &mut random);
        past("three faults at once, and everything away");
        node.holds(&story.zones);
    }
}

#[test]
fn every_fault_passes() {
    let _turn = HOST.lock().unwrap_or_else(PoisonError::into_inner);
    if is_long_run("each fault alone and three at once, 5,000 events on 500 zones each") {
        faults::all("trixie", &mut Random::seeded());
    }
}
