//! Fresh Debian hosts for tests: a thin wrapper over `tests/lab/host`, which boots them and takes them down.
//!
//! A call that the lab itself cannot do ends the test with the lab's own message; what a command in the host did is
//! handed back to be judged.
#![allow(dead_code)] // each test program uses its own part
#![allow(clippy::print_stderr)] // what a test saw stands in its log

pub mod dns;
pub mod manifest;
pub mod package;
pub mod pgdg;
pub mod ports;
pub mod promtool;
pub mod random;

use std::io::{Read, Seek, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The suites that hams supports.
pub const SUITES: [&str; 2] = ["bookworm", "trixie"];

/// What `stop-at` ends with when it stopped the command.
const STOPPED: i32 = 75;

/// Whether the long matrices were asked for (`tests/run --all`). A test that leaves something out says so here.
pub fn is_long_run(left_out: &str) -> bool {
    let long = std::env::var_os("HAMS_ALL").is_some();
    if !long {
        eprintln!("left out without HAMS_ALL=1: {left_out}");
    }
    long
}

/// How a command in a host ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit status; 128 and the signal's number when a signal ended it.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Ended {
    /// Both outputs, for a message.
    pub fn text(&self) -> String {
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    /// Ends the test unless the command ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "the command ended otherwise: {}", self.text());
        self
    }
}

/// One host of the lab; goes away without a trace when dropped (kept after a failed test with `HAMS_LAB_KEEP=1`).
#[derive(Debug)]
pub struct Host {
    name: String,
}

impl Host {
    /// Boots a fresh host of `suite`.
    #[track_caller]
    pub fn up(suite: &str) -> Self {
        Self::up_with(suite, &[])
    }

    /// Boots a fresh host with a disk of its own, which power cuts and a full disk need.
    #[track_caller]
    pub fn up_with_disk(suite: &str, size: &str) -> Self {
        Self::up_with(suite, &["--disk", size])
    }

    /// Boots a fresh host with options of `tests/lab/host up`.
    #[track_caller]
    pub fn up_with(suite: &str, options: &[&str]) -> Self {
        let ended = lab(&[&["up", suite], options].concat(), "").expect(0);
        Self { name: ended.stdout.trim().to_owned() }
    }

    /// Its name in the lab.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a command as root, with nothing on stdin.
    pub fn run(&self, command: &[&str]) -> Ended {
        self.run_with("", command)
    }

    /// Runs a command as root, with `stdin` on its stdin.
    pub fn run_with(&self, stdin: &str, command: &[&str]) -> Ended {
        lab(&[&["run", &self.name, "--"], command].concat(), stdin)
    }

    /// Runs a shell script, given on stdin so that nothing of it is in an argument list.
    pub fn sh(&self, script: &str) -> Ended {
        self.run_with(script, &["sh", "-eu"])
    }

    /// Runs a shell script that must succeed; gives its stdout.
    #[track_caller]
    pub fn ok(&self, script: &str) -> String {
        self.sh(script).expect(0).stdout
    }

    /// Starts a command and leaves it running; nobody hears what it says, so that nothing stops it.
    pub fn spawn_unheard(&self, command: &[&str]) -> Child {
        let mut script = script(&[&["run", &self.name, "--"], command].concat());
        script.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start tests/lab/host")
    }

    /// Starts a command and leaves it running; its outputs can be read from the child, and must be, before a pipe is full.
    pub fn spawn(&self, command: &[&str]) -> Child {
        script(&[&["run", &self.name, "--"], command].concat()).spawn().expect("start tests/lab/host")
    }

    /// Runs a command that is stopped for good at its main thread's `count`-th system call `call`; `None` when it was.
    pub fn stop_at(&self, call: &str, count: usize, command: &[&str]) -> Option<Ended> {
        let count = count.to_string();
        // Into files: a stopped command would hold a pipe open, and with it this test.
        let outputs = [(); 2].map(|()| tempfile::tempfile().expect("a temporary file"));
        let [stdout, stderr] = outputs.each_ref().map(|file| file.try_clone().expect("the same file"));
        let mut script = script(&[&["stop-at", &self.name, call, &count, "--"], command].concat());
        let status = script.stdout(stdout).stderr(stderr).status().expect("run tests/lab/host");
        let [stdout, stderr] = outputs.map(|mut file| {
            let mut text = Vec::new();
            file.rewind().and_then(|()| file.read_to_end(&mut text)).expect("read a temporary file");
            String::from_utf8_lossy(&text).into_owned()
        });
        let code = status.code().unwrap_or(128);
        (code != STOPPED).then_some(Ended { code, stdout, stderr })
    }

    /// Copies a file or a folder's content into the host.
    #[track_caller]
    pub fn push(&self, from: &Path, to: &str) {
        self.verb("push", &[&from.to_string_lossy(), to]);
    }

    /// Copies a file or a folder's content out of the host.
    #[track_caller]
    pub fn pull(&self, from: &str, to: &Path) {
        self.verb("pull", &[from, &to.to_string_lossy()]);
    }

    /// Writes a file in the host.
    #[track_caller]
    pub fn write(&self, path: &str, text: &str) {
        self.run_with(text, &["sh", "-c", "cat >\"$0\"", path]).expect(0);
    }

    /// The text of a file in the host.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        self.run(&["cat", path]).expect(0).stdout
    }

    /// Cuts the power at once: what was not synced is lost, and the host is down until [`Host::boot`].
    #[track_caller]
    pub fn cut_power(&self) {
        self.verb("cut-power", &[]);
    }

    /// Boots a host that is down.
    #[track_caller]
    pub fn boot(&self) {
        self.verb("boot", &[]);
    }

    /// Powers off in order and boots.
    #[track_caller]
    pub fn reboot(&self) {
        self.verb("reboot", &[]);
    }

    /// Cuts the network.
    #[track_caller]
    pub fn cut_network(&self) {
        self.verb("cut-network", &[]);
    }

    /// Joins the network again.
    #[track_caller]
    pub fn join_network(&self) {
        self.verb("join-network", &[]);
    }

    /// Leaves no free block on the host's disk.
    #[track_caller]
    pub fn fill_disk(&self) {
        self.verb("fill-disk", &[]);
    }

    /// Gives back what [`Host::fill_disk`] took.
    #[track_caller]
    pub fn free_disk(&self) {
        self.verb("free-disk", &[]);
    }

    /// Its IPv4 address.
    #[track_caller]
    pub fn address(&self) -> Ipv4Addr {
        self.verb("address", &[]).trim().parse().expect("an IPv4 address")
    }

    /// Its IPv6 address.
    #[track_caller]
    pub fn address6(&self) -> Ipv6Addr {
        self.verb("address6", &[]).trim().parse().expect("an IPv6 address")
    }

    /// Its init's process id on the machine; `None` while it is down.
    pub fn leader(&self) -> Option<u32> {
        lab(&["leader", &self.name], "").stdout.trim().parse().ok()
    }

    /// Its root folder seen from the machine (without what it mounts: /run, /tmp).
    #[track_caller]
    pub fn root(&self) -> PathBuf {
        self.verb("root", &[]).trim().into()
    }

    #[track_caller]
    fn verb(&self, verb: &str, arguments: &[&str]) -> String {
        lab(&[&[verb, &self.name], arguments].concat(), "").expect(0).stdout
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("HAMS_LAB_KEEP").is_some() {
            eprintln!("kept: host `{}`, see `tests/lab/host run {} -- bash`", self.name, self.name);
            return;
        }
        let ended = lab(&["down", &self.name], "");
        if ended.code != 0 && !std::thread::panicking() {
            panic!("host `{}` cannot be taken down: {}", self.name, ended.text());
        }
    }
}

/// Runs `tests/lab/host` itself.
pub fn lab(arguments: &[&str], stdin: &str) -> Ended {
    let mut child = script(arguments).stdin(Stdio::piped()).spawn().expect("start tests/lab/host");
    let mut input = child.stdin.take().expect("a pipe");
    let text = stdin.to_owned();
    // A command that ends without reading all of its stdin is no failure of the lab.
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).ok());
    let output = child.wait_with_output().expect("wait for tests/lab/host");
    writer.join().expect("the writer ends");
    Ended {
        code: output.status.code().unwrap_or(128),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/host"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Test programs that die leave hosts to the next `up`, unless they are to be kept.
    if std::env::var_os("HAMS_LAB_KEEP").is_none() {
        command.env("HAMS_LAB_OWNER", std::process::id().to_string());
    }
    command
}
