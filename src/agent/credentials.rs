//! The credentials that systemd hands over (`LoadCredential=`): one secret a file.

use std::io;
use std::path::{Path, PathBuf};

use crate::secrets::Secret;

/// A credential cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It cannot be read.
    #[error("cannot read the credential {path}: {source}\n\nhint: `sudo hams-install` writes it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What came of it.
        source: io::Error,
    },
    /// It is not for who runs this.
    #[error("cannot read the credential {0}: only root may\n\nhint: run it with sudo")]
    Denied(PathBuf),
    /// There is nothing in it.
    #[error("the credential {0} is empty\n\nhint: `sudo hams-install` writes it anew")]
    Empty(PathBuf),
}

/// Reads one credential; a line break at its end is none of it.
pub(super) fn read(folder: &Path, name: &str) -> Result<Secret, CredentialError> {
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path)
        .map_err(|source| CredentialError::Read { path: path.clone(), source })?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(CredentialError::Empty(path)),
        secret => Ok(Secret::new(secret)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_is_no_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "s3cret\n").unwrap();
        std::fs::write(folder.path().join("none"), "\n").unwrap();
        assert_eq!(read(folder.path(), "key").unwrap().expose(), "s3cret");
        assert!(matches!(read(folder.path(), "none"), Err(CredentialError::Empty(_))));
        assert!(matches!(read(folder.path(), "gone"), Err(CredentialError::Read { .. })));
    }
}
