//! The platform's Python daemons: each in its family's account, its own venv and a sandbox, with the variables of the
//! groups that it needs and no others.

use super::daemons_catalogue::{Daemon, Group, Kind, Need};
use super::daemons_check::DaemonCheck;
use super::daemons_environment as environment;
use super::daemons_selection::Selection;
use super::daemons_start::Start;
use super::daemons_units as units;
use super::daemons_venv::{self as venv, Venv};
use super::part::{Context, Part, PartError, drop_in, drop_in_path};
use super::{postgresql_objects, rabbitmq_objects};
use crate::config::{Component, Config};
use crate::host::apt::Packages;
use crate::host::directory::Directory;
use crate::host::file::File;
use crate::host::service_account::ServiceAccount;
use crate::host::sockets::Transport;
use crate::host::stopped_unit::StoppedUnit;
use crate::host::unit::Unit;
use crate::host::{Error, paths};
use crate::plan::Step;
use crate::plan::precheck::Port;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

const NAME: &str = "daemons";
/// What every instance has in common, from hams' own package.
const TEMPLATE: &str = "/usr/lib/systemd/system/hams-daemon@.service";
const UNITS: &str = "/etc/systemd/system";
const INSTANCE: &str = "hams-daemon@";
/// Bytes: Python with venv, and of each daemon a venv with its packages.
const DISK: u64 = 60 << 20;
const DISK_OF_ONE: u64 = 40 << 20;
/// Bytes: a Python process with its libraries.
const MEMORY_OF_ONE: u64 = 30 << 20;
/// A venv's interpreter.
const PROGRAMS: &[&str] = &["python"];

/// The daemons' part of a node.
pub fn part(cx: &Context<'_>) -> Result<Part, PartError> {
    let selection = Selection::of(cx.config)?;
    let mut part = Part { notes: notes(cx.config, &selection)?, ..Part::default() };
    for (daemon, why) in &selection.refused {
        part.checks.push(Box::new(DaemonCheck::new(daemon, Some(why))));
    }
    part.steps.extend(unwanted(&selection)?);
    // A file that a daemon of an earlier run had stays true as long as it is there: no old password stands in it.
    let is_there = |group: &Group| Path::new(&environment::path(*group)).exists();
    let needed = selection.daemons.iter().flat_map(|(daemon, _)| daemon.env.clone());
    let groups: BTreeSet<Group> = needed.chain(Group::ALL.into_iter().filter(is_there)).collect();
    part.steps.extend(environment::steps(NAME, &groups, cx.config, cx.vault)?);
    if selection.daemons.is_empty() {
        return Ok(part);
    }
    part.packages.names.push("python3-venv".into());
    part.disk = DISK + DISK_OF_ONE * selection.daemons.len() as u64;
    let services = selection.daemons.iter().filter(|(daemon, _)| daemon.kind == Some(Kind::Service)).count();
    part.memory = MEMORY_OF_ONE * services as u64;
    let none: [String; 0] = [];
    part.steps.push(Step::new(NAME, Directory::new(paths::DAEMONS, "root", "root", 0o755), none));
    // apt has its own programs that make accounts: not at the same time.
    part.steps.push(Step::new(NAME, ServiceAccount::new(venv::BUILDER, false), [Packages::id_of()]));
    part.steps.extend(accounts(&selection));
    part.steps.extend(folders(&selection));
    for (daemon, requirements) in &selection.daemons {
        part.steps.extend(steps(daemon, requirements.clone(), cx.config)?);
        part.checks.push(Box::new(DaemonCheck::new(daemon, None)));
        part.ports.extend(daemon.port.map(|number| Port {
            transport: Transport::Tcp,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            number,
            own_programs: PROGRAMS,
            fix: "stop that program, or give the daemon another `port` in a catalogue of your own",
        }));
    }
    Ok(part)
}

/// The units of daemons that a run before this one set up, and that this node no longer has: retired, or without code. One
/// that is refused is left as it is, and told.
fn unwanted(selection: &Selection) -> Result<Vec<Step>, PartError> {
    let wanted = selection.daemons.iter().map(|(daemon, _)| daemon);
    let known: BTreeSet<String> = wanted
        .chain(selection.refused.iter().map(|(daemon, _)| daemon))
        .map(|daemon| daemon.timer().unwrap_or_else(|| daemon.service()))
        .collect();
    let folder = Path::new(UNITS);
    let mut steps = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let name = entry.map_err(Error::io("read", folder))?.file_name().to_string_lossy().into_owned();
        let is_timer = name.ends_with(".timer");
        let unit = name.strip_suffix(".d").filter(|unit| unit.ends_with(".service"));
        let Some(unit) = unit.or(is_timer.then_some(&*name)).filter(|unit| unit.starts_with(INSTANCE)) else {
            continue;
        };
        // The service of a timer is no matter of its own.
        let has_timer =
            unit.strip_suffix(".service").is_some_and(|stem| folder.join(format!("{stem}.timer")).exists());
        if !known.contains(unit) && !has_timer {
            let none: [String; 0] = [];
            steps.push(Step::new(NAME, StoppedUnit::new(unit), none));
        }
    }
    steps.sort_by_key(|step| step.resource.id());
    Ok(steps)
}

/// One account a family, and whether folders with data are its own.
fn accounts(selection: &Selection) -> Vec<Step> {
    let families: BTreeSet<&str> =
        selection.daemons.iter().map(|(daemon, _)| daemon.family.as_str()).collect();
    let owns_data = |family: &str| {
        selection.daemons.iter().any(|(daemon, _)| daemon.family == family && !daemon.writes.is_empty())
    };
    let account = |family: &str| ServiceAccount::new(family, owns_data(family));
    families.into_iter().map(|family| Step::new(NAME, account(family), [Packages::id_of()])).collect()
}

/// The folders that daemons write to, with those above them.
fn folders(selection: &Selection) -> Vec<Step> {
    let mut own: Vec<(&str, &str)> = Vec::new();
    for (daemon, _) in &selection.daemons {
        own.extend(daemon.writes.iter().map(|path| (path.as_str(), daemon.family.as_str())));
    }
    own.sort_unstable();
    own.dedup();
    let mut shared: BTreeSet<PathBuf> = BTreeSet::new();
    for (path, _) in &own {
        let above = Path::new(path).ancestors().skip(1).filter(|above| above.parent().is_some());
        shared.extend(
            above.filter(|above| !own.iter().any(|(path, _)| Path::new(path) == *above)).map(Path::to_owned),
        );
    }
    let after = |path: &Path| -> Vec<String> {
        let above = path.parent().filter(|above| above.parent().is_some());
        above.map(|above| Directory::id_of(&above.to_string_lossy())).into_iter().collect()
    };
    let shared = shared.iter().map(|path| Step::new(NAME, Directory::shared(path), after(path)));
    let own = own.iter().map(|(path, family)| {
        let folder = Directory::new(*path, family, family, 0o750).data();
        let account = ServiceAccount::id_of(family);
        Step::new(NAME, folder, after(Path::new(path)).into_iter().chain([account]))
    });
    shared.chain(own).collect()
}

/// What makes one daemon run.
fn steps(daemon: &Daemon, requirements: Option<PathBuf>, config: &Config) -> Result<Vec<Step>, PartError> {
    let service = daemon.service();
    let drop_in_file = drop_in_path(&service);
    let mut steps = drop_in(NAME, &service, units::drop_in(daemon, config)?).to_vec();
    let ground = [Packages::id_of(), ServiceAccount::id_of(venv::BUILDER), Directory::id_of(paths::DAEMONS)];
    steps.push(Step::new(NAME, Venv::new(&daemon.name, requirements), ground));

    let mut after =
        vec![Venv::id_of(&daemon.name), ServiceAccount::id_of(&daemon.family), File::id_of(&drop_in_file)];
    after.extend(daemon.env.iter().map(|group| File::id_of(&environment::path(*group))));
    after.extend(daemon.writes.iter().map(|path| Directory::id_of(path)));
    let unit = match (daemon.timer(), units::timer_path(daemon)) {
        (Some(timer), Some(file)) => {
            let none: [String; 0] = [];
            steps.push(Step::new(NAME, File::new(&file, units::timer(daemon)?), none));
            after.push(File::id_of(&file));
            // Each of its runs reads the rest anew.
            Unit::new(&timer, &[&file])
        }
        _ => {
            for need in &daemon.needs {
                match need {
                    Need::Rabbitmq if config.has(Component::Rabbitmq) => {
                        after.push(rabbitmq_objects::Objects::id_of());
                    }
                    Need::Postgresql if config.has(Component::Postgresql) => {
                        after.push(postgresql_objects::Objects::id_of());
                    }
                    _ => {}
                }
            }
            after.extend(units::needs(daemon, config)?.iter().map(|unit| Unit::id_of(unit)));
            let mut reads: Vec<String> = daemon.env.iter().map(|group| environment::path(*group)).collect();
            reads.extend([drop_in_file, venv::stamp(&daemon.name), TEMPLATE.to_owned()]);
            Unit::new(&service, &reads.iter().map(String::as_str).collect::<Vec<_>>())
        }
    };
    steps.push(Step::new(NAME, Start::new(unit, daemon), after));
    Ok(steps)
}

/// What is worth knowing and no fault.
fn notes(config: &Config, selection: &Selection) -> Result<Vec<String>, PartError> {
    let source = config.daemons.source.display();
    let mut notes = Vec::new();
    if selection.daemons.is_empty() && selection.refused.is_empty() {
        notes.push(format!("there is no code of daemons under {source}, so none is set up"));
    } else if !selection.missing.is_empty() {
        notes.push(format!("daemons without code under {source}: {}", selection.missing.join(", ")));
    }
    for (daemon, requirements) in &selection.daemons {
        if let Some(path) = requirements {
            let list = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
            if !list.trim().is_empty() && !venv::has_hashes(&list) {
                notes.push(format!(
                    "daemon {}: {} names no hashes, so what the package index gives is taken",
                    daemon.name,
                    path.display()
                ));
            }
        }
        for group in &daemon.env {
            let (component, host) = match group {
                Group::Db => (Component::Postgresql, &config.postgresql.host),
                Group::Redis => (Component::Redis, &config.redis.host),
                Group::Rabbitmq => (Component::Rabbitmq, &config.rabbitmq.host),
                Group::Pdns => (Component::Powerdns, &config.powerdns.host),
                Group::Common | Group::Odoo | Group::Smtp => continue,
            };
            if !config.has(component) && host.is_none() {
                notes.push(format!(
                    "daemon {}: it needs {component}, which is neither among `components` nor set as `{component}.host`",
                    daemon.name
                ));
            }
        }
    }
    Ok(notes)
}
