//! How a command ends: its exit code, and the one message that goes with it (the codes: `args::EXIT_STATUS`).

use crate::config::ConfigError;
use crate::host::lock::LockError;
use crate::plan::engine::RunError;
use crate::plan::precheck::Obstacle;
use crate::plan::uninstall::UninstallError;
use crate::stack::NodeError;
use crate::stack::part::PartError;

/// Why a command did not end with 0.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Wrong usage or configuration; nothing was touched.
    #[error("{0}")]
    Usage(String),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Checks before the run; nothing was touched.
    #[error("{}", obstacles(.0))]
    Precheck(Vec<Obstacle>),
    /// Another run is at work; nothing was touched.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The host could not be read; nothing was touched.
    #[error("{0}")]
    Unreadable(String),
    /// The node could not be put together; nothing was touched.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A step failed.
    #[error("{0}\nhint: run the same command again; it goes on where this one stopped")]
    Run(#[from] RunError),
    /// An uninstall came to a halt.
    #[error("{0}\nhint: run the same command again; it goes on where this one stopped")]
    Uninstall(#[from] UninstallError),
    /// The dump before a purge failed, so that nothing was removed.
    #[error("cannot dump the data, so nothing was removed: {0}")]
    Dump(String),
    /// Applied, but not as it should be.
    #[error("the verification found {0} faults")]
    Verify(usize),
    /// `plan` found something to do.
    #[error("{0} changes are pending")]
    Pending(usize),
}

impl Failure {
    /// The exit code (design §2).
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) => 2,
            Self::Node(NodeError::Part(PartError::Host(_))) => 3,
            Self::Node(NodeError::Part(_) | NodeError::Secrets(_)) => 2,
            Self::Node(NodeError::Plan(_)) => 1,
            Self::Precheck(_) | Self::Locked(_) | Self::Unreadable(_) | Self::Node(NodeError::Host(_)) => 3,
            Self::Run(_) | Self::Uninstall(_) | Self::Dump(_) => 4,
            Self::Verify(_) => 5,
            Self::Pending(_) => 10,
        }
    }
}

impl From<crate::host::Error> for Failure {
    fn from(error: crate::host::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

fn obstacles(obstacles: &[Obstacle]) -> String {
    let causes = obstacles.iter().map(|obstacle| obstacle.cause.as_str()).collect::<Vec<_>>().join("\n");
    let mut fixes: Vec<&str> = obstacles.iter().map(|obstacle| obstacle.fix.as_str()).collect();
    fixes.dedup(); // what stands in the way in the same manner is fixed once
    let hints: String = fixes.iter().map(|fix| format!("\nhint: {fix}")).collect();
    format!("{causes}{hints}")
}
