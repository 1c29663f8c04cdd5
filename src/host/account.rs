//! Looking up users and groups.

use super::command::Command;
use super::error::Error;
use nix::unistd::{Group, User};
use std::path::Path;

const SHADOW: &str = "/etc/shadow";

/// The user `name`; an error when there is none.
pub fn user(name: &str) -> Result<User, Error> {
    find_user(name)?.ok_or_else(|| Error::NoAccount { kind: "user", name: name.into() })
}

/// The user `name`, if there is one.
pub fn find_user(name: &str) -> Result<Option<User>, Error> {
    User::from_name(name).map_err(|error| Error::Unexpected(format!("cannot look up user `{name}`: {error}")))
}

/// The group `name`, if there is one.
pub fn find_group(name: &str) -> Result<Option<Group>, Error> {
    Group::from_name(name)
        .map_err(|error| Error::Unexpected(format!("cannot look up group `{name}`: {error}")))
}

/// Gives those of the system accounts `names` their line in /etc/shadow, locked, that a power cut between the two tables
/// left without one.
pub async fn complete(names: &[String]) -> Result<(), Error> {
    let shadow = std::fs::read_to_string(SHADOW).map_err(Error::io("read", Path::new(SHADOW)))?;
    let has_line = |name: &str| shadow.lines().any(|line| line.split(':').next() == Some(name));
    for name in names {
        if find_user(name)?.is_some() && !has_line(name) {
            Command::new("pwconv").run().await?;
            Command::new("usermod").args(["--password", "!", name]).run().await?;
        }
    }
    Ok(())
}
