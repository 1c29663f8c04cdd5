//! Asks a running agent over its control socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::status::Status;
use crate::host::cause::last_cause;

/// No answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers at the socket.
    #[error(
        "cannot ask the agent at {socket}: {cause}\n\nhint: `systemctl status hams-agent` tells whether it runs; the socket is for root and the group hams-agent"
    )]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What came of it.
        cause: String,
    },
    /// It answers something else.
    #[error("the agent's answer at {socket} cannot be read: {cause}")]
    Answer {
        /// The socket.
        socket: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// It will not.
    #[error("the agent at {socket} does not take the order: {words}")]
    Refused {
        /// The socket.
        socket: PathBuf,
        /// Its words.
        words: String,
    },
}

/// A client of whoever listens at `socket`.
pub(super) fn connect(socket: &Path) -> reqwest::ClientBuilder {
    reqwest::Client::builder().unix_socket(socket).no_proxy()
}

/// The status of the agent that listens at `socket`.
pub async fn fetch(socket: &Path) -> Result<Status, ClientError> {
    let unreachable = |error: reqwest::Error| ClientError::Unreachable {
        socket: socket.to_owned(),
        cause: last_cause(&error),
    };
    let client = connect(socket).timeout(Duration::from_secs(5)).build().map_err(unreachable)?;
    let answer = client.get("http://agent/status").send().await.map_err(unreachable)?;
    let answer = answer.error_for_status().map_err(unreachable)?;
    let answer_error =
        |error: reqwest::Error| ClientError::Answer { socket: socket.to_owned(), cause: error.to_string() };
    answer.json().await.map_err(answer_error)
}

#[cfg(test)]
mod tests {
    use super::super::socket::{Present, listen, serve};
    use super::*;
    use crate::health::Report;
    use crate::sync::Progress;
    use std::sync::Arc;
    use std::time::SystemTime;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn the_status_comes_over_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        assert!(matches!(fetch(&path).await, Err(ClientError::Unreachable { .. })));
        drop(listen(&path).unwrap());
        let listener = listen(&path).unwrap();
        let status = Status::new(SystemTime::now(), &Progress::default(), &Report::default());
        let present = status.clone();
        let present = Present { status: Arc::new(move || present.clone()), stuck: Arc::new(|| None) };
        let server = tokio::spawn(serve(listener, present, mpsc::channel(1).0));
        assert_eq!(fetch(&path).await.unwrap(), status);
        server.abort();
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        std::fs::write(&path, "mine").unwrap();
        assert!(listen(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
