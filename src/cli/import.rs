//! `hams-install secrets import FILE`.

use super::args::Options;
use super::context::{agree, must_be_able_to_ask, stand_on_ground};
use super::exit::Failure;
use super::screen::{Screen, Tone};
use super::vault;
use crate::host::lock::RunLock;
use crate::secrets::{EnvFile, Import, SecretsError};
use crate::stack::node::read_vault;
use std::path::Path;

/// Takes the known secrets of `file` into the vault; what would change is said without a value.
pub async fn import(screen: Screen, options: &Options, file: &Path, replace: bool) -> Result<(), Failure> {
    stand_on_ground()?;
    must_be_able_to_ask(screen, options)?;
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
    let given = EnvFile::parse(&text, file).map_err(refused)?;
    let _lock = RunLock::take()?;
    let mut vault = read_vault()?;
    let import = Import::of(&given, &vault).map_err(refused)?;
    show(screen, &import);
    let question = format!("Replace {} of the vault?", values(import.other.len()));
    let replace = replace || (!import.other.is_empty() && !options.yes && agree(screen, options, &question)?);
    let count = import.new.len() + if replace { import.other.len() } else { 0 };
    if !replace && !import.other.is_empty() {
        screen.say(&format!(
            "{} of the vault stay; `--replace` replaces them: {}",
            values(import.other.len()),
            import.other.join(", ")
        ));
    }
    if count == 0 {
        screen.say("nothing to do: the vault is as it is to be");
        return Ok(());
    }
    if !agree(screen, options, &format!("Write {} to the vault?", values(count)))? {
        screen.say("nothing was changed");
        return Err(Failure::Pending(count));
    }
    import.put_into(&mut vault, replace).map_err(refused)?;
    vault::write(screen, &vault).await?;
    screen.say(&format!("imported {}; `hams-install` brings them to all that use them", values(count)));
    Ok(())
}

fn show(screen: Screen, import: &Import) {
    let lines = [
        (Tone::Good, "+", &import.new, "the vault does not have it yet"),
        (Tone::Notice, "~", &import.other, "the vault has another value"),
        (Tone::Faint, " ", &import.same, "the vault has this value"),
    ];
    for (tone, mark, names, what) in lines {
        for name in names {
            screen.say(&format!("{} {name:<24} {what}", screen.tint(tone, mark)));
        }
    }
    for name in &import.left_out {
        screen.say(&format!("- {name:<24} left out: no secret that this version takes"));
    }
}

fn values(count: usize) -> String {
    if count == 1 { "1 value".into() } else { format!("{count} values") }
}

fn refused(error: SecretsError) -> Failure {
    Failure::Usage(error.to_string())
}
