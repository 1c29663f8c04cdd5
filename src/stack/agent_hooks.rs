//! What the agent tells others on a change of state, looked at before anything is touched: the files with URLs, which are
//! secrets, and the operator's program.

use super::agent_key::OperatorsFile;
use super::odoo_folders::HIDDEN;
use super::part::PartError;
use super::root_alone::refusal;
use crate::config::Config;
use crate::secrets::HookUrl;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What only root may do with a file that holds a secret.
const OTHERS: u32 = 0o077;

/// What the hooks of a node need.
pub(super) struct Hooks {
    /// Files that systemd hands over to the agent.
    pub(super) files: Vec<OperatorsFile>,
    /// Whether a receiver is asked over TLS.
    pub(super) is_tls: bool,
}

impl Hooks {
    /// Those of `config`; fails where one of them cannot work, or would show or do what it should not.
    pub(super) fn of(config: &Config) -> Result<Self, PartError> {
        let health = &config.health;
        let mut hooks = Self { files: Vec::new(), is_tls: false };
        for (key, file, credential) in [
            ("health.webhook_file", &health.webhook_file, "webhook-url"),
            ("health.heartbeat_file", &health.heartbeat_file, "heartbeat-url"),
        ] {
            let Some(file) = file else { continue };
            hooks.is_tls |= url(key, file)?.is_tls();
            hooks.files.push(OperatorsFile { credential, path: file.display().to_string() });
        }
        if let Some(program) = &health.command {
            check_program("health.command", program)?;
        }
        Ok(hooks)
    }
}

/// The URL in a file that is root's alone.
fn url(key: &str, path: &Path) -> Result<HookUrl, PartError> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        fault(
            key,
            &format!(
                "{shown} cannot be read: {error}\nhint: write the URL there, in one line, as root with mode 0600"
            ),
        )
    };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if found.uid() != 0 || found.mode() & OTHERS != 0 {
        let problem = format!("{shown} holds a secret, and is not root's alone");
        return Err(fault(key, &format!("{problem}\nhint: `chown root:root {shown} && chmod 0600 {shown}`")));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    HookUrl::read(&text)
        .map_err(|error| fault(key, &format!("{shown} {error}\nhint: write the URL there, in one line")))
}

/// A program that the agent can run, and that root alone can change.
fn check_program(key: &str, program: &Path) -> Result<(), PartError> {
    let shown = program.display();
    if let Some(hidden) = HIDDEN.iter().find(|folder| program.starts_with(folder)) {
        let problem = format!("the agent's unit does not see what is in {hidden}");
        return Err(fault(
            key,
            &format!("{problem}\nhint: put {shown} elsewhere, such as in /usr/local/sbin"),
        ));
    }
    let found = std::fs::symlink_metadata(program).map_err(|error| {
        fault(key, &format!("{shown} cannot be read: {error}\nhint: correct the path, or remove the line"))
    })?;
    let above: Vec<&Path> = program.ancestors().skip(1).collect();
    let all = above.into_iter().rev().map(|folder| (folder, true)).chain([(program, false)]);
    for (path, is_above) in all {
        if let Some(refusal) = refusal(path, is_above, "the command")? {
            return Err(fault(key, &refusal));
        }
    }
    if !found.is_file() || found.mode() & 0o001 == 0 {
        let problem = format!("{shown} is no program that every user may run");
        return Err(fault(
            key,
            &format!("{problem}\nhint: name the program itself, and `chmod 0755 {shown}`"),
        ));
    }
    Ok(())
}

fn fault(key: &str, problem: &str) -> PartError {
    PartError::Config(format!("`{key}`: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    /// A file below /var/lib, which units see, unlike /tmp; `None` where only root's files could show it.
    fn put(folder: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn folder() -> Option<tempfile::TempDir> {
        // Files of root are what this is about; tests/install shows it on hosts.
        nix::unistd::geteuid().is_root().then(|| {
            let folder = tempfile::tempdir_in("/var/lib").unwrap();
            fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
            folder
        })
    }

    #[test]
    fn a_url_is_roots_alone_and_never_shown() {
        let Some(folder) = folder() else { return };
        let good = put(folder.path(), "good", "https://hooks.example/s3cret\n", 0o600);
        assert_eq!(url("k", &good).unwrap().host(), "hooks.example");
        for (name, text, mode, said) in [
            ("open", "https://hooks.example/s3cret", 0o644, "is not root's alone\nhint: `chown"),
            ("group", "https://hooks.example/s3cret", 0o640, "is not root's alone"),
            ("form", "hooks.example/s3cret", 0o600, "form has no URL with `https://`"),
            ("empty", "\n", 0o600, "empty has no URL in it\nhint: write"),
        ] {
            let error =
                url("health.webhook_file", &put(folder.path(), name, text, mode)).unwrap_err().to_string();
            assert!(error.starts_with("`health.webhook_file`: /") && error.contains(said), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
        let error = url("k", &folder.path().join("gone")).unwrap_err().to_string();
        assert!(error.contains("gone cannot be read: No such file") && error.contains("hint: "), "{error}");
    }

    #[test]
    fn a_program_is_there_and_roots() {
        let Some(folder) = folder() else { return };
        let check = |path: &Path| check_program("health.command", path);
        check(&put(folder.path(), "good", "#!/bin/sh\n", 0o755)).unwrap();
        for (name, mode, said) in [
            ("open", 0o777, "more than root can write to"),
            ("plain", 0o644, "is no program that every user may run"),
            ("closed", 0o700, "the account of the command cannot read"),
        ] {
            let error = check(&put(folder.path(), name, "", mode)).unwrap_err().to_string();
            assert!(error.starts_with("`health.command`: ") && error.contains(said), "{error}");
            assert!(error.contains("\nhint: "), "{error}");
        }
        let error = check(Path::new("/home/op/page")).unwrap_err().to_string();
        assert!(error.contains("does not see what is in /home/"), "{error}");
        assert!(check(&folder.path().join("gone")).unwrap_err().to_string().contains("cannot be read"));
        let everybodys = folder.path().join("everybodys");
        fs::create_dir(&everybodys).unwrap();
        fs::set_permissions(&everybodys, Permissions::from_mode(0o777)).unwrap();
        let program = put(&everybodys, "page", "", 0o755);
        let error = check(&program).unwrap_err().to_string();
        assert!(error.contains("everybodys, and with it change what the command does"), "{error}");
    }
}
