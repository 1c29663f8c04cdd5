//! `hams-install hash-admin-password`: takes a password, keeps its hash.

use super::ask_admin_password::{ask, refused, unread};
use super::context::stand_on_ground;
use super::exit::Failure;
use super::hidden::line_of_stdin;
use super::screen::Screen;
use super::vault;
use crate::host::lock::RunLock;
use crate::secrets::{ADMIN_PASSWORD, admin_password_hash, check_admin_password};
use crate::stack::node::read_vault;
use std::io::{self, IsTerminal};

/// Asks on the terminal or reads stdin, and puts the hash into the vault.
pub async fn hash(screen: Screen) -> Result<(), Failure> {
    stand_on_ground()?;
    let given =
        if io::stdin().is_terminal() { ask(screen).await? } else { line_of_stdin().map_err(unread)? };
    check_admin_password(&given).map_err(refused)?;
    let _lock = RunLock::take()?;
    let mut vault = read_vault()?;
    let hash = admin_password_hash(&given, vault.get(ADMIN_PASSWORD)).map_err(refused)?;
    vault.set(ADMIN_PASSWORD, hash).map_err(refused)?;
    screen.say(if vault::write(screen, &vault).await? {
        "the vault has the hash; the password itself is stored nowhere; `hams-install` brings it to Odoo"
    } else {
        "nothing to do: the vault has the hash of this password"
    });
    Ok(())
}
