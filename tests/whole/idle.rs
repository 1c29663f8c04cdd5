//! What the agent costs while nothing happens, with every check of a whole node and 50,000 zones known.

use super::node::Node;
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(600);
/// Percent of a core (design, speed).
const TARGET: f64 = 0.1;
/// The machine is shared and slow at times: what fails the test is a loop that does not rest.
const MOST: f64 = 1.0;
/// Ticks of CPU that the process has used, of which there are 100 in a second, and how often its threads have woken.
const USED: &str = "
import os, subprocess, sys
unit = ['systemctl', 'show', '--property=MainPID', '--value', 'hams-agent']
process = '/proc/' + subprocess.run(unit, capture_output=True, text=True, check=True).stdout.strip()
fields = open(process + '/stat').read().rsplit(')', 1)[1].split()
woken = 0
for task in os.listdir(process + '/task'):
    for line in open(f'{process}/task/{task}/status'):
        if line.startswith('voluntary_ctxt_switches:'):
            woken += int(line.split()[1])
print((int(fields[11]) + int(fields[12])) * 100 // os.sysconf('SC_CLK_TCK'), woken)
";

#[track_caller]
pub fn costs_little(node: &Node) {
    let used = || {
        let said = node.host.run(&["python3", "-c", USED]).expect(0).stdout;
        let numbers: Vec<f64> =
            said.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        (numbers[0] / 100.0, numbers[1])
    };
    let (before, begun) = (used(), Instant::now());
    std::thread::sleep(TIME);
    let (after, time) = (used(), begun.elapsed().as_secs_f64());
    let percent = (after.0 - before.0) / time * 100.0;
    let is_met = if percent < TARGET { "met" } else { "NOT met" };
    eprintln!(
        "idle for {time:.0} s with every check: {percent:.3} % of a core (below {TARGET}: {is_met}), {:.1} wake-ups a second",
        (after.1 - before.1) / time
    );
    assert!(percent < MOST, "the agent does not rest: {percent:.2} % of a core");
}
