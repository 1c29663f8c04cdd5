//! DNS changes from RabbitMQ to PowerDNS on a real node: what is published last is what is answered, whatever happens
//! on the way, and what can never be applied is kept with its reason and holds up nothing.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod bad;
mod events;
mod killed;
#[path = "../lab/mod.rs"]
mod lab;
mod large;
mod node;
mod outage;

use lab::random::Random;
use lab::{SUITES, is_long_run};
use node::Node;
use std::time::Instant;

#[test]
fn every_change_arrives() {
    let long = is_long_run("the sync on bookworm");
    let mut random = Random::seeded();
    for suite in SUITES.into_iter().filter(|suite| long || *suite == "trixie") {
        let begun = Instant::now();
        let past = |what: &str| eprintln!("{suite}: {what} ({:.0} s)", begun.elapsed().as_secs_f64());
        let node = Node::up(suite);
        past("a node");
        let told = node.host.run(&["hams-agent", "sync", "--all"]).expect(1);
        assert!(told.stderr.contains("this node knows no Odoo"), "{}", told.text());
        let story = killed::nothing_is_lost(&node, &mut random);
        past("the agent was killed five times");
        outage::the_same_again_changes_nothing(&node, &story);
        past("the same again");
        let dead = bad::is_set_aside(&node);
        past("bad messages");
        large::goes_in_parts(&node, dead);
        past("a large zone");
        outage::of_powerdns(&node, dead);
        past("an outage of PowerDNS");
        outage::of_the_broker(&node, dead);
        past("an outage of RabbitMQ");
        node.holds(&story.zones);
    }
}
