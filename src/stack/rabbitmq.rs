//! RabbitMQ on loopback: AMQP, epmd and the distribution port; no `guest`; the two queues of the event contract.

use super::daemons_selection::Selection;
use super::part::{Context, Part, PartError, drop_in, drop_in_path};
use super::rabbitmq_objects::Objects;
use super::template::render;
use crate::health::{RabbitmqCheck, UnitCheck};
use crate::host::apt::Packages;
use crate::host::directory::Directory;
use crate::host::file::{File, Visibility};
use crate::host::sockets::Transport;
use crate::host::unit::Unit;
use crate::plan::Step;
use crate::plan::precheck::Port;
use crate::secrets::rabbitmq_password_hash;
use minijinja::context;
use std::net::{IpAddr, Ipv4Addr};

const NAME: &str = "rabbitmq";
/// The unit.
pub const UNIT: &str = "rabbitmq-server.service";
const EPMD: &str = "epmd.socket";
const ENVIRONMENT: &str = "/etc/rabbitmq/rabbitmq-env.conf";
const SETTINGS: &str = "/etc/rabbitmq/conf.d/50-hams.conf";
/// Users, permissions, queues and policies.
pub const DEFINITIONS: &str = "/etc/rabbitmq/definitions.json";
const DATA: &str = "/var/lib/rabbitmq";
/// Bytes: Erlang, RabbitMQ and an empty database, measured on Debian 13, and room to breathe.
const DISK: u64 = 500 << 20;
/// AMQP, epmd, Erlang's distribution.
const PORTS: [u16; 3] = [5672, 4369, 25672];
const PROGRAMS: &[&str] = &["beam.smp", "epmd", "systemd"];

/// RabbitMQ's part of a node.
pub fn part(cx: &Context<'_>) -> Result<Part, PartError> {
    let hash = |name: &str| -> Result<String, PartError> {
        Ok(rabbitmq_password_hash(cx.vault.require(name)?, cx.vault.salt(name)?))
    };
    let daemons = Selection::of(cx.config)?;
    let definitions = render(
        "rabbitmq/definitions.json.j2",
        include_str!("../../deploy/rabbitmq/definitions.json.j2"),
        context! {
            platform_hash => hash("RMQ_PASS")?,
            agent_hash => hash("HAMS_AGENT_RMQ_PASS")?,
            letters_hash => hash("HAMS_LETTERS_RMQ_PASS")?,
            platform_configure => only(&[&["dns_zone_updates"][..], &daemons.queues()].concat()),
            platform_read => only(&daemons.queues()),
        },
    )?;
    let objects = Objects::new(UNIT, DEFINITIONS, &definitions).map_err(PartError::Config)?;
    let none: [String; 0] = [];
    let drop_ins = [EPMD, UNIT].map(drop_in_path);
    let mut steps = vec![
        Step::new(NAME, Directory::shared("/etc/rabbitmq"), none),
        Step::new(NAME, Directory::shared("/etc/rabbitmq/conf.d"), [Directory::id_of("/etc/rabbitmq")]),
        Step::new(
            NAME,
            File::new(ENVIRONMENT, include_str!("../../deploy/rabbitmq/rabbitmq-env.conf")),
            [Directory::id_of("/etc/rabbitmq")],
        ),
        Step::new(
            NAME,
            File::new(SETTINGS, include_str!("../../deploy/rabbitmq/50-hams.conf")),
            [Directory::id_of("/etc/rabbitmq/conf.d")],
        ),
        Step::new(
            NAME,
            File::new(DEFINITIONS, definitions)
                .access("root", "rabbitmq", 0o640)
                .visibility(Visibility::Masked(&["\"password_hash\": "])),
            [Packages::id_of(), File::id_of(crate::host::paths::VAULT)],
        ),
        Step::new(
            NAME,
            Unit::new(EPMD, &[&drop_ins[0]]).stop_first(&[UNIT, "epmd.service"]),
            [Packages::id_of()],
        ),
        Step::new(
            NAME,
            Unit::new(UNIT, &[ENVIRONMENT, SETTINGS, &drop_ins[1]]).first_start_makes(
                DATA,
                &["mnesia", ".erlang.cookie"],
                "erl_crash.dump",
            ),
            [Unit::id_of(EPMD), File::id_of(DEFINITIONS), File::id_of(ENVIRONMENT), File::id_of(SETTINGS)],
        ),
        Step::new(NAME, objects, [Unit::id_of(UNIT), File::id_of(DEFINITIONS)]),
    ];
    steps.extend(drop_in(NAME, EPMD, include_str!("../../units/epmd.socket.d/50-hams.conf")));
    steps.extend(drop_in(NAME, UNIT, include_str!("../../units/rabbitmq-server.service.d/50-hams.conf")));
    let password = cx.vault.require("HAMS_AGENT_RMQ_PASS")?.clone();
    let broker = RabbitmqCheck::new("127.0.0.1", PORTS[0], "/", "hams_agent", password, "dns_zone_updates");
    let port = |number: &u16| Port {
        transport: Transport::Tcp,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        number: *number,
        own_programs: PROGRAMS,
        fix: "stop that program, or leave `rabbitmq` out of `components` and set `rabbitmq.host`",
    };
    Ok(Part {
        packages: Packages {
            names: vec!["rabbitmq-server".into()],
            accounts: vec!["rabbitmq".into(), "epmd".into()],
            data: vec![DATA.into(), "/var/log/rabbitmq".into()],
            first_starts: vec![DATA.into()],
            ..Packages::default()
        },
        steps,
        before_packages: [ENVIRONMENT, SETTINGS, &drop_ins[0], &drop_ins[1]].map(File::id_of).to_vec(),
        ports: PORTS.iter().map(port).collect(),
        checks: vec![Box::new(UnitCheck::new(NAME, UNIT)), Box::new(broker)],
        disk: DISK,
        ..Part::default()
    })
}

/// A pattern of RabbitMQ's permissions that fits these queues and nothing else, as it stands in JSON.
fn only(queues: &[&str]) -> String {
    let names = queues.iter().map(|queue| queue.replace('.', "\\\\.")).collect::<Vec<_>>().join("|");
    if queues.len() > 1 { format!("^({names})$") } else { format!("^{names}$") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_name_queues_whole() {
        assert_eq!(only(&[]), "^$");
        assert_eq!(only(&["dns_zone_updates"]), "^dns_zone_updates$");
        assert_eq!(only(&["a", "b.c"]), r"^(a|b\\.c)$");
    }
}
