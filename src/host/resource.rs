//! `Resource`: one thing that can be true of a host, and what inspecting it finds.
//!
//! The unit of granularity is the unit of reversion: a resource is as small as what can be taken back alone.

use super::change::Change;
use super::error::Error;
use super::handle::Host;
use std::sync::Arc;

/// A boxed future, so that resources of all kinds fit in one list.
pub type BoxFuture<'a, T> = futures_util::future::BoxFuture<'a, T>;

/// What an inspection found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The host is as the resource wants it.
    Holds,
    /// It is not; what would change.
    Differs(Difference),
}

impl Finding {
    /// A difference of one line of words.
    pub fn differs(reason: impl Into<String>) -> Self {
        Self::Differs(Difference { reasons: vec![reason.into()], diff: None })
    }

    /// Holds when there are no reasons against it.
    pub fn from_reasons(reasons: Vec<String>) -> Self {
        if reasons.is_empty() { Self::Holds } else { Self::Differs(Difference { reasons, diff: None }) }
    }
}

/// How the host differs from what a resource wants. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// In words, one a line.
    pub reasons: Vec<String>,
    /// Text before and after, for a file whose content differs; secrets are masked in both.
    pub diff: Option<(String, String)>,
}

/// Where a running step tells how far it is: percent done and a word on what it does.
#[derive(Clone)]
pub struct Progress(Arc<Report>);

type Report = dyn Fn(f32, &str) + Send + Sync;

impl Progress {
    /// A progress that calls `report` with 0 to 100 and a message.
    pub fn new(report: impl Fn(f32, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    /// A progress that nobody looks at.
    pub fn silent() -> Self {
        Self::new(|_, _| {})
    }

    /// Reports `percent` (0 to 100) and what is being done.
    pub fn report(&self, percent: f32, message: &str) {
        (self.0)(percent, message);
    }
}

/// One thing that can be true of a host.
pub trait Resource: Send + Sync {
    /// A stable name, unique in a plan: `file:/etc/hams/agent.toml`.
    fn id(&self) -> String;

    /// One line for people, in the imperative: "write /etc/hams/agent.toml".
    fn describe(&self) -> String;

    /// Says what differs. Never guesses: a reading that fails is an error, not "absent".
    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>>;

    /// How to take back what `apply` is about to do; asked and recorded in the receipt before it runs.
    /// `None` when there is nothing of ours to take back. Asked once: the first record knows what was there before hams,
    /// unless the resource [adds up](Self::adds_up). Taking back works from the record alone
    /// (`host::revert`), so that a later version can undo what this one did.
    fn undo<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>>;

    /// Makes the difference go away, and only that.
    fn apply<'a>(&'a self, host: &'a Host, progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>>;

    /// Inspects again after `apply`: a difference that is left is a failure.
    fn verify<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        self.inspect(host)
    }

    /// Whether each of its changes comes on top of the earlier ones, so that [`undo`](Self::undo) is asked every time.
    fn adds_up(&self) -> bool {
        false
    }

    /// Ids of the resources whose change makes this one act again (a unit reads its files).
    fn reads(&self) -> Vec<String> {
        Vec::new()
    }
}
