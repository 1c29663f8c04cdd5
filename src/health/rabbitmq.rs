//! RabbitMQ as a client sees it: the login, the virtual host, and that the queues are there with their depths.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use super::check::{Check, Outcome};
use super::measure::Quantity;
use crate::host::amqp::{self, Login};
use crate::host::{BoxFuture, os};
use crate::secrets::Secret;

/// Where Debian's package has the server, in a folder of its version.
const SERVERS: &str = "/usr/lib/rabbitmq/lib";

/// Logs in and asks for its queues.
#[derive(Debug, Clone)]
pub struct RabbitmqCheck {
    host: String,
    port: u16,
    vhost: String,
    user: String,
    password: Secret,
    queue: String,
    dead_letters: Option<String>,
}

impl RabbitmqCheck {
    /// The broker, the login and the queue to look for.
    pub fn new(host: &str, port: u16, vhost: &str, user: &str, password: Secret, queue: &str) -> Self {
        let (host, vhost, user, queue) = (host.into(), vhost.into(), user.into(), queue.into());
        Self { host, port, vhost, user, password, queue, dead_letters: None }
    }

    /// The queue of dead letters is counted, too.
    pub fn with_dead_letters(mut self, queue: &str) -> Self {
        self.dead_letters = Some(queue.to_owned());
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
        let mut measures = vec![
            (Quantity::QueueMessages, &self.queue, waiting),
            (Quantity::QueueConsumers, &self.queue, consumers),
        ];
        if let Some(name) = &self.dead_letters {
            let letters = channel.queue_declare(name, options, FieldTable::default()).await?.message_count();
            measures.push((Quantity::QueueMessages, name, letters));
            if letters > 0 {
                seen.push_str(&format!(", {letters} dead letters"));
            }
        }
        connection.close(200, "checked").await?;
        let counted = |outcome: Outcome, (name, of, value): (Quantity, &String, u32)| {
            outcome.with(name, of, f64::from(value))
        };
        Ok(measures.into_iter().fold(Outcome::ok_with(seen), counted))
    }
}

impl Check for RabbitmqCheck {
    fn name(&self) -> &str {
        "rabbitmq amqp"
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
            asked.unwrap_or_else(|error| Outcome::failing(format!("{}:{}: {error}", self.host, self.port)))
        })
    }
}
