//! Prometheus's own tool for rules and metrics.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs promtool with `input`; ends the test unless it is content and has nothing to remark.
#[track_caller]
pub fn promtool(words: &[&str], input: &str) {
    let found = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/promtool"))
        .stderr(Stdio::inherit())
        .output()
        .expect("run tests/lab/promtool");
    assert!(found.status.success(), "there is no promtool");
    let program = String::from_utf8(found.stdout).expect("a path");
    let mut tool = Command::new(program.trim());
    let mut tool = tool
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run promtool");
    tool.stdin.take().expect("its input").write_all(input.as_bytes()).expect("write to promtool");
    let ended = tool.wait_with_output().expect("promtool's end");
    let said =
        format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "promtool {words:?}: {said}");
}
