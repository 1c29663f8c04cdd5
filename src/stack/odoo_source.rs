//! Where Odoo's package comes from: the sources of apt, and what may come from each.

use super::odoo_archive::{Archive, Origin};
use super::odoo_repair::Rules;
use super::part::{Context, Part, PartError};
use super::postgresql::host_of;
use super::template::render;
use crate::config::OdooSource;
use crate::host::file::File;
use crate::host::{apt_sources, deb, os};
use crate::plan::Step;
use minijinja::context;
use std::path::Path;

/// The name people see.
pub const NAME: &str = "odoo";
const SOURCE: &str = "/etc/apt/sources.list.d/hams-odoo.sources";
const PIN: &str = "/etc/apt/preferences.d/50-hams-odoo.pref";
/// The host's own repository with the repaired package.
const LOCAL: &str = "/etc/apt/sources.list.d/hams-odoo-local.sources";
/// Debian's own keys, which every Debian has.
const DEBIAN_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Odoo in Debian unstable, and as its vendor names it.
const DEBIAN_PACKAGE: &str = "odoo-19";
const VENDOR_PACKAGE: &str = "odoo";
/// Bytes: the package fetched, and once more with its control file repaired.
const ARCHIVE: u64 = 300 << 20;

/// Adds to `part` what apt needs to find the package; gives its name.
pub fn add(cx: &Context<'_>, part: &mut Part) -> Result<String, PartError> {
    let release = os::release()?;
    let rules = |package: &str| Rules::of(&release.version, package).map_err(PartError::Config);
    let apt = &cx.config.apt;
    match &cx.config.odoo.source {
        OdooSource::Package(path) => {
            if !path.is_file() {
                return Err(PartError::Config(format!(
                    "there is no package `{}`\nhint: put it there, or correct `package` in the table [odoo] of hams.toml",
                    path.display()
                )));
            }
            let name = deb::name(path)?;
            let archive = Archive::new(&name, Origin::File(path.clone()), rules(&name)?, &release.version);
            local(archive, &[], part);
            Ok(name)
        }
        OdooSource::Debian => {
            let rules = rules(DEBIAN_PACKAGE)?;
            let uri = match &apt.odoo.uri {
                Some(uri) => uri.clone(),
                None => mirror(&release.codename)?,
            };
            let key = key("apt.odoo", apt.odoo.signed_by.as_deref(), DEBIAN_KEYS)?;
            let template = include_str!("../../deploy/odoo/unstable.sources.j2");
            let source = render("odoo/unstable.sources.j2", template, context! { uri, key })?;
            let pin = pin("Debian unstable", "release n=sid", DEBIAN_PACKAGE, !rules.is_empty())?;
            sources(source, Some(pin), &uri, part);
            if !rules.is_empty() {
                local(Archive::new(DEBIAN_PACKAGE, Origin::Apt, rules, &release.version), &[SOURCE], part);
            }
            Ok(DEBIAN_PACKAGE.to_owned())
        }
        OdooSource::Nightly => {
            let uri = &apt.odoo_nightly.uri;
            let key = key("apt.odoo-nightly", apt.odoo_nightly.signed_by.as_deref(), "")?;
            let template = include_str!("../../deploy/odoo/nightly.sources.j2");
            let source = render("odoo/nightly.sources.j2", template, context! { uri, key })?;
            // A folder of the operator's own has no host to pin; what it holds is his.
            let pin = match host_of(uri) {
                Some(host) => {
                    let of_host = format!("origin \"{host}\"");
                    Some(pin("Odoo's own repository", &of_host, VENDOR_PACKAGE, true)?)
                }
                None => None,
            };
            sources(source, pin, uri, part);
            let rules = rules(VENDOR_PACKAGE)?;
            local(Archive::new(VENDOR_PACKAGE, Origin::Apt, rules, &release.version), &[SOURCE], part);
            Ok(VENDOR_PACKAGE.to_owned())
        }
    }
}

/// From `origin` only the package, and not even that where it comes repaired from the host's own repository.
fn pin(origin: &str, pin: &str, package: &str, is_repaired: bool) -> Result<String, PartError> {
    let template = include_str!("../../deploy/odoo/odoo.pref.j2");
    let values = context! { origin, pin, package, is_repaired };
    Ok(render("odoo/odoo.pref.j2", template, values)?)
}

fn sources(source: String, pin: Option<String>, uri: &str, part: &mut Part) {
    let none: [String; 0] = [];
    // The pin comes first: at no moment may apt take anything else from there.
    let mut before = Vec::new();
    if let Some(pin) = pin {
        part.steps.push(Step::new(NAME, File::new(PIN, pin), none));
        before.push(File::id_of(PIN));
    }
    part.steps.push(Step::new(NAME, File::new(SOURCE, source), before));
    part.before_packages.push(File::id_of(SOURCE));
    part.sources.push(uri.to_owned());
}

/// The host's own repository, made after the files `after`.
fn local(archive: Archive, after: &[&str], part: &mut Part) {
    let after: Vec<String> = after.iter().map(|path| File::id_of(path)).collect();
    part.steps.push(Step::new(NAME, archive, after));
    let source = File::new(LOCAL, include_str!("../../deploy/odoo/local.sources"));
    part.steps.push(Step::new(NAME, source, [Archive::id_of()]));
    part.before_packages.push(File::id_of(LOCAL));
    part.disk += ARCHIVE;
}

fn key(table: &str, given: Option<&Path>, own: &str) -> Result<String, PartError> {
    match given {
        None => Ok(own.to_owned()),
        Some(path) if path.is_file() => Ok(path.display().to_string()),
        Some(path) => Err(PartError::Config(format!(
            "there is no key `{}`\nhint: put the repository's key there, or correct `signed_by` in the table [{table}] of \
             hams.toml",
            path.display()
        ))),
    }
}

/// The mirror that the host uses for its own release.
fn mirror(codename: &str) -> Result<String, PartError> {
    let suites = [codename, "stable", "oldstable"];
    apt_sources::debian_mirror(&suites)?.ok_or_else(|| {
        PartError::Config(format!(
            "apt's sources name no Debian mirror of {codename} from which Odoo could come\n\
             hint: set `uri` in the table [apt.odoo] of hams.toml"
        ))
    })
}
