//! A daemon's service or timer, started when it can run. What it does wrong by itself is told by its check and stops
//! neither the run nor the other daemons.

use super::daemons_catalogue::Daemon;
use super::daemons_venv;
use crate::host::command::Command;
use crate::host::unit::{NOT_AT_BOOT, Unit};
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The unit of a daemon.
pub struct Start {
    unit: Unit,
    daemon: Daemon,
    tried: AtomicBool,
}

impl Start {
    /// `unit` of `daemon`.
    pub fn new(unit: Unit, daemon: &Daemon) -> Self {
        Self { unit, daemon: daemon.clone(), tried: AtomicBool::new(false) }
    }

    async fn look(&self, host: &Host) -> Result<Finding, Error> {
        match obstacle(&self.daemon).await? {
            Some(_) => Ok(Finding::Holds),
            None => self.unit.inspect(host).await,
        }
    }
}

/// What keeps `daemon` from being started, in words.
pub async fn obstacle(daemon: &Daemon) -> Result<Option<String>, Error> {
    if !daemons_venv::is_there(&daemon.name) {
        if let Some(failure) = daemons_venv::failure(&daemon.name)? {
            return Ok(failure.lines().next().map(str::to_owned));
        }
    }
    let Some(path) = &daemon.key_file else { return Ok(None) };
    let fault = match std::fs::metadata(path) {
        Ok(found) if found.len() == 0 => Some("is empty"),
        Ok(_) => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some("is not there"),
        Err(error) => return Err(Error::io("read", Path::new(path))(error)),
    };
    if let Some(fault) = fault {
        return Ok(Some(format!(
            "its key {path} {fault}: Odoo writes it (daemon_key_manager); then run `hams-install` again"
        )));
    }
    if crate::host::account::find_user(&daemon.family)?.is_none() {
        return Ok(None);
    }
    let readable = Command::new("test").args(["-r", path]).user(&daemon.family).output().await?;
    Ok((readable.code != Some(0)).then(|| {
        format!("its account {0} cannot read its key: `chgrp {0} {path} && chmod 0640 {path}`", daemon.family)
    }))
}

impl Resource for Start {
    fn id(&self) -> String {
        self.unit.id()
    }

    fn describe(&self) -> String {
        self.unit.describe()
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(self.look(host))
    }

    fn undo<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        self.unit.undo(host)
    }

    fn apply<'a>(&'a self, host: &'a Host, progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            self.tried.store(true, Ordering::Relaxed);
            match self.unit.apply(host, progress).await {
                Err(Error::Unit { .. }) => Ok(()),
                applied => applied,
            }
        })
    }

    fn verify<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let found = self.look(host).await?;
            match found {
                // It may die at any moment after its start.
                Finding::Differs(difference) if self.tried.load(Ordering::Relaxed) => {
                    let ours =
                        difference.reasons.into_iter().filter(|reason| reason.starts_with(NOT_AT_BOOT));
                    Ok(Finding::from_reasons(ours.collect()))
                }
                found => Ok(found),
            }
        })
    }

    fn reads(&self) -> Vec<String> {
        self.unit.reads()
    }
}
