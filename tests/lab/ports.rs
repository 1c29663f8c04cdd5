//! Which ports of a host are open, seen from the machine's side of its network, once or all the time.

use super::Host;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A port of this machine's network answers at once; a dropped packet is not what is looked for.
const PATIENCE: Duration = Duration::from_millis(500);
/// Two threads keep one core busy and leave one to the host.
const THREADS: u16 = 2;
const SAMPLE_EVERY: Duration = Duration::from_millis(25);
/// A sweep costs about a second of a core: one in so many samples, a quarter of a minute, leaves the host its time.
const SAMPLES_PER_SWEEP: usize = 600;

/// The TCP ports from 1 to 65535 that accept a connection.
pub fn open_tcp(address: IpAddr) -> BTreeSet<u16> {
    let sweep = |first: u16| {
        let ports = (first..=u16::MAX).step_by(THREADS.into());
        let is_open =
            |port: &u16| TcpStream::connect_timeout(&SocketAddr::new(address, *port), PATIENCE).is_ok();
        ports.filter(is_open).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let sweeps: Vec<_> = (1..=THREADS).map(|first| scope.spawn(move || sweep(first))).collect();
        sweeps.into_iter().flat_map(|sweep| sweep.join().expect("a sweep ends")).collect()
    })
}

/// A socket that waits for others: `tcp` or `udp`, its address and port.
pub type Listener = (&'static str, IpAddr, u16);

/// The sockets of a host that wait for others on more than loopback, read from the kernel's own tables.
pub fn listeners(leader: u32) -> std::io::Result<BTreeSet<Listener>> {
    const LISTEN: &str = "0A"; // TCP_LISTEN
    const UNCONNECTED: &str = "07"; // what a UDP socket without a peer shows
    let mut found = BTreeSet::new();
    for (table, protocol, state) in [
        ("tcp", "tcp", LISTEN),
        ("tcp6", "tcp", LISTEN),
        ("udp", "udp", UNCONNECTED),
        ("udp6", "udp", UNCONNECTED),
    ] {
        let text = std::fs::read_to_string(format!("/proc/{leader}/net/{table}"))?;
        for line in text.lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            if fields.get(3) == Some(&state) {
                let (address, port) = fields[1].split_once(':').expect("address:port");
                let address = parse_address(address).expect("an address of /proc/net");
                if !address.to_canonical().is_loopback() {
                    found.insert((protocol, address, u16::from_str_radix(port, 16).expect("a port")));
                }
            }
        }
    }
    Ok(found)
}

/// Words of 32 bits in the machine's byte order, in hexadecimal (proc(5)).
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    if hex.len() == 8 {
        return Some(IpAddr::from(word(0)?));
    }
    let words = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
    <[u8; 16]>::try_from(words).ok().map(|bytes| IpAddr::from(Ipv6Addr::from(bytes)))
}

/// What a [`Sampler`] saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Every TCP port that a sweep from outside ever found open.
    pub open_tcp: BTreeSet<u16>,
    /// Every socket that ever waited for others on more than loopback.
    pub listeners: BTreeSet<Listener>,
    /// Whole sweeps over all ports.
    pub sweeps: usize,
    /// Readings of the kernel's tables.
    pub samples: usize,
}

/// Where the kernel takes ports for those who ask, such as a resolver (net.ipv4.ip_local_port_range).
const FIRST_EPHEMERAL: u16 = 32768;

impl Seen {
    /// Ends the test unless other hosts could reach `ports` alone all the time, none where it is empty, and it is shown
    /// that somebody looked: the first of them was open at last. A UDP socket of an asker is let pass: glibc's
    /// getaddrinfo takes its peer off for a moment, so that it stands in the table like one that waits for others.
    #[track_caller]
    pub fn is_only(&self, ports: &[u16]) {
        eprintln!("from outside: {} sweeps, {} samples", self.sweeps, self.samples);
        assert!(self.sweeps >= 2 && self.samples >= 20, "hardly anybody looked: {self:?}");
        let open = self.open_tcp.iter().filter(|port| !ports.contains(port));
        assert_eq!(open.count(), 0, "open from outside: {:?}", self.open_tcp);
        let is_seen = |first| self.listeners.iter().any(|(_, _, port)| port == first);
        assert!(ports.first().is_none_or(is_seen), "the sampler would see a socket: {self:?}");
        let others = self.listeners.iter().filter(|(protocol, _, port)| {
            let is_askers = *protocol == "udp" && *port >= FIRST_EPHEMERAL;
            !ports.contains(port) && !is_askers
        });
        assert_eq!(others.count(), 0, "sockets for others: {:?}", self.listeners);
    }
}

/// Looks at a host's ports from outside until it is stopped: the kernel's tables all the time, since a port may be
/// open for a moment only, and a full sweep over all ports now and then.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Sampler {
    /// Begins to look; the host must stay up.
    pub fn start(host: &Host) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let (address, leader) = (host.address(), host.leader().expect("a host that is up"));
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !stopped.load(Ordering::Relaxed) {
                if seen.samples % SAMPLES_PER_SWEEP == 0 {
                    seen.open_tcp.extend(open_tcp(address.into()));
                    seen.sweeps += 1;
                }
                seen.listeners.extend(listeners(leader).expect("the host is up"));
                seen.samples += 1;
                std::thread::sleep(SAMPLE_EVERY);
            }
            seen.open_tcp.extend(open_tcp(address.into()));
            seen.sweeps += 1;
            seen
        });
        Self { stop, thread }
    }

    /// Looks once more and ends.
    pub fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the sampler ends")
    }
}
