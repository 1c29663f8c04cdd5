//! `hams-install hash-admin-password`: takes a password, keeps its hash.

use super::context::stand_on_ground;
use super::exit::Failure;
use super::hidden::{Hidden, line_of_stdin};
use super::screen::Screen;
use super::vault;
use crate::host::lock::RunLock;
use crate::secrets::{ADMIN_PASSWORD, Secret, SecretsError, admin_password_hash, check_admin_password};
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
        "the vault has the hash; the password itself is stored nowhere"
    } else {
        "nothing to do: the vault has the hash of this password"
    });
    Ok(())
}

/// Asks twice; both answers must agree.
async fn ask(screen: Screen) -> Result<Secret, Failure> {
    if !screen.can_ask() {
        let what = "messages do not go to a terminal, so nobody would see the question\n\
             hint: leave stderr on the terminal, or give the password on stdin";
        return Err(Failure::Usage(what.into()));
    }
    let mut hidden = Hidden::begin(screen).map_err(unread)?;
    let first =
        hidden.ask("Password for Odoo's user admin, at least 12 characters:").await.map_err(unread)?;
    let first = first.ok_or_else(cancelled)?;
    check_admin_password(&first).map_err(refused)?;
    let second = hidden.ask("Once more:").await.map_err(unread)?.ok_or_else(cancelled)?;
    if first != second {
        return Err(Failure::Usage(
            "the two passwords differ, so nothing was stored\nhint: run it again".into(),
        ));
    }
    Ok(first)
}

fn cancelled() -> Failure {
    Failure::Usage("cancelled, nothing was stored".into())
}

fn refused(error: SecretsError) -> Failure {
    Failure::Usage(error.to_string())
}

fn unread(error: io::Error) -> Failure {
    Failure::Usage(format!("cannot read the password: {error}"))
}
