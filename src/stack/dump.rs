//! The dump that `uninstall --purge-data` takes before any data goes.

use super::{powerdns, powerdns_database, rabbitmq};
use crate::host::command::{self, Command};
use crate::host::write;
use crate::host::{Error, paths};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const FOLDER: &str = "/var/backups/hams";

/// Writes what this node's data is to a folder of its own, root alone: zones as SQL, the broker's definitions, the vault.
/// Messages that still wait in queues are not in it. Gives the folder.
pub async fn take() -> Result<PathBuf, Error> {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(':', "");
    let folder = Path::new(FOLDER).join(time);
    write::private_folder(&folder)?;
    let copy = |from: &Path, name: &str| {
        if from.exists() {
            let content = std::fs::read(from).map_err(Error::io("read", from))?;
            write::atomically(&folder.join(name), &content, write::PRIVATE)?;
        }
        Ok::<_, Error>(())
    };
    if command::is_installed("sqlite3") && Path::new(powerdns::DATABASE).exists() {
        let dump =
            Command::new("sqlite3").args(["-readonly", "-bail", powerdns::DATABASE, ".dump"]).user("pdns");
        let sql = dump.limit(std::time::Duration::from_secs(600)).run().await?;
        write::atomically(&folder.join("zones.sql"), sql.as_bytes(), write::PRIVATE)?;
    } else {
        // An uninstall before this one took the packages: nothing writes to the database any more.
        for from in powerdns_database::files(powerdns::DATABASE) {
            copy(&from, &from.file_name().unwrap_or_default().to_string_lossy())?;
        }
    }
    copy(Path::new(rabbitmq::DEFINITIONS), "rabbitmq-definitions.json")?;
    copy(Path::new(paths::VAULT), "secrets.env")?;
    Ok(folder)
}
