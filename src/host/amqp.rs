//! The way to RabbitMQ: one for the check of its health and for the sync.

use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Connection, ConnectionProperties};

/// Octets of a frame. For each connection lapin sets 64 of them aside, which would be 8 MiB of RabbitMQ's own 128 KiB.
/// A body is sent in as many frames as it needs, a message's properties in one: the broker keeps to no limit there, and a
/// longer one than asked for ends the connection.
pub const SMALL_FRAME: u32 = 32 * 1024;

/// A broker, and who comes.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// Host name or address.
    pub host: &'a str,
    /// TCP port.
    pub port: u16,
    /// Virtual host.
    pub vhost: &'a str,
    /// User.
    pub user: &'a str,
    /// Its password.
    pub password: &'a str,
    /// In seconds; `None`: as the broker proposes.
    pub heartbeat: Option<u16>,
    /// Octets that a frame may have; `None`: as the broker proposes.
    pub frame_max: Option<u32>,
}

/// Connects and logs in, under a name that the broker's own lists show. The caller sets the limit of time.
pub async fn connect(login: Login<'_>, name: &str) -> Result<Connection, lapin::Error> {
    let uri = AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo { username: login.user.into(), password: login.password.into() },
            host: login.host.into(),
            port: login.port,
        },
        vhost: login.vhost.into(),
        query: AMQPQueryString {
            heartbeat: login.heartbeat,
            frame_max: login.frame_max,
            ..AMQPQueryString::default()
        },
    };
    let properties = ConnectionProperties::default()
        .with_executor(tokio_executor_trait::Tokio::current())
        .with_reactor(tokio_reactor_trait::Tokio::current())
        .with_connection_name(name.into());
    Connection::connect_uri(uri, properties).await
}
