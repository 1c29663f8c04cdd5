//! One message from its body to its effect: decoded, held against the memory, written, noted, or buried.

use std::collections::BTreeSet;

use lapin::Connection;
use lapin::message::Delivery;
use sha2::{Digest, Sha256};
use tracing::{debug, info, warn};

use super::dead_letter::{DeadLetterError, DeadLetters};
use super::event::{Action, Event, ReferenceEvent, StateEvent};
use super::memory::{Known, Memory, State};
use super::odoo::Odoo;
use super::odoo_api::OdooError;
use super::reason::{Reason, Rejection};
use super::reference::{self, Target};
use super::writer::{Writer, WriterError};
use crate::dns::{Checked, Draft, Name, Zone};

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
    /// Where events of the reference form are read; `None`: this node knows no Odoo.
    pub(super) odoo: Option<Odoo>,
    /// Zones that PowerDNS has, and of which Odoo does not say so yet.
    pub(super) unmarked: BTreeSet<u64>,
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
            Ok(Event::State(event)) => self.follow(event).await?,
            Ok(Event::Reference(event)) => self.look_up(event).await?,
            Err(rejection) => (Effect::Refused, Some(rejection)),
        };
        if let Some(rejection) = &rejection {
            warn!(reason = rejection.reason.as_str(), "dead letter: {}", rejection.text);
            let buried = self.dead_letters.publish(connection, delivery, rejection).await;
            buried.map_err(|error: DeadLetterError| error.to_string())?;
        }
        Ok(Outcome { effect, is_dead_lettered: rejection.is_some() })
    }

    /// Has Odoo note which zones PowerDNS has. An error is a passing failure, in words.
    pub(super) async fn mark_synced(&mut self) -> Result<(), String> {
        let Some(odoo) = self.odoo.as_mut().filter(|_| !self.unmarked.is_empty()) else { return Ok(()) };
        let ids: Vec<u64> = self.unmarked.iter().copied().collect();
        match odoo.mark_synced(&ids).await {
            Ok(()) => debug!(zones = ids.len(), "noted in Odoo"),
            // What it may not say is no reason to hold back what it may: names are worth more than a note.
            Err(error @ OdooError::Refused { .. }) => {
                warn!("{error}; Odoo goes on showing {} zones as not synced", ids.len());
            }
            Err(error) => return Err(error.to_string()),
        }
        self.unmarked.clear();
        Ok(())
    }

    /// Brings every zone that the event may mean to where Odoo has it.
    async fn look_up(&mut self, event: ReferenceEvent) -> Result<(Effect, Option<Rejection>), String> {
        let Some(odoo) = &mut self.odoo else {
            let text = "it names records by their ids in Odoo, and this node knows no Odoo: set `odoo.host`";
            return Ok((Effect::Refused, Some(Rejection::new(Reason::ReferenceNotSupported, text))));
        };
        let found = reference::find(&event, odoo, &self.memory).await.map_err(|error| error.to_string())?;
        let mut effect = if found.unusable.is_empty() { Effect::Nothing } else { Effect::Refused };
        let (mut reasons, mut reason) = (found.unusable, Reason::Malformed);
        for target in found.targets {
            let Target { zone, odoo_id, content, is_synced } = target;
            let wanted = content.map_or(Wanted::Gone, |drafts| self.check(&zone, drafts));
            let is_there = matches!(wanted, Wanted::Content(_));
            let (done, rejection) = match self.writer.permit(&zone) {
                Ok(()) => self.settle(&zone, wanted, None, odoo_id, event.id.as_deref()).await?,
                Err(rejection) => (Effect::Refused, Some(rejection)),
            };
            match (rejection, odoo_id) {
                (Some(rejection), _) => {
                    reason = rejection.reason;
                    reasons.push(format!("zone {zone}: {}", rejection.text));
                }
                (None, Some(id)) if is_there && !is_synced => {
                    self.unmarked.insert(id);
                }
                (None, _) => {}
            }
            effect = match (effect, done) {
                (Effect::Changed, _) | (_, Effect::Changed) => Effect::Changed,
                (Effect::Refused, _) | (_, Effect::Refused) => Effect::Refused,
                _ => Effect::Nothing,
            };
        }
        Ok((effect, rejection(reason, &reasons)))
    }

    fn check(&self, zone: &Name, drafts: Vec<Draft>) -> Wanted {
        Wanted::Content(Zone::check(zone, drafts, &self.nameservers))
    }

    async fn follow(&mut self, event: StateEvent) -> Result<(Effect, Option<Rejection>), String> {
        let StateEvent { id, zone, action, version } = event;
        if let Err(rejection) = self.writer.permit(&zone) {
            return Ok((Effect::Refused, Some(rejection)));
        }
        let newest = self.memory.get(&zone).and_then(|known| known.version);
        if version.is_some() && version < newest {
            info!(%zone, id, version, newest, "dropped: a newer version is known");
            self.memory.count_dropped_old();
            return Ok((Effect::Old, None));
        }
        let wanted = match action {
            Action::Upsert(drafts) => self.check(&zone, drafts),
            Action::Delete => Wanted::Gone,
        };
        let odoo_id = self.memory.get(&zone).and_then(|known| known.odoo_id);
        self.settle(&zone, wanted, version, odoo_id, id.as_deref()).await
    }

    /// Brings one zone to what is wanted of it, if it is not there already.
    async fn settle(
        &mut self,
        zone: &Name,
        wanted: Wanted,
        version: Option<u64>,
        odoo_id: Option<u64>,
        id: Option<&str>,
    ) -> Result<(Effect, Option<Rejection>), String> {
        let known = self.memory.get(zone).copied();
        let newest = known.and_then(|known| known.version);
        let version = version.max(newest);
        let goal = wanted.state();
        let mut rejections = wanted.rejections();
        if known.is_some_and(|known| known.state == goal) {
            let serial = known.and_then(|known| known.serial);
            self.memory.put(zone, Known { state: goal, serial, version, odoo_id });
            return Ok((Effect::Nothing, rejection(Reason::BadRrset, &rejections)));
        }
        let written = match &wanted {
            Wanted::Content(checked) => self.writer.upsert(checked).await,
            Wanted::Gone => self.writer.remove(zone).await,
        };
        let applied = match written {
            Ok(applied) => applied,
            Err(WriterError::Transient(text)) => return Err(text),
            Err(WriterError::Permanent(rejection)) => {
                self.memory.put(zone, Known { state: State::Unknown, serial: None, version, odoo_id });
                return Ok((Effect::Refused, Some(rejection)));
            }
        };
        debug!(%zone, id, serial = applied.serial, changed = applied.is_changed, "applied");
        let state = if applied.refused.is_empty() { goal } else { State::Unknown };
        self.memory.put(zone, Known { state, serial: applied.serial, version, odoo_id });
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
