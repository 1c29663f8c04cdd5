//! Whether a node is what its configuration wants: every resource inspected, every socket seen, every component asked.

use super::node::Node;
use crate::health::{Outcome, State, probe};
use crate::host::{Error, Finding, Host};
use futures_util::future::{join_all, try_join_all};

/// What a verification found.
pub struct Verification {
    /// What each resource of the plan found, in its order.
    pub findings: Vec<Finding>,
    /// Sockets of ours that other hosts can reach and must not, in words.
    pub exposed: Vec<String>,
    /// What each component answered, by the check's name.
    pub checks: Vec<(String, Outcome)>,
}

impl Verification {
    /// Verifies `node` on `host`. Touches nothing.
    pub async fn of(node: &Node, host: &Host) -> Result<Self, Error> {
        let inspect = node.plan.steps().iter().map(|step| step.resource.verify(host));
        let (findings, checks) = tokio::join!(try_join_all(inspect), ask(node));
        Ok(Self { findings: findings?, exposed: node.exposed()?, checks })
    }

    /// Verifies a `node` of which an inspection has just found that all of it holds: what is left is to ask from outside.
    pub async fn of_clean(node: &Node) -> Result<Self, Error> {
        let findings = vec![Finding::Holds; node.plan.steps().len()];
        Ok(Self { findings, exposed: node.exposed()?, checks: ask(node).await })
    }

    /// How many things are not as they should be.
    pub fn faults(&self) -> usize {
        let differing = self.findings.iter().filter(|finding| **finding != Finding::Holds).count();
        let unwell = self.checks.iter().filter(|(_, outcome)| outcome.state != State::Ok).count();
        differing + self.exposed.len() + unwell
    }
}

async fn ask(node: &Node) -> Vec<(String, Outcome)> {
    let outcomes = join_all(node.checks.iter().map(|check| probe(check.as_ref()))).await;
    node.checks.iter().map(|check| check.name().to_owned()).zip(outcomes).collect()
}
