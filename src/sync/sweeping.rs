//! The sweep's turn in the loop: when nothing of an event can be done, and while there is no broker that could bring one.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::sleep_until;

use super::moving::moving;
use super::pipeline::{Pipeline, STOP_GRACE};
use crate::dns::Name;

/// Steps of a sweep that share one sync of the memory.
const BATCH: usize = 100;

impl Pipeline {
    /// Whether a sweep can do something at once.
    pub(super) fn may_sweep(&self) -> bool {
        self.has_what_a_sweep_needs() && self.sweeper.has_work()
    }

    /// What a sweep writes to is not away. While it is, a sweep is not waited for either: what it has to do could not be done.
    pub(super) fn has_what_a_sweep_needs(&self) -> bool {
        self.outages.powerdns.may_try() && self.outages.disk.may_try()
    }

    /// A step of the sweep; `None`: the agent is to stop.
    pub(super) async fn sweep(&mut self, is_wanted: impl Fn(&Name) -> bool) -> Option<()> {
        let step = self.sweeper.step(&mut self.applier, &self.marks, is_wanted);
        moving(&self.pulse, &mut self.stop, STOP_GRACE, step).await?;
        // Steps that wait for nothing are over before `moving` comes to look.
        (self.pulse)();
        if *self.stop.borrow() {
            return None;
        }
        self.unsynced += 1;
        if self.unsynced >= BATCH || !self.sweeper.is_busy() {
            // What is not kept is compared again.
            self.keep("a sweep goes on when it is").await?;
        }
        let is_other = {
            let told = self.progress.borrow();
            told.sweep != *self.sweeper.progress() || told.zones != self.applier.memory.len()
        };
        if is_other {
            let sweep = self.sweeper.progress().clone();
            self.note(|progress| progress.sweep = sweep);
        }
        Some(())
    }

    /// Waits for something else while sweeping as there is no session; `None`: the agent is to stop.
    pub(super) async fn sweep_until<T>(&mut self, other: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(other);
        loop {
            if let Some(done) = other.as_mut().now_or_never() {
                return Some(done);
            }
            if self.may_sweep() {
                self.sweep(|_| false).await?;
                continue;
            }
            let until = self.earliest();
            let may_wait = self.has_what_a_sweep_needs();
            let woken = async {
                tokio::select! {
                    done = &mut other => Some(done),
                    () = self.sweeper.wait(), if may_wait => None,
                    () = sleep_until(until) => None,
                }
            };
            if let Some(done) = moving(&self.pulse, &mut self.stop, Duration::ZERO, woken).await? {
                return Some(done);
            }
        }
    }
}
