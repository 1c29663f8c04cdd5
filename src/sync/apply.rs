//! One message from its body to its effect: decoded, held against the memory, written, noted, or buried.

use lapin::Connection;
use lapin::message::Delivery;
use sha2::{Digest, Sha256};
use tracing::{debug, info, warn};

use super::dead_letter::{DeadLetterError, DeadLetters};
use super::event::{Action, Event};
use super::memory::{Known, Memory, State};
use super::reason::{Reason, Rejection};
use super::writer::{Writer, WriterError};
use crate::dns::{Checked, Name, Zone};

/// Reasons that a dead letter lists before it says how many more there are.
const MAX_REASONS: usize = 10;

/// What a message did to PowerDNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It changed something.
    Changed,
    /// PowerDNS had it already.
    Nothing,
    /// It was older than what is known.
    Old,
    /// It could not be applied at all.
    Refused,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) effect: Effect,
    pub(super) is_dead_lettered: bool,
}

/// Applies messages one after the other.
pub(super) struct Applier {
    pub(super) nameservers: Vec<Name>,
    pub(super) writer: Writer,
    pub(super) memory: Memory,
    pub(super) dead_letters: DeadLetters,
}

/// What an event wants of its zone.
enum Wanted {
    Content(Checked),
    Gone,
}

impl Applier {
    /// Applies one message. An error is a passing failure, in words: the same message again, later.
    pub(super) async fn apply(
        &mut self,
        connection: &Connection,
        delivery: &Delivery,
    ) -> Result<Outcome, String> {
        let (effect, rejection) = match Event::decode(&delivery.data) {
            Ok(event) => self.follow(event).await?,
            Err(rejection) => (Effect::Refused, Some(rejection)),
        };
        if let Some(rejection) = &rejection {
            warn!(reason = rejection.reason.as_str(), "dead letter: {}", rejection.text);
            let buried = self.dead_letters.publish(connection, delivery, rejection).await;
            buried.map_err(|error: DeadLetterError| error.to_string())?;
        }
        Ok(Outcome { effect, is_dead_lettered: rejection.is_some() })
    }

    async fn follow(&mut self, event: Event) -> Result<(Effect, Option<Rejection>), String> {
        let Event { id, zone, action, version } = event;
        if let Err(rejection) = self.writer.permit(&zone) {
            return Ok((Effect::Refused, Some(rejection)));
        }
        let known = self.memory.get(&zone).copied();
        let newest = known.and_then(|known| known.version);
        if version.is_some() && version < newest {
            info!(%zone, id, version, newest, "dropped: a newer version is known");
            self.memory.count_dropped_old();
            return Ok((Effect::Old, None));
        }
        let wanted = match action {
            Action::Upsert(drafts) => Wanted::Content(Zone::check(&zone, drafts, &self.nameservers)),
            Action::Delete => Wanted::Gone,
        };
        let version = version.max(newest);
        let goal = wanted.state();
        let mut rejections = wanted.rejections();
        if known.is_some_and(|known| known.state == goal) {
            let serial = known.and_then(|known| known.serial);
            self.memory.put(&zone, Known { state: goal, serial, version });
            return Ok((Effect::Nothing, rejection(Reason::BadRrset, &rejections)));
        }
        let written = match &wanted {
            Wanted::Content(checked) => self.writer.upsert(checked).await,
            Wanted::Gone => self.writer.remove(&zone).await,
        };
        let applied = match written {
            Ok(applied) => applied,
            Err(WriterError::Transient(text)) => return Err(text),
            Err(WriterError::Permanent(rejection)) => {
                self.memory.put(&zone, Known { state: State::Unknown, serial: None, version });
                return Ok((Effect::Refused, Some(rejection)));
            }
        };
        debug!(%zone, id, serial = applied.serial, changed = applied.is_changed, "applied");
        let state = if applied.refused.is_empty() { goal } else { State::Unknown };
        self.memory.put(&zone, Known { state, serial: applied.serial, version });
        let effect = if applied.is_changed { Effect::Changed } else { Effect::Nothing };
        let reason = if applied.refused.is_empty() { Reason::BadRrset } else { Reason::Refused };
        rejections.extend(applied.refused);
        Ok((effect, rejection(reason, &rejections)))
    }
}

impl Wanted {
    /// What the memory will say once PowerDNS has it.
    fn state(&self) -> State {
        match self {
            Self::Gone => State::Absent,
            Self::Content(checked) => State::Present(digest(checked)),
        }
    }

    fn rejections(&self) -> Vec<String> {
        match self {
            Self::Gone => vec![],
            Self::Content(checked) => {
                let words = |r: &crate::dns::Rejected| format!("{:?} {:?}: {}", r.name, r.rtype, r.reason);
                checked.rejected.iter().map(words).collect()
            }
        }
    }
}

/// The first 128 bits of SHA-256 over everything that decides what PowerDNS will hold.
fn digest(checked: &Checked) -> [u8; 16] {
    let mut hash = Sha256::new();
    for (key, rrset) in &checked.zone.rrsets {
        hash.update(format!("{key} {}\n", rrset.ttl.seconds()));
        for record in &rrset.records {
            hash.update(format!("\t{record}\n"));
        }
    }
    for key in checked.kept() {
        hash.update(format!("kept {key}\n"));
    }
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    short
}

fn rejection(reason: Reason, reasons: &[String]) -> Option<Rejection> {
    if reasons.is_empty() {
        return None;
    }
    let mut text = reasons.iter().take(MAX_REASONS).cloned().collect::<Vec<_>>().join("; ");
    if reasons.len() > MAX_REASONS {
        text.push_str(&format!("; and {} more", reasons.len() - MAX_REASONS));
    }
    Some(Rejection::new(reason, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Draft;

    fn checked(address: &str, ttl: i64) -> Checked {
        let draft = Draft {
            name: "www".into(),
            rtype: "AAAA".into(),
            ttl: Some(ttl),
            records: Some(vec![address.into()]),
        };
        Zone::check(&Name::absolute("a.u.hams.test").unwrap(), vec![draft], &[])
    }

    #[test]
    fn equal_contents_have_equal_digests() {
        assert_eq!(digest(&checked("2001:DB8:0::1", 60)), digest(&checked("2001:db8::1", 60)));
        assert_ne!(digest(&checked("2001:db8::2", 60)), digest(&checked("2001:db8::1", 60)));
        assert_ne!(digest(&checked("2001:db8::1", 61)), digest(&checked("2001:db8::1", 60)));
        assert_ne!(digest(&checked("no address", 60)), digest(&checked("2001:db8::1", 60)));
    }

    #[test]
    fn a_long_list_of_reasons_is_cut() {
        let reasons: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        let text = rejection(Reason::BadRrset, &reasons).unwrap().text;
        assert!(text.ends_with("9; and 2 more"), "{text}");
        assert_eq!(rejection(Reason::BadRrset, &[]), None);
    }
}
