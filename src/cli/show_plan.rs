//! How a plan looks: for people with diffs, for programs as JSON.

use super::screen::{Screen, Tone};
use crate::plan::{Assessment, Pending, Plan, Step};
use serde_json::json;
use similar::{ChangeTag, TextDiff};

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// Shows what a run would do.
pub fn show(screen: Screen, plan: &Plan, assessment: &Assessment) {
    for (step, pending) in pending(plan, assessment) {
        let marker = screen.tint(Tone::Notice, "~");
        screen.say(&format!("{marker} {:<10} {}", step.component, step.resource.describe()));
        for reason in reasons(pending) {
            screen.say(&screen.tint(Tone::Faint, &format!("             {reason}")));
        }
        if let Pending::Differs(difference) = pending {
            if let Some((before, after)) = &difference.diff {
                for line in diff(before, after) {
                    let tone = match line.as_bytes().first() {
                        Some(b'+') => Some(Tone::Good),
                        Some(b'-') => Some(Tone::Bad),
                        _ => None,
                    };
                    let line = format!("             {line}");
                    screen.say(&tone.map_or(line.clone(), |tone| screen.tint(tone, &line)));
                }
            }
        }
    }
}

/// Shows what is no fault, and worth knowing.
pub fn notes(screen: Screen, notes: &[String]) {
    for note in notes {
        screen.say(&format!("  {} {note}", screen.tint(Tone::Notice, "note")));
    }
}

/// The same as JSON: `{"changes": N, "steps": [{"id", "component", "what", "reasons", "diff"}], "notes": []}`.
pub fn json(plan: &Plan, assessment: &Assessment, notes: &[String]) -> String {
    let steps: Vec<_> = pending(plan, assessment)
        .map(|(step, pending)| {
            let diff = match pending {
                Pending::Differs(difference) => {
                    difference.diff.as_ref().map(|(before, after)| diff(before, after))
                }
                Pending::Follows(_) => None,
            };
            json!({
                "id": step.resource.id(), "component": step.component, "what": step.resource.describe(),
                "reasons": reasons(pending), "diff": diff,
            })
        })
        .collect();
    format!("{:#}\n", json!({"changes": steps.len(), "steps": steps, "notes": notes}))
}

fn pending<'a>(plan: &'a Plan, assessment: &'a Assessment) -> impl Iterator<Item = (&'a Step, &'a Pending)> {
    plan.steps().iter().zip(&assessment.pending).filter_map(|(step, pending)| Some((step, pending.as_ref()?)))
}

fn reasons(pending: &Pending) -> Vec<String> {
    match pending {
        Pending::Differs(difference) => difference.reasons.clone(),
        Pending::Follows(what) => vec![format!("because it reads what changes: {what}")],
    }
}

/// Lines of a diff with "+", "-" or " " before them. Masked values that alone differ are told in words.
fn diff(before: &str, after: &str) -> Vec<String> {
    if before == after {
        return vec!["  only masked values differ".into()];
    }
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            lines.push("  …".into());
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign} {}", change.value().trim_end_matches('\n')));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_what_goes_and_what_comes() {
        assert_eq!(diff("a\nb\n", "a\nc\n"), ["  a", "- b", "+ c"]);
        assert_eq!(diff("k=***\n", "k=***\n"), ["  only masked values differ"]);
    }
}
