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
    let operators = File::new(paths::CONFIG, config::render(config)).keep_existing().data();
    let credentials = Directory::new(paths::CREDENTIALS, "root", "root", 0o700);
    let mut steps = self::vault(vault).to_vec();
    steps.push(Step::new(NAME, operators, [Directory::id_of(paths::ETC)]));
    steps.push(Step::new(NAME, credentials, [File::id_of(paths::VAULT)]));
    steps
}

/// The vault and the folder that it is in.
pub fn vault(vault: &Vault) -> [Step; 2] {
    let vault = File::new(paths::VAULT, vault.render())
        .access("root", "root", 0o600)
        .visibility(Visibility::Secret)
        .data();
    let none: [String; 0] = [];
    [
        Step::new(NAME, Directory::new(paths::ETC, "root", "root", 0o755), none),
        Step::new(NAME, vault, [Directory::id_of(paths::ETC)]),
    ]
}
