//! What a check is and what it can find.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::measure::{Measure, Quantity};
use crate::host::BoxFuture;

/// How something is doing, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Not asked yet, or the asking itself failed.
    Unknown,
    /// It works, and something about it needs a look.
    Degraded,
    /// It does not work.
    Failing,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// What one run of a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it is.
    pub state: State,
    /// Why, in words; for `ok` what was seen, if that says more.
    pub reason: Option<String>,
    /// What was counted on the way.
    pub measures: Vec<Measure>,
    /// It will be the same after a restart of its component: an expired certificate, a refused key.
    pub is_lasting: bool,
}

impl Outcome {
    /// All is well.
    pub fn ok() -> Self {
        Self::of(State::Ok, None)
    }

    /// All is well, and this was seen.
    pub fn ok_with(seen: impl Into<String>) -> Self {
        Self::of(State::Ok, Some(seen.into()))
    }

    /// It works, but.
    pub fn degraded(reason: impl Into<String>) -> Self {
        Self::of(State::Degraded, Some(reason.into()))
    }

    /// It does not work.
    pub fn failing(reason: impl Into<String>) -> Self {
        Self::of(State::Failing, Some(reason.into()))
    }

    /// Nobody could tell.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::of(State::Unknown, Some(reason.into()))
    }

    /// The same, and this was counted.
    pub fn with(mut self, name: Quantity, of: &str, value: f64) -> Self {
        self.measures.push(Measure { name, of: of.to_owned(), value });
        self
    }

    /// The same, and no restart of the component would change it.
    pub fn lasting(mut self) -> Self {
        self.is_lasting = true;
        self
    }

    fn of(state: State, reason: Option<String>) -> Self {
        Self { state, reason, measures: Vec::new(), is_lasting: false }
    }
}

/// One question to one component.
pub trait Check: Send + Sync {
    /// What people see, unique on a host: "powerdns api", "unit pdns.service".
    fn name(&self) -> &str;

    /// The component that it asks, as hams.toml names it, or "host".
    fn component(&self) -> &str;

    /// The systemd unit that it looks at, if that is what it does.
    fn unit(&self) -> Option<&str> {
        None
    }

    /// The components, or the names of single checks, without which its component cannot be well.
    fn needs(&self) -> &[String] {
        &[]
    }

    /// True where one look proves it: nothing on the way can have got lost.
    fn is_certain(&self) -> bool {
        false
    }

    /// How long the agent waits between two runs.
    fn interval(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// How long one run may take; after that it has failed.
    fn timeout(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Asks once. Use `probe`, which holds the time limit.
    fn run(&self) -> BoxFuture<'_, Outcome>;

    /// Ends when something has happened, so that it should be asked at once.
    fn wake(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// Runs a check within its time limit.
pub async fn probe(check: &dyn Check) -> Outcome {
    match tokio::time::timeout(check.timeout(), check.run()).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::failing(format!("no answer within {} s", check.timeout().as_secs_f32())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Never;

    impl Check for Never {
        fn name(&self) -> &str {
            "never"
        }
        fn component(&self) -> &str {
            "host"
        }
        fn timeout(&self) -> Duration {
            Duration::from_millis(20)
        }
        fn run(&self) -> BoxFuture<'_, Outcome> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_check_without_an_end_has_failed() {
        assert_eq!(probe(&Never).await.state, State::Failing);
    }

    #[test]
    fn worse_is_greater() {
        assert!(
            State::Failing > State::Degraded
                && State::Degraded > State::Unknown
                && State::Unknown > State::Ok
        );
    }
}
