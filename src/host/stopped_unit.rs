//! A unit of ours that this host no longer has: it neither runs nor starts at boot. Its files stay until an uninstall.

use super::change::Change;
use super::error::Error;
use super::handle::Host;
use super::resource::{BoxFuture, Finding, Progress, Resource};
use super::unit_stamp;
use super::units::Job;
use super::write;

/// A unit that must not run.
pub struct StoppedUnit {
    name: String,
}

impl StoppedUnit {
    /// `name` stopped, and disabled at boot.
    pub fn new(name: &str) -> Self {
        Self { name: name.into() }
    }
}

impl Resource for StoppedUnit {
    fn id(&self) -> String {
        format!("stopped:{}", self.name)
    }

    fn describe(&self) -> String {
        format!("stop and disable {}, which this node no longer has", self.name)
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let state = host.systemd().await?.state(&self.name).await?;
            let mut reasons = Vec::new();
            if !matches!(state.active.as_str(), "inactive" | "failed") {
                reasons.push(format!("it is {}", state.words()));
            }
            if state.unit_file == "enabled" {
                reasons.push("it starts at boot".into());
            }
            Ok(Finding::from_reasons(reasons))
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        // The receipt has what it was before hams started it.
        Box::pin(async { Ok(None) })
    }

    fn apply<'a>(&'a self, host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let systemd = host.systemd().await?;
            systemd.run(Job::Stop, &self.name).await?;
            systemd.disable(&self.name).await?;
            write::remove_if_there(&unit_stamp::path(&self.name))
        })
    }
}
