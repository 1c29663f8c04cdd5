//! The whole platform on one fresh host, with nothing configured but the domain and the lab's mirrors: as an operator
//! gets it, as the world sees it, and as it stays.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod browser;
#[path = "../lab/mod.rs"]
mod lab;
mod local;
mod member;
mod node;
mod power;
mod stays;
#[path = "../install/watch.rs"]
mod watch;

use node::{DOMAIN, Node, PASSWORD};

#[test]
fn the_whole_stack_on_debian_12() {
    let node = Node::installed("bookworm");
    // The versions that the platform was made with.
    holds(
        &node,
        &["PostgreSQL 16.", "Redis 7.0.", "RabbitMQ 3.10.", "Odoo 19.", "PowerDNS 4.7.", "nginx 1.22."],
    );
}

#[test]
fn the_whole_stack_on_debian_13() {
    let node = Node::installed("trixie");
    holds(
        &node,
        &["PostgreSQL 16.", "Redis 8.0.", "RabbitMQ 4.0.", "Odoo 19.", "PowerDNS 4.9.", "nginx 1.26."],
    );
    browser::logs_in(&node);
}

fn holds(node: &Node, versions: &[&str]) {
    let verified = node.host.run(&["hams-install", "verify"]).expect(0);
    eprintln!("{}", verified.stderr);
    for version in versions {
        assert!(
            verified.stderr.contains(version),
            "`verify` does not print `{version}`: {}",
            verified.text()
        );
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
