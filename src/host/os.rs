//! Facts about the machine: its Debian, its size, its addresses.

use super::error::Error;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

/// IFA_F_TEMPORARY (linux/if_addr.h): a privacy address, which changes by itself.
const TEMPORARY: u32 = 0x01;
/// The addresses of IPv6; there is no such file in a kernel without it.
const INET6: &str = "/proc/net/if_inet6";

/// What /etc/os-release says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Release {
    /// ID: "debian".
    pub id: String,
    /// VERSION_ID: "13"; empty on Debian testing and unstable.
    pub version: String,
    /// VERSION_CODENAME: "trixie".
    pub codename: String,
    /// PRETTY_NAME, for messages.
    pub name: String,
}

/// Reads /etc/os-release.
pub fn release() -> Result<Release, Error> {
    let path = Path::new("/etc/os-release");
    Ok(parse_release(&std::fs::read_to_string(path).map_err(Error::io("read", path))?))
}

fn parse_release(text: &str) -> Release {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned()).unwrap_or_default()
    };
    Release {
        id: value("ID"),
        version: value("VERSION_ID"),
        codename: value("VERSION_CODENAME"),
        name: value("PRETTY_NAME"),
    }
}

/// Whether this process is root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether systemd is this machine's init.
pub fn is_systemd_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// The container that this system runs in, as systemd names it ("systemd-nspawn", "docker"); `None` on a machine of its own.
/// Kernel, clock and load are then those of the machine below.
pub fn container() -> Option<String> {
    let name = std::fs::read_to_string("/run/systemd/container").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Whether `localhost` has an address: Erlang's epmd needs it.
pub fn resolves_localhost() -> bool {
    use std::net::ToSocketAddrs;
    ("localhost", 0).to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some())
}

/// Bytes that a file below `path` may still take.
pub fn free_disk(path: &Path) -> Result<u64, Error> {
    let found = nix::sys::statvfs::statvfs(path).map_err(|errno| Error::io("measure", path)(errno.into()))?;
    Ok(found.blocks_available() * found.fragment_size())
}

/// Bytes of memory.
pub fn memory() -> Result<u64, Error> {
    let path = Path::new("/proc/meminfo");
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    total.map(|kib| kib * 1024).ok_or_else(|| Error::Unexpected("/proc/meminfo has no MemTotal".into()))
}

/// What is in the folder; nothing where there is none.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Whether the kernel has IPv6: without, a program that wants to listen there does not start.
pub fn has_ipv6() -> bool {
    Path::new(INET6).exists()
}

/// Every address of the host that others can reach: no loopback, no link-local, no privacy address; sorted.
pub fn global_addresses() -> Result<Vec<IpAddr>, Error> {
    let temporary = temporary_addresses()?;
    let interfaces = nix::ifaddrs::getifaddrs()
        .map_err(|errno| Error::Unexpected(format!("cannot list the host's addresses: {errno}")))?;
    let mut addresses: Vec<IpAddr> = interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|socket| IpAddr::V4(socket.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|socket| IpAddr::V6(socket.ip())))
        })
        .filter(|address| match address {
            IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
            IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !temporary.contains(v6),
        })
        .collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

fn temporary_addresses() -> Result<Vec<Ipv6Addr>, Error> {
    let path = Path::new(INET6);
    if !path.exists() {
        return Ok(Vec::new()); // a kernel without IPv6
    }
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    // "ADDRESS INDEX PREFIX SCOPE FLAGS NAME", all hexadecimal (Documentation/networking/proc_net)
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let bits = u128::from_str_radix(words.next()?, 16).ok()?;
        let flags = u32::from_str_radix(words.nth(3)?, 16).ok()?;
        (flags & TEMPORARY != 0).then(|| Ipv6Addr::from(bits))
    };
    Ok(text.lines().filter_map(address).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_os_release() {
        let release = parse_release(
            "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\nID=debian\n",
        );
        assert_eq!(release.codename, "trixie");
        assert_eq!((release.id.as_str(), release.version.as_str()), ("debian", "13"));
    }
}
