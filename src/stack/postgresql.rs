//! PostgreSQL from PGDG or from Debian: on loopback and its socket, Odoo by peer authentication, daemons by SCRAM.

use super::part::{Context, Part, PartError, drop_in, drop_in_path};
use super::postgresql_cluster::Cluster;
use super::postgresql_objects::{Loaded, Objects};
use super::postgresql_settings::Sizes;
use super::template::render;
use crate::config::{Config, Extension, PostgresqlSource, Repository};
use crate::health::{PostgresqlCheck, UnitCheck};
use crate::host::apt::Packages;
use crate::host::command::Command;
use crate::host::directory::Directory;
use crate::host::file::File;
use crate::host::sockets::Transport;
use crate::host::unit::Unit;
use crate::host::{Error, os, paths};
use crate::plan::Step;
use crate::plan::precheck::Port;
use crate::secrets::scram_verifier;
use minijinja::context;
use std::net::{IpAddr, Ipv4Addr};

const NAME: &str = "postgresql";
/// The role of daemons that listen for notices.
pub const LISTEN_ROLE: &str = "hams_listen";
/// Connections that Odoo may have: its workers, its cron workers and the one for notices, each with a few.
pub(super) const ODOO_CONNECTIONS: u32 = 64;
const LISTEN_CONNECTIONS: u32 = 20;
/// Debian's releases and the major version that each has.
const DEBIAN: [(&str, u16); 2] = [("12", 15), ("13", 17)];
const SOURCE: &str = "/etc/apt/sources.list.d/hams-pgdg.sources";
const PIN: &str = "/etc/apt/preferences.d/50-hams-pgdg.pref";
const KEY: &str = "/etc/apt/keyrings/hams-pgdg.asc";
const KEYRINGS: &str = "/etc/apt/keyrings";
const CREATECLUSTER: [&str; 2] = ["/etc/postgresql-common", "/etc/postgresql-common/createcluster.d"];
/// Folders of postgresql-common that a purge leaves behind, because clusters lie in them until its very end.
const LEFT_BEHIND: [&str; 3] = ["/etc/postgresql", "/var/lib/postgresql", "/var/log/postgresql"];
/// Bytes: the server, postgresql-common with Perl, an empty cluster with its log, and room to breathe.
const DISK: u64 = 500 << 20;
/// Bytes: an idle server with the smallest buffers.
const MEMORY: u64 = 150 << 20;

/// The cluster that a node of `config` has on this host.
pub fn cluster(config: &Config) -> Result<Cluster, PartError> {
    let version = match config.postgresql.source {
        PostgresqlSource::Pgdg => config.postgresql.version,
        PostgresqlSource::Debian => {
            let release = os::release()?.version;
            let known = DEBIAN.iter().find(|(debian, _)| *debian == release);
            known
                .map(|(_, major)| *major)
                .ok_or_else(|| Error::Unexpected(format!("no PostgreSQL is known for Debian `{release}`")))?
        }
    };
    Ok(Cluster { version, port: config.postgresql.port })
}

/// PostgreSQL's part of a node.
pub fn part(cx: &Context<'_>) -> Result<Part, PartError> {
    let cluster = cluster(cx.config)?;
    if let Some(conflict) = cluster.conflict()? {
        return Err(PartError::Config(conflict));
    }
    let mut part = Part { disk: DISK, memory: MEMORY, ..Part::default() };
    if cx.config.postgresql.source == PostgresqlSource::Pgdg {
        pgdg(&cx.config.apt.pgdg, cluster, &mut part)?;
    }
    packages(cx.config, cluster, &mut part);
    let settings = settings(cx.config, cluster, &mut part)?;

    let unit = cluster.unit();
    let drop_in_file = drop_in_path(&unit);
    let reads: Vec<&str> = settings.iter().map(String::as_str).chain([drop_in_file.as_str()]).collect();
    let port = format!("--port={}", cluster.port);
    let probe = Command::new(&cluster.program("pg_isready"))
        .args(["--quiet", "--host=/run/postgresql", &port, "--dbname=postgres"])
        .user("postgres");
    let files: Vec<String> = settings.iter().map(|path| File::id_of(path)).collect();
    let after = files.iter().cloned().chain([File::id_of(&drop_in_file)]);
    part.steps.push(Step::new(NAME, Unit::new(&unit, &reads).ready_when(probe), after));
    let after = files.into_iter().chain([Unit::id_of(&unit)]);
    part.steps.push(Step::new(NAME, Loaded::new(cluster, settings.to_vec()), after));
    part.steps.push(Step::new(NAME, objects(cx, cluster)?, [Loaded::id_of(), File::id_of(paths::VAULT)]));
    part.steps.extend(drop_in(NAME, &unit, include_str!("../../units/postgresql@.service.d/50-hams.conf")));
    part.before_packages.push(File::id_of(&drop_in_file));

    part.ports.push(Port {
        transport: Transport::Tcp,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        number: cluster.port,
        own_programs: &["postgres"],
        fix: "stop that program, set another `port` in the table [postgresql] of hams.toml, or leave `postgresql` out of \
              `components` and set `postgresql.host`",
    });
    let password = cx.vault.require("DB_PASS")?.clone();
    let database = &cx.config.odoo.database;
    let sql = PostgresqlCheck::new("127.0.0.1", cluster.port, database, LISTEN_ROLE, password);
    part.checks.push(Box::new(UnitCheck::new(NAME, &unit)));
    part.checks.push(Box::new(sql));
    Ok(part)
}

/// PGDG as a source of apt, from which nothing but PostgreSQL may come.
fn pgdg(repository: &Repository, cluster: Cluster, part: &mut Part) -> Result<(), PartError> {
    let key = match &repository.signed_by {
        None => KEY.to_owned(),
        Some(path) if path.is_file() => path.display().to_string(),
        Some(path) => {
            return Err(PartError::Config(format!(
                "there is no key `{}`\nhint: put the repository's key there, or correct `signed_by` in the table \
                 [apt.pgdg] of hams.toml",
                path.display()
            )));
        }
    };
    let source = render(
        "postgresql/pgdg.sources.j2",
        include_str!("../../deploy/postgresql/pgdg.sources.j2"),
        context! { uri => repository.uri, codename => os::release()?.codename, key },
    )?;
    let version = cluster.version;
    let packages = format!(
        "postgresql-{version} postgresql-client-{version} postgresql-{version}-pgvector \
         postgresql-common postgresql-common-dev postgresql-client-common libpq5"
    );
    let pin = render(
        "postgresql/pgdg.pref.j2",
        include_str!("../../deploy/postgresql/pgdg.pref.j2"),
        context! { host => host_of(&repository.uri), packages },
    )?;
    let none: [String; 0] = [];
    if repository.signed_by.is_none() {
        let published = include_bytes!("../../deploy/postgresql/apt.postgresql.org.asc");
        part.steps.push(Step::new(NAME, Directory::shared(KEYRINGS), none.clone()));
        part.steps.push(Step::new(NAME, File::new(KEY, *published), [Directory::id_of(KEYRINGS)]));
        part.before_packages.push(File::id_of(KEY));
    }
    // The pin comes first: at no moment may apt take anything else from there.
    part.steps.push(Step::new(NAME, File::new(PIN, pin), none));
    part.steps.push(Step::new(NAME, File::new(SOURCE, source), [File::id_of(PIN)]));
    part.before_packages.push(File::id_of(SOURCE));
    part.sources.push(repository.uri.clone());
    Ok(())
}

/// The machine that an address names; nothing for a folder.
pub(super) fn host_of(uri: &str) -> Option<&str> {
    let authority =
        uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"))?.split('/').next()?;
    let host = authority.rsplit('@').next()?;
    Some(host.split(':').next().unwrap_or(host))
}

fn packages(config: &Config, cluster: Cluster, part: &mut Part) {
    part.packages.names.push(cluster.package());
    if config.postgresql.extensions.contains(&Extension::Vector) {
        part.packages.names.push(format!("postgresql-{}-pgvector", cluster.version));
    }
    // The group of certificates' keys belongs to ssl-cert, which leaves it behind.
    part.packages.accounts.extend(["postgres", "ssl-cert"].map(str::to_owned));
    part.packages.data.push(cluster.data().into());
    // Before the packages: no cluster but the one that is made here, and that one with checksums.
    let [common, folder] = CREATECLUSTER;
    let file = format!("{folder}/50-hams.conf");
    let none: [String; 0] = [];
    for left in LEFT_BEHIND {
        part.steps.push(Step::new(NAME, Directory::shared(left), none.clone()));
        part.before_packages.push(Directory::id_of(left));
    }
    part.steps.push(Step::new(NAME, Directory::shared(common), none));
    part.steps.push(Step::new(NAME, Directory::shared(folder), [Directory::id_of(common)]));
    let content = include_str!("../../deploy/postgresql/createcluster.conf");
    part.steps.push(Step::new(NAME, File::new(&file, content), [Directory::id_of(folder)]));
    part.steps.push(Step::new(NAME, cluster, [Packages::id_of(), File::id_of(&file)]));
    part.before_packages.push(File::id_of(&file));
}

/// The settings on top of the cluster's own: gives the files that the server reads.
fn settings(config: &Config, cluster: Cluster, part: &mut Part) -> Result<[String; 2], PartError> {
    let (file, hba) = (cluster.setting("conf.d/50-hams.conf"), cluster.setting("hams_hba.conf"));
    let settings = render(
        "postgresql/50-hams.conf.j2",
        include_str!("../../deploy/postgresql/50-hams.conf.j2"),
        context! { port => cluster.port, hba, sizes => Sizes::of(os::memory()?) },
    )?;
    let rules = render(
        "postgresql/hba.conf.j2",
        include_str!("../../deploy/postgresql/hba.conf.j2"),
        context! { database => config.odoo.database },
    )?;
    let rules = File::new(&hba, rules).access("root", "postgres", 0o640);
    part.steps.push(Step::new(NAME, rules, [cluster.id()]));
    // Open to read: psql's wrapper looks for the port there, whoever calls it.
    part.steps.push(Step::new(NAME, File::new(&file, settings), [cluster.id(), File::id_of(&hba)]));
    Ok([file, hba])
}

fn verifier(cx: &Context<'_>) -> Result<String, PartError> {
    Ok(scram_verifier(cx.vault.require("DB_PASS")?, cx.vault.salt("DB_PASS")?)?)
}

fn extensions(config: &Config) -> Vec<&str> {
    config.postgresql.extensions.iter().map(|known| known.as_str()).collect()
}

/// The SQL that makes roles, database, privileges and extensions; it holds a verifier.
pub(super) fn objects_sql(cx: &Context<'_>) -> Result<String, PartError> {
    Ok(render(
        "postgresql/objects.sql.j2",
        include_str!("../../deploy/postgresql/objects.sql.j2"),
        context! {
            database => cx.config.odoo.database,
            verifier => verifier(cx)?,
            extensions => extensions(cx.config),
            odoo_connections => ODOO_CONNECTIONS,
            listen_connections => LISTEN_CONNECTIONS,
        },
    )?)
}

/// Roles, database, privileges and extensions.
fn objects(cx: &Context<'_>, cluster: Cluster) -> Result<Objects, PartError> {
    let database = &cx.config.odoo.database;
    let (verifier, extensions) = (verifier(cx)?, extensions(cx.config));
    let inspect = render(
        "postgresql/inspect.sql.j2",
        include_str!("../../deploy/postgresql/inspect.sql.j2"),
        context! { database },
    )?;
    let apply = objects_sql(cx)?;
    let mut wanted = vec![
        (format!("password\t{LISTEN_ROLE}\t{verifier}"), format!("role {LISTEN_ROLE} has another password")),
        ("password\todoo\tnone".into(), "role odoo has a password".into()),
        (format!("database\t{database}\todoo\tUTF8"), format!("no database {database} of odoo in UTF-8")),
        ("extension\tpostgres\tpg_stat_statements".into(), "no extension pg_stat_statements".into()),
    ];
    for (role, connections) in [("odoo", ODOO_CONNECTIONS), (LISTEN_ROLE, LISTEN_CONNECTIONS)] {
        // LOGIN; neither superuser nor CREATEDB, CREATEROLE, REPLICATION, BYPASSRLS.
        let fact = format!("role\t{role}\tt\tf\tf\tf\tf\tf\t{connections}");
        wanted.push((fact, format!("role {role} is not there, or may do more or less than it should")));
    }
    for (role, database) in [("odoo", database.as_str()), ("odoo", "postgres"), (LISTEN_ROLE, database)] {
        let reason = format!("role {role} may not connect to database {database}");
        wanted.push((format!("connect\t{role}\t{database}"), reason));
    }
    for extension in &extensions {
        wanted.push((
            format!("extension\t{database}\t{extension}"),
            format!("no extension {extension} in database {database}"),
        ));
        if *extension == "unaccent" {
            wanted.push(("unaccent\ti".into(), "the function unaccent is not immutable".into()));
        }
    }
    Ok(Objects::new(cluster, inspect, apply, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_pinned_by_its_host() {
        assert_eq!(host_of("http://user:pw@mirror.example:8080/pgdg"), Some("mirror.example"));
        assert_eq!(host_of("https://mirror.example"), Some("mirror.example"));
        assert_eq!(host_of("file:/srv/pgdg"), None);
    }
}
