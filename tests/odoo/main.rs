//! Odoo by hams on real hosts: from Debian unstable as it is, and with its control file repaired; who gets in with which
//! password, what survives an interruption, and that an uninstall takes all of it back.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod interrupted;
mod keep;
#[path = "../lab/mod.rs"]
mod lab;
mod node;
mod package;
mod password;

use lab::manifest::{Manifest, difference, manifest};
use lab::ports::Sampler;
use node::{Node, PASSWORD};

const PURGE: &str = "DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet -o Dpkg::Use-Pty=0 purge hams 2>&1; \
    rm -r /var/backups/hams /root/hams.toml /root/login.py";

/// The first run, watched from outside: no port is ever open.
#[track_caller]
fn first_run(node: &Node) {
    let ports = Sampler::start(&node.host);
    let ended = node.hams(&["--yes"]);
    let seen = ports.stop();
    let ended = ended.expect(0);
    seen.is_only(&[]);
    assert!(ended.stderr.contains("odoo http: version 19.0"), "{}", ended.text());
    eprintln!("{}", ended.stderr.lines().filter(|line| line.contains("done")).collect::<Vec<_>>().join("\n"));
}

/// Takes all of it back, data too, after a dump that holds the database.
#[track_caller]
fn purge(node: &Node, before: &Manifest) {
    node.hams(&["uninstall", "--yes", "--purge-data"]).expect(0);
    let dump =
        node.host.ok("grep --count 'COPY public.ir_module_module ' /var/backups/hams/*/postgresql-*.sql");
    assert_eq!(dump.trim(), "1", "the dump holds Odoo's tables");
    let attachments =
        node.host.ok("tar --list --file /var/backups/hams/*/odoo-attachments.tar | grep --count hams_prod/");
    assert_ne!(attachments.trim(), "0", "the dump holds what was attached");
    let purged = node.host.ok(PURGE);
    let left = difference(before, &manifest(&node.host));
    assert!(left.is_empty(), "left behind:\n{}\n{purged}", left.join("\n"));
}

fn before(suite: &str) -> Manifest {
    manifest(&lab::Host::up_with(suite, &["--disk", "12G"]))
}

#[test]
fn debians_package_on_a_fresh_trixie() {
    let before = before("trixie");
    let node = Node::prepare("trixie", "");
    node.keep_password(PASSWORD);
    first_run(&node);
    package::nothing_else_comes_from_unstable(&node);
    password::of_the_vault(&node);
    keep::runs_as_configured(&node);
    keep::a_second_run_changes_nothing(&node);
    keep::without_postgresql(&node);
    password::an_operators_own_stays(&node);
    keep::a_module_added_later(&node);
    node.host.reboot();
    node.wait_for(node::HEALTHY);
    node.is_clean();
    purge(&node, &before);
}

#[test]
fn debians_package_repaired_on_a_fresh_bookworm() {
    let node = Node::prepare("bookworm", "");
    package::a_misfit_is_told(&node);
    package::the_repair_is_shown(&node);
    package::an_unknown_package_is_told(&node);
    interrupted::killed_while_the_database_is_made(&node);
    interrupted::on_a_full_disk(&node);
    interrupted::failing_between_modules(&node);
    node.installed();
    package::is_repaired(&node);
    password::nobodys(&node);
    keep::runs_as_configured(&node);
    keep::a_second_run_changes_nothing(&node);
    password::first_given_later(&node);
}

/// The power goes while Odoo's package is set up: a plain second run completes.
#[test]
fn a_power_cut_while_the_package_is_set_up() {
    if !lab::is_long_run("power cuts in Odoo's package run") {
        return;
    }
    interrupted::power_cut("bookworm", &["unpacked", "half-configured", "half-installed"][..]);
    interrupted::power_cut("trixie", &["half-installed"][..]);
    interrupted::power_cut("trixie", &["unpacked", "half-configured"][..]);
}

/// The vendor's package, for which both Debians need a repair.
#[test]
fn the_vendors_package() {
    if !lab::is_long_run("the vendor's package from a repository that stands for its own") {
        return;
    }
    for suite in lab::SUITES {
        package::of_the_vendor(suite);
    }
}
