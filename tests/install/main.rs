//! An install as an operator sees it and as others see it: from a fresh host to a node, and a node that stays as it is.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod hooks;
mod keep;
#[path = "../lab/mod.rs"]
mod lab;
mod metrics;
mod node;
mod older;
mod outside;
mod reload;
mod repair;
mod restart;
mod rotate;
mod secrets;
mod terminal;
mod units;
mod watch;

use lab::package::{COMPONENTS, INSTALL};
use lab::ports::Sampler;
use lab::{Ended, Host};
use node::Node;
use std::collections::BTreeMap;
use std::time::Instant;
use watch::CommandLines;

/// Files of an operator under names that hams uses too.
const OPERATORS: [(&str, &str); 2] = [
    ("/etc/rabbitmq/rabbitmq-env.conf", "# the operator's\nNODENAME=mine@localhost\n"),
    ("/etc/powerdns/pdns.d/50-hams.conf", "# the operator's\nmax-cache-entries=4711\n"),
];

#[test]
fn a_fresh_host_becomes_a_node_in_one_run() {
    let host = Host::up("trixie");
    Node::prepare(&host);
    let node = installed(host, |host| {
        let ended = host.install().expect(0);
        assert_eq!(ended.stdout, "", "a run prints no data: {}", ended.text());
        assert!(!ended.stderr.contains('\x1b'), "escape codes without a terminal: {:?}", ended.stderr);
        ended
    });
    stays_a_node(&node);
    older::is_taken_back(&node);
}

#[test]
fn a_run_that_was_interrupted_is_gone_on_with() {
    let host = Host::up("bookworm");
    Node::prepare(&host);
    for (path, text) in OPERATORS {
        host.ok(&format!("mkdir -p $(dirname {path})"));
        host.write(path, text);
        host.ok(&format!("chmod 0604 {path}; chown daemon:games {path}"));
    }
    let node = installed(host, |host| {
        terminal::interrupted(host);
        // Every program that the rest of the run starts, with its whole command line.
        let traced =
            ["strace", "--follow-forks", "--seccomp-bpf", "--trace=execve,execveat", "--string-limit=65536"];
        let output = ["--output=/run/started", "--"];
        let ended = host.run(&[&traced[..], &output, &INSTALL].concat()).expect(0);
        assert!(ended.stderr.contains("cut short"), "it does not say that it goes on: {}", ended.text());
        let started = host.read("/run/started");
        for program in ["rabbitmqctl", "dpkg"] {
            assert!(started.contains(program), "the trace would show what is started: no {program}");
        }
        secrets::are_not_in("a command line", &started, &secrets::vault(host));
        ended
    });
    stays_a_node(&node);
    terminal::shows(&node);

    node.hams(&["uninstall", "--yes"]).expect(0);
    for (path, text) in OPERATORS {
        assert_eq!(node.host.read(path), text, "{path} is put back");
        let access = node.host.run(&["stat", "--format=%a %U:%G", path]).expect(0).stdout;
        assert_eq!(access.trim(), "604 daemon:games", "{path} is put back");
    }
}

/// Runs the install while others look at the host, and says what they saw.
fn installed(host: Host, install: impl FnOnce(&Host) -> Ended) -> Node {
    let (ports, lines) = (Sampler::start(&host), CommandLines::start(&host));
    let begun = Instant::now();
    let ended = install(&host);
    let first_run = begun.elapsed();
    let (seen, lines) = (ports.stop(), lines.stop());
    seen.is_only(&[outside::DNS]);
    let vault = secrets::vault(&host);
    assert!(lines.iter().any(|line| line.contains("apt-get")), "the watcher would see a run: {lines:#?}");
    secrets::are_not_in("a command line", &lines.into_iter().collect::<String>(), &vault);
    secrets::are_not_in("what the run says", &ended.text(), &vault);
    Node { host, first_run }
}

/// All that holds for a node, on each suite.
fn stays_a_node(node: &Node) {
    print_versions(&node.host);
    outside::only_dns_answers(node);
    outside::the_broker_lets_in_whom_it_should(node);
    secrets::are_only_with_root(&node.host, &secrets::vault(&node.host));
    hash_alone_is_in_the_settings(&node.host);
    metrics::are_read_by_prometheus(node);
    reload::takes_what_is_good(node);
    keep::a_second_run_changes_nothing(node);
    keep::one_run_at_a_time(node);
    repair::a_hand_edit(node);
    repair::a_hand_edit_that_was_taken_up(node);
    repair::the_brokers_objects(node);
    repair::the_parent_zone(node);
    repair::a_stopped_unit(node);
    rotate::the_api_key(node);
    rotate::the_agents_password(node);
    rotate::the_letters_password(node);
    older::gets_a_user_for_letters(node);
    // Both start PowerDNS by hand: for such a start, a file that was written after it counts as changed.
    hooks::tell_of_a_change(node);
    restart::what_hangs(node);
    keep::a_reboot(node);
    secrets::are_only_with_root(&node.host, &secrets::vault(&node.host));
}

fn print_versions(host: &Host) {
    let versions = host.ok("dpkg-query --show rabbitmq-server pdns-server hams");
    eprintln!("components {COMPONENTS}; {}", versions.replace(['\n', '\t'], " "));
}

fn hash_alone_is_in_the_settings(host: &Host) {
    let settings = host.read("/etc/powerdns/pdns.d/50-hams.conf");
    let values: BTreeMap<_, _> = settings.lines().filter_map(|line| line.split_once('=')).collect();
    assert!(values.get("api-key").is_some_and(|key| key.starts_with("$scrypt$")), "{settings}");
}
