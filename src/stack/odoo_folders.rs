//! Odoo's folders: that of its data, which belongs to the account `odoo` with all that is in it, and those of the operator's
//! modules, which that account must be able to read.

use crate::host::command::Command;
use crate::host::file::existing;
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource, account, write};
use nix::unistd::chown;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

const OWNER: &str = "odoo";
/// The account's home, and what Odoo writes in it.
const FOLDERS: [&str; 2] = ["/var/lib/odoo", "/var/lib/odoo/data"];
/// What users attached to records: of the databases, all but the tables.
pub const ATTACHMENTS: &str = "/var/lib/odoo/data/filestore";
/// Files of many attachments take their time.
const LIMIT: Duration = Duration::from_secs(600);
/// What the units of Odoo and of the agent do not see of the host.
pub(super) const HIDDEN: [&str; 5] = ["/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"];

/// The folder of Odoo's data.
pub struct DataFolder;

impl DataFolder {
    /// The id of the folder.
    pub fn id_of() -> String {
        "odoo:data".into()
    }

    /// The reasons against it; an account that was made anew, after an uninstall that kept the data, has another number.
    fn reasons() -> Result<Vec<String>, Error> {
        let mut reasons = Vec::new();
        for folder in FOLDERS {
            match (existing(Path::new(folder))?, account::find_user(OWNER)?) {
                (None, _) => reasons.push(format!("{folder} is not there")),
                (Some(found), Some(user)) if found.uid() == user.uid.as_raw() => {}
                (Some(_), _) => reasons.push(format!("{folder} does not belong to {OWNER}")),
            }
        }
        Ok(reasons)
    }
}

impl Resource for DataFolder {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        format!("keep Odoo's data in {}, {OWNER} alone", FOLDERS[1])
    }

    fn inspect<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async { Self::reasons().map(Finding::from_reasons) })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            let is_there = existing(Path::new(FOLDERS[0]))?.is_some();
            Ok((!is_there).then(|| Change::Data { paths: vec![FOLDERS[0].into()] }))
        })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let user = account::user(OWNER)?;
            for folder in FOLDERS {
                let path = Path::new(folder);
                let is_new = existing(path)?.is_none();
                if is_new {
                    std::fs::create_dir(path).map_err(Error::io("create", path))?;
                    let mode = Permissions::from_mode(0o750);
                    std::fs::set_permissions(path, mode).map_err(Error::io("chmod", path))?;
                    chown(path, Some(user.uid), Some(user.gid))
                        .map_err(|error| Error::io("chown", path)(error.into()))?;
                    write::sync_folder(path)?;
                }
            }
            let is_ours = Self::reasons()?.is_empty();
            if !is_ours {
                let owner = format!("{OWNER}:{OWNER}");
                let words = ["--recursive", "--no-dereference", &owner, FOLDERS[0]];
                Command::new("chown").args(words).limit(LIMIT).run().await?;
            }
            Ok(())
        })
    }
}

/// Why Odoo could not take modules from `folder`, in words; `None` when it can.
pub fn fault(folder: &Path) -> Result<Option<String>, Error> {
    if let Some(hidden) = HIDDEN.iter().find(|hidden| folder.starts_with(hidden)) {
        return Ok(Some(format!("Odoo's unit does not see what is below {hidden}")));
    }
    match existing(folder)? {
        None => return Ok(Some("it is not there".into())),
        Some(_) if !folder.is_dir() => return Ok(Some("it is no folder".into())),
        Some(_) => {}
    }
    // Whoever reads a folder passes through all that it is in.
    for path in folder.ancestors() {
        let found = std::fs::metadata(path).map_err(Error::io("read", path))?;
        let wanted = if path == folder { 0o5 } else { 0o1 };
        let mode = found.mode();
        let user = account::find_user(OWNER)?;
        let owns = user.as_ref().is_some_and(|user| user.uid.as_raw() == found.uid());
        let shares = match &user {
            Some(user) => user.gid.as_raw() == found.gid() || account::is_member(OWNER, found.gid())?,
            None => false,
        };
        let bits = if owns {
            mode >> 6
        } else if shares {
            mode >> 3
        } else {
            mode
        };
        if bits & wanted != wanted {
            return Ok(Some(format!("the account {OWNER} may not read {}", path.display())));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_odoo_cannot_read_is_told() {
        assert!(fault(Path::new("/home/x")).unwrap().unwrap().contains("does not see"));
        assert!(fault(Path::new("/nowhere/at/all")).unwrap().unwrap().contains("not there"));
        assert_eq!(fault(Path::new("/usr/share")).unwrap(), None);
        assert!(fault(Path::new("/etc/hostname")).unwrap().unwrap().contains("no folder"));
    }
}
