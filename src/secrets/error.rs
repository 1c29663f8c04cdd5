//! What can go wrong with the vault; no message holds a value.

use std::path::PathBuf;

/// The vault cannot be read, or a secret cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A line that systemd and Docker Compose would read differently, or not at all.
    #[error("{file}:{line}: {problem}\n\nhint: {fix}", file = file.display())]
    Line {
        /// The vault.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong, without the value.
        problem: String,
        /// What would be right.
        fix: String,
    },
    /// A name that hams does not know.
    #[error("unknown secret `{name}`\n\nhint: {hint}")]
    Unknown {
        /// The name as it was given.
        name: String,
        /// The nearest name, or all of them.
        hint: String,
    },
    /// A salt was to be rotated without its secret.
    #[error(
        "`{salt}` cannot be rotated alone\n\nhint: `hams-install secrets rotate {of}` makes a new value and a new salt"
    )]
    SaltAlone {
        /// The salt's name.
        salt: String,
        /// The secret it belongs to.
        of: String,
    },
    /// A secret was to be made that only an operator can give.
    #[error("`{name}` comes from you, so no new one can be made\n\nhint: run `{command}`, which asks for it")]
    Given {
        /// The secret's name.
        name: String,
        /// The command that takes it.
        command: &'static str,
    },
    /// A name that is no environment variable's.
    #[error(
        "`{name}` cannot name a secret\n\nhint: use letters, digits and underscores, and no digit in front"
    )]
    Name {
        /// The name as it was given.
        name: String,
    },
    /// A value that no line of the vault can hold.
    #[error("the value for `{name}` {problem}\n\nhint: {fix}")]
    Value {
        /// The secret's name.
        name: String,
        /// What is wrong, without the value.
        problem: &'static str,
        /// What would be right.
        fix: &'static str,
    },
    /// A secret that is needed is not in the vault.
    #[error("{file}: `{name}` is not set\n\nhint: run `hams-install`, which makes what is missing", file = file.display())]
    Missing {
        /// The vault.
        file: PathBuf,
        /// The secret's name.
        name: String,
    },
    /// A secret that only an operator can give is needed and not in the vault.
    #[error("{file}: `{name}` is not set\n\nhint: run `{command}`, which asks for it", file = file.display())]
    NotGiven {
        /// The vault.
        file: PathBuf,
        /// The secret's name.
        name: String,
        /// The command that takes it.
        command: &'static str,
    },
    /// The kernel gave no random numbers.
    #[error(
        "the kernel gave no random numbers: {0}\n\nhint: inside a sandbox, allow the system call `getrandom`"
    )]
    Random(getrandom::Error),
    /// A hash function refused the secret or its parameters.
    #[error("a secret cannot be hashed: {0}\n\nhint: `hams-install secrets rotate NAME` makes one that can")]
    Hash(String),
}
