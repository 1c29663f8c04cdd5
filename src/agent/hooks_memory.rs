//! What a hook has been told, across restarts: so that a start tells nothing twice, and what has changed meanwhile.
//!
//! On disk: `webhook-told` and `command-told` in the state folder, format v1, one JSON object.

use std::io;
use std::path::{Path, PathBuf};

use tracing::warn;

use super::hooks_outbox::Told;
use crate::sync::{Condition, LogFile, Opened};

const HEADER: &str = "hams-agent told v1";

/// The file of one hook. Where it cannot be used the hook works on, and a restart tells anew what is not ok.
pub(super) struct ToldFile {
    path: PathBuf,
    file: Option<LogFile>,
}

impl ToldFile {
    /// Opens it, and gives what it has.
    pub(super) fn open(folder: &Path, name: &str) -> (Self, Told) {
        let path = folder.join(name);
        let mut told = Told::default();
        let opened = LogFile::open(&path, HEADER, |line| {
            // One that a newer v1 wrote has more in it, never less.
            if let Ok(read) = serde_json::from_str(line) {
                told = read;
            }
        });
        let file = match opened {
            Ok(Opened::Ready(file, condition)) => {
                if condition == Condition::Damaged {
                    warn!(path = %path.display(), "the file is damaged: a state may be told twice");
                }
                Some(file)
            }
            Ok(Opened::OtherHeader(header)) => {
                warn!(path = %path.display(), header, "the file is of another version of hams: what is not ok is told anew");
                None
            }
            Err(error) => {
                warn!(path = %path.display(), "cannot open the file: {error}; what is not ok is told anew");
                None
            }
        };
        (Self { path, file }, told)
    }

    /// Keeps what has been told.
    pub(super) async fn keep(&mut self, told: &Told) {
        let Some(file) = &mut self.file else { return };
        let written = match serde_json::to_string(told) {
            Ok(line) => file.rewrite([line].into_iter()).await,
            Err(error) => Err(io::Error::other(error)),
        };
        if let Err(error) = written {
            warn!(path = %self.path.display(), "cannot write the file: {error}; after a restart a state may be told twice");
        }
    }
}
