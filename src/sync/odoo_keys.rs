//! The keys to Odoo that are there: the one in the operator's file, and the one that the agent has made after it. All who call
//! Odoo share them, so that a new one is theirs at once.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::odoo_key::{self, KeyError};
use crate::secrets::Secret;

/// The keys; clones share what is known.
#[derive(Debug, Clone)]
pub(super) struct OdooKeys {
    file: PathBuf,
    own: Arc<Mutex<Option<Own>>>,
}

#[derive(Debug)]
struct Own {
    key: Secret,
    /// The digest of the key in the file that it was made after.
    from: String,
    /// Odoo knows it no longer.
    is_refused: bool,
}

impl OdooKeys {
    /// The key of this file alone.
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, own: Arc::default() }
    }

    /// The key of the file, read anew.
    pub(super) fn of_file(&self) -> Result<Secret, KeyError> {
        odoo_key::read(&self.file)
    }

    /// Those that may be used, the first one first. Without one in the file there is none; another one there than the agent's
    /// own was made after is the only one.
    pub(super) fn in_order(&self) -> Result<Vec<Secret>, KeyError> {
        let file = self.of_file()?;
        let own = self.own();
        let own = own.as_ref().filter(|own| own.from == digest(&file));
        Ok(match own {
            None => vec![file],
            Some(own) if own.is_refused => vec![file, own.key.clone()],
            Some(own) => vec![own.key.clone(), file],
        })
    }

    /// From now on the agent's own key is this one, made after the one of the file with that digest.
    pub(super) fn set_own(&self, own: Option<(Secret, String)>) {
        *self.own() = own.map(|(key, from)| Own { key, from, is_refused: false });
    }

    /// Odoo refuses this key.
    pub(super) fn refuse(&self, key: &Secret) {
        if let Some(own) = self.own().as_mut().filter(|own| own.key == *key) {
            own.is_refused = true;
        }
    }

    /// Whether Odoo has refused the agent's own key.
    pub(super) fn is_own_refused(&self) -> bool {
        self.own().as_ref().is_some_and(|own| own.is_refused)
    }

    fn own(&self) -> MutexGuard<'_, Option<Own>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered of a key that is somebody else's: it tells whether another stands there. A key has 160 random bits, so
/// that nobody finds it by its digest.
pub(super) fn digest(key: &Secret) -> String {
    Sha256::digest(key.expose().as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_key_in_the_file_wins() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let keys = OdooKeys::new(file.clone());
        let order = |keys: &OdooKeys| -> Vec<String> {
            keys.in_order().unwrap().iter().map(|key| key.expose().to_owned()).collect()
        };
        assert!(keys.in_order().is_err());
        std::fs::write(&file, "first").unwrap();
        assert_eq!(order(&keys), ["first"]);
        let shared = keys.clone();
        shared.set_own(Some((Secret::new("own"), digest(&Secret::new("first")))));
        assert_eq!(order(&keys), ["own", "first"]);
        keys.refuse(&Secret::new("first"));
        assert!(!keys.is_own_refused());
        keys.refuse(&Secret::new("own"));
        assert!(shared.is_own_refused());
        assert_eq!(order(&shared), ["first", "own"]);
        std::fs::write(&file, "second").unwrap();
        assert_eq!(order(&keys), ["second"]);
        std::fs::write(&file, "#none").unwrap();
        assert!(keys.in_order().is_err());
        std::fs::write(&file, "first").unwrap();
        keys.set_own(None);
        assert_eq!(order(&keys), ["first"]);
    }
}
