//! Looking up users and groups.

use super::error::Error;
use nix::unistd::{Group, User};

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

/// Those of `names` that neither a user nor a group bears.
pub fn missing(names: &[String]) -> Result<Vec<String>, Error> {
    let mut missing = Vec::new();
    for name in names {
        if find_user(name)?.is_none() && find_group(name)?.is_none() {
            missing.push(name.clone());
        }
    }
    Ok(missing)
}

/// Whether the group of that number lists the user `name`.
pub fn is_member(name: &str, group: u32) -> Result<bool, Error> {
    let found = Group::from_gid(group.into())
        .map_err(|error| Error::Unexpected(format!("cannot look up group {group}: {error}")))?;
    Ok(found.is_some_and(|group| group.mem.iter().any(|member| member == name)))
}
