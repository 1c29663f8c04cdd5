//! What others see of a node: another host on the network, and a client of the broker.

use super::lab::dns::{ask_a, ask_tcp, ask_udp};
use super::lab::ports::open_tcp;
use super::node::{Node, wait_for};
use super::secrets;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// What the world may reach of such a node.
pub const DNS: u16 = 53;
/// What amqp.py publishes.
const PUBLISHED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);
const PARENT: &str = "u.hams.test";
const TYPE_SOA: u16 = 6;
const TYPE_AXFR: u16 = 252;
const NO_ERROR: u8 = 0;
const REFUSED: u8 = 5;
/// What 4.7 says to a transfer that it does not allow.
const NOT_AUTHORISED: u8 = 9;

/// Now only port 53 answers, over UDP and TCP, IPv4 and IPv6, and it tells nothing that it need not.
pub fn only_dns_answers(node: &Node) {
    let addresses = [IpAddr::from(node.host.address()), IpAddr::from(node.host.address6())];
    for address in addresses {
        assert_eq!(open_tcp(address), BTreeSet::from([DNS]), "open at {address}");
        for ask in [ask_udp, ask_tcp] {
            let reply = ask(address, PARENT, TYPE_SOA).unwrap_or_else(|error| panic!("{address}: {error}"));
            assert!(
                reply.authoritative && reply.code == NO_ERROR && reply.records.len() == 1,
                "{address}: {reply:?}"
            );
        }
        let transfer = ask_tcp(address, PARENT, TYPE_AXFR).expect("an answer to AXFR");
        assert!(
            matches!(transfer.code, REFUSED | NOT_AUTHORISED) && transfer.records.is_empty(),
            "AXFR at {address}: {transfer:?}"
        );
        let version = version_bind(address);
        let text = String::from_utf8_lossy(&version).to_lowercase();
        assert!(
            !text.contains("powerdns") && !text.contains("served by"),
            "version.bind at {address}: {text:?}"
        );
        assert_eq!(version[6..8], [0, 0], "version.bind at {address} is answered: {text:?}");
    }
}

/// The raw answer to `version.bind CH TXT`.
fn version_bind(address: IpAddr) -> Vec<u8> {
    let local: IpAddr = if address.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = UdpSocket::bind(SocketAddr::new(local, 0)).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    let question = b"\x68\x61\0\0\0\x01\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03";
    socket.send_to(question, (address, DNS)).expect("ask");
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer).expect("an answer to version.bind");
    answer.truncate(length);
    answer
}

/// A client that is not ours: the platform's user may publish and declare the queue plainly, and no more; no guest.
pub fn the_broker_lets_in_whom_it_should(node: &Node) {
    let vault = secrets::vault(&node.host);
    let users = node.host.ok("rabbitmqctl --quiet list_users --no-table-headers");
    let users: BTreeSet<_> = users.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(users, BTreeSet::from(["hams_agent", "hams_letters", "hams_rabbitmq"]), "the broker's users");
    let tries = [
        "declare",
        "declare-other",
        "declare-exchange",
        "publish",
        "publish-direct",
        "publish-dead",
        "read",
        "read-dead",
    ];
    assert_eq!(
        node.broker("hams_rabbitmq", &vault["RMQ_PASS"], &tries),
        "declare yes\ndeclare-other 403\ndeclare-exchange 403\npublish yes\npublish-direct 403\npublish-dead 403\n\
         read 403\nread-dead 403\n"
    );
    assert_eq!(
        node.broker(
            "hams_agent",
            &vault["HAMS_AGENT_RMQ_PASS"],
            &["declare-other", "declare-exchange", "publish", "read-dead"]
        ),
        "declare-other 403\ndeclare-exchange 403\npublish 403\nread-dead 403\n"
    );
    // Root's: reads the dead letters and nothing else, and gives events back to their queue.
    assert_eq!(
        node.broker(
            "hams_letters",
            &vault["HAMS_LETTERS_RMQ_PASS"],
            &[
                "declare-other",
                "declare-exchange",
                "publish-direct",
                "publish-dead",
                "read",
                "read-dead",
                "publish"
            ]
        ),
        "declare-other 403\ndeclare-exchange 403\npublish-direct 403\npublish-dead 403\nread 403\nread-dead yes\n\
         publish yes\n"
    );
    assert_eq!(node.broker("guest", "guest", &["declare"]), "no entry\n");
    assert_eq!(node.broker("hams_rabbitmq", &vault["HAMS_AGENT_RMQ_PASS"], &["declare"]), "no entry\n");
    if super::COMPONENTS.contains("agent") {
        let address = node.host.address().into();
        wait_for("the zone that pika published", || {
            ask_a(address, "www.pika.u.hams.test").is_ok_and(|reply| reply.addresses() == [PUBLISHED])
        });
    }
}
