//! Inspecting every resource, side by side, and saying what a run would do. Touches nothing.

use super::step::{Plan, Step};
use crate::host::{Difference, Error, Finding, Host};
use futures_util::future::try_join_all;

/// Why a step would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// The host differs from it now.
    Differs(Difference),
    /// It holds, but reads what another step will change: that step's description.
    Follows(String),
}

/// What every step of a plan finds, in the plan's order; `None` where the host is as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// A place for each step.
    pub pending: Vec<Option<Pending>>,
}

impl Assessment {
    /// Inspects the whole plan.
    pub async fn of(plan: &Plan, host: &Host) -> Result<Self, Error> {
        let findings = try_join_all(plan.steps().iter().map(|step| step.resource.inspect(host))).await?;
        let mut pending: Vec<Option<Pending>> = Vec::with_capacity(findings.len());
        for (step, finding) in plan.steps().iter().zip(findings) {
            let found = match finding {
                Finding::Differs(difference) => Some(Pending::Differs(difference)),
                Finding::Holds => follows(plan, step, &pending),
            };
            pending.push(found);
        }
        Ok(Self { pending })
    }

    /// Whether a run has nothing to do.
    pub fn is_clean(&self) -> bool {
        self.pending.iter().all(Option::is_none)
    }

    /// How many steps a run would do.
    pub fn count(&self) -> usize {
        self.pending.iter().flatten().count()
    }
}

fn follows(plan: &Plan, step: &Step, earlier: &[Option<Pending>]) -> Option<Pending> {
    let changed = |id: &String| {
        let position = plan.position(id)?;
        earlier.get(position)?.as_ref().map(|_| plan.steps()[position].resource.describe())
    };
    step.resource.reads().iter().find_map(changed).map(Pending::Follows)
}
