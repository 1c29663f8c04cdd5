//! Publishing under confirm: a message counts as sent only when a queue has it.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::publisher_confirm::Confirmation;
use lapin::{BasicProperties, Channel, Connection};

/// AMQP's delivery mode of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// What the broker says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receipt {
    /// A queue has it.
    Kept,
    /// No queue is there for it.
    Unroutable,
    /// The queue does not take it.
    Refused,
}

/// A channel on which the broker confirms.
pub(super) async fn confirming_channel(connection: &Connection) -> Result<Channel, lapin::Error> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Publishes on a channel that confirms, and waits for the broker's word.
pub(super) async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Result<Receipt, lapin::Error> {
    // Mandatory: a message that no queue takes comes back instead of vanishing.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirm = channel.basic_publish(exchange, key, options, body, properties).await?;
    Ok(match confirm.await? {
        Confirmation::Ack(None) => Receipt::Kept,
        Confirmation::Ack(Some(_)) => Receipt::Unroutable,
        Confirmation::Nack(_) | Confirmation::NotRequested => Receipt::Refused,
    })
}

/// Of a message's properties only those that tell what it was: a user id is not ours to repeat, an expiration would
/// drop it, and headers can route copies elsewhere. Persistent, whatever it was.
pub(super) fn what_it_was(given: &BasicProperties) -> BasicProperties {
    let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
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
