//! The broker as publishers see it, and as a consumer that does nothing but acknowledge.

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::publisher_confirm::{Confirmation, PublisherConfirm};
use lapin::types::FieldTable;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle};

const QUEUE: &str = "dns_zone_updates";
const PERSISTENT: u8 = 2;
/// Messages that go out before their confirmations are waited for.
const WINDOW: usize = 1000;
/// What is in hand, and what shares one acknowledgement, where nothing else is done: the more, the faster.
const IN_HAND: u16 = 1000;
const SHARE: usize = 100;

/// A connection that publishes.
#[derive(Debug)]
pub struct Broker {
    runtime: Handle,
    channel: Channel,
    /// Dropped, it would close the channel.
    _connection: Connection,
}

impl Broker {
    pub fn open(password: &str) -> Result<Self> {
        let runtime = runtime()?;
        let (connection, channel) = runtime.block_on(async {
            let connection = connection("hams_rabbitmq", password).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            anyhow::Ok((connection, channel))
        })?;
        Ok(Self { runtime, channel, _connection: connection })
    }

    /// Publishes all in this order; the broker has confirmed each when this returns.
    pub fn publish(&self, bodies: impl IntoIterator<Item = Vec<u8>>) -> Result<()> {
        self.runtime.block_on(async {
            let mut window = Vec::new();
            for body in bodies {
                window.push(self.send(&body).await?);
                if window.len() == WINDOW {
                    confirmed(&mut window).await?;
                }
            }
            confirmed(&mut window).await
        })
    }

    /// Publishes one and returns when it is on its way; what this gives must be confirmed.
    pub fn start_publishing(&self, body: &[u8]) -> Result<PublisherConfirm> {
        self.runtime.block_on(self.send(body))
    }

    pub fn confirm(&self, confirm: PublisherConfirm) -> Result<()> {
        self.runtime.block_on(confirmed(&mut vec![confirm]))
    }

    /// Messages that no consumer has in hand.
    pub fn waiting(&self) -> Result<u32> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue =
            self.runtime.block_on(self.channel.queue_declare(QUEUE, options, FieldTable::default()))?;
        Ok(queue.message_count())
    }

    /// Takes `count` messages as the agent's user and does nothing with them; from the first to the last acknowledgement.
    pub fn consume(&self, password: &str, count: usize) -> Result<Duration> {
        self.runtime.block_on(async {
            let connection = connection("hams_agent", password).await?;
            let channel = connection.create_channel().await?;
            channel.basic_qos(IN_HAND, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            let mut consumer = channel.basic_consume(QUEUE, "bench", options, FieldTable::default()).await?;
            let mut begun = None;
            for number in 1..=count {
                let delivery = consumer.next().await.context("the broker has ended the consumer")??;
                begun.get_or_insert_with(Instant::now);
                if number % SHARE == 0 || number == count {
                    delivery.ack(BasicAckOptions { multiple: true }).await?;
                }
            }
            let took = begun.context("no message")?.elapsed();
            // In order, so that the acknowledgements are there before it.
            connection.close(200, "done").await?;
            Ok(took)
        })
    }

    async fn send(&self, body: &[u8]) -> Result<PublisherConfirm> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("application/json".into());
        Ok(self.channel.basic_publish("", QUEUE, options, body, properties).await?)
    }
}

async fn confirmed(window: &mut Vec<PublisherConfirm>) -> Result<()> {
    for confirm in window.drain(..) {
        match confirm.await? {
            Confirmation::Ack(None) => {}
            other => bail!("the broker did not take a message: {other:?}"),
        }
    }
    Ok(())
}

async fn connection(user: &str, password: &str) -> Result<Connection> {
    let userinfo = AMQPUserInfo { username: user.to_owned(), password: password.to_owned() };
    let uri = AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority { userinfo, host: "127.0.0.1".to_owned(), port: 5672 },
        vhost: "/".to_owned(),
        query: AMQPQueryString::default(),
    };
    let properties = ConnectionProperties::default()
        .with_executor(tokio_executor_trait::Tokio::current())
        .with_reactor(tokio_reactor_trait::Tokio::current());
    let connection = Connection::connect_uri(uri, properties).await?;
    ensure!(connection.status().connected(), "no connection to RabbitMQ");
    Ok(connection)
}

/// A runtime that a thread of its own keeps moving: the connection lives while nobody waits for it.
fn runtime() -> Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(handle)
}
