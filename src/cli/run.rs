//! From arguments to an exit code.

use super::args::{Command, InstallArgs, SecretsCommand};
use super::exit::Failure;
use super::screen::Screen;
use super::{admin_password, import, install, secrets, uninstall};
use crate::host::revert::Scope;

/// Runs one command of hams-install; its exit code is that of design §2.
pub async fn run(args: InstallArgs) -> u8 {
    let screen = Screen::new();
    let options = &args.options;
    let ended = match args.command {
        None => install::install(screen, options).await,
        Some(Command::Plan { json }) => install::plan(screen, options, json).await,
        Some(Command::Verify { json }) => install::verify(screen, options, json).await,
        Some(Command::Uninstall { purge_data, keep_packages }) => {
            uninstall::run(screen, options, Scope { purge_data, keep_packages }).await
        }
        Some(Command::HashAdminPassword) => admin_password::hash(screen).await,
        Some(Command::Secrets { command: SecretsCommand::List }) => secrets::list(screen),
        Some(Command::Secrets { command: SecretsCommand::Show { name } }) => secrets::show(screen, &name),
        Some(Command::Secrets { command: SecretsCommand::Import { file, replace } }) => {
            import::import(screen, options, &file, replace).await
        }
        Some(Command::Secrets { command: SecretsCommand::Rotate { name } }) => {
            install::rotate(screen, options, &name).await
        }
    };
    match ended {
        Ok(()) => 0,
        Err(failure @ Failure::Pending(_)) => {
            screen.say(&failure.to_string());
            failure.code()
        }
        Err(failure) => {
            screen.error(&failure.to_string());
            failure.code()
        }
    }
}
