//! Has Odoo note which zones PowerDNS has (`pdns_synced`): in batches, beside the loop, and never right after a save. The
//! note is a write of its own to the zone, and the next save of somebody who is typing would have to wait for it or to be
//! done twice. What a stop loses the next sweep finds.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::odoo::Odoo;
use super::odoo_api::OdooError;
use super::outage::{Outage, far};

/// For so long nothing of a zone must have been applied.
const QUIET: Duration = Duration::from_secs(2);

/// Takes the ids of zones that PowerDNS has. The task ends with the last of these.
#[derive(Debug, Clone)]
pub(super) struct Marks(Option<UnboundedSender<u64>>);

impl Marks {
    /// Starts the task; without `odoo` there is nobody to tell.
    pub(super) fn start(odoo: Option<Odoo>) -> Self {
        Self(odoo.map(|odoo| {
            let (sender, receiver) = unbounded_channel();
            tokio::spawn(run(odoo, receiver));
            sender
        }))
    }

    /// PowerDNS has the zone with this id as Odoo has it.
    pub(super) fn applied(&self, id: u64) {
        if let Some(sender) = &self.0 {
            // The task ends after this.
            let _ = sender.send(id);
        }
    }
}

async fn run(mut odoo: Odoo, mut applied: UnboundedReceiver<u64>) {
    let mut due = BTreeMap::<u64, Instant>::new();
    let mut outage = Outage::default();
    loop {
        let quiet = due.values().min().copied().unwrap_or_else(far);
        let next = outage.until().map_or(quiet, |until| until.max(quiet));
        tokio::select! {
            id = applied.recv() => match id {
                Some(id) => {
                    due.insert(id, Instant::now() + QUIET);
                }
                None => return,
            },
            () = sleep_until(next) => {
                let now = Instant::now();
                let ids: Vec<u64> = due.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
                match odoo.mark_synced(&ids).await {
                    Ok(()) => {
                        debug!(zones = ids.len(), "noted in Odoo");
                        outage.passed();
                    }
                    // What it may not say does no harm to names.
                    Err(error @ OdooError::Refused { .. }) => {
                        warn!("{error}; Odoo goes on showing {} zones as not synced", ids.len());
                        outage.passed();
                    }
                    Err(error) => {
                        if outage.reason().is_none() {
                            warn!("{error}; Odoo shows {} zones as not synced until it is noted", ids.len());
                        }
                        outage.failed(error.to_string());
                        continue;
                    }
                }
                // One that was applied meanwhile waits for its own time.
                due.retain(|_, at| *at > now);
            }
        }
    }
}
