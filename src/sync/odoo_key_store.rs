//! The keys to Odoo that the agent makes, and how far it is with changing one for the next: written before each step, so that
//! after a stop at any moment a key that works is known, and one that was replaced is still revoked.
//!
//! On disk: `odoo-key` in the state folder, format v1, one JSON object, for the agent alone. The key in the operator's file never
//! stands there.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tracing::warn;

use super::log_file::{Condition, LogFile, Opened};
use super::memory::MemoryError;
use super::odoo_keys::OdooKeys;
use super::odoo_stamp::Stamp;
use crate::secrets::Secret;

const FILE: &str = "odoo-key";
const HEADER: &str = "hams-agent odoo-key v1";

/// A key that the agent has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OwnKey {
    /// How Odoo lists it.
    pub(super) name: String,
    #[serde(serialize_with = "exposed", deserialize_with = "hidden")]
    pub(super) key: Secret,
}

/// What is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// The digest of the key in the file that they were made after.
    pub(super) from: String,
    /// In use, instead of the one in the file.
    pub(super) in_use: Option<OwnKey>,
    /// Odoo was asked for one of this name, and its answer is not kept.
    pub(super) asked: Option<String>,
    /// Made, and not yet seen to work.
    pub(super) coming: Option<OwnKey>,
    /// Replaced, and not yet seen to be revoked.
    pub(super) going: Vec<OwnKey>,
    /// The one in the file was replaced, and is not yet seen to be revoked.
    pub(super) is_file_going: bool,
    /// When Odoo was last asked for one, by its own clock.
    pub(super) asked_at: Option<Stamp>,
}

impl Kept {
    /// Another key stands in the file: it wins, and what was made after the one before it is to go.
    pub(super) fn other_file(self, digest: String) -> Self {
        let going = self.going.into_iter().chain(self.coming).chain(self.in_use).collect();
        Self { from: digest, going, asked_at: self.asked_at, asked: self.asked, ..Self::default() }
    }

    /// Odoo knows the one in use no longer, and does know the one in the file.
    pub(super) fn own_is_lost(self) -> Self {
        Self { in_use: None, is_file_going: false, ..self }
    }

    /// What came of asking is not known, and will not be.
    pub(super) fn unanswered(self) -> Self {
        Self { asked: None, ..self }
    }

    /// The one that comes does not work.
    pub(super) fn useless(self) -> Self {
        Self { coming: None, ..self }
    }

    /// Odoo is about to be asked for one.
    pub(super) fn ask(self, name: String, now: SystemTime) -> Self {
        Self { asked: Some(name), asked_at: Some(now.into()), ..self }
    }

    /// Odoo has made it.
    pub(super) fn made(self, key: Secret) -> Self {
        let coming = self.asked.map(|name| OwnKey { name, key });
        Self { asked: None, coming, ..self }
    }

    /// The one that comes works: it takes the place of the one in use.
    pub(super) fn changed(mut self) -> Self {
        let Some(coming) = self.coming.take() else { return self };
        match self.in_use.replace(coming) {
            Some(before) => self.going.push(before),
            None => self.is_file_going = true,
        }
        self
    }

    /// Odoo knows this one no longer.
    pub(super) fn gone(mut self, key: &OwnKey) -> Self {
        self.going.retain(|going| going != key);
        self
    }

    /// Nor the one in the file.
    pub(super) fn file_is_gone(self) -> Self {
        Self { is_file_going: false, ..self }
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct KeyStore {
    path: PathBuf,
    file: LogFile,
    kept: Kept,
    keys: OdooKeys,
}

impl KeyStore {
    /// Opens it in `folder`, which this agent alone has; `keys` get what is in use.
    pub(super) fn open(folder: &Path, keys: OdooKeys) -> Result<Self, MemoryError> {
        let path = folder.join(FILE);
        let mut kept = Kept::default();
        let opened = LogFile::open(&path, HEADER, |line| {
            // One that a newer v1 wrote has more in it, never less.
            if let Ok(read) = serde_json::from_str(line) {
                kept = read;
            }
        });
        let io = |source| MemoryError::Io { action: "open", path: path.clone(), source };
        let file = match opened.map_err(io)? {
            Opened::Ready(file, condition) => {
                if condition == Condition::Damaged {
                    warn!(path = %path.display(), "the file is damaged: a key that stood there may be lost");
                }
                file
            }
            Opened::OtherHeader(header) => return Err(MemoryError::Format { path, header, reads: HEADER }),
        };
        let store = Self { path, file, kept, keys };
        store.share();
        Ok(store)
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Makes what becomes of it durable; only then it counts.
    pub(super) async fn step(&mut self, step: impl FnOnce(Kept) -> Kept) -> Result<(), MemoryError> {
        self.keep(step(self.kept.clone())).await
    }

    /// Makes it durable; only then it counts.
    pub(super) async fn keep(&mut self, kept: Kept) -> Result<(), MemoryError> {
        let io = |source| MemoryError::Io { action: "write", path: self.path.clone(), source };
        let line = serde_json::to_string(&kept).map_err(|error| io(io::Error::other(error)))?;
        self.file.rewrite([line].into_iter()).await.map_err(io)?;
        self.kept = kept;
        self.share();
        Ok(())
    }

    /// The one in use counts as one that Odoo knows.
    pub(super) fn share(&self) {
        let own = self.kept.in_use.as_ref();
        self.keys.set_own(own.map(|own| (own.key.clone(), self.kept.from.clone())));
    }
}

fn exposed<S: Serializer>(key: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.expose())
}

fn hidden<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::odoo_keys::digest;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    fn own(name: &str) -> OwnKey {
        OwnKey { name: name.into(), key: Secret::new(format!("key-{name}")) }
    }

    fn next(kept: Kept, name: &str) -> Kept {
        kept.ask(name.into(), SystemTime::UNIX_EPOCH + Duration::from_secs(86_400)).made(own(name).key)
    }

    #[test]
    fn one_key_after_the_other() {
        let start = Kept::default().other_file("digest".into());
        let coming = next(start, "a");
        assert_eq!((&coming.coming, &coming.in_use, &coming.asked), (&Some(own("a")), &None, &None));
        assert_eq!(coming.asked_at, Some(Stamp::try_from("1970-01-02 00:00:00".to_owned()).unwrap()));
        let changed = coming.changed();
        assert_eq!((&changed.in_use, changed.is_file_going), (&Some(own("a")), true));
        let again = next(changed.file_is_gone(), "b").changed();
        assert_eq!(
            (&again.in_use, &again.going, again.is_file_going),
            (&Some(own("b")), &vec![own("a")], false)
        );
        let settled = again.clone().gone(&own("a"));
        assert!(settled.going.is_empty());
        // Another one in the file: all that were made are to go, and the day's one was made.
        let other = next(again, "c").other_file("other".into());
        assert_eq!(other.going, [own("a"), own("c"), own("b")]);
        assert!(other.in_use.is_none() && other.coming.is_none() && other.asked_at.is_some());
        assert_eq!(settled.clone().own_is_lost().in_use, None);
        let asked = settled.clone().ask("d".into(), SystemTime::now());
        assert_eq!(
            (asked.clone().unanswered().asked, asked.clone().made(own("d").key).useless().coming),
            (None, None)
        );
        assert_eq!(settled.clone().changed(), settled, "nothing has come");
    }

    #[tokio::test]
    async fn what_is_kept_is_there_after_a_stop_and_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "first").unwrap();
        let first = digest(&Secret::new("first"));
        let keys = OdooKeys::new(file.clone());
        let mut store = KeyStore::open(folder.path(), keys.clone()).unwrap();
        assert_eq!(store.kept(), &Kept::default());
        let kept = next(Kept::default().other_file(first), "a").changed();
        store.keep(kept.clone()).await.unwrap();
        assert_eq!(keys.in_order().unwrap(), [own("a").key, Secret::new("first")]);
        let path = folder.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("key-a") && !text.contains("first"), "{text}");
        assert!(!format!("{store:?}").contains("key-a"));
        let keys = OdooKeys::new(file);
        assert_eq!(KeyStore::open(folder.path(), keys.clone()).unwrap().kept(), &kept);
        assert_eq!(keys.in_order().unwrap().len(), 2);
        std::fs::write(&path, "hams-agent odoo-key v2\n").unwrap();
        let error = KeyStore::open(folder.path(), keys).unwrap_err().to_string();
        assert!(error.contains("v2") && error.contains(HEADER), "{error}");
    }

    #[test]
    fn the_file_of_the_first_version_is_read() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agent-odoo-key-v1");
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(fixture, folder.path().join(FILE)).unwrap();
        let store = KeyStore::open(folder.path(), OdooKeys::new("/nonexistent".into())).unwrap();
        let kept = store.kept();
        assert_eq!(kept.in_use.as_ref().unwrap().key.expose(), "00112233445566778899aabbccddeeff00112233");
        assert_eq!((kept.going.len(), kept.is_file_going), (1, true));
        assert!(kept.asked_at.is_some() && kept.asked.is_none() && kept.coming.is_none());
    }
}
