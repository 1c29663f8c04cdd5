//! Runs that do not come to their end.

use super::node::{DATABASE, Node};
use std::time::{Duration, Instant};

/// Waits until `is_so`, for as long as the run goes on.
#[track_caller]
fn wait_during(run: &mut std::process::Child, what: &str, is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(400);
    while !is_so() {
        assert!(run.try_wait().expect("the run").is_none(), "the run ended before {what}");
        assert!(Instant::now() < patience, "it never came that {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until a run has Odoo at work in its database.
#[track_caller]
fn wait_for_init(node: &Node, run: &mut std::process::Child) {
    let is_at_work = || node.host.sh("pgrep --full -- --stop-after-init").code == 0;
    wait_during(run, "Odoo was at work", is_at_work);
    std::thread::sleep(Duration::from_secs(2)); // in the middle of `base`
}

/// hams-install is killed while Odoo fills the database: Odoo ends with it, and nothing is open.
pub fn killed_while_the_database_is_made(node: &Node) {
    let mut run = node.host.spawn(&["hams-install", "--config", super::node::CONFIG, "--yes"]);
    wait_for_init(node, &mut run);
    node.host.ok("pkill -KILL --exact hams-install");
    run.wait().expect("the run ends");
    node.wait_for("! pgrep --full -- --stop-after-init");
    assert_ne!(node.host.sh("systemctl start odoo.service; systemctl is-active odoo.service").code, 0);
    let open = node.host.ok("ss --tcp --listening --numeric --no-header | awk '{ print $4 }' | sort");
    assert_eq!(open, "127.0.0.1:5432\n");
}

/// The disk is full while Odoo fills the database: that is said, and the next run goes on.
pub fn on_a_full_disk(node: &Node) {
    let mut run = node.host.spawn(&["hams-install", "--config", super::node::CONFIG, "--yes"]);
    wait_for_init(node, &mut run);
    node.host.fill_disk();
    let mut told = String::new();
    std::io::Read::read_to_string(&mut run.stderr.take().expect("a pipe"), &mut told).expect("read it");
    let ended = run.wait().expect("the run ends");
    node.host.free_disk();
    assert_eq!(ended.code(), Some(4), "{told}");
    assert!(told.contains("No space left on device"), "{told}");
}

/// Odoo fails when it has installed `web`, and forgets what it would have installed with it.
pub fn failing_between_modules(node: &Node) {
    let state = |module: &str| {
        let sql = format!("SELECT state FROM ir_module_module WHERE name = '{module}'");
        let psql = format!("runuser -u postgres -- psql -XAtc \"{sql}\" {DATABASE}");
        node.host.sh(&psql).stdout.trim().to_owned()
    };
    let mut run = node.host.spawn(&["hams-install", "--config", super::node::CONFIG, "--yes"]);
    wait_during(&mut run, "`web` was installed", || state("web") == "installed");
    node.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'odoo';");
    let ended = run.wait().expect("the run ends");
    assert_eq!(ended.code(), Some(4), "the run goes on without its connections");
    assert_eq!(state("bus"), "uninstalled", "Odoo has not forgotten it: this test shows nothing");
}

/// The power goes while Odoo's package is in one of `states`.
pub fn power_cut(suite: &str, states: &[&str]) {
    let node = Node::prepare(suite, "");
    node.host.ok("sync");
    let mut run = node.host.spawn(&["hams-install", "--config", super::node::CONFIG, "--yes"]);
    let query = "dpkg-query --show --showformat='${db:Status-Status}' odoo-19 2>/dev/null || true";
    let patience = Instant::now() + Duration::from_secs(400);
    loop {
        let state = node.host.ok(query);
        if states.contains(&state.trim()) {
            break;
        }
        assert!(run.try_wait().expect("the run").is_none(), "the run ended first, in {state}");
        assert!(Instant::now() < patience, "never in {states:?}: {state}");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(3)); // in the midst of it
    node.host.cut_power();
    run.wait().expect("the run ends with its host");
    node.host.boot();
    let open = node.host.ok("ss --tcp --listening --numeric --no-header | awk '{ print $4 }'");
    assert!(!open.contains("8069"), "{open}");
    node.installed();
    node.is_clean();
    super::password::nobodys(&node);
    assert_eq!(
        node.host.ok("dpkg --audit; dpkg --verify odoo-19 | grep -v ' c ' || true"),
        "",
        "of {DATABASE}"
    );
}
