//! The sync beside what else could do it, or what holds it back: `cargo bench --bench sync`.
//!
//! One fresh Debian 13 host with broker, PowerDNS and agent. This very program is copied there and measures, so that
//! what it is compared with runs on the same two or more cores, in the same run. It prints a line a figure: the
//! value, the value of a peer or a limit beside it, their ratio, what design §7 wants. Each is repeated after a warm-up;
//! the median counts. No figure fails the run; a zone that is not what was sent last does.
//!
//! The sweep beside octodns needs Odoo: the whole stack's test has that row, `HAMS_ALL=1 cargo test --test whole debian_13`.
//!
//! `cargo bench --bench sync -- rates`: that part alone; the others are latency, memory, curve and million.
//! `HAMS_BENCH_SCALE=0.1`: a tenth of all sizes. `HAMS_ALL=1`: the curve to 50,000 zones and a million events, too.
#![allow(clippy::print_stdout, clippy::print_stderr)] // figures are what it is for

mod agent;
mod api;
mod broker;
mod fleet;
mod known;
#[path = "../../lab/mod.rs"]
mod lab;
mod load;
mod node;
mod rows;
mod table;

use lab::Host;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

/// The argument with which this program runs on the host; the host's address follows.
const ON_HOST: &str = "on-host";
const PROGRAM: &str = "/root/bench-sync";
const PASSED_ON: [&str; 3] = ["HAMS_ALL", "HAMS_BENCH_SCALE", "HAMS_SEED"];
/// The parts that an argument may choose.
const PARTS: [&str; 5] = ["rates", "latency", "memory", "curve", "million"];
/// Python's clients, for the peer.
const PEER: &str = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
     python3-pika python3-requests >&2";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let chosen: Vec<_> = PARTS.into_iter().filter(|part| arguments.iter().any(|word| word == part)).collect();
    let parts = if chosen.is_empty() { PARTS.to_vec() } else { chosen };
    let is_done = match arguments.iter().position(|argument| argument == ON_HOST) {
        None => from_outside(&parts),
        Some(at) => {
            let address: IpAddr = arguments[at + 1].parse().expect("the host's address");
            let done = on_host(address, &parts);
            if let Err(error) = &done {
                eprintln!("error: {error:#}");
            }
            done.is_ok()
        }
    };
    if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn on_host(address: IpAddr, parts: &[&str]) -> anyhow::Result<()> {
    let mut node = node::Node::open(address)?;
    table::head();
    if parts.contains(&"rates") {
        rows::rates(&mut node)?;
    }
    if parts.contains(&"latency") {
        rows::latency(&node)?;
    }
    known::print(&mut node, parts)
}

/// Makes the host and has this program run there; true if it ended well.
fn from_outside(parts: &[&str]) -> bool {
    let host = Host::up("trixie");
    host.install_package();
    host.ok(PEER);
    host.install().expect(0);
    host.push(&std::env::current_exe().expect("this program's path"), PROGRAM);
    host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/incumbent.py"), node::INCUMBENT);

    let address = host.address().to_string();
    let passed = PASSED_ON.iter().filter_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)));
    let mut command = vec!["env".to_owned()];
    command.extend(passed.chain([PROGRAM, ON_HOST, &address].map(str::to_owned)));
    command.extend(parts.iter().map(|part| (*part).to_owned()));
    let mut child = host.spawn(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let words = child.stderr.take().expect("a pipe");
    let teller = std::thread::spawn(move || tell(words, |line| eprintln!("{line}")));
    tell(child.stdout.take().expect("a pipe"), |line| println!("{line}"));
    teller.join().expect("the reader ends");
    child.wait().expect("wait for tests/lab/host").success()
}

fn tell(from: impl Read, say: impl Fn(&str)) {
    for line in BufReader::new(from).lines() {
        say(&line.expect("text"));
    }
}
