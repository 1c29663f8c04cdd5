//! How a verification looks.

use super::screen::{Screen, Tone};
use crate::health::State;
use crate::host::Finding;
use crate::plan::Plan;
use crate::stack::verify::Verification;
use serde_json::json;

/// Shows what is not as it should be, and how much is.
pub fn show(screen: Screen, plan: &Plan, verification: &Verification) {
    for line in faults(plan, verification) {
        screen.say(&format!("  {} {line}", screen.tint(Tone::Bad, "fault")));
    }
    for (name, outcome) in &verification.checks {
        let tone = if outcome.state == State::Ok { Tone::Good } else { Tone::Bad };
        let reason = outcome.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        screen.say(&format!("  {:<8} {name}{reason}", screen.tint(tone, outcome.state.as_str())));
    }
    let held = verification.findings.iter().filter(|finding| **finding == Finding::Holds).count();
    let answered = verification.checks.iter().filter(|(_, outcome)| outcome.state == State::Ok).count();
    screen.say(&format!(
        "verified: {held} of {} resources hold, {answered} of {} checks pass",
        verification.findings.len(),
        verification.checks.len()
    ));
}

/// The same as JSON: `{"faults": N, "resources": [{"id", "differs"}], "exposed": [], "checks": [{"name", "state", "reason"}],
/// "notes": []}`.
pub fn json(plan: &Plan, verification: &Verification, notes: &[String]) -> String {
    let resources: Vec<_> = plan
        .steps()
        .iter()
        .zip(&verification.findings)
        .map(|(step, finding)| json!({"id": step.resource.id(), "differs": reasons(finding)}))
        .collect();
    let checks: Vec<_> = verification
        .checks
        .iter()
        .map(|(name, outcome)| json!({"name": name, "state": outcome.state.as_str(), "reason": outcome.reason}))
        .collect();
    let all = json!({
        "faults": verification.faults(), "resources": resources, "exposed": verification.exposed, "checks": checks,
        "notes": notes,
    });
    format!("{all:#}\n")
}

fn reasons(finding: &Finding) -> Vec<String> {
    match finding {
        Finding::Holds => Vec::new(),
        Finding::Differs(difference) => difference.reasons.clone(),
    }
}

fn faults(plan: &Plan, verification: &Verification) -> Vec<String> {
    let steps = plan.steps().iter().zip(&verification.findings);
    let differing = steps.flat_map(|(step, finding)| {
        reasons(finding).into_iter().map(|reason| format!("{}: {reason}", step.resource.describe()))
    });
    let exposed = verification.exposed.iter().map(|socket| format!("other hosts can reach {socket}"));
    differing.chain(exposed).collect()
}
