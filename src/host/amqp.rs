//! The way to RabbitMQ: one for the check of its health and for the sync.

use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Connection, ConnectionProperties};

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
        query: AMQPQueryString { heartbeat: login.heartbeat, ..AMQPQueryString::default() },
    };
    let properties = ConnectionProperties::default()
        .with_executor(tokio_executor_trait::Tokio::current())
        .with_reactor(tokio_reactor_trait::Tokio::current())
        .with_connection_name(name.into());
    Connection::connect_uri(uri, properties).await
}
