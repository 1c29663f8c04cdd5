//! The package under test, and hosts on which it is installed as an operator would install it.

use super::{Ended, Host};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What the tests install.
pub const COMPONENTS: &str = "rabbitmq,powerdns,agent";

/// The run that the tests mean by "an install".
pub const INSTALL: [&str; 6] = ["hams-install", "--yes", "--domain", "hams.test", "--components", COMPONENTS];

/// The package: `HAMS_DEB`, else built from this tree, once for each test program.
pub fn package() -> &'static Path {
    static PACKAGE: OnceLock<PathBuf> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        if let Some(path) = std::env::var_os("HAMS_DEB") {
            let path = PathBuf::from(path);
            assert!(path.is_file(), "HAMS_DEB names {}, which is no file", path.display());
            return path;
        }
        let build = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/build-deb");
        let output = Command::new(build).stderr(Stdio::inherit()).output().expect("run deploy/build-deb");
        assert!(output.status.success(), "deploy/build-deb ended with {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().last().expect("deploy/build-deb prints the package's path").into()
    })
}

impl Host {
    /// Installs the package by apt, as an operator does; what it writes is on the disk when this returns.
    #[track_caller]
    pub fn install_package(&self) -> String {
        self.push(package(), "/root/hams.deb");
        let words = self.ok("DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet --no-install-recommends \
             -o Dpkg::Use-Pty=0 install /root/hams.deb 2>&1");
        self.ok("rm /root/hams.deb; sync");
        words
    }

    /// Runs [`INSTALL`].
    pub fn install(&self) -> Ended {
        self.run(&INSTALL)
    }
}
