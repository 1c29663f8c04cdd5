//! What may be restarted: the keys `health.restart` and `health.restart_after`, and /etc/hams/repair.toml, root's own list of
//! what its service may do for the agent. Holds no secret.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::config::component::Component;
use crate::config::name::Problem;
use crate::config::sync::within;

/// Those that have one unit of their own.
const SINGLE: [Component; 6] = [
    Component::Postgresql,
    Component::Redis,
    Component::Rabbitmq,
    Component::Powerdns,
    Component::Odoo,
    Component::Nginx,
];
/// A check that fails is asked every few seconds: less than this is no time in which something stays failing.
const LEAST_SECONDS: u64 = 30;
/// What lasts longer than a day somebody has seen.
const MOST_SECONDS: u64 = 24 * 60 * 60;
/// Who must own the file.
const ROOT: u32 = 0;

/// One entry of `health.restart`, on a host that runs `components`.
pub(super) fn component(text: &str, components: &[Component]) -> Result<Component, Problem> {
    let Ok(component) = text.parse::<Component>() else {
        let fix = match Component::nearest(text, &SINGLE) {
            Some(component) => format!("did you mean `{component}`?"),
            None => format!("name some of {}", SINGLE.map(Component::as_str).join(", ")),
        };
        return Err(Problem::new("is no component", fix));
    };
    if component == Component::Agent {
        let what = "is what has others restarted; systemd restarts it by itself";
        return Err(Problem::new(what, "remove it from the list"));
    }
    if !SINGLE.contains(&component) {
        let what = "has no single unit that a restart would be of";
        return Err(Problem::new(what, "remove it from the list; systemd restarts each daemon by itself"));
    }
    if !components.contains(&component) {
        let fix = format!("remove it from the list, or add `{component}` to `components`");
        return Err(Problem::new("is none of this host's `components`", fix));
    }
    if !components.contains(&Component::Agent) {
        let fix = "add `agent` to `components`, or remove `restart`";
        return Err(Problem::new("needs the agent, which has it restarted", fix));
    }
    Ok(component)
}

/// `health.restart_after`.
pub(super) fn after(number: u64) -> Result<Duration, Problem> {
    within(number, LEAST_SECONDS, MOST_SECONDS, "seconds").map(Duration::from_secs)
}

/// What may be restarted, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepairTable {
    /// So many restarts of a component …
    pub at_most: u32,
    /// … within so long.
    pub within_seconds: u64,
    /// And so long between two.
    pub apart_seconds: u64,
    /// The unit of each component.
    pub units: BTreeMap<String, String>,
}

/// The file cannot be used, so that nothing is restarted.
#[derive(Debug, thiserror::Error)]
pub enum RepairTableError {
    /// It cannot be read.
    #[error(
        "cannot read {path}: {source}\nhint: name components in `health.restart` of hams.toml, and run `sudo hams-install`"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What came of it.
        source: io::Error,
    },
    /// Somebody else could have written it.
    #[error("{path} can be written by others than root\nhint: `sudo hams-install` puts it back as it was")]
    Access {
        /// The file.
        path: PathBuf,
    },
    /// It is no TOML, or has a key too much, too few or of the wrong kind.
    #[error("{path}: {source}\nhint: `sudo hams-install` writes it anew")]
    Form {
        /// The file.
        path: PathBuf,
        /// With line and key.
        source: Box<toml::de::Error>,
    },
}

impl RepairTable {
    /// Reads the file, which must be root's, and nobody else's to write.
    pub fn load(path: &Path) -> Result<Self, RepairTableError> {
        Self::load_of(path, ROOT)
    }

    fn load_of(path: &Path, owner: u32) -> Result<Self, RepairTableError> {
        let unreadable = |source| RepairTableError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        let found = file.metadata().map_err(unreadable)?;
        if found.uid() != owner || found.mode() & 0o022 != 0 || !found.is_file() {
            return Err(RepairTableError::Access { path: path.to_owned() });
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        toml::from_str(&text)
            .map_err(|source| RepairTableError::Form { path: path.to_owned(), source: Box::new(source) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    const TEXT: &str =
        "at_most = 3\nwithin_seconds = 3600\napart_seconds = 600\n[units]\npowerdns = \"pdns.service\"\n";

    #[test]
    fn only_roots_own_file_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("repair.toml");
        let own = folder.path().metadata().unwrap().uid();
        let load = || RepairTable::load_of(&path, own);
        let chmod = |mode| std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert!(load().unwrap_err().to_string().contains("hint: name components in `health.restart`"));
        std::fs::write(&path, TEXT).unwrap();
        chmod(0o644);
        assert_eq!(load().unwrap().units["powerdns"], "pdns.service");
        for mode in [0o664, 0o646] {
            chmod(mode);
            assert!(matches!(load(), Err(RepairTableError::Access { .. })), "{mode:o}");
        }
        chmod(0o644);
        assert!(matches!(RepairTable::load_of(&path, own + 1), Err(RepairTableError::Access { .. })));
        assert!(matches!(RepairTable::load_of(folder.path(), own), Err(RepairTableError::Access { .. })));
        std::fs::write(&path, format!("{TEXT}[more]\n")).unwrap();
        let error = load().unwrap_err().to_string();
        assert!(error.contains("unknown field `more`") && error.contains("hams-install"), "{error}");
    }
}
