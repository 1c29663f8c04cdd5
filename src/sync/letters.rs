//! The dead letters at the broker: looked at without taking them away, sent to the agent again, or let go.
//!
//! A letter is acknowledged only after the broker has confirmed its copy: a crash doubles one at most. What is held
//! and not acknowledged lies at its old place in the queue as soon as the connection ends, however it ends.

use std::collections::HashMap;
use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::{Channel, Connection, ErrorKind};

use super::broker::{BrokerLogin, CONNECT_LIMIT};
use super::letter::{Letter, LetterId};
use super::letter_choice::{Listed, Listing};
use super::publish::{Receipt, confirming_channel, publish, what_it_was};

/// How the connection is named in the broker's own lists.
const NAME: &str = "hams-agent dead-letters";
/// The exchange that brings a message to the queue of its key.
const DEFAULT_EXCHANGE: &str = "";
/// One letter there or back.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// A polite good-bye; by then nothing depends on it.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Where the letters are.
#[derive(Debug, Clone)]
pub struct LettersSettings {
    /// The broker, as the one who may read them.
    pub login: BrokerLogin,
    /// Their queue.
    pub queue: String,
    /// The queue of events, for those that go there again.
    pub events: String,
}

/// The letters cannot be reached, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// From the client library or the broker.
    #[error("RabbitMQ at {address}: {cause}\n\n{}", LOOK)]
    Broker {
        /// Host and port.
        address: String,
        /// The words.
        cause: String,
    },
    /// No answer in time.
    #[error("RabbitMQ at {address} does not answer\n\n{}", LOOK)]
    Silent {
        /// Host and port.
        address: String,
    },
    /// The login or a right is refused.
    #[error(
        "RabbitMQ at {address} refuses its user {user}: {cause}\n\n\
         hint: `sudo hams-install` sets the user up; at a broker elsewhere the hams-install of that host does, with its own \
         password: put it as HAMS_LETTERS_RMQ_PASS into this host's /etc/hams/secrets.env and run `sudo hams-install`"
    )]
    Denied {
        /// Host and port.
        address: String,
        /// The user.
        user: String,
        /// The broker's words.
        cause: String,
    },
    /// There is no such queue.
    #[error(
        "RabbitMQ at {address} has no queue {queue}\n\nhint: `sudo hams-install` makes it, on the broker's host"
    )]
    NoQueue {
        /// Host and port.
        address: String,
        /// The queue.
        queue: String,
    },
}

const LOOK: &str = "hint: `hams-agent status` tells how the broker is, and `hams-agent dead-letters list` \
                    which letters are still there";

impl LettersError {
    /// True where the same again does not help.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::NoQueue { .. })
    }
}

/// What is to become of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Back to the queue of events.
    Replay,
    /// Gone for good.
    Drop,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Done {
    /// It is an event again, and no letter any more.
    Replayed,
    /// It is gone.
    Dropped,
    /// It stays: the queue of events does not take it.
    Refused,
    /// It stays: there is no queue of events.
    Unroutable,
    /// Somebody else has taken it meanwhile.
    Missing,
}

/// All letters, the oldest first. Of those that `keeps` names, the bodies too: all of a full queue are too much to keep.
pub async fn list(
    settings: &LettersSettings,
    keeps: impl Fn(&LetterId) -> bool,
) -> Result<Listing, LettersError> {
    let broker = Broker::open(settings).await?;
    let channel = broker.within(broker.connection.create_channel()).await?;
    let mut listing = Listing::default();
    while let Some(delivery) = broker.get(&channel).await? {
        let mut letter = Letter::new(delivery.properties.headers().as_ref(), delivery.data);
        if !keeps(&letter.id) {
            letter.body = Vec::new();
        }
        listing.add(letter);
    }
    broker.give_back(&channel).await?;
    broker.close().await;
    Ok(listing)
}

/// Lets `chosen` go their way, and tells of each what became of it. Only the first `among` letters of the queue are
/// looked at, as many as were listed: what comes back as a new letter meanwhile is left where it is.
pub async fn carry_out(
    settings: &LettersSettings,
    fate: Settlement,
    chosen: &[&Listed],
    among: usize,
    mut tell: impl FnMut(&LetterId, Done),
) -> Result<(), LettersError> {
    let broker = Broker::open(settings).await?;
    let channel = broker.within(broker.connection.create_channel()).await?;
    // A channel of its own: an error there must not decide what happens to the letters that are held here.
    let sender = broker.within(confirming_channel(&broker.connection)).await?;
    let mut open: HashMap<&LetterId, usize> =
        chosen.iter().map(|listed| (&listed.letter.id, listed.count)).collect();
    let mut left: usize = open.values().sum();
    for _ in 0..among {
        let next = if left > 0 { broker.get(&channel).await? } else { None };
        let Some(delivery) = next else { break };
        let Delivery { delivery_tag, properties, data, .. } = delivery;
        let letter = Letter::new(properties.headers().as_ref(), data);
        let Some(count) = open.get_mut(&letter.id).filter(|count| **count > 0) else { continue };
        *count -= 1;
        left -= 1;
        let done = match fate {
            Settlement::Drop => Done::Dropped,
            Settlement::Replay => {
                let properties = what_it_was(&properties);
                let sent = publish(&sender, DEFAULT_EXCHANGE, &settings.events, &letter.body, properties);
                match broker.within(sent).await? {
                    Receipt::Kept => Done::Replayed,
                    Receipt::Refused => Done::Refused,
                    Receipt::Unroutable => Done::Unroutable,
                }
            }
        };
        if matches!(done, Done::Dropped | Done::Replayed) {
            broker.within(channel.basic_ack(delivery_tag, BasicAckOptions::default())).await?;
        }
        tell(&letter.id, done);
    }
    broker.give_back(&channel).await?;
    broker.close().await;
    for listed in chosen {
        let id = &listed.letter.id;
        for _ in 0..open.get(id).copied().unwrap_or_default() {
            tell(id, Done::Missing);
        }
    }
    Ok(())
}

/// A connection for one look.
struct Broker<'a> {
    settings: &'a LettersSettings,
    connection: Connection,
}

impl<'a> Broker<'a> {
    async fn open(settings: &'a LettersSettings) -> Result<Self, LettersError> {
        let connected = tokio::time::timeout(CONNECT_LIMIT, settings.login.connect(NAME, None)).await;
        let connection = match connected {
            Ok(connected) => connected.map_err(|error| failed(settings, &error))?,
            Err(_) => return Err(LettersError::Silent { address: settings.login.address() }),
        };
        Ok(Self { settings, connection })
    }

    /// The next letter, held by `channel` and by nobody else until it is acknowledged or given back.
    async fn get(&self, channel: &Channel) -> Result<Option<Delivery>, LettersError> {
        let next = channel.basic_get(&self.settings.queue, BasicGetOptions::default());
        Ok(self.within(next).await?.map(|message| message.delivery))
    }

    /// Gives back all that `channel` still holds, each to its place. When this is done, every acknowledgement before it
    /// is heard, too: the broker takes the words of a channel in their order.
    async fn give_back(&self, channel: &Channel) -> Result<(), LettersError> {
        // In words of our own, as the end of a channel alone would be told to the queue some time later: who looks next
        // would miss some.
        let all = BasicNackOptions { multiple: true, requeue: true };
        self.within(channel.basic_nack(0, all)).await?;
        self.within(channel.close(200, "seen")).await
    }

    async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, lapin::Error>>,
    ) -> Result<T, LettersError> {
        match tokio::time::timeout(ANSWER_LIMIT, answer).await {
            Ok(answer) => answer.map_err(|error| failed(self.settings, &error)),
            Err(_) => Err(LettersError::Silent { address: self.settings.login.address() }),
        }
    }

    async fn close(self) {
        let goodbye = self.connection.close(200, "seen");
        // Whether it is heard makes no difference any more.
        let _ = tokio::time::timeout(CLOSE_LIMIT, goodbye).await;
    }
}

fn failed(settings: &LettersSettings, error: &lapin::Error) -> LettersError {
    let address = settings.login.address();
    let ErrorKind::ProtocolError(said) = error.kind() else {
        return LettersError::Broker { address, cause: error.to_string() };
    };
    let cause = said.get_message().to_string();
    match said.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => {
            LettersError::NoQueue { address, queue: settings.queue.clone() }
        }
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED)
        | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
            LettersError::Denied { address, user: settings.login.user.clone(), cause }
        }
        _ => LettersError::Broker { address, cause },
    }
}
