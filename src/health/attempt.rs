//! What was done for a component that was to be restarted.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attempt {
    /// The unit was started anew.
    Restarted,
    /// Root's service did not do it.
    Refused,
    /// It tried, and systemd could not.
    Failed,
    /// It was not there, or gave no answer.
    Unanswered,
}

impl Attempt {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Restarted, Self::Refused, Self::Failed, Self::Unanswered];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restarted => "restarted",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }
}

/// What was done for a component since the agent's start.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// The component.
    pub component: String,
    /// What is restarted.
    pub unit: String,
    /// When it last was.
    pub restarted: Option<SystemTime>,
    /// What the last attempt came to, in words.
    pub said: Option<String>,
    /// How many attempts came to what.
    pub attempts: BTreeMap<Attempt, u64>,
}

impl Repair {
    /// Nothing was done.
    pub fn new(component: &str, unit: &str) -> Self {
        let (component, unit) = (component.to_owned(), unit.to_owned());
        let attempts = Attempt::ALL.into_iter().map(|attempt| (attempt, 0)).collect();
        Self { component, unit, restarted: None, said: None, attempts }
    }
}
