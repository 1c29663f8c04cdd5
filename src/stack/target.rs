//! hams.target, the node as a whole: what it has is wanted by it, so that one name shows, starts and stops the node.
//!
//! The agent and the daemons are part of it and stop with it. The services of other packages are wanted only: they are
//! enabled by themselves, and a PostgreSQL that others use does not stop because the node does.

use super::part::{PartError, drop_in, drop_in_path};
use super::template::render;
use super::{postgresql, services};
use crate::config::{Component, Config};
use crate::host::file::File;
use crate::host::unit::Unit;
use crate::plan::Step;
use minijinja::context;

const NAME: &str = "hams";
/// The unit.
pub const UNIT: &str = "hams.target";

/// The steps of the target, which come after all of `steps`.
pub fn steps(config: &Config, steps: &[Step]) -> Result<Vec<Step>, PartError> {
    let mut units = Vec::new();
    if config.has(Component::Postgresql) {
        units.push(postgresql::cluster(config)?.unit());
    }
    units.extend(services::units(config).map(|(_, unit)| unit.to_owned()));
    let text = render(
        "target/50-hams.conf.j2",
        include_str!("../../deploy/target/50-hams.conf.j2"),
        context! { units },
    )?;
    // It reads nothing that a start would be needed for: a restart of the target would restart what is part of it.
    let unit = Unit::new(UNIT, &[]);
    let all = steps.iter().map(|step| step.resource.id()).chain([File::id_of(&drop_in_path(UNIT))]);
    let target = Step::new(NAME, unit, all);
    Ok(drop_in(NAME, UNIT, text).into_iter().chain([target]).collect())
}
