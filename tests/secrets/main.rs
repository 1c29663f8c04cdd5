//! Secrets that an operator brings: the admin password, of which the hash alone is kept, and a Docker deployment's `.env`.

#[path = "../install/secrets.rs"]
#[allow(dead_code)] // of the searches, this program needs some
mod found;
mod hash;
mod import;
#[path = "../lab/mod.rs"]
mod lab;
#[path = "../install/watch.rs"]
mod watch;

use lab::{Ended, Host};
use std::path::Path;

const VAULT: &str = "/etc/hams/secrets.env";
/// A question on some terminal of the host waits for an answer that nobody sees.
const ECHO_IS_OFF: &str =
    "for terminal in /dev/pts/[0-9]*; do stty -a -F $terminal | grep -q -- '-echo ' && exit; done; exit 1";

impl Host {
    /// A host with the package and what the tests ask with.
    fn prepared(suite: &str) -> Self {
        let host = Self::up(suite);
        host.install_package();
        host.ok("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends python3-passlib python3-pika >&2");
        for script in ["amqp.py", "terminal.py"] {
            host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/install").join(script), "/root/");
        }
        host
    }

    /// Runs a command on a terminal; `keys` are pressed once the shell command `when` succeeds.
    fn on_terminal(&self, when: &str, keys: &str, command: &[&str]) -> Ended {
        self.run(&[&["python3", "/root/terminal.py", when, keys], command].concat())
    }

    /// The vault's value of that name.
    fn value(&self, name: &str) -> String {
        let vault = self.read(VAULT);
        let line = vault.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{name} is not in the vault")).trim_matches('\'').to_owned()
    }

    fn is_not_there(&self, path: &str) {
        assert_eq!(self.run(&["test", "-e", path]).code, 1, "{path} is there");
    }
}
