//! Which daemons a node has: what the catalogues name, what was asked for, and whose code is there.

use super::daemons_catalogue::{self, Daemon};
use super::daemons_code::{self, Code};
use super::part::PartError;
use crate::config::{Component, Config};
use crate::host::file::read_if_there;
use std::path::PathBuf;

/// The daemons of a node.
#[derive(Debug, Default)]
pub struct Selection {
    /// To be set up, each with the list of packages that it requires.
    pub daemons: Vec<(Daemon, Option<PathBuf>)>,
    /// Not started, because their code may not be trusted: why.
    pub refused: Vec<(Daemon, String)>,
    /// Wanted, and their code is not there.
    pub missing: Vec<String>,
}

impl Selection {
    /// The daemons of a node of `config`; none where the component is left out.
    pub fn of(config: &Config) -> Result<Self, PartError> {
        let mut selection = Self::default();
        if !config.has(Component::Daemons) {
            return Ok(selection);
        }
        for daemon in wanted(config)? {
            match daemons_code::look(&config.daemons.source, &daemon.entry)? {
                Code::Missing => selection.missing.push(daemon.name),
                Code::Refused(why) => selection.refused.push((daemon, why)),
                Code::There { requirements } => selection.daemons.push((daemon, requirements)),
            }
        }
        let both: Vec<&Daemon> = selection.daemons.iter().map(|(daemon, _)| daemon).collect();
        match daemons_catalogue::conflict(&both) {
            Some(conflict) => Err(PartError::Config(conflict)),
            None => Ok(selection),
        }
    }

    /// The queues that they declare and read.
    pub fn queues(&self) -> Vec<&str> {
        let mut queues: Vec<&str> =
            self.daemons.iter().flat_map(|(daemon, _)| &daemon.queues).map(String::as_str).collect();
        queues.sort_unstable();
        queues.dedup();
        queues
    }
}

/// What the catalogues name for this node, whether or not its code is there.
fn wanted(config: &Config) -> Result<Vec<Daemon>, PartError> {
    let refused = |error: daemons_catalogue::CatalogueError| PartError::Config(error.to_string());
    let mut all = daemons_catalogue::shipped().map_err(refused)?;
    if let Some(path) = &config.daemons.catalogue {
        let shown = path.display().to_string();
        let Some(text) = read_if_there(path)? else {
            return Err(PartError::Config(format!(
                "there is no catalogue `{shown}`\nhint: put it there, or correct `catalogue` in the table [daemons] of \
                 hams.toml"
            )));
        };
        all = daemons_catalogue::joined(all, daemons_catalogue::parse(&text, &shown).map_err(refused)?);
    }
    for name in &config.daemons.enable {
        let fault = match all.iter().find(|daemon| daemon.name == *name) {
            Some(daemon) if daemon.is_absent() => format!("hams does not set it up: {}", daemon.reason()),
            Some(_) => continue,
            None => {
                let distance = |daemon: &&Daemon| strsim::damerau_levenshtein(&daemon.name, name);
                let nearest = all.iter().min_by_key(distance).filter(|daemon| distance(daemon) <= 3);
                let known =
                    nearest.map_or(String::new(), |daemon| format!(": did you mean `{}`?", daemon.name));
                format!("no catalogue has it{known}")
            }
        };
        return Err(PartError::Config(format!(
            "`daemons.enable` names `{name}`\nhint: {fault}; correct `enable` in the table [daemons] of hams.toml"
        )));
    }
    let is_wanted = |daemon: &Daemon| {
        !daemon.is_absent() && (!daemon.is_opt_in() || config.daemons.enable.contains(&daemon.name))
    };
    Ok(all.into_iter().filter(is_wanted).collect())
}
