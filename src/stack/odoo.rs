//! Odoo 19 on loopback behind the edge: its package, settings, database and modules, the admin's password before a port opens.

use super::environment;
use super::group::Group;
use super::odoo_admin::AdminPassword;
use super::odoo_database::Database;
use super::odoo_folders::{self, DataFolder};
use super::odoo_settings::Sizes;
use super::odoo_source;
use super::part::{Context, Part, PartError, drop_in, drop_in_path};
use super::postgresql::{self, ODOO_CONNECTIONS};
use super::postgresql_objects::Objects;
use super::template::render;
use crate::config::{Component, Config};
use crate::health::{OdooCheck, UnitCheck};
use crate::host::apt::Packages;
use crate::host::apt_unpacked::Unpacked;
use crate::host::command::Command;
use crate::host::directory::Directory;
use crate::host::file::File;
use crate::host::sockets::Transport;
use crate::host::system_account::SystemAccount;
use crate::host::unit::Unit;
use crate::host::{Resource, os};
use crate::plan::Step;
use crate::plan::precheck::Port;
use crate::secrets::ADMIN_PASSWORD;
use minijinja::context;
use std::net::{IpAddr, Ipv4Addr};

/// The name people see.
pub const NAME: &str = odoo_source::NAME;
/// The unit, of Debian's package and of the vendor's.
pub const UNIT: &str = "odoo.service";
/// The ports of requests and of the websocket.
pub const PORTS: [u16; 2] = [8069, 8072];
/// The process of the websocket is Python under its own name.
const PROGRAMS: &[&str] = &["odoo", "python3"];
const SETTINGS: &str = "/etc/odoo/hams.conf";
const ACCOUNT: &str = "/etc/sysusers.d/hams-odoo.conf";
const SYSUSERS: &str = "/etc/sysusers.d";
/// A folder of xml-core's, which comes with Odoo, that a purge leaves behind.
const LEFT_BEHIND: &str = "/etc/xml";
/// Where either package has Odoo's own modules.
const ADDONS: &str = "/usr/lib/python3/dist-packages/odoo/addons";
/// What its modules reach: the broker and the cache, where there are such, and the mail server. Not PowerDNS: changes of zones go
/// by the broker.
const GROUPS: [Group; 4] = [Group::Common, Group::Rabbitmq, Group::Redis, Group::Smtp];
/// Bytes: Odoo compiled, its libraries, the archive, a first database.
const DISK: u64 = 1800 << 20;
/// Bytes: the master, two workers, cron and the websocket after their start.
const MEMORY: u64 = 600 << 20;

/// Odoo's part of a node.
pub fn part(cx: &Context<'_>) -> Result<Part, PartError> {
    let config = cx.config;
    check(config)?;
    let mut part = Part { disk: DISK, memory: MEMORY, ..Part::default() };
    let package = odoo_source::add(cx, &mut part)?;
    let cluster = postgresql::cluster(config)?;
    let database = &config.odoo.database;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let folders = config.odoo.addons_path.iter().map(|folder| folder.display().to_string());
    let addons: Vec<String> = std::iter::once(ADDONS.to_owned()).chain(folders).collect();
    let settings = render(
        "odoo/hams.conf.j2",
        include_str!("../../deploy/odoo/hams.conf.j2"),
        context! {
            port => (cluster.port != 5432).then_some(cluster.port),
            database,
            http_port => PORTS[0],
            gevent_port => PORTS[1],
            addons_path => addons.join(","),
            sizes => Sizes::of(os::memory()?, cores, ODOO_CONNECTIONS.into()),
        },
    )?;
    let inspect = render(
        "odoo/inspect.sql.j2",
        include_str!("../../deploy/odoo/inspect.sql.j2"),
        context! { database },
    )?;

    let none: [String; 0] = [];
    let drop_in_file = drop_in_path(UNIT);
    let account = SystemAccount { name: "odoo".into(), declaration: ACCOUNT.into() };
    let account_id = account.id();
    part.packages.names.push("postgresql-client".into()); // Odoo asks for the one of whatever version Debian has
    part.packages.names.extend(config.odoo.packages.iter().cloned());
    part.packages.accounts.push("odoo".into());
    part.packages.ahead_of.push(package.clone());
    let unpacked = Unpacked::new(&package);
    let unpacked_id = unpacked.id();
    let own = Packages {
        names: vec![package],
        data: vec!["/var/lib/odoo".into(), "/var/log/odoo".into()],
        purpose: Some(NAME),
        ..Packages::default()
    };
    part.steps.push(Step::new(NAME, Directory::shared(SYSUSERS), none.clone()));
    part.steps.push(Step::new(NAME, Directory::shared(LEFT_BEHIND), none));
    part.before_packages.push(Directory::id_of(LEFT_BEHIND));
    let declaration = File::new(ACCOUNT, include_str!("../../deploy/odoo/sysusers.conf"));
    part.steps.push(Step::new(NAME, declaration, [Directory::id_of(SYSUSERS)]));
    // After the packages of all: what accounts were there before is noted there.
    part.steps.push(Step::new(NAME, account, [File::id_of(ACCOUNT), Packages::id_of()]));
    part.steps.push(Step::new(NAME, unpacked, [Packages::id_of(), account_id.clone()]));
    // dpkg compiles all of it on one core, while on another Odoo fills its database. Its script makes the role `odoo`, which
    // may make databases, where there is none yet.
    part.steps.push(Step::new(NAME, own, [unpacked_id.clone(), Objects::id_of()]));
    part.steps.push(Step::new(NAME, DataFolder, [account_id.clone()]));
    let installed = Packages::id_for(NAME);
    let file = File::new(SETTINGS, settings).access("root", "odoo", 0o640);
    part.steps.push(Step::new(NAME, file, [unpacked_id.clone(), account_id]));
    let modules = Database::new(
        cluster,
        [UNIT, SETTINGS],
        database,
        &config.odoo.modules,
        [inspect.clone(), postgresql::objects_sql(cx)?],
    );
    let after = [unpacked_id, File::id_of(SETTINGS), DataFolder::id_of(), Objects::id_of()];
    part.steps.push(Step::new(NAME, modules, after));
    let hash = cx.vault.get(ADMIN_PASSWORD).filter(|hash| !hash.is_empty()).cloned();
    let admin = AdminPassword::new(cluster, database, inspect, hash);
    part.steps.push(Step::new(NAME, admin, [Database::id_of()]));
    part.environment = GROUPS.into_iter().filter(|group| group.is_there(config)).collect();
    let environment: Vec<String> = part.environment.iter().map(|group| environment::path(*group)).collect();
    let sandbox = render(
        "odoo/50-hams.conf.j2",
        include_str!("../../deploy/odoo/50-hams.conf.j2"),
        context! { environment },
    )?;
    part.steps.extend(drop_in(NAME, UNIT, sandbox));
    part.before_packages.push(File::id_of(&drop_in_file));
    let reads: Vec<&str> =
        [SETTINGS, &drop_in_file].into_iter().chain(environment.iter().map(String::as_str)).collect();
    let unit = Unit::new(UNIT, &reads).ready_when(probe());
    let files = reads.iter().map(|path| File::id_of(path));
    let after = files.chain([AdminPassword::id_of(), installed]);
    part.steps.push(Step::new(NAME, unit, after));

    part.ports.extend(PORTS.map(|number| Port {
        transport: Transport::Tcp,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        number,
        own_programs: PROGRAMS,
        fix: "stop that program, or leave `odoo` out of `components` and set `odoo.host`",
    }));
    part.checks.push(Box::new(UnitCheck::new(NAME, UNIT)));
    part.checks.push(Box::new(OdooCheck::new("127.0.0.1", PORTS[0], PORTS[1])));
    Ok(part)
}

/// What only the host can show to be wrong.
fn check(config: &Config) -> Result<(), PartError> {
    if !config.has(Component::Postgresql) {
        return Err(PartError::Config(
            "`components` has odoo without postgresql, and Odoo comes to its database by the socket of this host alone\n\
             hint: add `postgresql` to `components`, or leave `odoo` out and set `odoo.host`"
                .into(),
        ));
    }
    for folder in &config.odoo.addons_path {
        if let Some(fault) = odoo_folders::fault(folder)? {
            return Err(PartError::Config(format!(
                "`odoo.addons_path` has the folder `{}`, from which Odoo cannot take modules: {fault}\n\
                 hint: put it where the account odoo can read it (such as /opt/hams/addons), or remove it from the list",
                folder.display()
            )));
        }
    }
    Ok(())
}

/// Answers of both ports, one with the database behind it: a port that takes connections proves nothing.
fn probe() -> Command {
    let health = format!("http://127.0.0.1:{}/web/health?db_server_status=1", PORTS[0]);
    let websocket = format!("http://127.0.0.1:{}/websocket/health", PORTS[1]);
    let script = "import sys, urllib.request as r; [r.urlopen(url, timeout=5) for url in sys.argv[1:]]";
    Command::new("/usr/bin/python3").args(["-c", script, &health, &websocket])
}
