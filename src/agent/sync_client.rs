//! Gives a running agent the order to compare zones, over its control socket.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::client::{ClientError, connect};
use crate::host::cause::last_cause;
use crate::sync::{SyncLine, SyncRequest};

/// What the agent tells while it carries out an order.
#[derive(Debug)]
pub struct SyncLines {
    socket: PathBuf,
    response: reqwest::Response,
    /// What has come of a line that is not whole yet.
    part: Vec<u8>,
    whole: VecDeque<SyncLine>,
}

/// Gives the order to the agent that listens at `socket`.
pub async fn order(socket: &Path, request: &SyncRequest) -> Result<SyncLines, ClientError> {
    let unreachable = |error: reqwest::Error| ClientError::Unreachable {
        socket: socket.to_owned(),
        cause: last_cause(&error),
    };
    // No limit: it takes as long as it takes, and the agent's watchdog ends one that hangs.
    let client = connect(socket).build().map_err(unreachable)?;
    let response = client.post("http://agent/sync").json(request).send().await.map_err(unreachable)?;
    let status = response.status();
    if !status.is_success() {
        let answer = response.json::<Value>().await.unwrap_or_default();
        let words = answer.get("error").and_then(Value::as_str);
        let words = words.map_or_else(|| format!("it answered {status}"), ToOwned::to_owned);
        return Err(ClientError::Refused { socket: socket.to_owned(), words });
    }
    Ok(SyncLines { socket: socket.to_owned(), response, part: Vec::new(), whole: VecDeque::new() })
}

impl SyncLines {
    /// The next line; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<SyncLine>, ClientError> {
        let unusable =
            |socket: &Path, cause: String| ClientError::Answer { socket: socket.to_owned(), cause };
        loop {
            if let Some(line) = self.whole.pop_front() {
                return Ok(Some(line));
            }
            let chunk =
                self.response.chunk().await.map_err(|error| unusable(&self.socket, last_cause(&error)))?;
            match chunk {
                None if self.part.is_empty() => return Ok(None),
                None => return Err(unusable(&self.socket, "it was cut off".into())),
                Some(chunk) => {
                    self.part.extend_from_slice(&chunk);
                    while let Some(end) = self.part.iter().position(|octet| *octet == b'\n') {
                        let line: Vec<u8> = self.part.drain(..=end).collect();
                        let line = serde_json::from_slice(&line)
                            .map_err(|error| unusable(&self.socket, error.to_string()))?;
                        self.whole.push_back(line);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::socket::{Present, listen, serve};
    use super::*;
    use crate::agent::Status;
    use crate::health::Report;
    use crate::sync::{Progress, SyncOrder, SyncProgress, SyncSummary};
    use std::sync::Arc;
    use std::time::SystemTime;
    use tokio::sync::mpsc;

    /// An agent's socket, and where its orders come out.
    fn agent(path: &Path) -> mpsc::Receiver<SyncOrder> {
        let (orders, taken) = mpsc::channel(1);
        let status = Status::new(SystemTime::now(), &Progress::default(), &Report::default());
        let present = Present { status: Arc::new(move || status.clone()), stuck: Arc::new(|| None) };
        tokio::spawn(serve(listen(path).unwrap(), present, orders));
        taken
    }

    fn all() -> SyncRequest {
        SyncRequest { all: true, ..SyncRequest::default() }
    }

    #[tokio::test]
    async fn lines_come_as_they_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let mut taken = agent(&path);
        let mut lines = order(&path, &all()).await.unwrap();
        let order = taken.recv().await.unwrap();
        for read in 1..=300 {
            let progress = SyncLine::Progress(SyncProgress { read, of: 300 });
            order.lines.send(progress.clone()).await.unwrap();
            assert_eq!(lines.next().await.unwrap(), Some(progress), "without waiting for the next one");
        }
        let summary = SyncLine::Summary(SyncSummary { zones: 300, ..SyncSummary::default() });
        order.lines.send(summary.clone()).await.unwrap();
        drop(order);
        assert_eq!(lines.next().await.unwrap(), Some(summary));
        assert_eq!(lines.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn whoever_goes_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let mut taken = agent(&path);
        let lines = order(&path, &all()).await.unwrap();
        let order = taken.recv().await.unwrap();
        drop(lines);
        order.lines.closed().await;
    }

    #[tokio::test]
    async fn refusals_have_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let refused = async |request: &SyncRequest| match order(&path, request).await {
            Err(error) => error.to_string(),
            Ok(_) => panic!("it was taken"),
        };
        assert!(refused(&all()).await.contains("systemctl status hams-agent"));
        let taken = agent(&path);
        let neither = refused(&SyncRequest::default()).await;
        assert!(neither.contains("either one zone or all of them"), "{neither}");
        let _waiting = order(&path, &all()).await.unwrap();
        assert!(refused(&all()).await.contains("another sync is waiting already"));
        drop(taken);
        assert!(refused(&all()).await.contains("the agent is stopping"));
    }
}
