//! Dead letters: the original body, untouched, with the reason in headers, published under publisher confirm.
//! Only after the broker has it in a queue may the original be acknowledged.

use std::time::{Duration, SystemTime};

use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};

use super::publish::{Receipt, confirming_channel, publish, what_it_was};
use super::reason::Rejection;

/// Header with the code of the reason.
pub(super) const REASON: &str = "hams-reason";
/// Header with the reason in words.
pub(super) const REASON_TEXT: &str = "hams-reason-text";
/// Header with the time of the rejection, RFC 3339.
pub(super) const TIME: &str = "hams-time";
/// Characters of the words: all headers must fit one frame, which is `amqp::SMALL_FRAME` as a rule.
const MAX_TEXT: usize = 4000;
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
            None => confirming_channel(connection).await.map_err(failed)?,
        };
        let key = original.routing_key.as_str();
        let receipt =
            publish(&channel, &self.exchange, key, &original.data, properties(&original.properties, why))
                .await
                .map_err(failed)?;
        self.channel = Some(channel);
        match receipt {
            Receipt::Kept => Ok(()),
            Receipt::Unroutable => Err(DeadLetterError::Unroutable(self.exchange.clone())),
            Receipt::Refused => Err(DeadLetterError::Refused(self.exchange.clone())),
        }
    }
}

fn properties(original: &BasicProperties, why: &Rejection) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(REASON.into(), text(why.reason.as_str()));
    headers.insert(REASON_TEXT.into(), text(&why.text.chars().take(MAX_TEXT).collect::<String>()));
    headers.insert(TIME.into(), text(&humantime::format_rfc3339_seconds(SystemTime::now()).to_string()));
    what_it_was(original).with_headers(headers)
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
