//! Taking a whole install back: the receipt's entries, last first, each forgotten once it is undone.

use super::journal::{Edge, Journal};
use super::receipt::Receipt;
use crate::host::apt_mark::Mark;
use crate::host::revert::{self, Scope};
use crate::host::{Error, Host, Progress, fresh, paths, write};
use std::path::Path;

/// What an uninstall left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Left {
    /// What stays on the host, in words; asked for or not empty.
    pub kept: Vec<String>,
    /// Entries that this version cannot read: ids.
    pub unreadable: Vec<String>,
}

/// An entry that could not be taken back; what was undone before it is forgotten, so that a second try goes on there.
#[derive(Debug, thiserror::Error)]
#[error("cannot take back {id}: {source}")]
pub struct UninstallError {
    /// The resource's id.
    pub id: String,
    /// Why.
    #[source]
    pub source: Error,
}

/// Takes back all that the receipt knows. `tell` is given each id as its turn comes.
pub async fn run(
    mut receipt: Receipt,
    mut journal: Journal,
    scope: Scope,
    host: &Host,
    progress: &Progress,
    tell: impl Fn(&str),
) -> Result<Left, UninstallError> {
    let mut left = Left::default();
    let installed = receipt.packages();
    for entry in receipt.entries().to_vec().into_iter().rev() {
        tell(&entry.id);
        let failed = |source| UninstallError { id: entry.id.clone(), source };
        let Ok(change) = entry.change() else {
            left.unreadable.push(entry.id.clone());
            continue;
        };
        journal.write(Edge::Begin, Some(&entry.id)).map_err(failed)?;
        let kept = revert::revert(&change, &installed, scope, host, progress).await.map_err(failed)?;
        if kept.is_empty() {
            receipt.forget(&entry.id).map_err(failed)?;
        }
        left.kept.extend(kept);
        journal.write(Edge::Done, Some(&entry.id)).map_err(failed)?;
    }
    let failed = |source| UninstallError { id: "the rest of the receipt".into(), source };
    host.systemd().await.map_err(failed)?.reload().await.map_err(failed)?;
    journal.write(Edge::End, None).map_err(failed)?;
    if receipt.entries().is_empty() {
        receipt.remove().map_err(failed)?;
        drop(journal);
        forget_state().map_err(failed)?;
    } else {
        left.kept.push(format!("{} (what it takes to remove the rest later)", paths::STATE));
    }
    Ok(left)
}

/// The installer's own state, once there is nothing left that it describes.
fn forget_state() -> Result<(), Error> {
    write::remove_if_there(&Path::new(paths::STATE).join("journal"))?;
    Mark::clear()?;
    fresh::forget_all()?;
    for folder in [paths::UNIT_STAMPS, paths::BACKUPS] {
        match std::fs::remove_dir(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", folder.as_ref())(error));
            }
            _ => {}
        }
    }
    Ok(())
}
