//! Atomic files: a temporary name in the same folder, owner and mode before content, fsync, rename, fsync of the folder.

use super::error::Error;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Owner, group and mode of a file or folder, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// root alone, read and write.
pub const PRIVATE: Access = Access { uid: 0, gid: 0, mode: 0o600 };

/// Puts `content` at `path` in one step: a reader sees the old file or the new one, whole.
pub fn atomically(path: &Path, content: &[u8], access: Access) -> Result<(), Error> {
    let temporary = temporary(path)?;
    remove_if_there(&temporary)?;
    let written = fill(&temporary, content, access).and_then(|()| {
        fs::rename(&temporary, path).map_err(Error::io("rename to", path))?;
        sync_folder(path)
    });
    if written.is_err() {
        remove_if_there(&temporary)?;
    }
    written
}

/// A new, empty file at `path` for root alone, to be filled by somebody else.
pub fn private_file(path: &Path) -> Result<fs::File, Error> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(Error::io("create", path))
}

/// Makes the folder `path` and its parents where they are missing, for root alone.
pub fn private_folder(path: &Path) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(Error::io("create", path))
}

/// Removes a file; one that is not there is fine.
pub fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes the names in `path`'s folder durable.
pub fn sync_folder(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let opened = fs::File::open(folder).map_err(Error::io("open", folder))?;
    opened.sync_all().map_err(Error::io("sync", folder))
}

fn temporary(path: &Path) -> Result<PathBuf, Error> {
    let name =
        path.file_name().ok_or_else(|| Error::Unexpected(format!("`{}` names no file", path.display())))?;
    Ok(path.with_file_name(format!(".{}.hams-new", name.to_string_lossy())))
}

fn fill(path: &Path, content: &[u8], access: Access) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("create", path))?;
    std::os::unix::fs::fchown(&file, Some(access.uid), Some(access.gid)).map_err(Error::io("chown", path))?;
    file.set_permissions(Permissions::from_mode(access.mode)).map_err(Error::io("chmod", path))?;
    file.write_all(content).map_err(Error::io("write", path))?;
    file.sync_all().map_err(Error::io("sync", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn replaces_content_and_mode_and_leaves_no_other_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let own = fs::metadata(folder.path()).unwrap();
        let access = Access { uid: own.uid(), gid: own.gid(), mode: 0o640 };
        fs::write(folder.path().join(".file.hams-new"), "left by a crash").unwrap();
        atomically(&path, b"one", access).unwrap();
        atomically(&path, b"two", access).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
