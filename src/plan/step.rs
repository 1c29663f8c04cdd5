//! A step is a resource with what has to be done before it; a plan is steps in an order that respects that.

use crate::host::Resource;
use std::collections::HashMap;
use std::sync::Arc;

/// One step.
#[derive(Clone)]
pub struct Step {
    /// The component it belongs to, for people.
    pub component: &'static str,
    /// What must be true after it.
    pub resource: Arc<dyn Resource>,
    /// Ids of the resources that must hold before it.
    pub after: Vec<String>,
}

impl Step {
    /// `resource` for `component`, after the resources of these ids.
    pub fn new<I: Into<String>>(
        component: &'static str,
        resource: impl Resource + 'static,
        after: impl IntoIterator<Item = I>,
    ) -> Self {
        Self { component, resource: Arc::new(resource), after: after.into_iter().map(Into::into).collect() }
    }
}

/// Steps, each once and after all that it needs.
pub struct Plan {
    steps: Vec<Step>,
    position: HashMap<String, usize>,
}

/// A set of steps that makes no plan: a fault in `stack/`, not of the host.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// Two steps share an id.
    #[error("the plan holds `{0}` twice")]
    Twice(String),
    /// A step waits for one that is not there, or for itself by way of others.
    #[error("`{0}` waits for `{1}`, which never comes before it")]
    Order(String, String),
}

impl Plan {
    /// Orders `steps`; those that are free to go first keep the order they are given in.
    pub fn new(steps: Vec<Step>) -> Result<Self, PlanError> {
        let mut position = HashMap::new();
        let mut ordered: Vec<Step> = Vec::new();
        let mut waiting = steps;
        while !waiting.is_empty() {
            let ready = |step: &Step| step.after.iter().all(|id| position.contains_key(id));
            let Some(next) = waiting.iter().position(ready) else {
                let step = &waiting[0];
                let missing =
                    step.after.iter().find(|id| !position.contains_key(*id)).cloned().unwrap_or_default();
                return Err(PlanError::Order(step.resource.id(), missing));
            };
            let step = waiting.remove(next);
            if position.insert(step.resource.id(), ordered.len()).is_some() {
                return Err(PlanError::Twice(step.resource.id()));
            }
            ordered.push(step);
        }
        Ok(Self { steps: ordered, position })
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Positions of the steps that `step` waits for.
    pub fn before(&self, step: &Step) -> impl Iterator<Item = usize> {
        step.after.iter().filter_map(|id| self.position.get(id).copied())
    }

    /// Position of the resource `id`.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.position.get(id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::directory::Directory;

    fn step(path: &str, after: &[&str]) -> Step {
        Step::new("test", Directory::shared(path), after.iter().map(|path| Directory::id_of(path)))
    }

    #[test]
    fn orders_by_need() {
        let plan = Plan::new(vec![step("/c", &["/b"]), step("/a", &[]), step("/b", &["/a"])]).unwrap();
        let ids: Vec<_> = plan.steps().iter().map(|step| step.resource.id()).collect();
        assert_eq!(ids, ["directory:/a", "directory:/b", "directory:/c"]);
    }

    #[test]
    fn refuses_a_ring_and_a_double() {
        assert!(matches!(
            Plan::new(vec![step("/a", &["/b"]), step("/b", &["/a"])]),
            Err(PlanError::Order(..))
        ));
        assert!(matches!(Plan::new(vec![step("/a", &[]), step("/a", &[])]), Err(PlanError::Twice(_))));
    }
}
