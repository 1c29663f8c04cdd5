//! What an event of the reference form comes to: the zones that it may mean, as Odoo has them now.

use std::collections::{BTreeMap, BTreeSet};

use tracing::warn;

use super::backlog::Number;
use super::event::{Deed, Model, ReferenceEvent};
use super::memory::Memory;
use super::odoo::{Odoo, OdooZone};
use super::odoo_api::OdooError;
use super::target::drafts;
use crate::dns::{Draft, Name};

/// One zone and what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) zone: Name,
    /// Its id in Odoo, as long as the name is its own.
    pub(super) odoo_id: Option<u64>,
    /// Its whole content; `None`: Odoo has it no longer.
    pub(super) content: Option<Vec<Draft>>,
    /// Whether Odoo already says that PowerDNS has it.
    pub(super) is_synced: bool,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) targets: Vec<Target>,
    /// Zones that can never be published, in words.
    pub(super) unusable: Vec<String>,
}

/// Events of the reference form, and what Odoo must be asked to know what they mean: all at once.
#[derive(Debug)]
pub(super) struct Question {
    events: Vec<(Number, ReferenceEvent)>,
    asked: Asked,
}

#[derive(Debug)]
enum Asked {
    /// Only these records tell the zones; the events come again with them.
    Records(Vec<u64>),
    /// What a zone was called may now be the name of another, so that these names are asked for, too.
    Zones { ids: Vec<u64>, names: Vec<Name>, remembered: BTreeMap<u64, Name> },
}

/// What came of a question: the answer, or the events again and why.
pub(super) type Reading = Result<Answer, (Vec<(Number, ReferenceEvent)>, OdooError)>;

/// What the events come to.
pub(super) enum Answer {
    /// To be asked again: they tell their zones now. An event that is left without any means none.
    Again(Vec<(Number, ReferenceEvent)>),
    /// What each means.
    Found(Vec<(Number, Found)>),
}

impl Question {
    /// Of these events, of which there is one at least.
    pub(super) fn new(events: Vec<(Number, ReferenceEvent)>, memory: &Memory) -> Self {
        // Only where nothing else tells: the records may have moved since.
        let records: Vec<u64> = events
            .iter()
            .filter(|(_, event)| is_by_record(event))
            .flat_map(|(_, event)| event.ids.clone())
            .collect();
        if !records.is_empty() {
            return Self { events, asked: Asked::Records(records) };
        }
        let ids: BTreeSet<u64> = events.iter().flat_map(|(_, event)| event.zones()).collect();
        let remembered: BTreeMap<u64, Name> =
            ids.iter().filter_map(|id| Some((*id, memory.name_of(*id)?.clone()))).collect();
        let told = events.iter().filter_map(|(_, event)| event.zone.as_ref());
        let names: BTreeSet<Name> = remembered.values().chain(told).cloned().collect();
        let (ids, names) = (ids.into_iter().collect(), names.into_iter().collect());
        Self { events, asked: Asked::Zones { ids, names, remembered } }
    }

    /// Asks Odoo.
    pub(super) async fn ask(self, mut odoo: Odoo) -> Reading {
        let said = match &self.asked {
            Asked::Records(records) => odoo.zones_of(records).await.map(Said::Records),
            Asked::Zones { ids, names, .. } => odoo.zones(ids, names).await.map(Said::Zones),
        };
        match said {
            Ok(said) => Ok(self.answer(said)),
            Err(error) => Err((self.events, error)),
        }
    }

    fn answer(self, said: Said) -> Answer {
        let mut events = self.events;
        match (said, self.asked) {
            (Said::Records(zones), _) => {
                for (_, event) in events.iter_mut().filter(|(_, event)| is_by_record(event)) {
                    event.zone_ids = event.ids.iter().filter_map(|id| zones.get(id).copied()).collect();
                    event.ids.clear();
                }
                Answer::Again(events)
            }
            (Said::Zones(zones), Asked::Zones { remembered, .. }) => {
                let found =
                    |(number, event): &(Number, ReferenceEvent)| (*number, found(event, &remembered, &zones));
                Answer::Found(events.iter().map(found).collect())
            }
            (Said::Zones(_), Asked::Records(_)) => Answer::Again(events),
        }
    }
}

enum Said {
    Records(BTreeMap<u64, u64>),
    Zones(Vec<OdooZone>),
}

/// True if nothing but its records tells the event's zones.
fn is_by_record(event: &ReferenceEvent) -> bool {
    event.model == Model::Record && event.zone_ids.is_empty() && event.zone.is_none() && !event.ids.is_empty()
}

/// What one event means. `remembered` and `zones` are those of all events that were asked for together.
fn found(event: &ReferenceEvent, remembered: &BTreeMap<u64, Name>, zones: &[OdooZone]) -> Found {
    let ids: BTreeSet<u64> = event.zones().collect();
    let remembered: Vec<(u64, Name)> =
        ids.iter().filter_map(|id| Some((*id, remembered.get(id)?.clone()))).collect();
    let names: BTreeSet<&Name> = remembered.iter().map(|(_, name)| name).chain(&event.zone).collect();
    let is_meant = |zone: &&OdooZone| {
        ids.contains(&zone.id) || Name::absolute(&zone.name).is_ok_and(|name| names.contains(&name))
    };
    let zones: Vec<&OdooZone> = zones.iter().filter(is_meant).collect();
    if event.model == Model::Zone && event.deed != Deed::Change && event.zone.is_none() {
        let told: BTreeSet<u64> =
            zones.iter().map(|zone| zone.id).chain(remembered.iter().map(|(id, _)| *id)).collect();
        for id in ids.iter().filter(|id| !told.contains(id)) {
            warn!(
                id,
                "a zone is gone from Odoo, and nothing tells its name: it was never applied from there"
            );
        }
    }
    targets(event, &remembered, &zones)
}

/// `remembered`: what the agent knows these ids by. `zones`: what Odoo has of all ids and names.
fn targets(event: &ReferenceEvent, remembered: &[(u64, Name)], zones: &[&OdooZone]) -> Found {
    let mut found = Found::default();
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for zone in zones {
        ids.insert(zone.id);
        match Name::absolute(&zone.name) {
            Ok(name) if !names.insert(name.clone()) => {
                found.unusable.push(format!("zone {name}: Odoo has it twice, with the id {}, too", zone.id));
            }
            Ok(name) => found.targets.push(Target {
                content: Some(drafts(&name, &zone.rows)),
                zone: name,
                odoo_id: Some(zone.id),
                is_synced: zone.is_synced,
            }),
            Err(error) => found.unusable.push(format!("zone with the id {}: {error}", zone.id)),
        }
    }
    let goes = event.model == Model::Zone && event.deed != Deed::Change;
    let mut gone: Vec<Target> = Vec::new();
    let target =
        |zone: &Name, odoo_id| Target { zone: zone.clone(), odoo_id, content: None, is_synced: true };
    for (id, name) in remembered {
        if ids.contains(id) {
            // It has another name now, if it is not among those that were found.
            gone.push(target(name, None));
        } else if goes {
            gone.push(target(name, Some(*id)));
        }
    }
    // A record's event, or a change of a zone that is gone by now, is followed by one that says so.
    if let Some(name) = event.zone.as_ref().filter(|_| goes) {
        if gone.iter().all(|other| other.zone != *name) {
            let id = match event.ids.as_slice() {
                [id] if !ids.contains(id) => Some(*id),
                _ => None,
            };
            gone.push(target(name, id));
        }
    }
    gone.retain(|target| !names.contains(&target.zone));
    found.targets.extend(gone);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::absolute(text).unwrap()
    }

    fn event(deed: Deed, model: Model, zone_ids: &[u64], zone: Option<&str>) -> ReferenceEvent {
        let ids = if model == Model::Zone { zone_ids.to_vec() } else { vec![99] };
        ReferenceEvent { id: None, deed, model, ids, zone_ids: zone_ids.to_vec(), zone: zone.map(name) }
    }

    fn zone(id: u64, name: &str) -> OdooZone {
        OdooZone { id, name: name.to_owned(), is_synced: false, rows: vec![] }
    }

    /// What becomes of which zone, as `+name id` and `-name id`.
    fn told(event: &ReferenceEvent, remembered: &[(u64, &str)], zones: &[OdooZone]) -> Vec<String> {
        let remembered: Vec<_> = remembered.iter().map(|(id, text)| (*id, name(text))).collect();
        let zones: Vec<&OdooZone> = zones.iter().collect();
        let found = targets(event, &remembered, &zones);
        let word = |target: &Target| {
            let sign = if target.content.is_some() { '+' } else { '-' };
            let id = target.odoo_id.map_or("?".to_owned(), |id| id.to_string());
            format!("{sign}{} {id}", target.zone)
        };
        found.targets.iter().map(word).chain(found.unusable).collect()
    }

    #[test]
    fn each_event_gets_its_own_of_what_was_read_for_all() {
        let remembered = BTreeMap::from([(7, name("a.u.hams.com")), (8, name("b.u.hams.com"))]);
        let zones = [zone(7, "a.u.hams.com."), zone(9, "B.u.hams.com")];
        let names = |event: &ReferenceEvent| -> Vec<String> {
            let found = found(event, &remembered, &zones);
            found.targets.iter().map(|target| target.zone.to_string()).collect()
        };
        assert_eq!(names(&event(Deed::Change, Model::Record, &[7], None)), ["a.u.hams.com."]);
        // The name of 8 is that of 9 now.
        assert_eq!(names(&event(Deed::Unlink, Model::Zone, &[8], None)), ["b.u.hams.com."]);
        assert_eq!(names(&event(Deed::Sync, Model::Zone, &[], Some("b.u.hams.com"))), ["b.u.hams.com."]);
        assert_eq!(names(&event(Deed::Change, Model::Record, &[10], None)), [""; 0]);
    }

    #[test]
    fn a_change_reads_its_zones() {
        let zones = [zone(7, "A.u.hams.com"), zone(8, "b.u.hams.com.")];
        let saved = event(Deed::Change, Model::Record, &[7, 8], None);
        assert_eq!(told(&saved, &[(7, "a.u.hams.com")], &zones), ["+a.u.hams.com. 7", "+b.u.hams.com. 8"]);
    }

    #[test]
    fn what_is_gone_goes_by_the_event_that_says_so() {
        let unlink = event(Deed::Unlink, Model::Zone, &[7], Some("a.u.hams.com"));
        assert_eq!(told(&unlink, &[], &[]), ["-a.u.hams.com. 7"]);
        assert_eq!(told(&unlink, &[(7, "a.u.hams.com")], &[]), ["-a.u.hams.com. 7"]);
        let unnamed = event(Deed::Unlink, Model::Zone, &[7, 8], None);
        assert_eq!(told(&unnamed, &[(7, "a.u.hams.com")], &[]), ["-a.u.hams.com. 7"]);
        for other in [
            event(Deed::Change, Model::Zone, &[7], Some("a.u.hams.com")),
            event(Deed::Unlink, Model::Record, &[7], Some("a.u.hams.com")),
            event(Deed::Change, Model::Record, &[7], Some("a.u.hams.com")),
        ] {
            assert_eq!(told(&other, &[(7, "a.u.hams.com")], &[]), [""; 0], "{other:?}");
        }
    }

    #[test]
    fn a_name_that_another_zone_took_stays() {
        let unlink = event(Deed::Unlink, Model::Zone, &[7], Some("a.u.hams.com"));
        let zones = [zone(9, "a.u.hams.com.")];
        assert_eq!(told(&unlink, &[(7, "a.u.hams.com")], &zones), ["+a.u.hams.com. 9"]);
    }

    #[test]
    fn a_renamed_zone_leaves_its_old_name() {
        let write = event(Deed::Change, Model::Zone, &[7], None);
        let renamed = told(&write, &[(7, "a.u.hams.com")], &[zone(7, "b.u.hams.com.")]);
        assert_eq!(renamed, ["+b.u.hams.com. 7", "-a.u.hams.com. ?"]);
        let swapped = [zone(7, "b.u.hams.com."), zone(8, "a.u.hams.com.")];
        let told = told(&write, &[(7, "a.u.hams.com")], &swapped);
        assert_eq!(told, ["+b.u.hams.com. 7", "+a.u.hams.com. 8"]);
    }

    #[test]
    fn a_name_that_is_none_is_told() {
        let saved = event(Deed::Change, Model::Zone, &[7, 8, 9], None);
        let zones = [zone(7, "a..b"), zone(8, "b.u.hams.com."), zone(9, "B.u.hams.com")];
        let told = told(&saved, &[], &zones);
        assert_eq!(told[0], "+b.u.hams.com. 8");
        assert!(told[1].starts_with("zone with the id 7: "), "{told:?}");
        assert!(told[2].starts_with("zone b.u.hams.com.: Odoo has it twice"), "{told:?}");
    }
}
