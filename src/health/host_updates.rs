//! Security updates that wait, and package lists that are too old to know of them.
//!
//! apt itself says what it would upgrade, in a simulation without root. That takes seconds of a CPU, so it is asked seldom, and
//! never while somebody installs.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::check::{Check, Outcome};
use super::measure::Quantity;
use crate::host::BoxFuture;
use crate::host::command::Command;

/// Every `apt-get update` puts something there, and takes it away again.
const ASKED: &str = "/var/lib/apt/lists/partial";
/// dpkg writes it with every package.
const INSTALLED: &str = "/var/lib/dpkg/status";
/// After a change, and after the agent's start, so long nothing is asked.
const CALM: Duration = Duration::from_secs(2 * 60);
/// An answer holds for so long, unless something changes.
const HOLDS: Duration = Duration::from_secs(6 * 60 * 60);
/// apt is asked again this long after it has failed.
const AGAIN: Duration = Duration::from_secs(30 * 60);
/// How long apt may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Updates that were there for longer should be installed.
const PATIENCE: Duration = Duration::from_secs(2 * DAY);
/// Lists that are older know nothing of what came since.
const OLD: Duration = Duration::from_secs(14 * DAY);
const DAY: u64 = 24 * 60 * 60;
/// So many packages are named.
const NAMED: usize = 5;

/// Asks apt what it would upgrade.
#[derive(Debug)]
pub struct UpdatesCheck {
    started: Instant,
    known: Mutex<Known>,
}

/// What earlier looks have found.
#[derive(Debug, Clone, Default)]
struct Known {
    /// When apt was asked, and what was there then.
    asked: Option<(Instant, Stamps)>,
    found: Option<Result<Updates, String>>,
    /// Since when security updates wait.
    since: Option<Instant>,
}

/// When the lists and the packages last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamps {
    lists: SystemTime,
    packages: SystemTime,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Updates {
    /// Packages, by their names.
    security: Vec<String>,
    others: usize,
}

impl Default for UpdatesCheck {
    fn default() -> Self {
        Self { started: Instant::now(), known: Mutex::default() }
    }
}

impl UpdatesCheck {
    async fn ask(&self) -> Outcome {
        let stamps = match (changed(ASKED), changed(INSTALLED)) {
            (Ok(lists), Ok(packages)) => Stamps { lists, packages },
            (Err(error), _) | (_, Err(error)) => return Outcome::unknown(error),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (now, time) = (Instant::now(), SystemTime::now());
        if is_due(&known, stamps, self.started, now, time) {
            let found = simulate().await;
            // apt's own failure says nothing of what waited before.
            if let Ok(updates) = &found {
                known.since = (!updates.security.is_empty()).then(|| known.since.unwrap_or(now));
            }
            known.asked = Some((now, stamps));
            known.found = Some(found);
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known.clone();
        }
        let age = time.duration_since(stamps.lists).unwrap_or_default();
        let waited = known.since.map(|since| now.saturating_duration_since(since)).unwrap_or_default();
        let outcome = judge(known.found.as_ref(), age, waited);
        let outcome = match stamps.lists.duration_since(UNIX_EPOCH) {
            Ok(lists) => outcome.with(Quantity::HostListsTimestampSeconds, "apt", lists.as_secs_f64()),
            Err(_) => outcome,
        };
        match known.found {
            // No archive has so many packages that this would not be exact.
            Some(Ok(updates)) => outcome
                .with(Quantity::HostPendingUpdates, "security", updates.security.len() as f64)
                .with(Quantity::HostPendingUpdates, "other", updates.others as f64),
            Some(Err(_)) | None => outcome,
        }
    }
}

fn changed(path: &str) -> Result<SystemTime, String> {
    let found = std::fs::metadata(Path::new(path)).and_then(|found| found.modified());
    found.map_err(|error: io::Error| format!("{path}: {error}; `sudo apt-get update` makes apt's lists"))
}

fn is_due(known: &Known, stamps: Stamps, started: Instant, now: Instant, time: SystemTime) -> bool {
    // A time in the future is no sign of work.
    let is_calm = |at: SystemTime| time.duration_since(at).map_or(true, |age| age >= CALM);
    if now.saturating_duration_since(started) < CALM || !is_calm(stamps.lists) || !is_calm(stamps.packages) {
        return false;
    }
    let holds = if matches!(known.found, Some(Err(_))) { AGAIN } else { HOLDS };
    known.asked.is_none_or(|(at, before)| before != stamps || now.saturating_duration_since(at) >= holds)
}

/// Without root, locks and the network: what is in the lists is all that is asked.
async fn simulate() -> Result<Updates, String> {
    let arguments = ["--simulate", "--quiet=2", "-o", "Debug::NoLocking=1", "--with-new-pkgs", "upgrade"];
    let output = Command::new("apt-get").args(arguments).limit(LIMIT).output().await;
    let output = output.map_err(|error| error.to_string())?;
    if output.code == Some(0) {
        return Ok(parse(&output.stdout));
    }
    let said =
        output.stderr.lines().find(|line| line.starts_with("E: ")).or(output.stderr.lines().next_back());
    Err(format!("apt cannot tell what it would upgrade: {}", said.unwrap_or("it says nothing").trim()))
}

/// Lines such as `Inst zip [3.0-12] (3.0-13 Debian-Security:13/stable-security [amd64])`.
fn parse(simulation: &str) -> Updates {
    let mut updates = Updates::default();
    for line in simulation.lines().filter_map(|line| line.strip_prefix("Inst ")) {
        let origin = line.split_once('(').map(|(_, origin)| origin.to_ascii_lowercase());
        match line.split_once(' ') {
            Some((name, _)) if origin.is_some_and(|origin| origin.contains("-security")) => {
                updates.security.push(name.to_owned());
            }
            _ => updates.others += 1,
        }
    }
    updates
}

/// `age`: of the lists; `waited`: how long security updates have been known.
fn judge(found: Option<&Result<Updates, String>>, age: Duration, waited: Duration) -> Outcome {
    if age >= OLD {
        let days = age.as_secs() / DAY;
        return Outcome::degraded(format!(
            "apt's package lists are {days} days old, so nobody knows what security updates there are: \
             `sudo apt-get update`, and `systemctl status apt-daily.timer` does it every day"
        ));
    }
    let updates = match found {
        None => return Outcome::ok_with("apt is asked when nothing has been installed for 2 minutes"),
        Some(Err(error)) => return Outcome::degraded(format!("{error}; `apt-get check` tells more")),
        Some(Ok(updates)) => updates,
    };
    let waiting = updates.security.len();
    if waiting == 0 {
        return Outcome::ok_with(format!("no security update waits, and {} others do", updates.others));
    }
    let names: Vec<&str> = updates.security.iter().take(NAMED).map(String::as_str).collect();
    let more = if waiting > NAMED { " …" } else { "" };
    let words = format!("security updates wait for {waiting} packages: {}{more}", names.join(", "));
    if waited < PATIENCE {
        return Outcome::ok_with(words);
    }
    let days = waited.as_secs() / DAY;
    Outcome::degraded(format!("{words}; since {days} days: `sudo apt-get upgrade --with-new-pkgs`"))
}

impl Check for UpdatesCheck {
    fn name(&self) -> &str {
        "host updates"
    }

    fn component(&self) -> &str {
        "host"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn timeout(&self) -> Duration {
        LIMIT + Duration::from_secs(5)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(self.ask())
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn apts_words_are_read() {
        let simulation = "NOTE: This is only a simulation!\n\
            Inst base-files [12.4+deb12u11] (12.4+deb12u15 Debian:12.15/oldstable [amd64])\n\
            Inst zip [3.0-12] (3.0-13 Debian-Security:12/oldstable-security [amd64])\n\
            Inst linux-image-6.1.0-40-amd64 (6.1.153-1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64])\n\
            Conf zip (3.0-13 Debian-Security:12/oldstable-security [amd64])\n\
            Remv debian-security-support [1]\n";
        let expected =
            Updates { security: vec!["zip".into(), "linux-image-6.1.0-40-amd64".into()], others: 1 };
        assert_eq!(parse(simulation), expected);
        assert_eq!(parse(""), Updates::default());
    }

    #[test]
    fn updates_are_judged() {
        let updates = |count: usize| {
            Some(Ok(Updates { security: (0..count).map(|place| format!("p{place}")).collect(), others: 3 }))
        };
        for (found, age, waited, state, words) in [
            (None, HOUR, HOUR, State::Ok, "apt is asked when"),
            (updates(0), HOUR, HOUR, State::Ok, "no security update waits, and 3 others do"),
            (updates(2), HOUR, HOUR, State::Ok, "security updates wait for 2 packages: p0, p1"),
            (
                updates(6),
                HOUR,
                48 * HOUR,
                State::Degraded,
                "for 6 packages: p0, p1, p2, p3, p4 …; since 2 days: `sudo",
            ),
            (updates(0), 14 * 24 * HOUR, HOUR, State::Degraded, "14 days old"),
            (Some(Err("apt cannot".into())), HOUR, HOUR, State::Degraded, "apt cannot; `apt-get check`"),
        ] {
            let outcome = judge(found.as_ref(), age, waited);
            assert_eq!(outcome.state, state, "{found:?}");
            assert!(outcome.reason.as_ref().unwrap().contains(words), "{outcome:?}");
        }
    }

    #[test]
    fn apt_is_asked_seldom_and_not_while_somebody_installs() {
        let (start, time) = (Instant::now(), SystemTime::now());
        let old = Stamps { lists: time - HOUR, packages: time - HOUR };
        let busy = Stamps { packages: time - Duration::from_secs(10), ..old };
        let asked =
            |before, found| Known { asked: Some((start + HOUR, before)), found: Some(found), since: None };
        let fine = || Ok(Updates::default());
        for (known, stamps, after, expected) in [
            (Known::default(), old, Duration::ZERO, false),
            (Known::default(), old, CALM, true),
            (Known::default(), busy, CALM, false),
            (asked(old, fine()), old, 2 * HOUR, false),
            (asked(old, fine()), old, 7 * HOUR, true),
            (asked(busy, fine()), old, 2 * HOUR, true),
            (asked(old, Err("E".into())), old, HOUR + AGAIN, true),
            (asked(old, Err("E".into())), old, HOUR, false),
        ] {
            assert_eq!(is_due(&known, stamps, start, start + after, time), expected, "{known:?} {after:?}");
        }
    }
}
