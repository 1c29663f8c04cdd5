//! Listening sockets and who holds them, read from /proc/net.

use super::error::Error;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// TCP_LISTEN in /proc/net/tcp (include/net/tcp_states.h).
const TCP_LISTEN: &str = "0A";
/// A UDP socket without a peer stands there as TCP_CLOSE.
const UDP_UNCONNECTED: &str = "07";

/// The transport of a listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// TCP in state LISTEN.
    Tcp,
    /// UDP bound and without a peer.
    Udp,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// One listening socket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// TCP or UDP.
    pub transport: Transport,
    /// Where it listens; an unspecified address means every one.
    pub address: SocketAddr,
    inode: u64,
}

impl Listener {
    /// Whether another host can reach it.
    pub fn is_public(&self) -> bool {
        !self.address.ip().is_loopback()
    }

    /// Whether it takes what is sent to `address`.
    pub fn covers(&self, address: IpAddr) -> bool {
        let own = self.address.ip();
        own == address || (own.is_unspecified() && (own.is_ipv6() || address.is_ipv4()))
    }

    /// The program that holds it: "dnsmasq (pid 812)"; its socket's number where the program cannot be seen.
    pub fn holder(&self) -> String {
        find_process(self.inode)
            .map_or_else(|| format!("socket {}", self.inode), |(pid, name)| format!("{name} (pid {pid})"))
    }

    /// The process that holds it, if it can be seen.
    pub fn process(&self) -> Option<u32> {
        find_process(self.inode).map(|(pid, _)| pid)
    }

    /// The name of the program that holds it, if it can be seen.
    pub fn program(&self) -> Option<String> {
        find_process(self.inode).map(|(_, name)| name)
    }
}

/// Every listening socket of this host, sorted.
pub fn listeners() -> Result<Vec<Listener>, Error> {
    let mut all = Vec::new();
    for (name, transport) in
        [("tcp", Transport::Tcp), ("tcp6", Transport::Tcp), ("udp", Transport::Udp), ("udp6", Transport::Udp)]
    {
        let path = format!("/proc/net/{name}");
        let path = Path::new(&path);
        if !path.exists() {
            continue; // a kernel without IPv6
        }
        let table = fs::read_to_string(path).map_err(Error::io("read", path))?;
        all.extend(table.lines().skip(1).filter_map(|line| parse(line, transport)));
    }
    all.sort();
    Ok(all)
}

/// "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …" (proc_pid_net(5)).
fn parse(line: &str, transport: Transport) -> Option<Listener> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let wanted = match transport {
        Transport::Tcp => TCP_LISTEN,
        Transport::Udp => UDP_UNCONNECTED,
    };
    if *words.get(3)? != wanted {
        return None;
    }
    let (address, port) = words.get(1)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(Listener {
        transport,
        address: SocketAddr::new(ip(address)?, port),
        inode: words.get(9)?.parse().ok()?,
    })
}

/// The kernel prints each 32-bit word of the address in the machine's own byte order.
fn ip(hexadecimal: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hexadecimal.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hexadecimal.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0; 16];
            for part in 0..4 {
                bytes[part * 4..part * 4 + 4].copy_from_slice(&word(part * 8)?);
            }
            let address = Ipv6Addr::from(bytes);
            Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4))
        }
        _ => None,
    }
}

fn find_process(inode: u64) -> Option<(u32, String)> {
    let wanted = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        let holds = descriptors
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == &*wanted));
        if holds {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((pid, name.trim().to_owned()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_own_listener_and_names_the_holder() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let found = listeners().unwrap().into_iter().find(|listener| listener.address == address).unwrap();
        assert!(!found.is_public() && found.covers(address.ip()));
        assert!(found.holder().contains(&format!("pid {}", std::process::id())), "{}", found.holder());
    }

    #[test]
    fn reads_both_families() {
        let v4 = "0: 00000000:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1";
        assert_eq!(parse(v4, Transport::Tcp).unwrap().address, "0.0.0.0:53".parse().unwrap());
        let v6 = "0: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 78 1";
        assert_eq!(parse(v6, Transport::Tcp).unwrap().address, "[::1]:8081".parse().unwrap());
    }
}
