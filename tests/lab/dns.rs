//! DNS questions to a host, over UDP and TCP, put together by hand so that they owe nothing to the code under test.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);
const CLASS_IN: u16 = 1;
const TYPE_A: u16 = 1;

/// What a server said to one question (RFC 1035 §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 0 no error, 3 no such name, 5 refused, …
    pub code: u8,
    /// Whether the server has authority over the name.
    pub authoritative: bool,
    /// The answer's records: their type and raw data, in the server's order.
    pub records: Vec<(u16, Vec<u8>)>,
}

impl Reply {
    /// The IPv4 addresses in the answer, sorted.
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        let address = |data: &Vec<u8>| <[u8; 4]>::try_from(data.as_slice()).ok().map(Ipv4Addr::from);
        let of_type_a = self.records.iter().filter(|(kind, _)| *kind == TYPE_A);
        let mut all: Vec<_> = of_type_a.filter_map(|(_, data)| address(data)).collect();
        all.sort_unstable();
        all
    }
}

/// Asks over UDP.
pub fn ask_udp(server: IpAddr, name: &str, kind: u16) -> Result<Reply> {
    let socket = UdpSocket::bind(SocketAddr::new(any_like(server), 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect((server, 53))?;
    let question = question(name, kind);
    socket.send(&question)?;
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer)?;
    read(&question, &buffer[..length])
}

/// Asks over TCP.
pub fn ask_tcp(server: IpAddr, name: &str, kind: u16) -> Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&(server, 53).into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let question = question(name, kind);
    let mut message = (question.len() as u16).to_be_bytes().to_vec();
    message.extend(&question);
    stream.write_all(&message)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer)?;
    read(&question, &answer)
}

/// Asks for a name's IPv4 addresses over UDP and over TCP; both must say the same.
pub fn ask_a(server: IpAddr, name: &str) -> Result<Reply> {
    let (udp, tcp) = (ask_udp(server, name, TYPE_A)?, ask_tcp(server, name, TYPE_A)?);
    if udp.code != tcp.code || udp.addresses() != tcp.addresses() {
        return Err(Error::other(format!("UDP says {udp:?}, TCP says {tcp:?}")));
    }
    Ok(udp)
}

fn any_like(server: IpAddr) -> IpAddr {
    if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() }
}

fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut message = vec![0x68, 0x61, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        message.push(u8::try_from(label.len()).expect("a label of at most 63 bytes"));
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    message
}

fn read(question: &[u8], message: &[u8]) -> Result<Reply> {
    let malformed = || Error::new(ErrorKind::InvalidData, "malformed DNS message");
    let number = |at: usize| -> Result<u16> {
        let bytes = message.get(at..at + 2).ok_or_else(malformed)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    };
    if message.get(..2) != question.get(..2) || number(4)? != 1 {
        return Err(Error::new(ErrorKind::InvalidData, "an answer to another question"));
    }
    let flags = number(2)?;
    let mut at = question.len();
    let mut records = Vec::new();
    for _ in 0..number(6)? {
        at = after_name(message, at).ok_or_else(malformed)?;
        let (kind, length) = (number(at)?, usize::from(number(at + 8)?));
        let data = message.get(at + 10..at + 10 + length).ok_or_else(malformed)?;
        records.push((kind, data.to_vec()));
        at += 10 + length;
    }
    Ok(Reply { code: (flags & 0xf) as u8, authoritative: flags & 0x400 != 0, records })
}

/// Where a name that begins at `at` ends: after its root label, or after a pointer.
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xc0 => return Some(at + 2),
            length => at += usize::from(length) + 1,
        }
    }
}
