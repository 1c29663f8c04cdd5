//! What every command of hams-install opens first: the ground under it, the configuration, the host.

use super::args::Options;
use super::exit::Failure;
use super::screen::Screen;
use crate::config::{self, Config, ConfigError};
use crate::host::{Host, Progress};
use crate::plan::precheck::{self, Needs};
use std::sync::Arc;

/// Fails unless this is a supported Debian with systemd, and we are root.
pub fn stand_on_ground() -> Result<(), Failure> {
    match precheck::ground()? {
        Some(obstacle) => Err(Failure::Precheck(vec![obstacle])),
        None => Ok(()),
    }
}

/// The configuration; a domain that nobody has given yet is asked for where somebody can answer.
pub fn read_config(screen: Screen, options: &Options) -> Result<Config, Failure> {
    let (path, explicit) = options.config();
    let mut overrides = options.overrides();
    match config::load(path, explicit, &overrides) {
        Err(ConfigError::MissingDomain { .. }) if screen.can_ask() => {
            let answer = screen.ask("The domain of this node (such as hams.com):");
            overrides.domain =
                Some(answer.map_err(|error| Failure::Usage(format!("cannot read the answer: {error}")))?);
            Ok(config::load(path, explicit, &overrides)?)
        }
        loaded => Ok(loaded?),
    }
}

/// The host, with what the operator said about apt.
pub fn host(config: &Config, options: &Options) -> Arc<Host> {
    Arc::new(Host::new(config.apt.lock_timeout, options.offline))
}

/// Fails with all that stands in the way.
pub async fn check_needs(screen: Screen, needs: &Needs, host: &Host) -> Result<(), Failure> {
    let said = std::sync::Mutex::new(String::new());
    let progress = Progress::new(move |_, message| {
        let mut said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *said != message {
            screen.say(message);
            message.clone_into(&mut said);
        }
    });
    let obstacles = precheck::needs(needs, host, &progress).await?;
    if obstacles.is_empty() { Ok(()) } else { Err(Failure::Precheck(obstacles)) }
}

/// A yes to `question`, from `--yes` or from the terminal; neither is an error.
pub fn agree(screen: Screen, options: &Options, question: &str) -> Result<bool, Failure> {
    if options.yes {
        return Ok(true);
    }
    must_be_able_to_ask(screen, options)?;
    screen.confirm(question).map_err(|error| Failure::Usage(format!("cannot read the answer: {error}")))
}

/// Fails where a question would come that nobody can answer.
pub fn must_be_able_to_ask(screen: Screen, options: &Options) -> Result<(), Failure> {
    if options.yes || screen.can_ask() {
        return Ok(());
    }
    let what = "there is no terminal to ask on, and no `--yes`\nhint: look at `hams-install plan`, then run with `--yes`";
    Err(Failure::Usage(what.into()))
}
