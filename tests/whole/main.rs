//! The whole platform on one fresh host, with nothing configured but the domain and the lab's mirrors: as an operator
//! gets it, as the world sees it, and as it stays.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod addon;
mod away;
mod browser;
#[path = "../health/fault.rs"]
mod fault;
#[path = "../health/faults.rs"]
mod faults;
#[path = "../install/secrets.rs"]
#[allow(dead_code)] // of the searches, this program needs some
mod found;
mod idle;
mod key;
#[path = "../lab/mod.rs"]
mod lab;
mod local;
#[path = "../health/looks.rs"]
mod looks;
mod many;
mod member;
mod node;
mod octodns;
mod power;
mod reference;
mod stays;
mod sweep;
#[path = "../install/watch.rs"]
mod watch;

use looks::Looks;
use node::{DOMAIN, Node, PASSWORD};

/// The checks that tell a version, and what it must begin with.
type Versions = [(&'static str, &'static str); 5];

#[test]
fn the_whole_stack_on_debian_12() {
    let node = Node::installed("bookworm");
    // The versions that the platform was made with.
    let versions: Versions = [
        ("postgresql sql", "16."),
        ("redis ping", "7.0."),
        ("rabbitmq amqp", "3.10."),
        ("powerdns api", "4.7."),
        ("odoo http", "19."),
    ];
    holds(&node, versions);
    let looks = Looks::new(&node.host, DOMAIN);
    looks.are_well();
    looks.are_for_those_who_are_allowed();
    faults::happen(&looks, &faults::few(DOMAIN));
}

#[test]
fn the_whole_stack_on_debian_13() {
    let node = Node::installed("trixie");
    let versions: Versions = [
        ("postgresql sql", "16."),
        ("redis ping", "8.0."),
        ("rabbitmq amqp", "4.0."),
        ("powerdns api", "4.9."),
        ("odoo http", "19."),
    ];
    holds(&node, versions);
    browser::logs_in(&node);
    browser::shows_the_agents_page(&node);
    let (zone, record) = addon::publishes_on_commit(&node);
    member::is_known_to_odoo(&node);
    sweep::says_what_it_lacks(&node);
    reference::follows_odoo(&node, zone, record);
    key::is_changed_before_it_ends(&node);
    sweep::puts_zones_right(&node);
    many::zones_are_swept(&node);
}

#[test]
fn odoo_goes_away_among_many_events() {
    if lab::is_long_run("5,000 events on 500 zones while Odoo goes away") {
        let node = Node::installed("trixie");
        addon::publishes_on_commit(&node);
        away::changes_arrive(&node);
    }
}

fn holds(node: &Node, versions: Versions) {
    let verified = node.hams(&["verify"]).expect(0);
    eprintln!("{}", verified.stderr);
    for (check, version) in versions {
        let is_told = |line: &str| line.contains(&format!("{check}: version {version}"));
        assert!(verified.stderr.lines().any(is_told), "no {check} {version} in {}", verified.text());
    }
    node.answers();
    assert!(node.logs_in("admin", PASSWORD), "admin is not let in at https://{DOMAIN}");
    assert!(!node.logs_in("admin", "admin"), "admin/admin is let in");
    local::reads_no_secret(node);
    local::is_let_in_nowhere(node);
    stays::a_second_run_changes_nothing(node);
    member::reaches_odoo(node);
    stays::a_reboot_brings_all_back(node);
    assert!(node.logs_in("admin", PASSWORD), "admin is not let in after a reboot");
}
