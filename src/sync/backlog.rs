//! What was taken from the broker and is not acknowledged yet, and the zones that it makes dirty. Many events of one zone
//! become one entry in the queue of zones. No I/O: the loop asks here what is to be done next.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::SystemTime;

use super::event::ReferenceEvent;
use super::reason::{Reason, Rejection};
use super::wanted::Wanted;
use crate::dns::Name;

/// Reasons that a dead letter lists before it says how many more there are.
const MAX_REASONS: usize = 10;

/// What an event did to PowerDNS. Of several zones the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// It was older than what is known.
    Old,
    /// A later one of the same zone came before it was applied.
    Merged,
    /// PowerDNS had it already, or it meant no zone at all.
    Nothing,
    /// It could not be applied at all.
    Refused,
    /// It changed something.
    Changed,
}

/// The number of a delivery in the order of their arrival.
pub(super) type Number = u64;

/// A dirty zone.
#[derive(Debug)]
pub(super) struct Work {
    /// What it is to be.
    pub(super) wanted: Wanted,
    /// The newest version among the events.
    pub(super) version: Option<u64>,
    /// Its id in Odoo, where one is known.
    pub(super) odoo_id: Option<u64>,
    /// Odoo is to be told when PowerDNS has it.
    pub(super) is_to_mark: bool,
    /// PowerDNS is asked what it has, whatever the memory says.
    pub(super) is_to_compare: bool,
    /// The deliveries that want it, the one that counts last.
    pub(super) sources: Vec<Number>,
}

/// A delivery that needs no more work.
#[derive(Debug)]
pub(super) struct Finished {
    /// What it did.
    pub(super) effect: Effect,
    /// Why it must lie with the dead, if it must.
    pub(super) rejection: Option<Rejection>,
}

#[derive(Debug)]
struct Entry<D> {
    /// `None` once it is acknowledged.
    delivery: Option<D>,
    octets: usize,
    arrived: SystemTime,
    /// Zones, lookups and the decoding that are not done yet.
    open: usize,
    effect: Effect,
    reason: Reason,
    reasons: Vec<String>,
    is_again: bool,
    is_done: bool,
}

/// Deliveries of the kind `D`, in their order, and what they want.
#[derive(Debug)]
pub(super) struct Backlog<D> {
    first: Number,
    entries: VecDeque<Entry<D>>,
    zones: HashMap<Name, Work>,
    order: VecDeque<Name>,
    lookups: BTreeMap<Number, ReferenceEvent>,
    finished: VecDeque<Number>,
    held: usize,
    octets: usize,
    done: usize,
}

impl<D> Default for Backlog<D> {
    fn default() -> Self {
        Self {
            first: 0,
            entries: VecDeque::new(),
            zones: HashMap::new(),
            order: VecDeque::new(),
            lookups: BTreeMap::new(),
            finished: VecDeque::new(),
            held: 0,
            octets: 0,
            done: 0,
        }
    }
}

impl<D> Backlog<D> {
    /// Takes a delivery, which is open once by this: it ends when `close` was called for it as often as it was opened.
    pub(super) fn push(&mut self, delivery: D, octets: usize) -> Number {
        let number = self.first + self.entries.len() as u64;
        let entry = Entry {
            delivery: Some(delivery),
            octets,
            arrived: SystemTime::now(),
            open: 1,
            effect: Effect::Old,
            reason: Reason::Malformed,
            reasons: Vec::new(),
            is_again: false,
            is_done: false,
        };
        self.entries.push_back(entry);
        self.held += 1;
        self.octets += octets;
        number
    }

    /// A delivery was given out before. Whoever had it may have written what it wants without coming to note it.
    pub(super) fn comes_again(&mut self, number: Number) {
        if let Some(entry) = self.entry(number) {
            entry.is_again = true;
        }
    }

    /// One part more of a delivery is to be done.
    pub(super) fn open(&mut self, number: Number) {
        if let Some(entry) = self.entry(number) {
            entry.open += 1;
        }
    }

    /// One part of a delivery is done, with this effect.
    pub(super) fn close(&mut self, number: Number, effect: Effect) {
        let Some(entry) = self.entry(number) else { return };
        entry.effect = entry.effect.max(effect);
        entry.open = entry.open.saturating_sub(1);
        if entry.open == 0 && !entry.is_done {
            self.finished.push_back(number);
        }
    }

    /// Notes why a delivery, or a part of it, cannot be applied.
    pub(super) fn reject(&mut self, number: Number, reason: Reason, texts: impl IntoIterator<Item = String>) {
        let Some(entry) = self.entry(number) else { return };
        let before = entry.reasons.len();
        entry.reasons.extend(texts);
        if entry.reasons.len() > before {
            entry.reason = reason;
        }
    }

    /// A delivery wants something of a zone: the zone is dirty. What it wanted before, and was not done yet, is merged.
    pub(super) fn want(&mut self, zone: Name, mut work: Work) {
        for number in &work.sources {
            self.open(*number);
            work.is_to_compare |= self.entry(*number).is_some_and(|entry| entry.is_again);
        }
        match self.zones.remove(&zone) {
            None => self.order.push_back(zone.clone()),
            Some(mut earlier) => {
                earlier.sources.append(&mut work.sources);
                work = Work {
                    wanted: work.wanted.after(earlier.wanted),
                    version: work.version.max(earlier.version),
                    odoo_id: work.odoo_id.or(earlier.odoo_id),
                    is_to_mark: work.is_to_mark,
                    is_to_compare: work.is_to_compare || earlier.is_to_compare,
                    sources: earlier.sources,
                };
            }
        }
        self.zones.insert(zone, work);
    }

    /// What is wanted of a zone and not done yet.
    pub(super) fn wanted(&self, zone: &Name) -> Option<&Work> {
        self.zones.get(zone)
    }

    /// The zone that has been dirty for longest, which is clean for now.
    pub(super) fn take_zone(&mut self) -> Option<(Name, Work)> {
        let zone = self.order.pop_front()?;
        let work = self.zones.remove(&zone)?;
        Some((zone, work))
    }

    /// Puts a zone back that could not be written, behind the others.
    pub(super) fn put_back(&mut self, zone: Name, work: Work) {
        self.order.push_back(zone.clone());
        self.zones.insert(zone, work);
    }

    /// A zone was dealt with: the last of its events had this effect, the others were merged into it.
    pub(super) fn settle(&mut self, work: &Work, effect: Effect) {
        let Some((last, merged)) = work.sources.split_last() else { return };
        let others = if effect == Effect::Refused { effect } else { Effect::Merged };
        for number in merged {
            self.close(*number, others);
        }
        self.close(*last, effect);
    }

    /// An event must be looked up before it tells its zones.
    pub(super) fn look_up(&mut self, number: Number, event: ReferenceEvent) {
        self.open(number);
        self.lookups.insert(number, event);
    }

    /// The events that must be looked up; they stay open.
    pub(super) fn take_lookups(&mut self) -> Vec<(Number, ReferenceEvent)> {
        std::mem::take(&mut self.lookups).into_iter().collect()
    }

    /// Events go back to those that must be looked up.
    pub(super) fn put_lookups_back(&mut self, events: Vec<(Number, ReferenceEvent)>) {
        self.lookups.extend(events);
    }

    /// The next delivery whose work is done, and what came of it: it is done once `done` was called.
    pub(super) fn finished(&self) -> Option<(Number, &D, Finished)> {
        let number = *self.finished.front()?;
        let entry = self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)?;
        let rejection = rejection(entry.reason, &entry.reasons);
        Some((number, entry.delivery.as_ref()?, Finished { effect: entry.effect, rejection }))
    }

    /// The delivery that `finished` gave can be acknowledged.
    pub(super) fn done(&mut self, number: Number) {
        if self.finished.front() == Some(&number) {
            self.finished.pop_front();
        }
        if let Some(entry) = self.entry(number) {
            entry.is_done = true;
            self.done += 1;
        }
    }

    /// The deliveries to acknowledge: all up to the first, as far as nothing before it is open, and each of the others.
    pub(super) fn take_done(&mut self) -> (Option<D>, Vec<D>) {
        let mut up_to = None;
        while self.entries.front().is_some_and(|entry| entry.is_done) {
            let Some(mut entry) = self.entries.pop_front() else { break };
            self.first += 1;
            if let Some(delivery) = self.let_go(&mut entry) {
                up_to = Some(delivery);
            }
        }
        let mut entries = std::mem::take(&mut self.entries);
        let mut others = Vec::new();
        if self.done > 0 {
            for entry in entries.iter_mut().filter(|entry| entry.is_done) {
                others.extend(self.let_go(entry));
            }
        }
        self.entries = entries;
        (up_to, others)
    }

    fn let_go(&mut self, entry: &mut Entry<D>) -> Option<D> {
        let delivery = entry.delivery.take()?;
        self.held -= 1;
        self.octets -= entry.octets;
        self.done -= 1;
        Some(delivery)
    }

    fn entry(&mut self, number: Number) -> Option<&mut Entry<D>> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(place)
    }

    /// When the first of those arrived that are not done.
    pub(super) fn oldest(&self) -> Option<SystemTime> {
        self.entries.iter().find(|entry| !entry.is_done).map(|entry| entry.arrived)
    }

    /// Deliveries that are not acknowledged.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The size of their bodies.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// Deliveries that can be acknowledged.
    pub(super) fn done_count(&self) -> usize {
        self.done
    }

    /// True if a zone is dirty.
    pub(super) fn has_zones(&self) -> bool {
        !self.order.is_empty()
    }

    /// True if an event must be looked up.
    pub(super) fn has_lookups(&self) -> bool {
        !self.lookups.is_empty()
    }

    /// True if a delivery has come to its end and was not dealt with.
    pub(super) fn has_finished(&self) -> bool {
        !self.finished.is_empty()
    }
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

    fn name(text: &str) -> Name {
        Name::absolute(text).unwrap()
    }

    fn work(sources: &[Number], version: Option<u64>) -> Work {
        Work {
            wanted: Wanted::Gone,
            version,
            odoo_id: None,
            is_to_mark: false,
            is_to_compare: false,
            sources: sources.to_vec(),
        }
    }

    /// Deals with everything that is finished; gives what each did.
    fn finish(backlog: &mut Backlog<&'static str>) -> Vec<(&'static str, Effect)> {
        let mut seen = Vec::new();
        while let Some((number, delivery, finished)) = backlog.finished() {
            seen.push((*delivery, finished.effect));
            backlog.done(number);
        }
        seen
    }

    #[test]
    fn events_of_one_zone_become_one() {
        let mut backlog = Backlog::default();
        for (text, zone) in [("a1", "a.x"), ("b1", "b.x"), ("a2", "a.x"), ("a3", "a.x")] {
            let number = backlog.push(text, 10);
            backlog.want(name(zone), work(&[number], Some(number)));
            backlog.close(number, Effect::Old);
        }
        let (zone, taken) = backlog.take_zone().unwrap();
        assert_eq!(
            (zone.as_str(), taken.version, taken.sources.as_slice()),
            ("a.x.", Some(3), &[0, 2, 3][..])
        );
        backlog.settle(&taken, Effect::Changed);
        assert_eq!(
            finish(&mut backlog),
            [("a1", Effect::Merged), ("a2", Effect::Merged), ("a3", Effect::Changed)]
        );
        // What waits for `b` is not acknowledged, nor is it held up for those after it.
        assert_eq!((backlog.held(), backlog.octets(), backlog.done_count()), (4, 40, 3));
        assert_eq!(backlog.take_done(), (Some("a1"), vec!["a2", "a3"]));
        assert_eq!((backlog.held(), backlog.octets(), backlog.done_count()), (1, 10, 0));
        let (_, taken) = backlog.take_zone().unwrap();
        backlog.settle(&taken, Effect::Nothing);
        assert_eq!(finish(&mut backlog), [("b1", Effect::Nothing)]);
        assert_eq!(backlog.take_done(), (Some("b1"), vec![]));
        assert!(backlog.held() == 0 && !backlog.has_zones() && !backlog.has_finished());
        assert_eq!(backlog.push("next", 1), 4);
    }

    #[test]
    fn what_was_given_out_before_is_compared() {
        let mut backlog = Backlog::default();
        for (text, is_again) in [("b", true), ("a", false)] {
            let number = backlog.push(text, 1);
            if is_again {
                backlog.comes_again(number);
            }
            backlog.want(name("z.x"), work(&[number], None));
            backlog.want(name(&format!("{text}.x")), work(&[number], None));
        }
        // Whoever had `b` may have written it, so that what is known of `z` may be from before.
        for (zone, is_to_compare) in [("z.x.", true), ("b.x.", true), ("a.x.", false)] {
            let (taken, work) = backlog.take_zone().unwrap();
            assert_eq!((taken.as_str(), work.is_to_compare), (zone, is_to_compare));
        }
    }

    #[test]
    fn a_zone_that_was_not_written_holds_up_no_other() {
        let mut backlog: Backlog<&str> = Backlog::default();
        for zone in ["a.x", "b.x"] {
            let number = backlog.push(zone, 1);
            backlog.want(name(zone), work(&[number], None));
            backlog.close(number, Effect::Old);
        }
        let (zone, taken) = backlog.take_zone().unwrap();
        backlog.put_back(zone, taken);
        assert_eq!(backlog.take_zone().unwrap().0.as_str(), "b.x.");
        assert_eq!(backlog.take_zone().unwrap().0.as_str(), "a.x.");
        assert!(backlog.take_zone().is_none());
        assert_eq!(finish(&mut backlog), []);
    }

    #[test]
    fn a_delivery_of_several_zones_ends_with_the_last() {
        let mut backlog = Backlog::default();
        let number = backlog.push("both", 1);
        backlog.want(name("a.x"), work(&[number], None));
        backlog.want(name("b.x"), work(&[number], None));
        backlog.close(number, Effect::Nothing);
        for (effect, finished) in [(Effect::Changed, 0), (Effect::Refused, 1)] {
            let (_, taken) = backlog.take_zone().unwrap();
            backlog.reject(number, Reason::Refused, (effect == Effect::Refused).then(|| "why".to_owned()));
            backlog.settle(&taken, effect);
            assert_eq!(usize::from(backlog.has_finished()), finished);
        }
        let (_, _, finished) = backlog.finished().unwrap();
        assert_eq!(finished.effect, Effect::Changed);
        assert_eq!(finished.rejection, Some(Rejection::new(Reason::Refused, "why")));
    }

    #[test]
    fn a_long_list_of_reasons_is_cut() {
        let reasons: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        let text = rejection(Reason::BadRrset, &reasons).unwrap().text;
        assert!(text.ends_with("9; and 2 more"), "{text}");
        assert_eq!(rejection(Reason::BadRrset, &[]), None);
    }
}
