//! What stands for PGDG in a host: the repository that `tests/lab/pgdg` makes.

use super::Host;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where it lies in a host; `key.asc` in it is its key.
pub const REPOSITORY: &str = "/srv/pgdg";

impl Host {
    /// Brings the repository; apt does not know of it yet.
    #[track_caller]
    pub fn install_pgdg(&self) {
        self.push(repository(), REPOSITORY);
    }
}

/// Made once for each test program.
fn repository() -> &'static Path {
    static REPOSITORY: OnceLock<PathBuf> = OnceLock::new();
    REPOSITORY.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/pgdg");
        let output = Command::new(script).stderr(Stdio::inherit()).output().expect("run tests/lab/pgdg");
        assert!(output.status.success(), "tests/lab/pgdg ended with {}", output.status);
        String::from_utf8_lossy(&output.stdout).trim().into()
    })
}
