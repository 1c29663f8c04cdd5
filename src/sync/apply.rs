//! What a delivery means for zones, and what a dirty zone's write comes to: held against the memory, written, noted.

use tracing::{debug, info};

use super::backlog::{Backlog, Effect, Number, Work};
use super::event::{Action, Event, StateEvent};
use super::memory::{Known, Memory, State};
use super::reason::{Reason, Rejection};
use super::reference::{Found, Target};
use super::touched::Touched;
use super::wanted::{Content, Wanted};
use super::writer::{Applied, Before, Writer, WriterError};
use crate::dns::{Draft, Name, Rejected, Zone};

/// Knows what every zone holds, and changes it.
pub(super) struct Applier {
    pub(super) nameservers: Vec<Name>,
    pub(super) writer: Writer,
    pub(super) memory: Memory,
    /// Whether there is an Odoo where events of the reference form can be looked up.
    pub(super) has_odoo: bool,
    /// What was dealt with while a sweep was under way.
    pub(super) touched: Touched,
}

/// What became of a dirty zone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) effect: Effect,
    /// PowerDNS has answered.
    pub(super) has_asked: bool,
    /// What could not be applied.
    pub(super) refused: Option<(Reason, Vec<String>)>,
}

impl Applier {
    /// Puts what the delivery `number` was decoded to want into the backlog.
    pub(super) fn accept<D>(
        &mut self,
        backlog: &mut Backlog<D>,
        number: Number,
        event: Result<Event, Rejection>,
    ) {
        let effect = match event {
            Ok(Event::State(event)) => self.follow(backlog, number, event),
            Ok(Event::Reference(event)) if self.has_odoo => {
                backlog.look_up(number, event);
                Ok(Effect::Old)
            }
            Ok(Event::Reference(_)) => {
                let text =
                    "it names records by their ids in Odoo, and this node knows no Odoo: set `odoo.host`";
                Err(Rejection::new(Reason::ReferenceNotSupported, text))
            }
            Err(rejection) => Err(rejection),
        };
        close(backlog, number, effect);
    }

    /// Puts what an event of the reference form was found to mean into the backlog.
    pub(super) fn found<D>(&mut self, backlog: &mut Backlog<D>, number: Number, found: Found) {
        let effect = if found.unusable.is_empty() { Effect::Nothing } else { Effect::Refused };
        backlog.reject(number, Reason::Malformed, found.unusable);
        for target in found.targets {
            if let Err(Rejection { reason, text }) = self.aim(backlog, number, target) {
                backlog.reject(number, reason, [text]);
                backlog.open(number);
                backlog.close(number, Effect::Refused);
            }
        }
        backlog.close(number, effect);
    }

    /// Makes the zone dirty that Odoo has like this.
    fn aim<D>(&mut self, backlog: &mut Backlog<D>, number: Number, target: Target) -> Result<(), Rejection> {
        let (zone, mut work, rejected) = self.work(target)?;
        let texts = rejected.iter().map(|text| format!("zone {zone}: {text}"));
        backlog.reject(number, Reason::BadRrset, texts);
        work.sources.push(number);
        backlog.want(zone, work);
        Ok(())
    }

    /// What is to become of the zone that Odoo has like this, and what of it cannot be published, in words.
    pub(super) fn work(&self, target: Target) -> Result<(Name, Work, Vec<String>), Rejection> {
        let Target { zone, odoo_id, content, is_synced } = target;
        self.writer.permit(&zone)?;
        let is_there = content.is_some();
        let (wanted, rejected) = self.wanted(&zone, content);
        let is_to_mark = is_there && !is_synced && rejected.is_empty();
        let work =
            Work { wanted, version: None, odoo_id, is_to_mark, is_to_compare: false, sources: Vec::new() };
        Ok((zone, work, rejected))
    }

    /// Whether PowerDNS was given what the target wants.
    pub(super) fn agrees(&self, target: &Target, known: &Known) -> bool {
        let (wanted, _) = self.wanted(&target.zone, target.content.clone());
        is_fulfilled(&wanted, &known.state)
    }

    /// The zone's content in PowerDNS may not be what is remembered: it is compared before the next write.
    pub(super) fn forget(&mut self, zone: &Name) {
        if let Some(known) = self.memory.get(zone).cloned() {
            self.memory.put(zone, Known { state: State::Unknown, serial: None, ..known });
        }
    }

    fn follow<D>(
        &mut self,
        backlog: &mut Backlog<D>,
        number: Number,
        event: StateEvent,
    ) -> Result<Effect, Rejection> {
        let StateEvent { id, zone, action, version } = event;
        self.writer.permit(&zone)?;
        let waiting = backlog.wanted(&zone);
        let known = self.memory.get(&zone);
        let newest = known.and_then(|known| known.version).max(waiting.and_then(|work| work.version));
        let is_waiting = waiting.is_some();
        if version.is_some() && version < newest {
            info!(%zone, id, version, newest, "dropped: a newer version is known");
            self.memory.count_dropped_old();
            return Ok(Effect::Old);
        }
        let odoo_id = known.and_then(|known| known.odoo_id);
        let drafts = match action {
            Action::Upsert(drafts) => Some(drafts),
            Action::Delete => None,
        };
        let (wanted, rejected) = self.wanted(&zone, drafts);
        backlog.reject(number, Reason::BadRrset, rejected);
        let work =
            Work { wanted, version, odoo_id, is_to_mark: false, is_to_compare: false, sources: vec![number] };
        // The common case of a message that comes again costs no turn in the queue.
        if !is_waiting && self.is_done(&zone, &work) {
            self.note(&zone, &work, None);
            return Ok(Effect::Nothing);
        }
        backlog.want(zone, work);
        Ok(Effect::Old)
    }

    /// What is wanted, and what of it cannot be published, in words.
    fn wanted(&self, zone: &Name, drafts: Option<Vec<Draft>>) -> (Wanted, Vec<String>) {
        let Some(drafts) = drafts else { return (Wanted::Gone, Vec::new()) };
        let checked = Zone::check(zone, drafts, &self.nameservers);
        let words = |r: &Rejected| format!("{:?} {:?}: {}", r.name, r.rtype, r.reason);
        let rejected = checked.rejected.iter().map(words).collect();
        (Wanted::Content(Content::of(checked)), rejected)
    }

    /// Whether PowerDNS has what is wanted, as far as the memory knows.
    fn is_done(&self, zone: &Name, work: &Work) -> bool {
        let known = self.memory.get(zone);
        !work.is_to_compare && known.is_some_and(|known| is_fulfilled(&work.wanted, &known.state))
    }

    /// Brings one zone to what is wanted of it, if it is not there already. An error is a passing failure, in words: the
    /// same again, later.
    pub(super) async fn write(&mut self, zone: &Name, work: &Work) -> Result<Written, String> {
        if self.is_done(zone, work) {
            self.note(zone, work, None);
            return Ok(Written { effect: Effect::Nothing, has_asked: false, refused: None });
        }
        let written = match &work.wanted {
            Wanted::Content(content) => {
                let before = match self.memory.get(zone) {
                    _ if work.is_to_compare => Before::Unknown,
                    None => Before::Nothing,
                    Some(Known { state: State::Absent, .. }) => Before::Nothing,
                    Some(Known { state: State::Unknown, .. }) => Before::Unknown,
                    Some(Known { state: State::Present(contents), serial, .. }) => {
                        Before::Contents(contents, *serial)
                    }
                };
                self.writer.upsert(&content.zone, &content.kept, before).await
            }
            Wanted::Gone => self.writer.remove(zone).await,
        };
        let applied = match self.writer.confirmed(written).await {
            Ok(applied) => applied,
            Err(WriterError::Transient(text)) => {
                // The request may have been done although no answer came.
                self.forget(zone);
                return Err(text);
            }
            Err(WriterError::Permanent(Rejection { reason, text })) => {
                self.note(zone, work, Some((State::Unknown, None)));
                let refused = Some((reason, vec![text]));
                return Ok(Written { effect: Effect::Refused, has_asked: true, refused });
            }
        };
        debug!(%zone, serial = applied.serial, changed = applied.is_changed, "applied");
        let Applied { is_changed, serial, contents, refused } = applied;
        let state = match (&work.wanted, contents) {
            (Wanted::Gone, _) => State::Absent,
            (Wanted::Content(_), Some(contents)) => State::Present(contents),
            (Wanted::Content(_), None) => State::Unknown,
        };
        self.note(zone, work, Some((state, serial)));
        let effect = if is_changed { Effect::Changed } else { Effect::Nothing };
        let refused = (!refused.is_empty()).then_some((Reason::Refused, refused));
        Ok(Written { effect, has_asked: true, refused })
    }

    /// Remembers what became of the zone; `None` where it stayed as it was.
    fn note(&mut self, zone: &Name, work: &Work, is_now: Option<(State, Option<u32>)>) {
        let known = self.memory.get(zone);
        let version = work.version.max(known.and_then(|known| known.version));
        let (state, serial) = is_now.unwrap_or_else(|| match known {
            Some(known) => (known.state.clone(), known.serial),
            None => (State::Unknown, None),
        });
        self.memory.put(zone, Known { state, serial, version, odoo_id: work.odoo_id });
        self.touched.touch(zone);
    }
}

fn is_fulfilled(wanted: &Wanted, state: &State) -> bool {
    match (wanted, state) {
        (Wanted::Gone, State::Absent) => true,
        (Wanted::Content(content), State::Present(contents)) => {
            contents.changes(&content.zone, &content.kept).is_empty()
        }
        _ => false,
    }
}

fn close<D>(backlog: &mut Backlog<D>, number: Number, effect: Result<Effect, Rejection>) {
    let effect = effect.unwrap_or_else(|Rejection { reason, text }| {
        backlog.reject(number, reason, [text]);
        Effect::Refused
    });
    backlog.close(number, effect);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::secrets::Secret;
    use crate::sync::powerdns::PowerDns;
    use tempfile::TempDir;

    /// A PowerDNS that nobody reaches: nothing listens on the discard port of a test machine.
    pub(in crate::sync) fn nobody() -> PowerDns {
        PowerDns::new("http://127.0.0.1:9/api", &Secret::new("key")).unwrap()
    }

    /// An applier with that PowerDNS, so that a write is seen by its failure.
    pub(in crate::sync) fn unanswered() -> (Applier, TempDir) {
        let name = |text| Name::absolute(text).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let applier = Applier {
            nameservers: vec![name("ns1.hams.test")],
            writer: Writer::new(nobody(), vec![name("u.hams.test")]),
            memory: Memory::open(folder.path()).unwrap(),
            has_odoo: true,
            touched: Touched::default(),
        };
        (applier, folder)
    }

    #[tokio::test]
    async fn a_zone_whose_write_got_no_answer_is_asked_the_next_time() {
        let (mut applier, _folder) = unanswered();
        let zone = Name::absolute("a.u.hams.test").unwrap();
        let work = |wanted: Wanted| Work {
            wanted,
            version: Some(8),
            odoo_id: None,
            is_to_mark: false,
            is_to_compare: false,
            sources: vec![0],
        };
        let absent = Known { state: State::Absent, serial: None, version: Some(7), odoo_id: Some(3) };
        applier.memory.put(&zone, absent.clone());
        let (wanted, _) = applier.wanted(&zone, Some(vec![]));
        assert!(applier.write(&zone, &work(wanted)).await.is_err());
        // It may be there now: that it is to be gone again must not be taken as done.
        assert_eq!(applier.memory.get(&zone), Some(&Known { state: State::Unknown, ..absent }));
        assert!(!applier.is_done(&zone, &work(Wanted::Gone)));
    }
}
