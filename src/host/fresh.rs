//! Folders that were not there before hams' packages, and whose service has not yet come up once: what lies in them
//! nobody has asked to keep. `/var/lib/hams/fresh`, a folder a line.
//!
//! Some services do not survive a power cut in their very first start: they leave a database that they will never open
//! again. Only a folder that stands here may be emptied for that.

use super::error::Error;
use super::file::{existing, read_if_there};
use super::paths;
use super::write;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Records those of `folders` that are not there yet; on the disk when this returns.
pub fn record(folders: &[PathBuf]) -> Result<(), Error> {
    let mut all = read()?;
    for folder in folders {
        if existing(folder)?.is_none() {
            all.insert(folder.to_string_lossy().into_owned());
        }
    }
    save(&all)
}

/// Whether `folder` is such a one.
pub fn contains(folder: &Path) -> Result<bool, Error> {
    Ok(read()?.contains(&*folder.to_string_lossy()))
}

/// From now on what is in `folder` counts.
pub fn forget(folder: &Path) -> Result<(), Error> {
    let mut all = read()?;
    if all.remove(&*folder.to_string_lossy()) { save(&all) } else { Ok(()) }
}

/// From now on what is in any folder counts.
pub fn forget_all() -> Result<(), Error> {
    save(&BTreeSet::new())
}

fn path() -> PathBuf {
    Path::new(paths::STATE).join("fresh")
}

fn read() -> Result<BTreeSet<String>, Error> {
    let text = read_if_there(&path())?.unwrap_or_default();
    Ok(text.lines().map(str::to_owned).collect())
}

fn save(folders: &BTreeSet<String>) -> Result<(), Error> {
    if folders.is_empty() {
        write::remove_if_there(&path())?;
        return write::sync_folder(&path());
    }
    let text: String = folders.iter().flat_map(|folder| [folder, "\n"]).collect();
    write::private_folder(Path::new(paths::STATE))?;
    write::atomically(&path(), text.as_bytes(), write::PRIVATE)
}
