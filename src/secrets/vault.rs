//! The vault's text: assignments between lines that are kept as they are.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::secrets::admin_password::{Fault, check_hash};
use crate::secrets::error::SecretsError;
use crate::secrets::generate;
use crate::secrets::known::{self, KNOWN, SpecKind};
use crate::secrets::line::{Line, is_name, parse, quoted};
use crate::secrets::secret::Secret;

const HEADER: &str = "# The secrets of this node. Read by root and by hams-install, by nobody else.\n\
                      # `hams-install secrets rotate NAME` makes a new value.\n";

/// Every secret of a node, with the comments and the order of the file.
#[derive(Clone)]
pub struct Vault {
    file: PathBuf,
    entries: Vec<Entry>,
}

/// A line as it stands in the file, and what it assigns.
#[derive(Clone)]
struct Entry {
    raw: String,
    assignment: Option<(String, Secret)>,
}

impl Entry {
    fn other(raw: &str) -> Self {
        Self { raw: raw.to_owned(), assignment: None }
    }

    fn new(name: &str, value: Secret) -> Self {
        let raw = format!("{name}={}", quoted(value.expose()));
        Self { raw, assignment: Some((name.to_owned(), value)) }
    }
}

impl Vault {
    /// Reads the vault's text; `path` is only named in messages. A missing vault is an empty text.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SecretsError> {
        let mut vault = Self { file: path.to_owned(), entries: Vec::new() };
        for (index, raw) in text.lines().enumerate() {
            let refuse = |problem: String, fix: String| SecretsError::Line {
                file: path.to_owned(),
                line: index + 1,
                problem,
                fix,
            };
            let entry = match parse(raw).map_err(|(problem, fix)| refuse(problem, fix))? {
                Line::Other => Entry::other(raw),
                Line::Assignment { name, value } => {
                    if vault.get(&name).is_some() {
                        let fix = "keep one of the two lines";
                        return Err(refuse(format!("`{name}` is set a second time"), fix.into()));
                    }
                    check(&name, &value)
                        .map_err(|(problem, fix)| refuse(format!("`{name}` {problem}"), fix.into()))?;
                    Entry { raw: raw.to_owned(), assignment: Some((name, value)) }
                }
            };
            vault.entries.push(entry);
        }
        Ok(vault)
    }

    /// The text to write: lines that were not changed are those that were read.
    pub fn render(&self) -> String {
        self.entries.iter().flat_map(|entry| [entry.raw.as_str(), "\n"]).collect()
    }

    /// The value of that name; an empty one too.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.assignments().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of that name, where doing without it is an error. A name that is neither set nor known
    /// is told apart from one whose value is still to be made, and from one that is still to be given.
    pub fn require(&self, name: &str) -> Result<&Secret, SecretsError> {
        let (file, name) = (self.file.clone(), name.to_owned());
        match (self.get(&name), known::find(&name).map(|spec| spec.kind)) {
            (Some(value), _) if !value.is_empty() => Ok(value),
            (None, None) => Err(SecretsError::Unknown { hint: known::hint(&name), name }),
            (_, Some(SpecKind::GivenHash { command })) => Err(SecretsError::NotGiven { file, name, command }),
            _ => Err(SecretsError::Missing { file, name }),
        }
    }

    /// The salt of the secret `name`, from its twin `NAME_SALT`.
    pub fn salt<const N: usize>(&self, name: &str) -> Result<[u8; N], SecretsError> {
        let twin = format!("{name}_SALT");
        let missing = || SecretsError::Missing { file: self.file.clone(), name: twin.clone() };
        let bytes = bytes(self.require(&twin)?.expose()).ok_or_else(missing)?;
        bytes.try_into().map_err(|_| missing())
    }

    /// Sets a value, in its line or at the end.
    pub fn set(&mut self, name: &str, value: Secret) -> Result<(), SecretsError> {
        if !is_name(name) {
            return Err(SecretsError::Name { name: name.to_owned() });
        }
        if value.expose().chars().any(char::is_control) {
            let problem = "has a line break or another control character in it";
            let fix = "give a value of one line";
            return Err(SecretsError::Value { name: name.to_owned(), problem, fix });
        }
        check(name, &value).map_err(|(problem, fix)| SecretsError::Value {
            name: name.to_owned(),
            problem,
            fix,
        })?;
        let entry = Entry::new(name, value);
        let is_it = |entry: &&mut Entry| entry.assignment.as_ref().is_some_and(|(known, _)| known == name);
        match self.entries.iter_mut().find(is_it) {
            Some(line) => *line = entry,
            None => {
                self.announce(name);
                self.entries.push(entry);
            }
        }
        Ok(())
    }

    /// The lines before a new secret: what the file is, where it is still empty, and what a known secret opens.
    fn announce(&mut self, name: &str) {
        if self.entries.is_empty() {
            self.entries.extend(HEADER.lines().map(Entry::other));
        }
        if let Some(spec) = known::find(name).filter(|spec| !spec.is_salt()) {
            self.entries.push(Entry::other(""));
            self.entries.push(Entry::other(&format!("# {}. Read by {}.", spec.doc, spec.used_by)));
        }
    }

    /// The names that are set, in the order of the file.
    pub fn names(&self) -> Vec<&str> {
        self.assignments().map(|(name, _)| name).collect()
    }

    /// Every name with its value, in the order of the file.
    pub(super) fn assignments(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.entries
            .iter()
            .filter_map(|entry| entry.assignment.as_ref().map(|(name, value)| (name.as_str(), value)))
    }

    /// Makes every known secret that is absent or empty and that hams can make; returns their names.
    pub fn generate_missing(&mut self) -> Result<Vec<&'static str>, SecretsError> {
        let mut made = Vec::new();
        for spec in KNOWN {
            if self.get(spec.name).is_some_and(|value| !value.is_empty()) {
                continue;
            }
            let value = match spec.kind {
                SpecKind::Password => generate::password()?,
                SpecKind::Salt { bytes, .. } => generate::salt(bytes)?,
                SpecKind::GivenHash { .. } => continue,
            };
            self.set(spec.name, value)?;
            made.push(spec.name);
        }
        Ok(made)
    }

    /// Makes a new value, and a new salt with it.
    pub fn rotate(&mut self, name: &str) -> Result<(), SecretsError> {
        let Some(spec) = known::find(name) else {
            return Err(SecretsError::Unknown { name: name.to_owned(), hint: known::hint(name) });
        };
        match spec.kind {
            SpecKind::Password => self.replace(name, generate::password()?),
            SpecKind::Salt { of, .. } => {
                Err(SecretsError::SaltAlone { salt: name.to_owned(), of: of.to_owned() })
            }
            SpecKind::GivenHash { command } => Err(SecretsError::Given { name: name.to_owned(), command }),
        }
    }

    /// Sets a value that is another one than before, and makes a new salt with it.
    pub(super) fn replace(&mut self, name: &str, value: Secret) -> Result<(), SecretsError> {
        self.set(name, value)?;
        match known::salt_of(name).map(|salt| (salt.name, salt.kind)) {
            Some((salt, SpecKind::Salt { bytes, .. })) => self.set(salt, generate::salt(bytes)?),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("file", &self.file).field("names", &self.names()).finish()
    }
}

/// What a known name may hold: a salt just its number of bytes, the admin password nothing but a hash. Empty is right:
/// the value is still to be made or to be given.
fn check(name: &str, value: &Secret) -> Result<(), Fault> {
    if value.is_empty() {
        return Ok(());
    }
    match known::find(name).map(|spec| spec.kind) {
        Some(SpecKind::Salt { bytes: length, .. }) => {
            let is_salt = bytes(value.expose()).is_some_and(|salt| salt.len() == length);
            let fault =
                ("is no salt of its length in hexadecimal", "empty the value: the next run makes a new one");
            is_salt.then_some(()).ok_or(fault)
        }
        Some(SpecKind::GivenHash { .. }) => check_hash(value.expose()),
        Some(SpecKind::Password) | None => Ok(()),
    }
}

/// The bytes of a text in hexadecimal.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|char| char.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let is_whole = digits.len() % 2 == 0;
    is_whole.then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::admin_password::ADMIN_PASSWORD;

    fn vault(text: &str) -> Vault {
        Vault::parse(text, Path::new("/etc/hams/secrets.env")).unwrap()
    }

    fn can_be_made() -> Vec<&'static str> {
        let specs = KNOWN.iter().filter(|spec| !matches!(spec.kind, SpecKind::GivenHash { .. }));
        specs.map(|spec| spec.name).collect()
    }

    #[test]
    fn what_comes_from_the_operator_is_neither_made_nor_missed() {
        let mut vault = vault("");
        vault.generate_missing().unwrap();
        assert!(vault.get(ADMIN_PASSWORD).is_none());
        for error in [vault.require(ADMIN_PASSWORD).unwrap_err(), vault.rotate(ADMIN_PASSWORD).unwrap_err()] {
            assert!(error.to_string().contains("hint: run `hams-install hash-admin-password`"), "{error}");
        }
        assert!(vault.set(ADMIN_PASSWORD, Secret::new("a plain password")).is_err());
        let hash = Secret::new(format!("$pbkdf2-sha512$600000$AAEC${}", "A".repeat(86)));
        vault.set(ADMIN_PASSWORD, hash.clone()).unwrap();
        let text = vault.render();
        assert!(
            text.ends_with(&format!("its port opens.\n{ADMIN_PASSWORD}='{}'\n", hash.expose())),
            "{text}"
        );
        assert_eq!(self::vault(&text).require(ADMIN_PASSWORD).unwrap(), &hash);
        assert!(vault.rotate(ADMIN_PASSWORD).is_err() && vault.generate_missing().unwrap().is_empty());
        assert_eq!(vault.render(), text);
    }

    #[test]
    fn every_other_line_stays_as_it_is() {
        let text = "# mine\n\n  ODOO_PASS = 'x y'  \nRMQ_PASS=old\nstray\n; end\n";
        let mut vault = vault(text);
        assert_eq!(vault.render(), text);
        assert_eq!(vault.names(), ["ODOO_PASS", "RMQ_PASS"]);
        assert_eq!(vault.get("ODOO_PASS").unwrap().expose(), "x y");
        vault.set("RMQ_PASS", Secret::new("it's new")).unwrap();
        vault.set("MORE", Secret::new("1")).unwrap();
        let changed = text.replace("=old", "=\"it's new\"") + "MORE=1\n";
        assert_eq!(vault.render(), changed);
        assert_eq!(self::vault(&changed).get("RMQ_PASS").unwrap().expose(), "it's new");
    }

    #[test]
    fn what_is_missing_is_made_once() {
        let mut vault = vault("RMQ_PASS=mine\nPDNS_API_KEY=\n");
        let made = vault.generate_missing().unwrap();
        assert_eq!(made, can_be_made()[1..]);
        assert_eq!(vault.require("RMQ_PASS").unwrap().expose(), "mine");
        assert_eq!(vault.require("PDNS_API_KEY").unwrap().expose().len(), 32);
        assert!(vault.render().starts_with("RMQ_PASS=mine\nPDNS_API_KEY="));
        let salt: [u8; 4] = vault.salt("RMQ_PASS").unwrap();
        let again: [u8; 4] = self::vault(&vault.render()).salt("RMQ_PASS").unwrap();
        assert_eq!(salt, again);
        let text = vault.render();
        assert!(vault.generate_missing().unwrap().is_empty());
        assert_eq!(vault.render(), text);
    }

    #[test]
    fn a_new_vault_says_what_it_is() {
        let mut vault = vault("");
        assert_eq!(vault.generate_missing().unwrap(), can_be_made());
        let text = vault.render();
        assert!(text.starts_with("# The secrets of this node."), "{text}");
        assert!(text.contains("\n# RabbitMQ, user hams_agent. Read by hams-agent"), "{text}");
    }

    #[test]
    fn rotation_changes_value_and_salt_and_nothing_else() {
        let mut vault = vault("");
        vault.generate_missing().unwrap();
        let before = vault.clone();
        vault.rotate("PDNS_API_KEY").unwrap();
        let is_new = |(name, value): &(&str, &Secret)| vault.get(name) != Some(*value);
        let changed: Vec<_> = before.assignments().filter(is_new).map(|(name, _)| name).collect();
        assert_eq!(changed, ["PDNS_API_KEY", "PDNS_API_KEY_SALT"]);
        assert!(matches!(vault.rotate("RMQ_PASS_SALT"), Err(SecretsError::SaltAlone { .. })));
        let error = vault.rotate("rmq_pas").unwrap_err().to_string();
        assert_eq!(error, "unknown secret `rmq_pas`\n\nhint: did you mean `RMQ_PASS`?");
    }

    #[test]
    fn no_message_shows_a_value() {
        let path = Path::new("/etc/hams/secrets.env");
        for text in [
            "RMQ_PASS=hunter2\nRMQ_PASS=hunter2",
            "RMQ_PASS=hunter2 x",
            "RMQ_PASS='hunter2",
            "RMQ_PASS_SALT=hunter2",
            "ODOO_ADMIN_PASSWORD=hunter2",
        ] {
            let error = Vault::parse(text, path).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2") && shown.contains("secrets.env"), "{shown}");
        }
        let mut vault = vault("# old: hunter2\nRMQ_PASS=hunter2\n");
        for bad in [("RMQ PASS", "hunter2"), ("RMQ_PASS", "hunter2\n"), ("RMQ_PASS_SALT", "hunter2")] {
            let error = vault.set(bad.0, Secret::new(bad.1)).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        assert!(!format!("{vault:?}").contains("hunter2"));
        assert!(vault.require("PDNS_API_KEY").unwrap_err().to_string().contains("`PDNS_API_KEY` is not set"));
        assert!(vault.salt::<4>("RMQ_PASS").is_err());
        assert!(matches!(vault.require("PDNS_KEY"), Err(SecretsError::Unknown { .. })));
    }
}
