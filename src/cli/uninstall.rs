//! `hams-install uninstall`.

use super::args::Options;
use super::context::{agree, must_be_able_to_ask, stand_on_ground};
use super::exit::Failure;
use super::screen::{Screen, Tone};
use crate::host::lock::RunLock;
use crate::host::revert::Scope;
use crate::host::{Host, Progress};
use crate::plan::journal::Journal;
use crate::plan::{Receipt, uninstall};
use crate::stack::dump;
use std::time::Duration;

/// How long apt may wait for its lock; the configuration may be gone by now.
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);

/// Takes back what the receipt says.
pub async fn run(screen: Screen, options: &Options, scope: Scope) -> Result<(), Failure> {
    stand_on_ground()?;
    must_be_able_to_ask(screen, options)?;
    let _lock = RunLock::take()?;
    let receipt = Receipt::load()?;
    if receipt.entries().is_empty() {
        screen.say("nothing to take back: hams-install has changed nothing on this host");
        return Ok(());
    }
    for entry in receipt.entries().iter().rev() {
        screen.say(&format!("- {:<10} {}", entry.component, entry.id));
    }
    let data = if scope.purge_data { "a dump is taken, then data go too" } else { "data stay" };
    if !agree(screen, options, &format!("Take back these {} changes ({data})?", receipt.entries().len()))? {
        screen.say("nothing was changed");
        return Err(Failure::Pending(receipt.entries().len()));
    }
    if scope.purge_data {
        let folder = dump::take(&receipt).await.map_err(|error| Failure::Dump(error.to_string()))?;
        screen.say(&format!("dumped the data to {}", folder.display()));
    }
    let host = Host::new(options.apt_lock_timeout.unwrap_or(LOCK_TIMEOUT), options.offline);
    let (journal, _) = Journal::begin()?;
    let tell = |id: &str| screen.say(&format!("  {} {id}", screen.tint(Tone::Good, "undo")));
    let left = uninstall::run(receipt, journal, scope, &host, &Progress::silent(), tell).await?;
    for kept in &left.kept {
        screen.say(&format!("kept: {kept}"));
    }
    for id in &left.unreadable {
        screen.say(&format!("left: {id}, which a newer version of hams recorded; update hams and run again"));
    }
    Ok(())
}
