//! Odoo's words in hams.toml: where its package comes from, its modules, folders with more of them.

use std::fmt;
use std::path::PathBuf;

use crate::config::name::{self, Problem};

/// Where Odoo's package comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OdooSource {
    /// Debian unstable, the package `odoo-19`.
    Debian,
    /// Odoo's own repository, the package `odoo`.
    Nightly,
    /// A file on the host.
    Package(PathBuf),
}

impl OdooSource {
    /// As `odoo.source` says it; nothing for a file.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            OdooSource::Debian => Some("debian"),
            OdooSource::Nightly => Some("nightly"),
            OdooSource::Package(_) => None,
        }
    }
}

impl fmt::Display for OdooSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OdooSource::Package(path) => path.display().fmt(f),
            OdooSource::Debian | OdooSource::Nightly => f.write_str(self.name().unwrap_or_default()),
        }
    }
}

pub(super) fn source(text: &str) -> Result<OdooSource, Problem> {
    match text {
        "debian" => Ok(OdooSource::Debian),
        "nightly" => Ok(OdooSource::Nightly),
        _ => Err(Problem::new("is no source", "give `debian` or `nightly`; a file is named by `package`")),
    }
}

pub(super) fn package(text: &str) -> Result<PathBuf, Problem> {
    let path = name::path(text)?;
    if path.extension().is_none_or(|ending| ending != "deb") {
        return Err(Problem::new("is no Debian package", "give the path of a file that ends in `.deb`"));
    }
    Ok(path)
}

/// A module's technical name, which needs no quotes anywhere.
pub(super) fn module(text: &str) -> Result<String, Problem> {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain {
        return Ok(text.to_owned());
    }
    Err(Problem::new("is no module's name", "give technical names, such as `website`"))
}

/// A package's name as Debian's policy has it (5.6.1).
pub(super) fn debian_package(text: &str) -> Result<String, Problem> {
    let is_of_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    let is_name = text.len() >= 2
        && text.bytes().all(is_of_names)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if is_name {
        return Ok(text.to_owned());
    }
    Err(Problem::new("is no name of a Debian package", "give names that apt knows, such as `python3-pika`"))
}

/// A folder that can stand in Odoo's list, whose entries commas part.
pub(super) fn addons_folder(text: &str) -> Result<PathBuf, Problem> {
    match text.contains(',') {
        true => Err(Problem::new("has a comma in it", "name each folder as an entry of its own")),
        false => name::path(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn modules_need_no_quotes() {
        for good in ["base", "web", "l10n_de", "x9"] {
            assert_eq!(module(good).unwrap(), good);
        }
        for bad in ["", "9a", "a-b", "a,b", "a b", "a'b", "_a"] {
            assert!(module(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn files_and_folders() {
        assert_eq!(package("/srv/odoo.deb").unwrap(), Path::new("/srv/odoo.deb"));
        assert!(package("odoo.deb").is_err() && package("/srv/odoo.rpm").is_err());
        assert_eq!(addons_folder("/opt/addons").unwrap(), Path::new("/opt/addons"));
        assert!(addons_folder("opt").is_err() && addons_folder("/a,/b").is_err());
    }
}
