//! The TOML text of hams.toml, read key by key against the table of keys.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::error::{ConfigError, Place};
use crate::config::keys::{KEYS, Key, Kind, find, hint, is_table, table_hint};

/// A value with the place where it was given.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub value: T,
    pub place: Place,
}

impl<T> Located<T> {
    pub(super) fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }
}

/// The value of one key.
#[derive(Debug, Clone)]
pub(super) enum Setting {
    Text(Located<String>),
    List(Located<Vec<Located<String>>>),
    Number(Located<u64>),
    Flag(Located<bool>),
}

/// The keys that were set, by full name.
pub(super) type Settings = BTreeMap<&'static str, Setting>;

/// Reads the operator's file.
pub(super) fn read(text: &str, file: &Path) -> Result<Settings, ConfigError> {
    Reader { text, file: Some(file) }.read()
}

/// The defaults, from the table of keys itself.
pub(super) fn defaults() -> Result<Settings, ConfigError> {
    let text: String = KEYS
        .iter()
        .filter_map(|key| key.default.map(|default| format!("{} = {default}\n", key.name)))
        .collect();
    Reader { text: &text, file: None }.read()
}

struct Reader<'a> {
    text: &'a str,
    file: Option<&'a Path>,
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        self.file.map_or(Place::Default, |file| Place::line(file, line))
    }

    fn read(&self) -> Result<Settings, ConfigError> {
        let document = DeTable::parse(self.text).map_err(|error| ConfigError::Syntax {
            place: self.place(error.span().map_or(0, |span| span.start)),
            message: error.message().replace('\n', ", "),
        })?;
        let mut settings = Settings::new();
        self.table("", document.get_ref(), &mut settings)?;
        Ok(settings)
    }

    fn table(&self, prefix: &str, table: &DeTable<'_>, into: &mut Settings) -> Result<(), ConfigError> {
        // In the order of the file, so that the first fault from the top is the one that is told.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name = match prefix {
                "" => key.get_ref().to_string(),
                _ => format!("{prefix}.{}", key.get_ref()),
            };
            let place = self.place(key.span().start);
            match (find(&name), value.get_ref()) {
                (Some(known), _) => {
                    into.insert(known.name, self.setting(known, value)?);
                }
                (None, DeValue::Table(inner)) if is_table(&name) => self.table(&name, inner, into)?,
                (None, DeValue::Table(_)) if prefix.is_empty() => {
                    let hint = table_hint(&name);
                    return Err(ConfigError::UnknownKey { place, key: name, hint });
                }
                (None, _) if is_table(&name) => {
                    let hint = format!("`{name}` is a table: write `[{name}]` on a line of its own");
                    return Err(ConfigError::UnknownKey { place, key: name, hint });
                }
                (None, _) => {
                    let hint = hint(&name);
                    return Err(ConfigError::UnknownKey { place, key: name, hint });
                }
            }
        }
        Ok(())
    }

    fn setting(&self, key: &'static Key, value: &Spanned<DeValue<'_>>) -> Result<Setting, ConfigError> {
        let place = self.place(value.span().start);
        match (key.kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) => Ok(Setting::Text(Located::new(text.to_string(), place))),
            (Kind::List, DeValue::Array(array)) => {
                let items = array.iter().map(|item| match item.get_ref() {
                    DeValue::String(text) => {
                        Ok(Located::new(text.to_string(), self.place(item.span().start)))
                    }
                    other => {
                        let found = format!("an array with {}", words(other));
                        Err(self.wrong_type(key, item.span().start, found))
                    }
                });
                Ok(Setting::List(Located::new(items.collect::<Result<_, _>>()?, place)))
            }
            (Kind::Number | Kind::Seconds, DeValue::Integer(number)) => {
                match u64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Ok(Setting::Number(Located::new(number, place))),
                    Err(_) => Err(self.wrong_type(key, value.span().start, format!("`{}`", number.as_str()))),
                }
            }
            (Kind::Flag, DeValue::Boolean(flag)) => Ok(Setting::Flag(Located::new(*flag, place))),
            (_, other) => Err(self.wrong_type(key, value.span().start, words(other).to_owned())),
        }
    }

    fn wrong_type(&self, key: &'static Key, offset: usize, found: String) -> ConfigError {
        ConfigError::WrongType {
            place: self.place(offset),
            key: key.name,
            expected: key.kind.words(),
            found,
            example: format!("{} = {}", key.parts().1, key.example),
        }
    }
}

fn words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        read(text, Path::new("/etc/hams/hams.toml")).unwrap_err().to_string()
    }

    #[test]
    fn the_line_of_each_fault_is_named() {
        assert_eq!(
            fault("domain = \"hams.com\"\n\n[powerdns]\nlisen = []\n"),
            "/etc/hams/hams.toml:4: unknown key `powerdns.lisen`\n\nhint: did you mean `powerdns.listen`?"
        );
        assert_eq!(
            fault("components = [\n  \"agent\",\n  7,\n]\n"),
            "/etc/hams/hams.toml:3: `components` must be an array of strings, not an array with an integer\n\n\
             hint: write it as `components = [\"powerdns\", \"agent\"]`"
        );
        assert!(fault("[apt]\nlock_timeout = -1").contains(":2: `apt.lock_timeout` must be a whole number"));
        assert!(fault("domain = hams.com").starts_with("/etc/hams/hams.toml:1: not valid TOML: "));
        assert!(
            fault("\ndomain = \"a\"\ndomain = \"b\"\n")
                .starts_with("/etc/hams/hams.toml:3: not valid TOML: ")
        );
        assert!(fault("[kubernetes]\nversion = 16").contains("unknown key `kubernetes`"));
        assert!(fault("[apt.pgdgs]\nuri = \"file:/x\"").contains("unknown key `apt.pgdgs`"));
        assert!(fault("powerdns = \"ns1\"").contains("hint: `powerdns` is a table"));
        assert!(fault("[domain]\nname = \"x\"").contains("`domain` must be a string, not a table"));
    }

    #[test]
    fn the_first_fault_from_the_top_is_told() {
        assert!(fault("zebra = 1\naardvark = 2\n").contains(":1: unknown key `zebra`"));
    }

    #[test]
    fn the_defaults_are_those_keys_that_have_one() {
        let defaults = defaults().unwrap();
        let with_default: Vec<_> =
            KEYS.iter().filter(|key| key.default.is_some()).map(|key| key.name).collect();
        assert_eq!(defaults.len(), with_default.len());
        assert!(with_default.iter().all(|name| defaults.contains_key(name)));
    }
}
