//! What can be wrong with the configuration, said with file, line, key and the fix.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of a file.
    Line {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An option of the command line, or its environment twin.
    Option {
        /// The option, such as `--domain`.
        option: &'static str,
        /// Its twin, such as `HAMS_DOMAIN`.
        variable: &'static str,
    },
    /// The table of keys itself.
    Default,
}

impl Place {
    pub(super) fn line(file: &Path, line: usize) -> Self {
        Place::Line { file: file.to_owned(), line }
    }

    /// The place with the key, where the place alone does not tell it.
    fn of(&self, key: &str) -> String {
        match self {
            Place::Option { .. } => self.to_string(),
            Place::Line { .. } | Place::Default => format!("{self}: `{key}`"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line { file, line } => write!(f, "{}:{line}", file.display()),
            Place::Option { option, variable } => write!(f, "`{option}` ({variable})"),
            Place::Default => f.write_str("built-in defaults"),
        }
    }
}

/// The configuration cannot be used. The text names the place, the key and, after `hint:`, the fix.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Neither the file nor the command line names the node's domain; a terminal may be asked.
    #[error(
        "no domain is set\n\nhint: add `domain = \"example.org\"` to {file}, \
         or give `--domain example.org` (HAMS_DOMAIN)",
        file = file.display()
    )]
    MissingDomain {
        /// The file that was looked in.
        file: PathBuf,
    },
    /// The file that `--config` names is not there.
    #[error(
        "{file}: no such file\n\nhint: correct the path given by `--config` (HAMS_CONFIG), \
         or leave it out to use /etc/hams/hams.toml",
        file = file.display()
    )]
    NotFound {
        /// The path as it was given.
        file: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("{file}: {source}\n\nhint: make it a readable text file in UTF-8", file = file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error(
        "{place}: not valid TOML: {message}\n\nhint: text stands in quotes, lists in brackets; hams.toml(5) shows each key"
    )]
    Syntax {
        /// The line.
        place: Place,
        /// The parser's words.
        message: String,
    },
    /// A key that no component of this version reads.
    #[error("{place}: unknown key `{key}`\n\nhint: {hint}")]
    UnknownKey {
        /// The line.
        place: Place,
        /// The key with its table: `powerdns.lisen`.
        key: String,
        /// The nearest known key, or the known ones.
        hint: String,
    },
    /// A value of another type than its key's.
    #[error("{place}: `{key}` must be {expected}, not {found}\n\nhint: write it as `{example}`")]
    WrongType {
        /// The line.
        place: Place,
        /// The key with its table.
        key: &'static str,
        /// The type that the key has, in words.
        expected: &'static str,
        /// The type that was found, in words.
        found: String,
        /// A line that would be right.
        example: String,
    },
    /// A value of the right type that cannot be used.
    #[error("{at}: {problem}\n\nhint: {fix}", at = place.of(key))]
    Value {
        /// Where the value was given.
        place: Place,
        /// The key with its table.
        key: &'static str,
        /// What is wrong.
        problem: String,
        /// What would be right, as an instruction.
        fix: String,
    },
}
