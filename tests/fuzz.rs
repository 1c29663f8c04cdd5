//! The fuzz targets, a minute each: `tests/fuzz/run` builds and runs them, and goes on where it ended before.
#![allow(clippy::print_stderr)] // what a test left out or saw stands in its log

mod lab;

use std::path::Path;
use std::process::Command;

const SECONDS: &str = "60";

#[test]
fn no_input_breaks_a_parser() {
    if !lab::is_long_run(&format!("the fuzz targets, {SECONDS} s each")) {
        return;
    }
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/run");
    let output = Command::new(run).arg(SECONDS).output().expect("run tests/fuzz/run");
    let said = String::from_utf8_lossy(&output.stderr);
    for line in said.lines().filter(|line| line.starts_with("stat::")) {
        eprintln!("{line}");
    }
    assert!(output.status.success(), "{}{said}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(said.matches("stat::number_of_executed_units").count(), 4, "not every target ran: {said}");
}
