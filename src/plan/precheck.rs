//! What must be true before a run touches anything. Every failure names its cause and the fix.

use crate::host::sockets::{self, Listener, Transport};
use crate::host::{Error, Host, Progress, apt_lock, apt_sources, os};
use std::net::IpAddr;
use std::path::Path;

/// The Debian releases that hams supports: VERSION_ID.
const RELEASES: [&str; 2] = ["12", "13"];
const MIB: u64 = 1 << 20;

/// A port that a component is going to listen on.
#[derive(Debug, Clone)]
pub struct Port {
    /// TCP or UDP.
    pub transport: Transport,
    /// Where it will listen; an unspecified address means every one.
    pub address: IpAddr,
    /// The port's number.
    pub number: u16,
    /// Programs that may hold it already, because they are the component's own.
    pub own_programs: &'static [&'static str],
    /// What to do about another holder.
    pub fix: &'static str,
}

/// What the components of a plan need of the host.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Ports they will listen on.
    pub ports: Vec<Port>,
    /// Bytes of free disk below /var and /usr while packages are missing.
    pub disk: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Package sources that will be added: their addresses.
    pub sources: Vec<String>,
    /// Whether packages are going to be installed.
    pub packages: bool,
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub fix: String,
}

/// The checks that need no configuration: who and where we are. The first obstacle hides the others.
pub fn ground() -> Result<Option<Obstacle>, Error> {
    let obstacle = |cause: String, fix: &str| Ok(Some(Obstacle { cause, fix: fix.into() }));
    let release = os::release()?;
    if release.id != "debian" {
        return obstacle(
            format!("this is {}, not Debian", name_of(&release.name)),
            "run hams-install on Debian 12 or 13",
        );
    }
    if !RELEASES.contains(&release.version.as_str()) {
        return obstacle(
            format!("{} is not supported", name_of(&release.name)),
            "run hams-install on Debian 12 (bookworm) or Debian 13 (trixie)",
        );
    }
    if std::env::consts::ARCH != "x86_64" {
        return obstacle(
            format!("the architecture {} is not supported", std::env::consts::ARCH),
            "use an amd64 host",
        );
    }
    if !os::is_root() {
        return obstacle("hams-install needs root".into(), "run `sudo hams-install`");
    }
    if !os::is_systemd_running() {
        return obstacle(
            "systemd is not running on this host".into(),
            "boot the host with systemd as its init, not a bare container",
        );
    }
    Ok(None)
}

/// The checks of what the components need. All obstacles are told at once.
pub async fn needs(needs: &Needs, host: &Host, progress: &Progress) -> Result<Vec<Obstacle>, Error> {
    let mut obstacles = Vec::new();
    let mut add = |cause: String, fix: &str| obstacles.push(Obstacle { cause, fix: fix.into() });
    if !os::resolves_localhost() {
        add("`localhost` has no address".into(), "add the line `127.0.0.1 localhost` to /etc/hosts");
    }
    let memory = os::memory()?;
    if memory < needs.memory {
        add(
            format!("the host has {} MiB of memory, {} MiB are needed", memory / MIB, needs.memory / MIB),
            "give the host more memory, or fewer components",
        );
    }
    if needs.packages {
        for path in ["/usr", "/var"] {
            let free = os::free_disk(Path::new(path))?;
            if free < needs.disk {
                add(
                    format!("{path} has {} MiB free, {} MiB are needed", free / MIB, needs.disk / MIB),
                    "free disk space and run again",
                );
            }
        }
    }
    let listeners = sockets::listeners()?;
    for port in &needs.ports {
        if let Some(holder) = taken(port, &listeners) {
            let cause =
                format!("port {}/{} on {} is held by {holder}", port.number, port.transport, port.address);
            add(cause, port.fix);
        }
    }
    // Waiting for a lock makes sense only where nothing else is in the way.
    if needs.packages && obstacles.is_empty() {
        match apt_lock::wait(host.apt_lock_timeout, progress).await {
            Err(Error::AptLocked { lock, holder }) => obstacles.push(Obstacle {
                cause: format!("apt is busy: {holder} holds {lock}"),
                fix: "wait for it to end, or allow more with `--apt-lock-timeout SECONDS`".into(),
            }),
            waited => waited?,
        }
        if !host.offline {
            for source in apt_sources::unreachable(&needs.sources).await? {
                obstacles.push(Obstacle {
                    cause: format!("the package source {source} cannot be reached"),
                    fix:
                        "check the network and /etc/apt, or use `--offline` when apt has all packages already"
                            .into(),
                });
            }
        }
    }
    Ok(obstacles)
}

fn taken(port: &Port, listeners: &[Listener]) -> Option<String> {
    let conflicting = listeners.iter().find(|listener| {
        listener.transport == port.transport
            && listener.address.port() == port.number
            // Who wants every address conflicts with who has one.
            && (listener.covers(port.address) || port.address.is_unspecified())
            && !listener.program().is_some_and(|program| port.own_programs.contains(&program.as_str()))
    });
    conflicting.map(Listener::holder)
}

fn name_of(name: &str) -> &str {
    if name.is_empty() { "an unknown system" } else { name }
}
