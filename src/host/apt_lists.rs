//! apt's package lists: fetched once in a run, and anew where a power cut may have spoilt them.
//!
//! apt does not sync what it fetches. After a power cut a list can be empty beside a release file that vouches for it, and
//! apt neither reads it nor fetches it again; an empty release file makes every command of apt's fail. So a mark stands
//! from before lists are fetched until they are on the disk.

use super::apt_get::{apt_get, words};
use super::apt_mark::boot;
use super::error::Error;
use super::file::read_if_there;
use super::handle::Host;
use super::paths;
use super::resource::Progress;
use super::write;
use std::path::{Path, PathBuf};

const LISTS: &str = "/var/lib/apt/lists";
/// Held by every apt that fetches.
const LOCK: &str = "lock";

/// In it stands the boot of the machine in which lists were last fetched.
fn mark() -> PathBuf {
    Path::new(paths::STATE).join("apt-lists-under-way")
}

/// Fetches the package lists, once in a run, unless told to do without.
pub async fn update(host: &Host, progress: &Progress) -> Result<(), Error> {
    if host.offline || host.lists.are_new() {
        return Ok(());
    }
    let boot = boot()?;
    let fetched_in = read_if_there(&mark())?;
    if fetched_in.as_deref().is_some_and(|earlier| earlier != boot) {
        remove_all(Path::new(LISTS))?;
    }
    if fetched_in.as_deref() != Some(boot.as_str()) {
        write::private_folder(Path::new(paths::STATE))?;
        write::atomically(&mark(), boot.as_bytes(), write::PRIVATE)?;
    }
    apt_get(host, &words(&["update", "--error-on=any"], []), progress).await?;
    host.lists.set_new(true);
    Ok(())
}

/// All that this machine wrote is on the disk by now.
pub(super) fn settled() -> Result<(), Error> {
    write::remove_if_there(&mark())
}

/// Removes the lists in `folder`, not the folders of apt's in it.
fn remove_all(folder: &Path) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(Error::io("read", &path))?;
        if kind.is_file() && entry.file_name() != LOCK {
            write::remove_if_there(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lists_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["lock", "m.example_dists_trixie_InRelease", "m.example_dists_trixie_main_Packages"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("partial")).unwrap();
        remove_all(folder.path()).unwrap();
        let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, ["lock", "partial"]);
    }
}
