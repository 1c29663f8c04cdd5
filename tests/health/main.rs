//! Each component of a whole node at fault in each way that applies to it: what the agent says, whether it names the true
//! cause and no other, how long that took, and that all is well again without a start of the agent. Prints a table of it.
//! A few of them are in the test of the whole stack, which runs each time.
//!
//! `HAMS_FAULTS="redis,host"`: of these components alone, and the hour's outage where `agent` is among them.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod daemon_faults;
#[path = "../daemons/node.rs"]
#[allow(dead_code)] // they are only there
mod daemons;
mod fault;
#[allow(dead_code)] // the few are for the test of the whole stack
mod faults;
mod hour;
#[path = "../lab/mod.rs"]
mod lab;
#[allow(dead_code)] // who may look is seen there
mod looks;
#[path = "../whole/node.rs"]
#[allow(dead_code)] // of what a node can be asked, this program needs some
mod node;
#[path = "../install/watch.rs"]
mod watch;

use lab::is_long_run;
use looks::Looks;
use node::{CONFIG, DOMAIN, INSTALL, Node};
use std::path::Path;

/// Room for the whole stack; a disk of its own is what can be filled.
const DISK: &str = "12G";

#[test]
fn each_fault_is_named_and_passes() {
    if !is_long_run("each fault of each component") {
        return;
    }
    let chosen = std::env::var("HAMS_FAULTS").ok();
    let is_chosen = |component: &str| {
        chosen.as_deref().is_none_or(|chosen| chosen.split(',').any(|one| one == component))
    };
    let host = Node::prepare("trixie", &["--disk", DISK]);
    daemons::prepare(&host);
    host.write(CONFIG, &format!("{}\n[daemons]\ncatalogue = \"/srv/site.toml\"\n", host.read(CONFIG)));
    host.run(&INSTALL).expect(0);
    let looks = Looks::new(&host, DOMAIN);
    looks.are_well();
    let mut all = faults::all(DOMAIN);
    all.extend(daemon_faults::all());
    all.retain(|fault| is_chosen(fault.component));
    let mut table = faults::happen(&looks, &all);
    if is_chosen("agent") {
        table = format!("{table}\n{}", hour::of_an_outage_starts_no_agent(&looks));
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.md");
    std::fs::write(&file, format!("{table}\n")).expect("write the table");
    eprintln!("{table}\n\nthe table: {}", file.display());
}
