//! `hams-install secrets list` and `secrets show`.

use super::context::stand_on_ground;
use super::exit::Failure;
use super::screen::Screen;
use crate::secrets::KNOWN;
use crate::stack::node::read_vault;

/// Lists every secret: name, whether it is set, what it opens, who reads it. No values.
pub fn list(screen: Screen) -> Result<(), Failure> {
    stand_on_ground()?;
    let vault = read_vault()?;
    for spec in KNOWN.iter().filter(|spec| !spec.is_salt()) {
        let set = if vault.require(spec.name).is_ok() { "set" } else { "not yet" };
        screen.data(&format!("{:<24} {set:<8} {}; {}\n", spec.name, spec.doc, spec.used_by));
    }
    Ok(())
}

/// Prints the value of `name`.
pub fn show(screen: Screen, name: &str) -> Result<(), Failure> {
    stand_on_ground()?;
    let vault = read_vault()?;
    let secret = vault.require(name).map_err(|error| Failure::Usage(error.to_string()))?;
    screen.data(&format!("{}\n", secret.expose()));
    Ok(())
}
