//! Looks at a host while a run is under way: the command lines of all its processes, which every user may read.

use super::lab::Host;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const SAMPLE_EVERY: Duration = Duration::from_millis(15);

/// Collects the command lines of a host's processes until it is stopped.
pub struct CommandLines {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl CommandLines {
    /// Begins to look; the host must stay up.
    pub fn start(host: &Host) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let leader = host.leader().expect("a host that is up");
        // The host's own /proc, as its first process sees it: without the machine's other processes.
        let processes = format!("/proc/{leader}/root/proc");
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !stopped.load(Ordering::Relaxed) {
                for process in std::fs::read_dir(&processes).expect("the host's /proc").flatten() {
                    // Processes come and go while they are listed; what is no process has no such file.
                    if let Ok(line) = std::fs::read(process.path().join("cmdline")) {
                        seen.insert(String::from_utf8_lossy(&line).replace('\0', " "));
                    }
                }
                std::thread::sleep(SAMPLE_EVERY);
            }
            seen
        });
        Self { stop, thread }
    }

    /// Ends; gives every command line that was seen.
    pub fn stop(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watcher ends")
    }
}
