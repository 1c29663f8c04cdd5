//! Whether something that is installed waits for a reboot: a newer kernel, or what packages have noted down.

use std::cmp::Ordering;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::check::{Check, Outcome};
use crate::host::{BoxFuture, os};

/// Packages leave it when they need a reboot; beside it `.pkgs` has their names.
const REQUIRED: &str = "/run/reboot-required";
const BOOT: &str = "/boot";
const RUNNING: &str = "/proc/sys/kernel/osrelease";
/// In front of a kernel's name in /boot.
const KERNEL: &str = "vmlinuz-";

/// Looks at /run/reboot-required, and at the kernels in /boot beside the one that runs.
#[derive(Debug, Clone, Copy)]
pub struct RebootCheck;

impl RebootCheck {
    fn ask() -> io::Result<Outcome> {
        let required = match Path::new(REQUIRED).try_exists()? {
            true => Some(or_empty(std::fs::read_to_string(format!("{REQUIRED}.pkgs")))?),
            false => None,
        };
        if os::container().is_some() {
            return Ok(judge(required.as_deref(), None));
        }
        let running = std::fs::read_to_string(RUNNING)?;
        let installed = kernels(Path::new(BOOT))?;
        Ok(judge(required.as_deref(), Some((running.trim(), installed.as_slice()))))
    }
}

/// The names of the kernels in a folder; none where it is not there.
fn kernels(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut kernels = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        kernels.extend(name.to_string_lossy().strip_prefix(KERNEL).map(str::to_owned));
    }
    Ok(kernels)
}

fn or_empty(read: io::Result<String>) -> io::Result<String> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
}

/// `required`: the packages that ask for it, a line each. `kernels`: the one that runs, and those in /boot; `None` in a container.
fn judge(required: Option<&str>, kernels: Option<(&str, &[String])>) -> Outcome {
    if let Some(packages) = required {
        let mut names: Vec<&str> = packages.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        let who = if names.is_empty() { String::new() } else { format!(" for {}", names.join(", ")) };
        return Outcome::degraded(format!("a reboot is needed{who}: `sudo systemctl reboot`, when it fits"));
    }
    let Some((running, installed)) = kernels else {
        return Outcome::ok_with("the kernel is that of the machine below, of which this is a container");
    };
    // A machine whose kernel comes from elsewhere boots none of those in /boot.
    if !installed.iter().any(|kernel| kernel == running) {
        return Outcome::ok_with(format!("kernel {running}, which is not one of those in {BOOT}"));
    }
    let same = installed.iter().filter(|kernel| flavour(kernel) == flavour(running));
    match same.max_by(|one, other| by_version(one, other)) {
        Some(newest) if by_version(newest, running) == Ordering::Greater => Outcome::degraded(format!(
            "kernel {running} runs, and {newest} is installed: `sudo systemctl reboot`, when it fits"
        )),
        _ => Outcome::ok_with(format!("kernel {running}")),
    }
}

/// "cloud-amd64" of "6.1.0-9-cloud-amd64": all that follows the first hyphen and the number of the build.
fn flavour(release: &str) -> &str {
    let words = release.split_once('-').map(|(_, words)| words).unwrap_or_default();
    words.trim_start_matches(|letter: char| letter == '-' || letter.is_ascii_digit())
}

/// Runs of digits by their number, all else by letters.
fn by_version(one: &str, other: &str) -> Ordering {
    runs(one).cmp(runs(other))
}

fn runs(release: &str) -> impl Iterator<Item = (Option<u64>, &str)> {
    let split = release.as_bytes().chunk_by(|one, other| one.is_ascii_digit() == other.is_ascii_digit());
    let mut from = 0;
    split.map(move |run| {
        let text = release.get(from..from + run.len()).unwrap_or_default();
        from += run.len();
        (text.parse().ok(), text)
    })
}

impl Check for RebootCheck {
    fn name(&self) -> &str {
        "host reboot"
    }

    fn component(&self) -> &str {
        "host"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(10 * 60)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async {
            Self::ask().unwrap_or_else(|error| {
                Outcome::unknown(format!("nobody can tell whether a reboot is needed: {error}"))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn a_newer_kernel_calls_for_a_reboot() {
        use State::{Degraded, Ok};
        for (running, installed, expected) in [
            ("6.12.9+deb13-amd64", vec!["6.12.9+deb13-amd64"], Ok),
            ("6.12.9+deb13-amd64", vec!["6.12.9+deb13-amd64", "6.12.10+deb13-amd64"], Degraded),
            ("6.1.0-9-amd64", vec!["6.1.0-9-amd64", "6.1.0-10-amd64"], Degraded),
            ("6.1.0-10-amd64", vec!["6.1.0-9-amd64", "6.1.0-10-amd64"], Ok),
            // Another flavour is another choice.
            ("6.1.0-9-amd64", vec!["6.1.0-9-amd64", "6.1.0-10-cloud-amd64"], Ok),
            ("6.1.0-9-cloud-amd64", vec!["6.1.0-9-cloud-amd64", "6.1.0-10-cloud-amd64"], Degraded),
            // A kernel from elsewhere.
            ("6.18.44-fc", vec!["6.1.0-9-amd64"], Ok),
            ("6.18.44-fc", vec![], Ok),
        ] {
            let installed: Vec<String> = installed.into_iter().map(str::to_owned).collect();
            let outcome = judge(None, Some((running, installed.as_slice())));
            assert_eq!(outcome.state, expected, "{running} of {installed:?}: {outcome:?}");
        }
    }

    #[test]
    fn what_packages_ask_for_is_told() {
        let outcome = judge(Some("libc6\nlinux-image-amd64\nlibc6\n"), None);
        let expected =
            "a reboot is needed for libc6, linux-image-amd64: `sudo systemctl reboot`, when it fits";
        assert_eq!((outcome.state, outcome.reason.as_deref()), (State::Degraded, Some(expected)));
        assert!(judge(Some(""), None).reason.unwrap().starts_with("a reboot is needed: "));
        assert_eq!(judge(None, None).state, State::Ok);
    }

    #[test]
    fn kernels_are_found_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kernels(&folder.path().join("none")).unwrap(), [""; 0]);
        for name in ["vmlinuz-6.1.0-9-amd64", "initrd.img-6.1.0-9-amd64", "config-1"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(kernels(folder.path()).unwrap(), ["6.1.0-9-amd64"]);
    }
}
