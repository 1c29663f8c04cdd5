//! The vault, `/etc/hams/secrets.env`: its text, the values in it, and what is derived from them.
//!
//! This room makes and reads text; who writes it onto the host, and with which owner and mode, is
//! decided above. Nothing here prints a value: only [`Secret::expose`] gives one out.

mod admin_password;
mod env_file;
mod error;
mod generate;
mod hash;
mod hook_url;
mod import;
mod known;
mod line;
mod mask;
mod pbkdf2_hash;
mod secret;
mod vault;

pub use admin_password::{
    ADMIN_PASSWORD, admin_password_hash, check_admin_password, is_admin_password, unknown_password_hash,
};
pub use env_file::EnvFile;
pub use error::SecretsError;
pub use hash::{pdns_api_key_hash, rabbitmq_password_hash, redis_password_hash, scram_verifier};
pub use hook_url::{HookUrl, HookUrlError};
pub use import::Import;
pub use known::{KNOWN, SMTP, Spec, SpecKind, template};
pub use line::assignment;
pub use mask::mask;
pub use secret::Secret;
pub use vault::Vault;
