//! `/var/lib/hams/receipt.json`: what hams changed on this host and how to take it back.
//!
//! Its schema has a version of its own. An entry is written before its change is made, the first entry of a resource
//! stays (it knows what was there before hams), and an entry that this version cannot read is kept and reported.

use crate::host::change::Change;
use crate::host::file::read_if_there;
use crate::host::{Error, paths, write};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The schema that this version writes.
const SCHEMA: u32 = 1;

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The resource's id.
    pub id: String,
    /// The component it belonged to.
    pub component: String,
    /// How to take it back; read with [`Entry::change`].
    change: serde_json::Value,
}

impl Entry {
    /// The change, or why this version cannot read it.
    pub fn change(&self) -> Result<Change, serde_json::Error> {
        serde_json::from_value(self.change.clone())
    }
}

/// The receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    schema: u32,
    entries: Vec<Entry>,
    #[serde(skip)]
    path: PathBuf,
}

impl Receipt {
    /// The receipt of this host; an empty one where there is none.
    pub fn load() -> Result<Self, Error> {
        Self::load_from(&Path::new(paths::STATE).join("receipt.json"))
    }

    fn load_from(path: &Path) -> Result<Self, Error> {
        let Some(text) = read_if_there(path)? else {
            return Ok(Self { schema: SCHEMA, entries: Vec::new(), path: path.to_owned() });
        };
        let unreadable =
            |reason: String| Error::Unexpected(format!("cannot read `{}`: {reason}", path.display()));
        let mut receipt: Self = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        if receipt.schema > SCHEMA {
            let reason =
                format!("its schema is {}, newer than this version's {SCHEMA}: update hams", receipt.schema);
            return Err(unreadable(reason));
        }
        receipt.path = path.to_owned();
        Ok(receipt)
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the resource `id` has an entry.
    pub fn knows(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }

    /// Records `change` of the resource `id`, on the disk when this returns. Packages and commands that come later join those
    /// that are there; any other second entry of a resource is dropped, because the first knows what was there before.
    pub fn record(&mut self, component: &str, id: &str, change: &Change) -> Result<(), Error> {
        let merged = match self.entries.iter_mut().find(|entry| entry.id == id) {
            None => {
                self.entries.push(Entry {
                    id: id.into(),
                    component: component.into(),
                    change: to_value(change)?,
                });
                true
            }
            Some(entry) => match join(entry.change().ok(), change) {
                Some(joined) => {
                    entry.change = to_value(&joined)?;
                    true
                }
                None => false,
            },
        };
        if merged { self.save() } else { Ok(()) }
    }

    /// Removes the entry of `id`, on the disk when this returns.
    pub fn forget(&mut self, id: &str) -> Result<(), Error> {
        self.entries.retain(|entry| entry.id != id);
        self.save()
    }

    /// Every package that hams installed.
    pub fn packages(&self) -> Vec<String> {
        let of = |entry: &Entry| match entry.change() {
            Ok(Change::Packages { installed, .. }) => installed,
            _ => Vec::new(),
        };
        self.entries.iter().flat_map(of).collect()
    }

    /// Removes the receipt itself: nothing of hams' is left to take back.
    pub fn remove(self) -> Result<(), Error> {
        write::remove_if_there(&self.path)
    }

    fn save(&self) -> Result<(), Error> {
        let text =
            serde_json::to_string_pretty(self).map_err(|error| Error::Unexpected(error.to_string()))?;
        write::atomically(&self.path, text.as_bytes(), write::PRIVATE)
    }
}

fn to_value(change: &Change) -> Result<serde_json::Value, Error> {
    serde_json::to_value(change).map_err(|error| Error::Unexpected(error.to_string()))
}

fn join(first: Option<Change>, later: &Change) -> Option<Change> {
    match (first?, later) {
        (
            Change::Packages { mut installed, mut accounts, mut data },
            Change::Packages { installed: more, accounts: names, data: folders },
        ) => {
            extend(&mut installed, more);
            extend(&mut accounts, names);
            extend(&mut data, folders);
            Some(Change::Packages { installed, accounts, data })
        }
        // What a later version of hams makes beside it, such as one more user of the broker.
        (
            Change::Undo { package, mut commands, mut data_commands },
            Change::Undo { package: same, commands: more, data_commands: more_data },
        ) if package == *same => {
            extend(&mut commands, more);
            extend(&mut data_commands, more_data);
            Some(Change::Undo { package, commands, data_commands })
        }
        _ => None,
    }
}

fn extend<T: Clone + PartialEq>(list: &mut Vec<T>, more: &[T]) {
    for item in more {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(names: &[&str]) -> Change {
        let installed = names.iter().map(|name| (*name).to_owned()).collect();
        Change::Packages { installed, accounts: Vec::new(), data: Vec::new() }
    }

    #[test]
    fn the_first_entry_of_a_resource_stays_and_packages_join() {
        let path = Path::new("receipt.json");
        let mut receipt = Receipt { schema: SCHEMA, entries: Vec::new(), path: path.to_owned() };
        let entry = |change: &Change| Entry {
            id: "x".into(),
            component: "c".into(),
            change: to_value(change).unwrap(),
        };
        receipt.entries.push(entry(&packages(&["a"])));
        assert_eq!(
            join(receipt.entries[0].change().ok(), &packages(&["a", "b"])),
            Some(packages(&["a", "b"]))
        );
        let undo = |names: &[&str]| {
            let commands = names.iter().map(|name| vec!["delete".to_owned(), (*name).to_owned()]).collect();
            Change::Undo { package: "p".into(), commands, data_commands: vec![] }
        };
        assert_eq!(join(Some(undo(&["a"])), &undo(&["b", "a"])), Some(undo(&["a", "b"])));
        let file = Change::File { path: "/x".into(), before: None };
        assert_eq!(join(Some(file.clone()), &file), None);
        assert_eq!(receipt.packages(), ["a"]);
    }

    #[test]
    fn a_receipt_of_the_first_schema_still_parses() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/receipt-v1.json");
        let receipt = Receipt::load_from(&path).unwrap();
        assert_eq!(receipt.entries().len(), 7);
        let unreadable: Vec<_> = receipt.entries().iter().filter(|entry| entry.change().is_err()).collect();
        assert_eq!(unreadable.len(), 1, "the entry of an unknown kind is kept and reported");
    }
}
