//! What every node has: the folder of hams, the operator's file, the vault.

use crate::config::{self, Config};
use crate::host::directory::Directory;
use crate::host::file::{File, Visibility};
use crate::host::paths;
use crate::plan::Step;
use crate::secrets::Vault;

/// The name people see.
pub const NAME: &str = "hams";

/// The steps that all others come after: the vault is written before anything uses a secret.
pub fn steps(config: &Config, vault: &Vault) -> Vec<Step> {
    let folder = Directory::id_of(paths::ETC);
    let operators = File::new(paths::CONFIG, config::render(config)).keep_existing().data();
    let vault = File::new(paths::VAULT, vault.render())
        .access("root", "root", 0o600)
        .visibility(Visibility::Secret)
        .data();
    let none: [String; 0] = [];
    vec![
        Step::new(NAME, Directory::new(paths::ETC, "root", "root", 0o755), none),
        Step::new(NAME, vault, [folder.clone()]),
        Step::new(NAME, operators, [folder]),
        Step::new(
            NAME,
            Directory::new(paths::CREDENTIALS, "root", "root", 0o700),
            [File::id_of(paths::VAULT)],
        ),
    ]
}
