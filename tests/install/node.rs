//! A host on which hams-install has run, and what a test asks it.

use super::lab::package::INSTALL;
use super::lab::{Ended, Host};
use super::secrets;
use super::units::{restarted, starts};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// The options that stand for hams.toml in every call.
pub const NODE: &[&str] = INSTALL.split_at(2).1;

/// A host that is a node.
pub struct Node {
    pub host: Host,
    /// How long the first run took.
    pub first_run: Duration,
}

impl Node {
    /// Brings what the tests ask with, before anything is measured.
    #[track_caller]
    pub fn prepare(host: &Host) {
        host.install_package();
        host.ok("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends python3-pika strace >&2");
        for script in ["amqp.py", "api.py", "terminal.py"] {
            host.push(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/install").join(script), "/root/");
        }
    }

    /// Runs `hams-install` with the node's options and `words`.
    pub fn hams(&self, words: &[&str]) -> Ended {
        self.host.run(&[&["hams-install"], NODE, words].concat())
    }

    /// The JSON that a command prints, which must end with `code`.
    #[track_caller]
    pub fn json(&self, code: i32, words: &[&str]) -> Value {
        let ended = self.hams(words).expect(code);
        let parsed = serde_json::from_str(&ended.stdout);
        parsed.unwrap_or_else(|error| panic!("{words:?} prints no JSON ({error}): {}", ended.text()))
    }

    /// A run that repairs; gives what it said and the units that were started again.
    #[track_caller]
    pub fn repair(&self) -> (String, Vec<String>) {
        let before = starts(&self.host);
        let said = self.host.install().expect(0).stderr;
        (said, restarted(&before, &starts(&self.host)))
    }

    /// `plan` finds all that `said` names and shows no secret; JSON and text alike.
    #[track_caller]
    pub fn plan_finds(&self, said: &[&str]) -> String {
        let plan = self.hams(&["plan"]).expect(10);
        for text in said {
            assert!(plan.stderr.contains(text), "plan does not say `{text}`: {}", plan.text());
        }
        let json = self.json(10, &["plan", "--json"]);
        assert!(json["changes"].as_u64() > Some(0), "{json:#}");
        let shown = plan.stderr + &json.to_string();
        secrets::are_not_in("the plan", &shown, &secrets::vault(&self.host));
        shown
    }

    /// Nothing is left to do.
    #[track_caller]
    pub fn is_clean(&self) {
        let plan = self.hams(&["plan"]).expect(0);
        assert!(plan.stderr.contains("nothing to do"), "{}", plan.text());
        assert_eq!(self.json(0, &["plan", "--json"])["changes"], 0);
        self.hams(&["verify"]).expect(0);
        assert_eq!(self.json(0, &["verify", "--json"])["faults"], 0);
    }

    /// What `user` with `password` may do with the broker: a line for each thing tried.
    #[track_caller]
    pub fn broker(&self, user: &str, password: &str, tries: &[&str]) -> String {
        let command = [&["python3", "/root/amqp.py", user], tries].concat();
        self.host.run_with(&format!("{password}\n"), &command).expect(0).stdout
    }

    /// The status of PowerDNS's API.
    #[track_caller]
    pub fn api(&self, key: &str, method: &str, path: &str) -> String {
        let command = ["python3", "/root/api.py", method, path];
        self.host.run_with(&format!("{key}\n"), &command).expect(0).stdout.trim().to_owned()
    }
}

/// Waits until `is_so`; ends the test after a minute.
#[track_caller]
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "never came: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
