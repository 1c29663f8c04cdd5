//! Redis on loopback as a cache: no user without a password, each with what it needs alone, nothing on disk.

use super::part::{Context, Part, PartError, drop_in, drop_in_path};
use super::template::render;
use crate::config::{Config, MaxMemory};
use crate::health::{RedisCheck, UnitCheck};
use crate::host::apt::Packages;
use crate::host::file::{File, Visibility};
use crate::host::sockets::Transport;
use crate::host::unit::Unit;
use crate::host::{os, paths};
use crate::plan::Step;
use crate::plan::precheck::Port;
use crate::secrets::redis_password_hash;
use minijinja::context;
use std::net::{IpAddr, Ipv4Addr};

const NAME: &str = "redis";
/// The unit.
pub const UNIT: &str = "redis-server.service";
/// Its TCP port.
pub const PORT: u16 = 6379;
/// The user that may ask how Redis is, and nothing else.
pub const MONITOR: &str = "hams_monitor";
/// That user's password in the vault.
pub const MONITOR_PASSWORD: &str = "HAMS_REDIS_MONITOR_PASS";
const SETTINGS: &str = "/etc/redis/hams.conf";
const USERS: &str = "/etc/redis/users.acl";
/// Bytes: Redis and its libraries, and room to breathe.
const DISK: u64 = 50 << 20;
const MIB: u64 = 1 << 20;
/// What `auto` gives at least and at most, in bytes.
const LEAST_MEMORY: u64 = 64 * MIB;
const MOST_MEMORY: u64 = 1024 * MIB;

/// Where this node's Redis is, when it has one: on this host or on the one that is configured.
pub fn host(config: &Config) -> Option<&str> {
    let here = config.has(crate::config::Component::Redis).then_some("127.0.0.1");
    config.redis.host.as_deref().or(here)
}

/// Redis's part of a node.
pub fn part(cx: &Context<'_>) -> Result<Part, PartError> {
    let memory = match cx.config.redis.maxmemory {
        MaxMemory::Auto => share(os::memory()?),
        MaxMemory::Bytes(bytes) => bytes,
    };
    let settings = render(
        "redis/hams.conf.j2",
        include_str!("../../deploy/redis/hams.conf.j2"),
        context! { port => PORT, maxmemory => format!("{}mb", memory / MIB) },
    )?;
    let monitor = cx.vault.require(MONITOR_PASSWORD)?;
    let users = render(
        "redis/users.acl.j2",
        include_str!("../../deploy/redis/users.acl.j2"),
        context! {
            platform_hash => redis_password_hash(cx.vault.require("REDIS_PASSWORD")?),
            monitor_hash => redis_password_hash(monitor),
        },
    )?;
    let drop_in_file = drop_in_path(UNIT);
    let for_redis = |path, content| File::new(path, content).access("root", "redis", 0o640);
    let ground = [Packages::id_of(), File::id_of(paths::VAULT)];
    let mut steps = vec![
        Step::new(NAME, for_redis(SETTINGS, settings), ground.clone()),
        Step::new(NAME, for_redis(USERS, users).visibility(Visibility::Masked(&[" #"])), ground),
        Step::new(
            NAME,
            Unit::new(UNIT, &[SETTINGS, USERS, &drop_in_file]),
            [File::id_of(SETTINGS), File::id_of(USERS), File::id_of(&drop_in_file)],
        ),
    ];
    steps.extend(drop_in(NAME, UNIT, include_str!("../../units/redis-server.service.d/50-hams.conf")));
    let check = RedisCheck::new("127.0.0.1", PORT, MONITOR, monitor.clone());
    Ok(Part {
        packages: Packages {
            names: vec!["redis-server".into()],
            accounts: vec!["redis".into()],
            data: vec!["/var/lib/redis".into(), "/var/log/redis".into()],
            ..Packages::default()
        },
        steps,
        before_packages: vec![File::id_of(&drop_in_file)],
        ports: vec![Port {
            transport: Transport::Tcp,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            number: PORT,
            own_programs: &["redis-server"],
            fix: "stop that program, or leave `redis` out of `components` and set `redis.host`",
        }],
        checks: vec![Box::new(UnitCheck::new(NAME, UNIT)), Box::new(check)],
        disk: DISK,
        ..Part::default()
    })
}

/// What a cache gets of a host's memory: a sixteenth, up to the next power of two. The kernel counts a little less than
/// the machine has, and not the same at every boot: so the result stays the same.
fn share(memory: u64) -> u64 {
    (memory / 16).next_power_of_two().clamp(LEAST_MEMORY, MOST_MEMORY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_grows_with_the_host() {
        for (memory, cache) in [(480, 64), (1966, 128), (3911, 256), (7940, 512), (64_000, 1024)] {
            assert_eq!(share(memory * MIB), cache * MIB, "{memory} MiB");
        }
    }
}
