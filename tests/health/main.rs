//! Each component of a whole node at fault in each way that applies to it: what the agent says, whether it names the true
//! cause and no other, how long that took, and that all is well again without a start of the agent. Prints a table of it.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod fault;
mod faults;
#[path = "../lab/mod.rs"]
mod lab;
mod looks;
#[path = "../whole/node.rs"]
#[allow(dead_code)] // of what a node can be asked, this program needs some
mod node;
#[path = "../install/watch.rs"]
mod watch;

use fault::Fault;
use lab::is_long_run;
use looks::Looks;
use node::{DOMAIN, INSTALL, Node};
use std::path::Path;

/// Room for the whole stack; a disk of its own is what can be filled.
const DISK: &str = "12G";

#[test]
fn each_fault_is_named_and_passes() {
    let host = Node::prepare("trixie", &["--disk", DISK]);
    host.run(&INSTALL).expect(0);
    host.ok("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
         -o Acquire::Retries=3 nftables python3-pika >&2");
    host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo/publish.py"), "/root/");
    let looks = Looks::new(host);
    looks.are_well();
    looks.are_for_those_who_are_allowed();
    let agent = looks.agent();

    let all = faults::all(DOMAIN);
    let long = is_long_run("all faults but a few");
    let mut table = vec![Fault::head()];
    for fault in all.iter().filter(|fault| long || fault.is_quick) {
        eprintln!("{}: {}", fault.component, fault.what);
        table.push(fault.happens(&looks));
    }
    assert_eq!(looks.agent(), agent, "the agent was started anew");
    table.push(looks.a_stopped_agent_is_started_by_the_watchdog());
    let table = table.join("\n");
    eprintln!("\n{table}\n");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.md");
    std::fs::write(&file, format!("{table}\n")).expect("write the table");
    eprintln!("the table: {}", file.display());
}
