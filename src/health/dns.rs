//! A real DNS question, as a resolver would ask it, over UDP or TCP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use domain::base::iana::{Rcode, Rtype};
use domain::base::{Message, MessageBuilder, Name};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::check::{Check, Outcome};
use crate::host::BoxFuture;

/// How the question travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram.
    Udp,
    /// One connection, length in front (RFC 1035 §4.2.2).
    Tcp,
}

/// Asks one name and type of one server and expects an authoritative answer with at least one record.
#[derive(Debug, Clone)]
pub struct DnsCheck {
    name: String,
    server: SocketAddr,
    owner: String,
    rtype: String,
    transport: Transport,
}

impl DnsCheck {
    /// A question for `name` (absolute or not) and `rtype` ("SOA", "A" …) to `server`.
    pub fn new(server: SocketAddr, name: &str, rtype: &str, transport: Transport) -> Self {
        let way = match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        let (owner, rtype) = (name.to_owned(), rtype.to_owned());
        let name = format!("dns {way} {server} {owner} {rtype}");
        Self { name, server, owner, rtype, transport }
    }

    async fn ask(&self) -> Result<Outcome, String> {
        let (query, id) = self.query()?;
        let answer = match self.transport {
            Transport::Udp => self.over_udp(&query, id).await,
            Transport::Tcp => self.over_tcp(&query).await,
        };
        let answer = answer.map_err(|error| format!("{}: {error}", self.server))?;
        let message = Message::from_octets(answer).map_err(|_| "the answer is no DNS message".to_owned())?;
        Ok(judge(&message, id))
    }

    fn query(&self) -> Result<(Vec<u8>, u16), String> {
        let name = Name::<Vec<u8>>::from_str(&self.owner).map_err(|e| format!("`{}`: {e}", self.owner))?;
        let rtype = Rtype::from_str(&self.rtype).map_err(|_| format!("`{}` is no type", self.rtype))?;
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_random_id();
        let id = builder.header().id();
        let mut question = builder.question();
        question.push((name, rtype)).map_err(|error| error.to_string())?;
        Ok((question.finish(), id))
    }

    async fn over_udp(&self, query: &[u8], id: u16) -> std::io::Result<Vec<u8>> {
        let any: IpAddr = match self.server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(self.server).await?;
        let mut buffer = vec![0; 4096];
        loop {
            socket.send(query).await?;
            // A datagram may be lost: ask again as long as the check's own limit allows.
            let received = tokio::time::timeout(Duration::from_secs(1), socket.recv(&mut buffer)).await;
            match received {
                Ok(length) => {
                    let length = length?;
                    if buffer.get(..2) == Some(&id.to_be_bytes()) {
                        buffer.truncate(length);
                        return Ok(buffer);
                    }
                }
                Err(_) => continue,
            }
        }
    }

    async fn over_tcp(&self, query: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.server).await?;
        let length = u16::try_from(query.len()).map_err(std::io::Error::other)?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(query);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}

fn judge(message: &Message<Vec<u8>>, id: u16) -> Outcome {
    let header = message.header();
    if header.id() != id || !header.qr() {
        return Outcome::failing("the answer is to another question");
    }
    if header.rcode() != Rcode::NOERROR {
        return Outcome::failing(format!("answered {}", header.rcode()));
    }
    if !header.aa() {
        return Outcome::failing("the answer is not authoritative");
    }
    match message.header_counts().ancount() {
        0 => Outcome::failing("the answer is empty"),
        _ => Outcome::ok(),
    }
}

impl Check for DnsCheck {
    fn name(&self) -> &str {
        &self.name
    }

    fn component(&self) -> &str {
        "powerdns"
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async { self.ask().await.unwrap_or_else(Outcome::failing) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{State, probe};
    use super::*;

    /// A server for one question: answers with these flags and this count of (missing) records.
    async fn server(flags: [u8; 2], answers: u8) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            buffer[2..4].copy_from_slice(&flags);
            buffer[7] = answers;
            socket.send_to(&buffer[..length], from).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn answers_are_judged() {
        for (flags, answers, state) in [
            ([0x84, 0], 1, State::Ok),
            ([0x84, 0], 0, State::Failing),
            ([0x80, 0], 1, State::Failing),
            ([0x84, 3], 0, State::Failing),
            ([0x84, 5], 0, State::Failing),
            ([0x04, 0], 1, State::Failing),
        ] {
            let check = DnsCheck::new(server(flags, answers).await, "u.hams.test.", "SOA", Transport::Udp);
            assert_eq!(probe(&check).await.state, state, "{flags:?} {answers}");
        }
    }

    #[tokio::test]
    async fn nobody_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        for transport in [Transport::Udp, Transport::Tcp] {
            let outcome = probe(&DnsCheck::new(address, "u.hams.test.", "SOA", transport)).await;
            assert_eq!(outcome.state, State::Failing);
        }
    }
}
