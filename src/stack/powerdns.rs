//! PowerDNS on its own SQLite: answers on the host's addresses, API on loopback with a hashed key, the parent zone.

use super::part::{Context, Part, PartError, drop_in, drop_in_path};
use super::powerdns_database::Database;
use super::powerdns_zone::ParentZone;
use super::template::render;
use crate::config::Config;
use crate::health::{self, Check, DnsCheck, PowerDnsCheck, UnitCheck};
use crate::host::apt::Packages;
use crate::host::file::{File, Visibility};
use crate::host::paths;
use crate::host::sockets::Transport;
use crate::host::unit::Unit;
use crate::plan::Step;
use crate::plan::precheck::Port;
use crate::secrets::pdns_api_key_hash;
use minijinja::context;
use std::net::{IpAddr, Ipv4Addr};

const NAME: &str = "powerdns";
/// The unit.
pub const UNIT: &str = "pdns.service";
const SETTINGS: &str = "/etc/powerdns/pdns.d/50-hams.conf";
/// Its database.
pub const DATABASE: &str = "/var/lib/powerdns/pdns.sqlite3";
const API_PORT: u16 = 8081;
const DNS_PORT: u16 = 53;
/// Bytes: PowerDNS and its libraries on Debian 13.
const DISK: u64 = 100 << 20;
const PROGRAMS: &[&str] = &["pdns_server"];

/// The root of the API, without a slash at its end.
pub fn api(config: &Config) -> String {
    let host = config.powerdns.host.as_deref().unwrap_or("127.0.0.1");
    format!("http://{host}:{API_PORT}/api/v1/servers/localhost")
}

/// PowerDNS's part of a node.
pub fn part(cx: &Context<'_>) -> Result<Part, PartError> {
    if cx.listen.is_empty() {
        return Err(PartError::Config(
            "this host has no address that others can reach, so that PowerDNS has nothing to listen on\n\
             hint: set `listen` in the table [powerdns] of hams.toml"
                .into(),
        ));
    }
    let primary = cx.config.powerdns.nameservers.first().cloned().unwrap_or_default();
    let settings = render(
        "powerdns/50-hams.conf.j2",
        include_str!("../../deploy/powerdns/50-hams.conf.j2"),
        context! {
            database => DATABASE,
            listen => cx.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            api_key_hash => pdns_api_key_hash(cx.vault.require("PDNS_API_KEY")?, cx.vault.salt("PDNS_API_KEY")?)?,
            // The serial 0 lets PowerDNS's API count; times in seconds as the platform has them (facts/platform.md §1.7).
            soa => format!("{primary} hostmaster.{}. 0 10800 3600 604800 3600", cx.config.domain),
        },
    )?;
    let key = cx.vault.require("PDNS_API_KEY")?;
    let parent = &cx.config.powerdns.personal_parent_zone;
    let zone = ParentZone::new(UNIT, &api(cx.config), key, parent, &cx.config.powerdns.nameservers)
        .map_err(|error| PartError::Config(error.to_string()))?;
    let drop_in_file = drop_in_path(UNIT);
    let mut steps = vec![
        Step::new(
            NAME,
            File::new(SETTINGS, settings)
                .access("root", "pdns", 0o640)
                .visibility(Visibility::Masked(&["api-key="])),
            [Packages::id_of(), File::id_of(paths::VAULT)],
        ),
        Step::new(NAME, Database::new(DATABASE), [Packages::id_of()]),
        Step::new(
            NAME,
            Unit::new(UNIT, &[SETTINGS, &drop_in_file]),
            [File::id_of(SETTINGS), Database::id_of()],
        ),
        Step::new(NAME, zone, [Unit::id_of(UNIT)]),
    ];
    steps.extend(drop_in(NAME, UNIT, include_str!("../../units/pdns.service.d/50-hams.conf")));
    let port = |transport, address, number| Port {
        transport,
        address,
        number,
        own_programs: PROGRAMS,
        fix: "stop that program, or set `listen` in the table [powerdns] of hams.toml to addresses it leaves free",
    };
    let questions = cx
        .listen
        .iter()
        .flat_map(|address| [Transport::Udp, Transport::Tcp].map(|kind| port(kind, *address, DNS_PORT)));
    let mut checks: Vec<Box<dyn Check>> = vec![
        Box::new(UnitCheck::new(NAME, UNIT)),
        Box::new(PowerDnsCheck::new(&api(cx.config), key.clone())),
    ];
    for address in cx.listen {
        for transport in [health::Transport::Udp, health::Transport::Tcp] {
            checks.push(Box::new(DnsCheck::new((*address, DNS_PORT).into(), parent, "SOA", transport)));
        }
    }
    Ok(Part {
        packages: Packages {
            names: ["pdns-server", "pdns-backend-sqlite3", "sqlite3"].map(str::to_owned).to_vec(),
            accounts: vec!["pdns".into()],
            // The second is the account's home, which the package leaves behind.
            data: vec!["/var/lib/powerdns".into(), "/var/spool/powerdns".into()],
            ..Packages::default()
        },
        steps,
        before_packages: vec![File::id_of(&drop_in_file)],
        ports: questions.chain([port(Transport::Tcp, IpAddr::V4(Ipv4Addr::LOCALHOST), API_PORT)]).collect(),
        public: vec![(Transport::Udp, DNS_PORT), (Transport::Tcp, DNS_PORT)],
        checks,
        disk: DISK,
        ..Part::default()
    })
}
