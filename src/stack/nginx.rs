//! nginx, the edge: TLS for the domain, www and auth, limits, client certificates, the tarpit; Odoo behind it.

use super::nginx_certificate::SelfSigned;
use super::nginx_config::Configuration;
use super::nginx_files::{self, ENTRY, Edge, FOLDER, TARPIT};
use super::nginx_operators::{check_authority, check_pair};
use super::nginx_users::{Reader, check_users};
use super::part::{Context, Part, PartError, drop_in, drop_in_path};
use crate::config::Config;
use crate::health::{NginxCheck, UnitCheck};
use crate::host::absent_link::AbsentLink;
use crate::host::apt::Packages;
use crate::host::directory::Directory;
use crate::host::file::File;
use crate::host::sockets::Transport;
use crate::host::unit::Unit;
use crate::host::{os, paths};
use crate::plan::Step;
use crate::plan::precheck::Port;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

const NAME: &str = "nginx";
/// The unit.
pub const UNIT: &str = "nginx.service";
const PORTS: [u16; 2] = [80, 443];
const PROGRAMS: &[&str] = &["nginx"];
/// Debian's page for a fresh host, switched on by the package's postinst.
const DEFAULT_SITE: [&str; 2] = ["/etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/default"];
const TLS: &str = "/etc/hams/tls";
const SELF_SIGNED: &str = "/etc/hams/tls/self-signed.pem";
/// The account of nginx's workers on Debian, and its group.
const WORKERS: &str = "www-data";
/// What the host's own programs tell the edge.
const EDGE: &str = "/var/lib/hams-edge";
const TARPIT_LIST: &str = "/var/lib/hams-edge/tarpit";
const TARPIT_UNITS: [&str; 2] = ["hams-tarpit.path", "hams-tarpit.service"];
const PROGRAMS_FOLDER: &str = "/usr/local/lib/hams";
const TARPIT_PROGRAM: &str = "/usr/local/lib/hams/tarpit-reload";
const RELOAD_PROGRAM: &str = "/usr/local/lib/hams/nginx-reload";
/// Where the package puts a page, and leaves the folders behind.
const WWW: [&str; 2] = ["/var/www", "/var/www/html"];
/// Bytes: nginx on Debian 13, and its first logs.
const DISK: u64 = 20 << 20;
/// The Debian whose nginx does not know the directive `http2` yet (1.22).
const WITHOUT_HTTP2_DIRECTIVE: &str = "12";

/// nginx's part of a node.
pub fn part(cx: &Context<'_>) -> Result<Part, PartError> {
    let config = cx.config;
    let names = [config.domain.clone(), format!("www.{}", config.domain), format!("auth.{}", config.domain)];
    let own = Path::new(SELF_SIGNED);
    let (certificate, key) = match &config.tls {
        Some(tls) => (tls.certificate.as_path(), tls.key.as_path()),
        None => (own, own),
    };
    check(config, &names, certificate)?;
    let files = nginx_files::files(&Edge {
        domain: &config.domain,
        odoo: odoo(config),
        certificate,
        key,
        client_ca: config.nginx.client_ca.as_deref(),
        cloudflare: config.nginx.cloudflare,
        origin_pull_ca: config.nginx.origin_pull_ca.as_deref(),
        status: config.nginx.status_users.as_deref().zip(config.health.http_port),
        ipv6: os::has_ipv6(),
        http2_directive: os::release()?.version != WITHOUT_HTTP2_DIRECTIVE,
    })?;
    let authorities = [&config.nginx.client_ca, &config.nginx.origin_pull_ca].into_iter().flatten();
    let mut loads: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
    loads.extend([certificate, key].map(Path::to_owned));
    loads.extend(authorities.cloned());
    loads.dedup();

    let none: [String; 0] = [];
    let drop_in_file = drop_in_path(UNIT);
    let mut steps = vec![
        Step::new(NAME, AbsentLink::new(DEFAULT_SITE[0], DEFAULT_SITE[1]), [Packages::id_of()]),
        Step::new(NAME, Directory::new(FOLDER, "root", "root", 0o755), [Packages::id_of()]),
        Step::new(
            NAME,
            File::new(TARPIT, include_str!("../../deploy/nginx/tarpit.conf")).keep_existing(),
            [Directory::id_of(FOLDER)],
        ),
    ];
    let mut written = vec![AbsentLink::id_of(DEFAULT_SITE[0]), File::id_of(TARPIT)];
    if config.tls.is_none() {
        let folder = Directory::new(TLS, "root", "root", 0o700);
        steps.push(Step::new(NAME, folder, [Directory::id_of(paths::ETC)]));
        steps.push(Step::new(NAME, SelfSigned::new(SELF_SIGNED, &names), [Directory::id_of(TLS)]));
        written.push(SelfSigned::id_of(SELF_SIGNED));
    }
    for (path, content) in files {
        // The entry is what the others come into force by.
        let after = if path == Path::new(ENTRY) { written.clone() } else { vec![Directory::id_of(FOLDER)] };
        written.push(File::id_of(&path.to_string_lossy()));
        steps.push(Step::new(NAME, File::new(path, content), after));
    }
    steps.push(Step::new(NAME, Configuration::new(loads.clone()), written));
    let unit = Unit::new(UNIT, &[&drop_in_file]).reloads(loads);
    steps.push(Step::new(
        NAME,
        unit,
        [Configuration::id_of(), File::id_of(&drop_in_file), File::id_of(RELOAD_PROGRAM)],
    ));
    steps.extend(drop_in(NAME, UNIT, include_str!("../../units/nginx.service.d/50-hams.conf")));
    steps.push(Step::new(NAME, Directory::new(PROGRAMS_FOLDER, "root", "root", 0o755), none.clone()));
    steps.push(program(RELOAD_PROGRAM, include_str!("../../deploy/nginx/nginx-reload")));
    steps.extend(tarpit());
    steps.push(Step::new(NAME, Directory::shared(WWW[0]), none));
    steps.push(Step::new(NAME, Directory::shared(WWW[1]), [Directory::id_of(WWW[0])]));

    let port = |number: &u16| Port {
        transport: Transport::Tcp,
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        number: *number,
        own_programs: PROGRAMS,
        fix: "stop that program, or leave `nginx` out of `components`",
    };
    let mut before_packages = vec![File::id_of(&drop_in_file)];
    before_packages.extend(WWW.map(Directory::id_of));
    Ok(Part {
        packages: Packages {
            // Without logrotate its logs would grow for ever.
            names: ["nginx", "logrotate"].map(str::to_owned).to_vec(),
            data: ["/var/lib/nginx", "/var/log/nginx", "/var/www/html/index.nginx-debian.html"]
                .map(PathBuf::from)
                .to_vec(),
            ..Packages::default()
        },
        steps,
        before_packages,
        ports: PORTS.iter().map(port).collect(),
        public: PORTS.map(|port| (Transport::Tcp, port)).to_vec(),
        checks: vec![
            Box::new(UnitCheck::new(NAME, UNIT)),
            Box::new(UnitCheck::new(NAME, TARPIT_UNITS[0])),
            Box::new(NginxCheck::on_this_host(&config.domain)),
        ],
        disk: DISK,
        ..Part::default()
    })
}

/// What the operator has named.
fn check(config: &Config, names: &[String; 3], certificate: &Path) -> Result<(), PartError> {
    if let Some(tls) = &config.tls {
        let shown = if config.nginx.client_ca.is_some() { &names[..] } else { &names[..2] };
        check_pair(tls, shown)?;
    }
    if let Some(path) = &config.nginx.client_ca {
        check_authority("nginx.client_ca", path, certificate)?;
    }
    if let Some(path) = &config.nginx.origin_pull_ca {
        check_authority("nginx.origin_pull_ca", path, certificate)?;
    }
    if let Some(path) = &config.nginx.status_users {
        check_users("nginx.status_users", path, &Reader::of(WORKERS)?)?;
    }
    Ok(())
}

/// The machine of Odoo as a URL names it.
fn odoo(config: &Config) -> String {
    let host = config.odoo.host.as_deref().unwrap_or("127.0.0.1");
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}

/// A program of ours that units run.
fn program(path: &str, content: &str) -> Step {
    let file = File::new(path, content).access("root", "root", 0o755);
    Step::new(NAME, file, [Directory::id_of(PROGRAMS_FOLDER)])
}

/// The list of clients to hold up, and what brings it into nginx.
fn tarpit() -> Vec<Step> {
    let none: [String; 0] = [];
    let unit_file = |unit: &str| format!("/etc/systemd/system/{unit}");
    let [path, service] = TARPIT_UNITS.map(unit_file);
    let steps = vec![
        Step::new(NAME, Directory::new(EDGE, "root", "root", 0o755), none.clone()),
        Step::new(
            NAME,
            File::new(TARPIT_LIST, include_str!("../../deploy/nginx/tarpit-list")).keep_existing().data(),
            [Directory::id_of(EDGE)],
        ),
        program(TARPIT_PROGRAM, include_str!("../../deploy/nginx/tarpit-reload")),
        Step::new(NAME, File::new(&service, include_str!("../../units/hams-tarpit.service")), none.clone()),
        Step::new(NAME, File::new(&path, include_str!("../../units/hams-tarpit.path")), none),
    ];
    let after = [TARPIT_LIST, TARPIT_PROGRAM, &service, &path].map(File::id_of);
    let unit = Unit::new(TARPIT_UNITS[0], &[&path]);
    steps.into_iter().chain([Step::new(NAME, unit, after.into_iter().chain([Unit::id_of(UNIT)]))]).collect()
}
