//! What a run tells while it goes on. `cli/` decides how it looks.

/// One event of a run. Steps are named by their position in the plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step was begun.
    Begun {
        /// Its position.
        step: usize,
    },
    /// A running step is this far.
    Progress {
        /// Its position.
        step: usize,
        /// 0 to 100.
        percent: f32,
        /// What it is doing.
        message: String,
    },
    /// A step was done and verified.
    Done {
        /// Its position.
        step: usize,
        /// How long it took.
        took: std::time::Duration,
    },
    /// A step was found to hold already, after what was done before it.
    Held {
        /// Its position.
        step: usize,
    },
    /// A step failed.
    Failed {
        /// Its position.
        step: usize,
        /// Why.
        reason: String,
    },
}

/// Where events go.
pub type Events = tokio::sync::mpsc::UnboundedSender<Event>;
