//! Each component of a whole node at fault in each way that applies to it: what the agent says, whether it names the true
//! cause and no other, how long that took, and that all is well again without a start of the agent. Prints a table of it.
//! A few of them are in the test of the whole stack, which runs each time.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

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
use node::{DOMAIN, INSTALL, Node};
use std::path::Path;

/// Room for the whole stack; a disk of its own is what can be filled.
const DISK: &str = "12G";

#[test]
fn each_fault_is_named_and_passes() {
    if !is_long_run("each fault of each component") {
        return;
    }
    let host = Node::prepare("trixie", &["--disk", DISK]);
    host.run(&INSTALL).expect(0);
    let looks = Looks::new(&host, DOMAIN);
    looks.are_well();
    let table = faults::happen(&looks, &faults::all(DOMAIN));
    let table = format!("{table}\n{}", hour::of_an_outage_starts_no_agent(&looks));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.md");
    std::fs::write(&file, format!("{table}\n")).expect("write the table");
    eprintln!("the table: {}", file.display());
}
