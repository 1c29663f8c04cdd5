//! The code of a daemon under `daemons.source`: whether it is there, and whether none but root can change it.
//!
//! The platform once had code that a service account owned and that root ran. Here root runs none of it, and an account
//! that could write to another one's code would still be that other one: so such code is not started.

use super::root_alone::refusal;
use crate::host::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Lock files with hashes come before plain lists.
const REQUIREMENTS: [&str; 2] = ["requirements.lock", "requirements.txt"];
/// As messages call it.
const WHAT: &str = "the daemon";

/// What is under the folder of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// Nothing of that name.
    Missing,
    /// It may not be run: why, and what to do.
    Refused(String),
    /// It is there.
    There {
        /// The list of packages that it needs, where there is one.
        requirements: Option<PathBuf>,
    },
}

/// Looks at the program `entry` below `source`.
pub fn look(source: &Path, entry: &str) -> Result<Code, Error> {
    let program = source.join(entry);
    let Some(found) = existing(&program)? else { return Ok(Code::Missing) };
    if !found.is_file() {
        return Ok(Code::Refused(format!(
            "{} is no regular file\nhint: put the program itself there",
            program.display()
        )));
    }
    let folder = program.parent().unwrap_or(source);
    for path in source.ancestors().collect::<Vec<_>>().into_iter().rev() {
        if let Some(refusal) = refusal(path, true, WHAT)? {
            return Ok(Code::Refused(refusal));
        }
    }
    // Everything that Python can import: what lies beside the program, and files and packages in the source itself.
    let mut looked_at = Vec::new();
    for path in entries(source)? {
        let is_package = path.join("__init__.py").exists() && !path.is_symlink();
        if is_package {
            tree(&path, &mut looked_at)?;
        }
        if is_package || !path.is_dir() || path.is_symlink() {
            looked_at.push(path);
        }
    }
    let below = folder.strip_prefix(source).unwrap_or(Path::new(""));
    let mut way = source.to_owned();
    for part in below {
        way.push(part);
        looked_at.push(way.clone());
    }
    if folder != source {
        tree(folder, &mut looked_at)?;
    }
    for path in looked_at {
        if let Some(refusal) = refusal(&path, false, WHAT)? {
            return Ok(Code::Refused(refusal));
        }
    }
    let requirements = REQUIREMENTS.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    Ok(Code::There { requirements })
}

fn existing(path: &Path) -> Result<Option<fs::Metadata>, Error> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        all.push(entry.map_err(Error::io("read", folder))?.path());
    }
    all.sort();
    Ok(all)
}

fn tree(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), Error> {
    for path in entries(folder)? {
        let is_folder = path.is_dir() && !path.is_symlink();
        into.push(path.clone());
        if is_folder {
            tree(&path, into)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn code_that_others_can_change_is_refused() {
        if !nix::unistd::geteuid().is_root() {
            return; // files of root are what this is about; tests/daemons shows it on hosts
        }
        let folder = tempfile::tempdir_in("/var/lib").unwrap();
        mode(folder.path(), 0o755);
        let source = folder.path().join("daemons");
        assert_eq!(look(&source, "x/main.py").unwrap(), Code::Missing);
        fs::create_dir_all(source.join("x/lib")).unwrap();
        let (program, library) = (source.join("x/main.py"), source.join("x/lib/a.py"));
        fs::write(&program, "").unwrap();
        fs::write(&library, "").unwrap();
        assert_eq!(look(&source, "x/main.py").unwrap(), Code::There { requirements: None });
        fs::write(source.join("x/requirements.txt"), "").unwrap();
        let Code::There { requirements } = look(&source, "x/main.py").unwrap() else { panic!("there") };
        assert!(requirements.unwrap().ends_with("x/requirements.txt"));
        for (path, wrong, right) in [
            (&library, 0o664, 0o644),
            (&source, 0o777, 0o755),
            (&program, 0o600, 0o644),
            (&source, 0o700, 0o755),
        ] {
            mode(path, wrong);
            let Code::Refused(why) = look(&source, "x/main.py").unwrap() else {
                panic!("{path:?} {wrong:o}")
            };
            assert!(why.contains(&*path.to_string_lossy()) && why.contains("hint: "), "{why}");
            mode(path, right);
        }
        std::os::unix::fs::symlink("/tmp", source.join("x/link")).unwrap();
        assert!(matches!(look(&source, "x/main.py").unwrap(), Code::Refused(_)));
    }
}
