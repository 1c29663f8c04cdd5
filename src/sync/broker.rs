//! The broker: one connection, one consumer that takes messages in order, acknowledgements.
//! Nothing is declared here: the queue and its limits are the installer's.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};

use crate::host::amqp::{self, Login};
use crate::secrets::Secret;

/// The broker takes an agent that is silent for twice this long as gone, and the agent the broker.
const HEARTBEAT_SECONDS: u16 = 20;
/// Reaching the broker, logging in, opening the channels.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Any answer of the broker. The client library does not always notice that the connection breaks while it waits for one,
/// and a loop that stands still for twice as long is taken for dead.
const ANSWER_LIMIT: Duration = Duration::from_secs(8);
/// A polite good-bye; the broker returns what was not acknowledged either way.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Where the broker is, and who comes.
#[derive(Debug, Clone)]
pub struct BrokerLogin {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Virtual host.
    pub vhost: String,
    /// Login.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

impl BrokerLogin {
    /// Host and port, for messages.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Connects and logs in, under a name that the broker's own lists show; `frame_max` as `amqp::Login` has it. The caller
    /// sets the limit of time.
    pub(super) async fn connect(
        &self,
        name: &str,
        frame_max: Option<u32>,
    ) -> Result<Connection, lapin::Error> {
        let login = Login {
            host: &self.host,
            port: self.port,
            vhost: &self.vhost,
            user: &self.user,
            password: self.password.expose(),
            heartbeat: Some(HEARTBEAT_SECONDS),
            frame_max,
        };
        amqp::connect(login, name).await
    }
}

/// Where the messages come from.
#[derive(Debug, Clone)]
pub struct BrokerSettings {
    /// The broker, as the agent comes to it.
    pub login: BrokerLogin,
    /// The queue to consume.
    pub queue: String,
    /// The exchange that dead letters go to.
    pub dead_letter_exchange: String,
    /// Messages of any size that may be here without being acknowledged.
    pub prefetch: u16,
    /// As many as long as they are short ones: the more there are, the more of one zone become one write.
    pub wide_prefetch: u16,
}

/// The connection cannot be made, or is gone.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokerError {
    /// From the client library or the broker.
    #[error("RabbitMQ at {address}: {cause}")]
    Amqp { address: String, cause: String },
    /// No answer in time.
    #[error("RabbitMQ at {0} does not answer")]
    Timeout(String),
}

/// An open connection with a running consumer.
pub(super) struct Session {
    connection: Connection,
    channel: Channel,
    consumer: Consumer,
    queue: String,
    address: String,
    prefetch: u16,
    /// The consumer was told to end; what it was given before comes first.
    is_ending: bool,
    /// It has given all of it.
    has_ended: bool,
}

impl Session {
    /// Connects, logs in and starts to consume; ends within ten seconds.
    pub(super) async fn open(settings: &BrokerSettings, frame_max: Option<u32>) -> Result<Self, BrokerError> {
        let address = settings.login.address();
        match tokio::time::timeout(CONNECT_LIMIT, Self::consume(settings, frame_max, &address)).await {
            Ok(opened) => opened.map_err(|error| amqp(&address, &error)),
            Err(_) => Err(BrokerError::Timeout(address)),
        }
    }

    async fn consume(
        settings: &BrokerSettings,
        frame_max: Option<u32>,
        address: &str,
    ) -> Result<Self, lapin::Error> {
        let connection = settings.login.connect("hams-agent", frame_max).await?;
        let channel = connection.create_channel().await?;
        let (queue, prefetch) = (settings.queue.clone(), settings.prefetch);
        let consumer = consumer(&channel, &queue, prefetch).await?;
        Ok(Self {
            connection,
            channel,
            consumer,
            queue,
            address: address.to_owned(),
            prefetch,
            is_ending: false,
            has_ended: false,
        })
    }

    /// How many messages may be here without being acknowledged.
    pub(super) fn prefetch(&self) -> u16 {
        self.prefetch
    }

    /// Changes that number. The broker takes another one for a new consumer only, which begins where the present one ends.
    pub(super) async fn set_prefetch(&mut self, prefetch: u16) -> Result<(), BrokerError> {
        if self.prefetch == prefetch || self.is_ending {
            return Ok(());
        }
        self.prefetch = prefetch;
        self.is_ending = true;
        let tag = self.consumer.tag();
        let cancelled = self.channel.basic_cancel(tag.as_str(), BasicCancelOptions::default());
        in_time(&self.address, cancelled).await
    }

    /// The next message; `None` where the consumer has ended as it was told to, and `go_on` is due. An error is the end of
    /// the session. Nothing is lost if it is not waited for.
    pub(super) async fn next(&mut self) -> Result<Option<Delivery>, BrokerError> {
        if self.has_ended {
            return Ok(None);
        }
        match self.consumer.next().await {
            Some(Ok(delivery)) => Ok(Some(delivery)),
            Some(Err(error)) => Err(amqp(&self.address, &error)),
            None if self.is_ending => {
                self.has_ended = true;
                Ok(None)
            }
            None => Err(self.lost("the broker has ended the consumer")),
        }
    }

    /// A message that is here already.
    pub(super) fn ready(&mut self) -> Option<Result<Option<Delivery>, BrokerError>> {
        self.next().now_or_never()
    }

    /// Begins a new consumer where one was told to end and has given all that it had.
    pub(super) async fn go_on(&mut self) -> Result<(), BrokerError> {
        if !self.has_ended {
            return Ok(());
        }
        self.consumer = in_time(&self.address, consumer(&self.channel, &self.queue, self.prefetch)).await?;
        (self.is_ending, self.has_ended) = (false, false);
        Ok(())
    }

    /// Acknowledges this message and all before it.
    pub(super) async fn acknowledge_up_to(&self, last: &Delivery) -> Result<(), BrokerError> {
        self.acknowledged(in_time(&self.address, last.ack(BasicAckOptions { multiple: true })).await)
    }

    fn acknowledged(&self, result: Result<bool, BrokerError>) -> Result<(), BrokerError> {
        if result? { Ok(()) } else { Err(self.lost("the channel is closed")) }
    }

    /// Acknowledges this message alone.
    pub(super) async fn acknowledge(&self, one: &Delivery) -> Result<(), BrokerError> {
        self.acknowledged(in_time(&self.address, one.ack(BasicAckOptions::default())).await)
    }

    /// True as long as acknowledgements can get through.
    pub(super) fn is_open(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Why a session that is not open has ended, if the broker has said so. What it gave before comes again.
    pub(super) fn ended(&mut self) -> BrokerError {
        loop {
            match self.ready() {
                Some(Ok(Some(_))) => {}
                Some(Err(error)) => return error,
                Some(Ok(None)) | None => return self.lost("the connection was closed"),
            }
        }
    }

    /// The connection, for publishing beside the consumer.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The session as lost, in words.
    pub(super) fn lost(&self, cause: &str) -> BrokerError {
        BrokerError::Amqp { address: self.address.clone(), cause: cause.to_owned() }
    }

    /// Says good-bye, for at most a second.
    pub(super) async fn close(self) {
        let goodbye = self.connection.close(200, "the agent stops");
        // Whether it is heard makes no difference: what is not acknowledged goes back to the queue.
        let _ = tokio::time::timeout(CLOSE_LIMIT, goodbye).await;
    }
}

/// What the broker answers, or that it does not.
async fn in_time<T>(
    address: &str,
    answer: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(ANSWER_LIMIT, answer).await {
        Ok(answered) => answered.map_err(|error| amqp(address, &error)),
        Err(_) => Err(BrokerError::Timeout(address.to_owned())),
    }
}

async fn consumer(channel: &Channel, queue: &str, prefetch: u16) -> Result<Consumer, lapin::Error> {
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    // Exclusive: a second consumer would take every other message, and their order would be lost.
    let options = BasicConsumeOptions { exclusive: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue, "hams-agent", options, FieldTable::default()).await
}

fn amqp(address: &str, error: &lapin::Error) -> BrokerError {
    BrokerError::Amqp { address: address.to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_never_comes_ends_the_wait() {
        let never = in_time("127.0.0.1:5672", std::future::pending::<Result<(), lapin::Error>>()).await;
        assert!(matches!(never, Err(BrokerError::Timeout(_))), "{never:?}");
        assert_eq!(in_time("127.0.0.1:5672", async { Ok(7) }).await.unwrap(), 7);
    }
}
