//! The dump that `uninstall --purge-data` takes before any data goes.

use super::postgresql_cluster::{self, Cluster};
use super::{odoo_folders, powerdns, powerdns_database, rabbitmq};
use crate::host::command::{self, Command};
use crate::host::write;
use crate::host::{Error, paths};
use crate::plan::Receipt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const FOLDER: &str = "/var/backups/hams";

/// A large database may take this long.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

/// Writes what this node's data is to a folder of its own, root alone: databases and zones as SQL, Odoo's
/// attachments, the broker's definitions, the vault. Messages that still wait in queues are not in it. Gives the folder.
pub async fn take(receipt: &Receipt) -> Result<PathBuf, Error> {
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
    for cluster in postgresql_cluster::of_receipt(receipt) {
        postgresql(&folder, &cluster).await?;
    }
    if Path::new(odoo_folders::ATTACHMENTS).is_dir() {
        let file = write::private_file(&folder.join("odoo-attachments.tar"))?;
        let pack = Command::new("tar").args(["--create", "--directory", odoo_folders::ATTACHMENTS, "."]);
        pack.limit(LIMIT).run_into(file).await?;
    }
    copy(Path::new(rabbitmq::DEFINITIONS), "rabbitmq-definitions.json")?;
    copy(Path::new(paths::VAULT), "secrets.env")?;
    Ok(folder)
}

/// A cluster that runs as SQL, roles and all; one that does not as the folder of its data.
async fn postgresql(folder: &Path, cluster: &Cluster) -> Result<(), Error> {
    let (data, name) = (cluster.data(), format!("postgresql-{}", cluster.version));
    if !Path::new(&data).exists() {
        return Ok(());
    }
    let (dump, ending) = if command::is_installed("pg_ctlcluster") && cluster.is_running().await? {
        (Command::new("pg_dumpall").args(["--cluster", &cluster.name()]).user("postgres"), "sql")
    } else {
        (Command::new("tar").args(["--create", "--directory", &data, "."]), "tar")
    };
    let file = write::private_file(&folder.join(format!("{name}.{ending}")))?;
    dump.limit(LIMIT).run_into(file).await
}
