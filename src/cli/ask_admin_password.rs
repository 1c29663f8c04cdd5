//! Asking for the password of Odoo's user `admin`: twice, without echo.

use super::exit::Failure;
use super::hidden::Hidden;
use super::screen::Screen;
use crate::secrets::{
    ADMIN_PASSWORD, Secret, SecretsError, Vault, admin_password_hash, check_admin_password,
};
use std::io;

/// Asks for the password where the vault has none and somebody can answer, and puts its hash into the vault.
pub async fn fill(screen: Screen, vault: &mut Vault) -> Result<(), Failure> {
    if vault.get(ADMIN_PASSWORD).is_some_and(|hash| !hash.is_empty()) || !screen.can_ask() {
        return Ok(());
    }
    let hash = admin_password_hash(&ask(screen).await?, None).map_err(refused)?;
    vault.set(ADMIN_PASSWORD, hash).map_err(refused)
}

/// Asks twice; both answers must agree.
pub(super) async fn ask(screen: Screen) -> Result<Secret, Failure> {
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

pub(super) fn refused(error: SecretsError) -> Failure {
    Failure::Usage(error.to_string())
}

pub(super) fn unread(error: io::Error) -> Failure {
    Failure::Usage(format!("cannot read the password: {error}"))
}
