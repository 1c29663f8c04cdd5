//! What root's service may restart for the agent: its list, and the socket on which the agent asks. Both are there only
//! while `health.restart` names something; the service itself and its limits are units/hams-repair@.service and the list.

use super::part::PartError;
use super::template::render;
use super::{postgresql, services};
use crate::config::{Component, Config};
use crate::host::absent_file::AbsentFile;
use crate::host::directory::Directory;
use crate::host::file::{File, existing};
use crate::host::paths;
use crate::host::stopped_unit::StoppedUnit;
use crate::host::unit::Unit;
use crate::plan::Step;
use minijinja::{Value, context};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const SOCKET: &str = "hams-repair.socket";
/// How often a component may be restarted, within how long, and how far apart: what is not well then is for people.
const AT_MOST: u32 = 3;
const WITHIN: Duration = Duration::from_secs(60 * 60);
const APART: Duration = Duration::from_secs(10 * 60);

/// What may be restarted.
pub(super) struct Repair {
    /// The unit of each component; never empty.
    units: BTreeMap<&'static str, String>,
    after: Duration,
}

impl Repair {
    /// `None`: nothing.
    pub(super) fn of(config: &Config) -> Result<Option<Self>, PartError> {
        let mut units = BTreeMap::new();
        for component in &config.health.restart {
            let unit = match component {
                Component::Postgresql => postgresql::cluster(config)?.unit(),
                other => {
                    let found = services::units(config).find(|(component, _)| component == other);
                    let unit = found.map(|(_, unit)| unit.to_owned());
                    unit.ok_or_else(|| {
                        PartError::Config(format!("`health.restart`: {other} has no unit on this host"))
                    })?
                }
            };
            units.insert(component.as_str(), unit);
        }
        let after = config.health.restart_after;
        Ok((!units.is_empty()).then_some(Self { units, after }))
    }

    /// What the templates are filled in with.
    pub(super) fn values(&self) -> Value {
        context! {
            after => self.after.as_secs(),
            at_most => AT_MOST,
            within => WITHIN.as_secs(),
            apart => APART.as_secs(),
            units => self.units,
        }
    }
}

/// The steps of `component` that let the agent ask, or that let it no longer.
pub(super) fn steps(component: &'static str, repair: Option<&Repair>) -> Result<Vec<Step>, PartError> {
    let none: [String; 0] = [];
    let Some(repair) = repair else {
        // What is there is of a configuration before this one.
        return Ok(match existing(Path::new(paths::REPAIR_TABLE))? {
            Some(_) => {
                let stopped = StoppedUnit::new(SOCKET);
                let after = [crate::host::Resource::id(&stopped)];
                let removed = AbsentFile::new(paths::REPAIR_TABLE);
                vec![Step::new(component, stopped, none), Step::new(component, removed, after)]
            }
            None => Vec::new(),
        });
    };
    let text = render(
        "agent/repair.toml.j2",
        include_str!("../../deploy/agent/repair.toml.j2"),
        context! { repair => repair.values() },
    )?;
    let after = [File::id_of(paths::REPAIR_TABLE)];
    Ok(vec![
        Step::new(component, File::new(paths::REPAIR_TABLE, text), [Directory::id_of(paths::ETC)]),
        // Its service reads the list anew for each question.
        Step::new(component, Unit::new(SOCKET, &[]), after),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::repair::RepairTable;
    use crate::config::{Overrides, load};

    fn config(more: &str) -> Config {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("domain = \"hams.test\"\n{more}")).unwrap();
        load(file.path(), true, &Overrides::default()).unwrap()
    }

    #[test]
    fn each_component_has_its_unit() {
        assert!(Repair::of(&config("")).unwrap().is_none());
        let all = "[health]\nrestart = [\"odoo\", \"postgresql\", \"redis\", \"rabbitmq\", \"powerdns\", \"nginx\"]\nrestart_after = 90\n";
        let repair = Repair::of(&config(all)).unwrap().unwrap();
        let template = include_str!("../../deploy/agent/repair.toml.j2");
        let text = render("repair.toml", template, context! { repair => repair.values() }).unwrap();
        let table: RepairTable = toml::from_str(&text).unwrap();
        assert_eq!((table.at_most, table.within_seconds, table.apart_seconds), (3, 3600, 600));
        let units: Vec<_> = table.units.iter().map(|(name, unit)| (name.as_str(), unit.as_str())).collect();
        let expected = [
            ("nginx", "nginx.service"),
            ("odoo", "odoo.service"),
            ("postgresql", "postgresql@16-main.service"),
            ("powerdns", "pdns.service"),
            ("rabbitmq", "rabbitmq-server.service"),
            ("redis", "redis-server.service"),
        ];
        assert_eq!(units, expected);
    }
}
