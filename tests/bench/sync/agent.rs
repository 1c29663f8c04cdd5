//! The agent as its host sees it: a unit, a process, its memory and its time.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::process::Command;
use std::time::Duration;

const UNIT: &str = "hams-agent.service";

/// The running agent.
#[derive(Debug)]
pub struct Agent {
    pid: u32,
}

impl Agent {
    pub fn running() -> Result<Self> {
        Ok(Self { pid: main_pid()? })
    }

    pub fn stop(&self) -> Result<()> {
        output("systemctl", &["stop", UNIT]).map(drop)
    }

    /// Starts it; systemd returns when it is ready.
    pub fn start(&mut self) -> Result<()> {
        output("systemctl", &["start", UNIT])?;
        self.pid = main_pid()?;
        Ok(())
    }

    /// Nothing of it runs until [`Agent::thaw`]. Half a minute of that, and its watchdog takes it as hung.
    pub fn freeze(&self) -> Result<()> {
        self.signal("STOP")
    }

    pub fn thaw(&self) -> Result<()> {
        self.signal("CONT")
    }

    /// Fails if it was started again: then no figure since is the agent's.
    pub fn is_the_same(&self) -> Result<()> {
        let now = main_pid()?;
        ensure!(now == self.pid, "{UNIT} was started again: `journalctl --unit={UNIT}` says why");
        Ok(())
    }

    /// Resident memory, in MiB.
    pub fn memory(&self) -> Result<f64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmRSS")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Open descriptors.
    pub fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }

    /// The time that its threads were on a core: to the nanosecond, where `stat` counts hundredths of a second.
    pub fn cpu(&self) -> Result<Duration> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            sum += text.split(' ').next().context("an empty schedstat")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(sum))
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }

    fn signal(&self, name: &str) -> Result<()> {
        output("kill", &[&format!("-{name}"), &self.pid.to_string()]).map(drop)
    }
}

/// What a command that must succeed writes.
pub fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let ended = Command::new(program).args(arguments).output().with_context(|| format!("run {program}"))?;
    let words = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "`{program} {}` failed: {words}", arguments.join(" "));
    Ok(String::from_utf8(ended.stdout)?.trim().to_owned())
}

fn main_pid() -> Result<u32> {
    let text = output("systemctl", &["show", "--property=MainPID", "--value", UNIT])?;
    let pid = text.parse().ok().filter(|pid| *pid != 0);
    pid.with_context(|| format!("{UNIT} does not run"))
}
