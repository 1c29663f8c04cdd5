//! RabbitMQ as a client sees it: the login, the virtual host, and that the queues are there with their depths.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use lapin::ErrorKind;
use lapin::options::QueueDeclareOptions;
use lapin::protocol::AMQPErrorKind;
use lapin::types::FieldTable;

use super::check::{Check, Outcome};
use super::measure::Quantity;
use crate::host::amqp::{self, Login};
use crate::host::{BoxFuture, os};
use crate::secrets::Secret;

/// Where Debian's package has the server, in a folder of its version.
const SERVERS: &str = "/usr/lib/rabbitmq/lib";

/// With more messages waiting, the changes come faster than they are applied.
const LONG: u32 = 1000;

/// For a login that is refused, or a queue that is not there.
const REMEDY: &str = "run `hams-install` to put the login and the queue right";

/// Logs in and asks for its queues.
#[derive(Debug, Clone)]
pub struct RabbitmqCheck {
    host: String,
    port: u16,
    vhost: String,
    user: String,
    password: Secret,
    queue: String,
    is_watched: bool,
    dead_letters: Option<String>,
}

impl RabbitmqCheck {
    /// The broker, the login and the queue to look for.
    pub fn new(host: &str, port: u16, vhost: &str, user: &str, password: Secret, queue: &str) -> Self {
        let (host, vhost, user, queue) = (host.into(), vhost.into(), user.into(), queue.into());
        Self { host, port, vhost, user, password, queue, is_watched: false, dead_letters: None }
    }

    /// Messages that pile up need a look, and so does anything in the queue of dead letters: a matter of the changes, not of
    /// whether the broker is set up right.
    pub fn watching(mut self, dead_letters: Option<&str>) -> Self {
        (self.is_watched, self.dead_letters) = (true, dead_letters.map(str::to_owned));
        self
    }

    /// The broker's version where it is this host's own: lapin keeps what the broker says of itself to itself.
    fn version(&self) -> Option<String> {
        let is_here = self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let folders = if is_here { os::names_in(Path::new(SERVERS)) } else { Vec::new() };
        folders.iter().find_map(|name| name.strip_prefix("rabbitmq_server-")).map(str::to_owned)
    }

    async fn ask(&self) -> Result<Outcome, lapin::Error> {
        let login = Login {
            host: &self.host,
            port: self.port,
            vhost: &self.vhost,
            user: &self.user,
            password: self.password.expose(),
            heartbeat: None,
            frame_max: Some(amqp::SMALL_FRAME),
        };
        let connection = amqp::connect(login, "hams-check").await?;
        let channel = connection.create_channel().await?;
        // Passive: asks, and makes nothing.
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare(&self.queue, options, FieldTable::default()).await?;
        let version = self.version().map(|version| format!("version {version}, ")).unwrap_or_default();
        let (waiting, consumers) = (queue.message_count(), queue.consumer_count());
        let mut seen = format!("{version}{waiting} messages wait, {consumers} consumers");
        let mut faults = Vec::new();
        if self.is_watched && waiting > LONG {
            faults.push(format!("{waiting} changes wait: does the agent apply them, and is PowerDNS slow?"));
        }
        let mut measures = vec![
            (Quantity::QueueMessages, &self.queue, waiting),
            (Quantity::QueueConsumers, &self.queue, consumers),
        ];
        if let Some(name) = &self.dead_letters {
            let letters = channel.queue_declare(name, options, FieldTable::default()).await?.message_count();
            measures.push((Quantity::QueueMessages, name, letters));
            if letters > 0 {
                seen.push_str(&format!(", {letters} dead letters"));
                let subject = match letters {
                    1 => "1 change can never be applied as it is".into(),
                    _ => format!("{letters} changes can never be applied as they are"),
                };
                faults.push(format!("{subject}: `sudo hams-agent dead-letters list` tells why"));
            }
        }
        connection.close(200, "checked").await?;
        let counted = |outcome: Outcome, (name, of, value): (Quantity, &String, u32)| {
            outcome.with(name, of, f64::from(value))
        };
        let outcome = match faults.is_empty() {
            true => Outcome::ok_with(seen),
            false => Outcome::degraded(faults.join("; ")),
        };
        Ok(measures.into_iter().fold(outcome, counted))
    }
}

/// Whether the broker has answered, and its answer is no: the login is wrong, or there is no such queue.
fn is_refused(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(said) if matches!(said.kind(), AMQPErrorKind::Soft(_)))
}

impl Check for RabbitmqCheck {
    fn name(&self) -> &str {
        "rabbitmq amqp"
    }

    fn component(&self) -> &str {
        "rabbitmq"
    }

    /// Every look is a login in the broker's log.
    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async {
            let asked = self.ask().await;
            asked.unwrap_or_else(|error| {
                let reason = format!("{}:{}: {error}", self.host, self.port);
                match is_refused(&error) {
                    true => Outcome::failing(format!("{reason}; {REMEDY}")).lasting(),
                    false => Outcome::failing(reason),
                }
            })
        })
    }
}
