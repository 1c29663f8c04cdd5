//! Dead letters: the original body, untouched, with the reason in headers, published under publisher confirm.
//! Only after the broker has it in a queue may the original be acknowledged.

use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::publisher_confirm::Confirmation;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};

use super::reason::Rejection;

/// Header with the code of the reason.
const REASON: &str = "hams-reason";
/// Header with the reason in words.
const REASON_TEXT: &str = "hams-reason-text";
/// Characters of the words: all headers must fit one frame of 128 KiB.
const MAX_TEXT: usize = 4000;
/// AMQP's delivery mode of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;
const PUBLISH_LIMIT: Duration = Duration::from_secs(10);

/// The broker has not taken the dead letter; the original must stay.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeadLetterError {
    #[error("cannot publish to the exchange {exchange}: {cause}")]
    Amqp { exchange: String, cause: String },
    #[error("the exchange {0} has no queue to keep dead letters in; run `hams-install`")]
    Unroutable(String),
    #[error("the broker refused a dead letter on the exchange {0}")]
    Refused(String),
    #[error("the broker did not confirm a dead letter on the exchange {0}")]
    Timeout(String),
}

/// Publishes dead letters, on a channel of their own: an error there closes the channel, and that must not end
/// the consumer.
pub(super) struct DeadLetters {
    exchange: String,
    channel: Option<Channel>,
}

impl DeadLetters {
    pub(super) fn new(exchange: &str) -> Self {
        Self { exchange: exchange.to_owned(), channel: None }
    }

    /// Returns when a queue has the message.
    pub(super) async fn publish(
        &mut self,
        connection: &Connection,
        original: &Delivery,
        why: &Rejection,
    ) -> Result<(), DeadLetterError> {
        let done = tokio::time::timeout(PUBLISH_LIMIT, self.send(connection, original, why)).await;
        let result = done.unwrap_or_else(|_| Err(DeadLetterError::Timeout(self.exchange.clone())));
        if result.is_err() {
            self.channel = None;
        }
        result
    }

    async fn send(
        &mut self,
        connection: &Connection,
        original: &Delivery,
        why: &Rejection,
    ) -> Result<(), DeadLetterError> {
        let failed = |error: lapin::Error| DeadLetterError::Amqp {
            exchange: self.exchange.clone(),
            cause: error.to_string(),
        };
        let channel = match self.channel.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => {
                let channel = connection.create_channel().await.map_err(failed)?;
                channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
                channel
            }
        };
        // Mandatory: a message that no queue takes comes back instead of vanishing.
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let key = original.routing_key.as_str();
        let confirm = channel
            .basic_publish(&self.exchange, key, options, &original.data, properties(original, why))
            .await
            .map_err(failed)?;
        let confirmation = confirm.await.map_err(failed)?;
        self.channel = Some(channel);
        match confirmation {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => Err(DeadLetterError::Unroutable(self.exchange.clone())),
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                Err(DeadLetterError::Refused(self.exchange.clone()))
            }
        }
    }
}

/// Of the original's properties only those that tell what it was: a user id is not ours to repeat, an expiration
/// would drop the letter, and headers can route copies elsewhere.
fn properties(original: &Delivery, why: &Rejection) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(REASON.into(), text(why.reason.as_str()));
    headers.insert(REASON_TEXT.into(), text(&why.text.chars().take(MAX_TEXT).collect::<String>()));
    let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers);
    let given = &original.properties;
    if let Some(value) = given.content_type() {
        properties = properties.with_content_type(value.clone());
    }
    if let Some(value) = given.message_id() {
        properties = properties.with_message_id(value.clone());
    }
    if let Some(value) = given.correlation_id() {
        properties = properties.with_correlation_id(value.clone());
    }
    if let Some(value) = given.timestamp() {
        properties = properties.with_timestamp(*value);
    }
    properties
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
