//! A file with its content, owner and mode. A second run of the same content touches nothing.

use super::account;
use super::change::{Backup, Change};
use super::error::Error;
use super::handle::Host;
use super::resource::{BoxFuture, Difference, Finding, Progress, Resource};
use super::write::{self, Access};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How much of a file's content people may see in a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// All of it.
    Open,
    /// All but what follows one of these words on a line.
    Masked(&'static [&'static str]),
    /// Nothing: the content is a secret.
    Secret,
}

/// What becomes of a file at `hams-install uninstall`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Configuration: removed.
    Configuration,
    /// Data: kept until `--purge-data`.
    Data,
}

/// A file that must be there, to the byte.
#[derive(Clone)]
pub struct File {
    path: PathBuf,
    content: Vec<u8>,
    owner: String,
    group: String,
    mode: u32,
    visibility: Visibility,
    kind: Kind,
    keep_existing: bool,
}

impl File {
    /// `content` at `path`, root:root 0644, open to read.
    pub fn new(path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            content: content.into(),
            owner: "root".into(),
            group: "root".into(),
            mode: 0o644,
            visibility: Visibility::Open,
            kind: Kind::Configuration,
            keep_existing: false,
        }
    }

    /// Owner, group and mode.
    pub fn access(mut self, owner: &str, group: &str, mode: u32) -> Self {
        (self.owner, self.group, self.mode) = (owner.into(), group.into(), mode);
        self
    }

    /// What a diff may show.
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = visibility;
        self
    }

    /// Data stays on the host until it is asked to go.
    pub fn data(mut self) -> Self {
        self.kind = Kind::Data;
        self
    }

    /// Written when it is missing, never changed when it is there: the operator's own file.
    pub fn keep_existing(mut self) -> Self {
        self.keep_existing = true;
        self
    }

    /// The id of the file at `path`.
    pub fn id_of(path: &str) -> String {
        format!("file:{path}")
    }

    fn wanted(&self) -> Result<Access, String> {
        let missing = |what: &str, name: &str| format!("its {what} `{name}` does not exist yet");
        let user = account::find_user(&self.owner).map_err(|error| error.to_string())?;
        let group = account::find_group(&self.group).map_err(|error| error.to_string())?;
        Ok(Access {
            uid: user.ok_or_else(|| missing("owner", &self.owner))?.uid.as_raw(),
            gid: group.ok_or_else(|| missing("group", &self.group))?.gid.as_raw(),
            mode: self.mode,
        })
    }

    fn look(&self) -> Result<Finding, Error> {
        let Some(found) = existing(&self.path)? else {
            return Ok(Finding::Differs(Difference {
                reasons: vec!["it is not there".into()],
                diff: self.shown(&[]),
            }));
        };
        if self.keep_existing {
            return Ok(Finding::Holds);
        }
        if !found.is_file() {
            let what = if found.is_dir() { "a folder" } else { "no regular file" };
            return Err(Error::Unexpected(format!(
                "`{}` is {what}: move it away and run again",
                self.path.display()
            )));
        }
        let mut reasons = Vec::new();
        let content = fs::read(&self.path).map_err(Error::io("read", &self.path))?;
        let mut diff = None;
        if content != self.content {
            reasons.push("its content differs".into());
            diff = self.shown(&content);
        }
        match self.wanted() {
            Err(reason) => reasons.push(reason),
            Ok(wanted) => {
                if (found.uid(), found.gid()) != (wanted.uid, wanted.gid) {
                    reasons.push(format!("its owner is not {}:{}", self.owner, self.group));
                }
                if found.mode() & 0o7777 != wanted.mode {
                    reasons.push(format!(
                        "its mode is {:04o}, not {:04o}",
                        found.mode() & 0o7777,
                        wanted.mode
                    ));
                }
            }
        }
        Ok(if reasons.is_empty() { Finding::Holds } else { Finding::Differs(Difference { reasons, diff }) })
    }

    fn shown(&self, before: &[u8]) -> Option<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self.visibility {
            Visibility::Secret => None,
            Visibility::Open => Some((text(before), text(&self.content))),
            Visibility::Masked(words) => {
                let (before, wanted) = (text(before), text(&self.content));
                Some((mask(&before, words, Some(&wanted)), mask(&wanted, words, None)))
            }
        }
    }
}

impl Resource for File {
    fn id(&self) -> String {
        Self::id_of(&self.path.to_string_lossy())
    }

    fn describe(&self) -> String {
        format!("write {} ({}:{} {:04o})", self.path.display(), self.owner, self.group, self.mode)
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async { self.look() })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            let path = self.path.clone();
            Ok(match (self.kind, existing(&self.path)?) {
                (Kind::Data, Some(_)) => None,
                (Kind::Data, None) => Some(Change::Data { paths: vec![path] }),
                (Kind::Configuration, None) => Some(Change::File { path, before: None }),
                (Kind::Configuration, Some(found)) => {
                    let before = Some(Backup::take(&self.path, &found)?);
                    Some(Change::File { path, before })
                }
            })
        })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let access = self.wanted().map_err(|reason| {
                Error::Unexpected(format!("cannot write `{}`: {reason}", self.path.display()))
            })?;
            write::atomically(&self.path, &self.content, access)
        })
    }
}

/// What is at `path`, without following a link; `None` only when there is nothing.
pub fn existing(path: &Path) -> Result<Option<fs::Metadata>, Error> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// The text of the file at `path`; `None` only when there is none.
pub fn read_if_there(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Removes what is at `path`, a folder with all that is in it; nothing there is fine.
pub fn remove_all(path: &Path) -> Result<(), Error> {
    match existing(path)? {
        None => Ok(()),
        Some(found) if found.is_dir() => fs::remove_dir_all(path).map_err(Error::io("remove", path)),
        Some(_) => write::remove_if_there(path),
    }
}

/// Hides what follows one of `words` on a line; a hidden value that is not in `wanted` is said to be another one, so that
/// a diff shows it.
fn mask(text: &str, words: &[&str], wanted: Option<&str>) -> String {
    let masked = |line: &str| {
        let end = words.iter().filter_map(|word| line.find(word).map(|at| at + word.len())).min();
        let is_known = wanted.is_none_or(|wanted| wanted.lines().any(|known| known == line));
        let mask = if is_known { "***" } else { "*** (another value)" };
        end.map_or_else(|| line.to_owned(), |end| format!("{}{mask}", &line[..end]))
    };
    text.lines().map(|line| masked(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_what_follows_the_word() {
        let mask_key = |wanted| mask("api=yes\napi-key=$scrypt$x\n", &["api-key="], wanted);
        assert_eq!(mask_key(None), "api=yes\napi-key=***\n");
        assert_eq!(mask_key(Some("api-key=$scrypt$x\n")), "api=yes\napi-key=***\n");
        assert_eq!(mask_key(Some("api-key=$scrypt$y\n")), "api=yes\napi-key=*** (another value)\n");
        let hash = mask("\"password_hash\": \"abc\",", &["password_hash\": "], None);
        assert_eq!(hash, "\"password_hash\": ***\n");
    }

    #[tokio::test]
    async fn says_what_differs_and_then_that_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.conf");
        let host = Host::new(std::time::Duration::ZERO, true);
        let own = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap();
        let group = nix::unistd::Group::from_gid(nix::unistd::getgid()).unwrap().unwrap();
        let file = File::new(&path, "x = 1\n").access(&own.name, &group.name, 0o600);
        let Finding::Differs(difference) = file.inspect(&host).await.unwrap() else {
            panic!("missing file holds")
        };
        assert_eq!(difference.reasons, ["it is not there"]);
        file.apply(&host, &Progress::silent()).await.unwrap();
        assert_eq!(file.verify(&host).await.unwrap(), Finding::Holds);
        fs::write(&path, "x = 2\n").unwrap();
        let Finding::Differs(difference) = file.inspect(&host).await.unwrap() else {
            panic!("edited file holds")
        };
        assert_eq!(difference.diff, Some(("x = 2\n".into(), "x = 1\n".into())));
    }
}
