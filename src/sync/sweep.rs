//! The deciding side of a sweep: which zones must be compared, and which ones Odoo has no longer. Pure: it is told what was
//! read and what the memory knows, and writes nothing.
//!
//! A zone is removed only at the end of a full reading that came whole, if it is hams's, below a managed suffix, not in
//! Odoo, and not published by the state form, of which Odoo knows nothing.

use std::collections::{HashMap, HashSet};

use super::finding::{Page, Scope, Summary};
use super::memory::{Known, State};
use super::powerdns_list;
use super::reference::Target;
use super::writer::is_managed;
use crate::dns::Name;

/// How many zones one sweep may remove, unless an operator says otherwise: the larger one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// So many.
    pub zones: u64,
    /// So many in a hundred of those that hams owns.
    pub percent: u8,
}

impl Caps {
    /// How many of so many.
    fn of(self, owned: u64) -> u64 {
        self.zones.max(owned.saturating_mul(u64::from(self.percent)) / 100)
    }
}

/// Why a zone must be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing certain is known of it.
    Unknown,
    /// It is to have another content than what was applied last.
    Content,
    /// PowerDNS has another serial than after what was applied last: ask it, whatever the memory says.
    Serial,
    /// PowerDNS does not list it as hams's: ask it, whatever the memory says.
    Missing,
    /// It agrees, and what is noted of it does not: the memory has it by another id in Odoo or by none, or Odoo does not say
    /// that PowerDNS has it.
    Note,
}

/// A zone of Odoo that must be looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suspect {
    pub(super) target: Target,
    pub(super) cause: Cause,
}

/// A zone that PowerDNS does not have as it was applied. Where it has an id in Odoo, it can be read there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Drift {
    pub(super) zone: Name,
    pub(super) cause: Cause,
    pub(super) odoo_id: Option<u64>,
}

/// What a page comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) suspects: Vec<Suspect>,
    /// Zones that can never be published, in words.
    pub(super) unusable: Vec<String>,
}

/// Zones of PowerDNS that Odoo does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Orphans {
    /// These may go, once Odoo has been asked for each by its name.
    Remove(Vec<Name>),
    /// None of these may go, in words.
    Held { zones: Vec<Name>, reason: String },
}

/// What a sweep comes to. An error, in words: it has read nothing that counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) result: Result<Summary, String>,
    pub(super) orphans: Orphans,
    /// Zones of Odoo that are not below a managed suffix, which are left alone.
    pub(super) outside: u64,
}

struct Listed {
    serial: u32,
    is_in_odoo: bool,
}

/// One sweep under way.
pub(super) struct Sweep {
    is_full: bool,
    managed: Vec<Name>,
    caps: Caps,
    has_force: bool,
    /// What PowerDNS has that is hams's and below a managed suffix; `None`: not listed yet.
    listed: Option<HashMap<Name, Listed>>,
    /// How many of these the memory has as being there.
    met: usize,
    /// What Odoo has beside these.
    unlisted: HashSet<Name>,
    outside: u64,
}

impl Sweep {
    /// A sweep of zones below `managed`; with force, it removes however many.
    pub(super) fn new(scope: &Scope, managed: &[Name], caps: Caps, has_force: bool) -> Self {
        Self {
            is_full: *scope == Scope::Full,
            managed: managed.to_vec(),
            caps,
            has_force,
            listed: None,
            met: 0,
            unlisted: HashSet::new(),
            outside: 0,
        }
    }

    /// PowerDNS's list has come, and has so many zones.
    pub(super) fn begin_list(&mut self, count: usize) {
        self.listed = Some(HashMap::with_capacity(count));
    }

    /// Takes a part of the list, and tells which of the remembered zones it contradicts: of those that Odoo has, only where
    /// this sweep does not read them anyway. `known`: what the memory has of a zone.
    pub(super) fn list<'a>(
        &mut self,
        part: impl Iterator<Item = powerdns_list::Listed>,
        known: impl Fn(&Name) -> Option<&'a Known>,
    ) -> Vec<Drift> {
        let (mut drifts, is_full) = (Vec::new(), self.is_full);
        for zone in part.filter(|zone| is_managed(&self.managed, &zone.name)) {
            let listed = Listed { serial: zone.serial, is_in_odoo: false };
            if let Some(known) = known(&zone.name).filter(|known| is_present(known)) {
                self.met += 1;
                if let Some(cause) = contradiction(known, Some(&listed)).filter(|_| is_asked(is_full, known))
                {
                    drifts.push(Drift { zone: zone.name.clone(), cause, odoo_id: known.odoo_id });
                }
            }
            self.listed.get_or_insert_default().insert(zone.name, listed);
        }
        drifts
    }

    /// After the last part: which of the remembered zones, of the same ones, are not on the list.
    pub(super) fn end_list<'a>(
        &self,
        remembered: impl Iterator<Item = (&'a Name, &'a Known)> + Clone,
    ) -> Vec<Drift> {
        // As a rule none is missing, which is quickly seen.
        if remembered.clone().filter(|(_, known)| is_present(known)).count() == self.met {
            return Vec::new();
        }
        let is_listed = |zone: &Name| self.listed.as_ref().is_some_and(|listed| listed.contains_key(zone));
        let is_missing = |(zone, known): &(&Name, &Known)| {
            is_present(known) && is_asked(self.is_full, known) && self.is_managed(zone) && !is_listed(zone)
        };
        let drift = |(zone, known): (&Name, &Known)| Drift {
            zone: zone.clone(),
            cause: Cause::Missing,
            odoo_id: known.odoo_id,
        };
        remembered.filter(is_missing).map(drift).collect()
    }

    /// Takes a page of Odoo. `known`: what the memory has of a zone. `agrees`: whether that is what the target wants.
    pub(super) fn page<'a>(
        &mut self,
        page: Page,
        known: impl Fn(&Name) -> Option<&'a Known>,
        agrees: impl Fn(&Target, &Known) -> bool,
    ) -> Compared {
        let mut compared = Compared { suspects: Vec::new(), unusable: page.unusable };
        for target in page.targets {
            if !self.is_managed(&target.zone) {
                self.outside += 1;
                continue;
            }
            if !self.meet(&target.zone) {
                let (zone, id) = (&target.zone, target.odoo_id.unwrap_or_default());
                compared.unusable.push(format!("zone {zone}: Odoo has it twice, with the id {id}, too"));
                continue;
            }
            let listed = self.listed.as_ref().and_then(|listed| listed.get(&target.zone));
            let cause = match known(&target.zone) {
                None | Some(Known { state: State::Unknown, .. }) => Some(Cause::Unknown),
                Some(known) if !agrees(&target, known) => Some(Cause::Content),
                Some(known) => contradiction(known, listed).or_else(|| {
                    let is_noted = known.odoo_id == target.odoo_id && target.is_synced;
                    (!is_noted).then_some(Cause::Note)
                }),
            };
            if let Some(cause) = cause {
                compared.suspects.push(Suspect { target, cause });
            }
        }
        compared
    }

    /// Takes the end, and tells what is to go. `known`: what the memory has of a zone.
    pub(super) fn end<'a>(
        self,
        result: Result<Summary, String>,
        known: impl Fn(&Name) -> Option<&'a Known>,
    ) -> Ending {
        let ending = |result, orphans| Ending { result, orphans, outside: self.outside };
        let (summary, listed) = match (result, self.listed) {
            (Ok(summary), Some(listed)) => (summary, listed),
            (Ok(_), None) => {
                return ending(Err("PowerDNS's list has not come".into()), Orphans::Remove(vec![]));
            }
            (Err(words), _) => return ending(Err(words), Orphans::Remove(vec![])),
        };
        if !self.is_full {
            return ending(Ok(summary), Orphans::Remove(vec![]));
        }
        let owned = listed.len() as u64;
        let (mut zones, mut counted) = (Vec::new(), 0);
        for (zone, _) in listed.into_iter().filter(|(_, listed)| !listed.is_in_odoo) {
            match known(&zone) {
                // It went, or is to go, by an event of its own.
                Some(Known { state: State::Absent, .. }) => {}
                // Published by the state form, also where its content is no longer known.
                Some(Known { odoo_id: None, .. }) => continue,
                Some(_) | None => counted += 1,
            }
            zones.push(zone);
        }
        zones.sort_unstable();
        let orphans = match self.caps.hold(counted, owned, summary.zones).filter(|_| !self.has_force) {
            Some(reason) => Orphans::Held { zones, reason },
            None => Orphans::Remove(zones),
        };
        ending(Ok(summary), orphans)
    }

    fn is_managed(&self, zone: &Name) -> bool {
        is_managed(&self.managed, zone)
    }

    /// Notes that Odoo has the zone; false if it has it a second time.
    fn meet(&mut self, zone: &Name) -> bool {
        match self.listed.as_mut().and_then(|listed| listed.get_mut(zone)) {
            Some(listed) => !std::mem::replace(&mut listed.is_in_odoo, true),
            None => self.unlisted.insert(zone.clone()),
        }
    }
}

impl Caps {
    /// Why so many zones of those that hams owns must not go; `None`: they may.
    fn hold(self, orphans: u64, owned: u64, in_odoo: u64) -> Option<String> {
        let cap = self.of(owned);
        let hint = "look at them with `hams-agent sync --all --dry-run`; `hams-agent sync --all --force` removes them";
        if orphans == 0 {
            None
        } else if in_odoo == 0 {
            Some(format!("Odoo has no zone at all, and PowerDNS has {orphans}: none is removed; {hint}"))
        } else if orphans > cap {
            Some(format!(
                "{orphans} of {owned} zones in PowerDNS are not in Odoo, and a sweep removes at most {cap}: none is \
                 removed; {hint}"
            ))
        } else {
            None
        }
    }
}

fn is_present(known: &Known) -> bool {
    matches!(known.state, State::Present(_))
}

/// Whether PowerDNS's list is all that tells of the zone's drift.
fn is_asked(is_full: bool, known: &Known) -> bool {
    !is_full || known.odoo_id.is_none()
}

/// How the list contradicts what is remembered of a zone that is there.
fn contradiction(known: &Known, listed: Option<&Listed>) -> Option<Cause> {
    match listed {
        None => Some(Cause::Missing),
        // A serial that PowerDNS did not tell may be any.
        Some(listed) => (known.serial != Some(listed.serial)).then_some(Cause::Serial),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::contents::Contents;
    use std::collections::BTreeMap;

    const CAPS: Caps = Caps { zones: 50, percent: 1 };

    fn content() -> State {
        State::Present(Contents::parse("@ NS 0123456789abcdef").unwrap())
    }

    fn name(text: &str) -> Name {
        Name::absolute(text).unwrap()
    }

    fn known(serial: u32, odoo_id: Option<u64>) -> Known {
        Known { state: content(), serial: Some(serial), version: None, odoo_id }
    }

    /// A sweep with a memory of its own; names are below u.hams.test. where they have no dot.
    struct Case {
        sweep: Sweep,
        memory: BTreeMap<Name, Known>,
        strange: Vec<Name>,
    }

    fn full(text: &str) -> Name {
        if text.contains('.') { name(text) } else { name(&format!("{text}.u.hams.test")) }
    }

    impl Case {
        fn new(scope: Scope, memory: &[(&str, Known)]) -> Self {
            Self {
                sweep: Sweep::new(&scope, &[name("u.hams.test"), name("club.test")], CAPS, false),
                memory: memory.iter().map(|(text, known)| (full(text), known.clone())).collect(),
                strange: Vec::new(),
            }
        }

        /// PowerDNS has these zones of hams, with their serials.
        fn list(&mut self, zones: &[(&str, u32)]) -> Vec<String> {
            let owned = zones
                .iter()
                .map(|(text, serial)| powerdns_list::Listed { name: full(text), serial: *serial });
            self.sweep.begin_list(zones.len());
            let mut drifts = self.sweep.list(owned, |zone| self.memory.get(zone));
            drifts.extend(self.sweep.end_list(self.memory.iter()));
            let mut words: Vec<_> = drifts
                .iter()
                .map(|drift| format!("{} {:?} {:?}", drift.zone, drift.cause, drift.odoo_id))
                .collect();
            words.sort();
            words
        }

        /// Odoo has these zones, with their ids, all with the content that the memory knows, unless they are told strange.
        fn page(&mut self, zones: &[(&str, u64)]) -> Vec<String> {
            let target = |(text, id): &(&str, u64)| Target {
                zone: full(text),
                odoo_id: Some(*id),
                content: Some(vec![]),
                is_synced: id % 2 == 0,
            };
            let page = Page { targets: zones.iter().map(target).collect(), ..Page::default() };
            let strange = self.strange.clone();
            let agrees = |target: &Target, known: &Known| {
                matches!(known.state, State::Present(_)) && !strange.contains(&target.zone)
            };
            let compared = self.sweep.page(page, |zone| self.memory.get(zone), agrees);
            let suspects = compared.suspects.iter();
            let words = suspects.map(|suspect| format!("{} {:?}", suspect.target.zone, suspect.cause));
            words.chain(compared.unusable).collect()
        }

        fn end(self, zones: u64) -> Ending {
            let summary = Summary { zones, ..Summary::default() };
            self.sweep.end(Ok(summary), |zone| self.memory.get(zone))
        }
    }

    fn removed(ending: &Ending) -> Vec<&str> {
        match &ending.orphans {
            Orphans::Remove(zones) => zones.iter().map(Name::as_str).collect(),
            Orphans::Held { reason, .. } => panic!("held: {reason}"),
        }
    }

    fn since() -> Scope {
        Scope::Changed("2026-11-26 12:00:00".to_owned().try_into().unwrap())
    }

    #[test]
    fn what_agrees_is_let_alone() {
        let mut case = Case::new(Scope::Full, &[("a", known(7, Some(2))), ("b", known(7, Some(3)))]);
        assert_eq!(case.list(&[("a", 7), ("b", 7)]), [""; 0]);
        assert_eq!(case.page(&[("a", 2), ("b", 3)]), ["b.u.hams.test. Note"]);
        let ending = case.end(2);
        assert_eq!((removed(&ending), ending.outside, ending.result.is_ok()), (vec![], 0, true));
    }

    #[test]
    fn each_doubt_has_its_cause() {
        let uncertain = Known { state: State::Unknown, serial: None, version: None, odoo_id: Some(14) };
        let gone = Known { state: State::Absent, ..uncertain.clone() };
        let untold = Known { serial: None, ..known(0, Some(18)) };
        let mut case = Case::new(
            Scope::Full,
            &[
                ("changed", known(7, Some(2))),
                ("moved", known(7, Some(4))),
                ("lost", known(7, Some(6))),
                ("uncertain", uncertain),
                ("gone", Known { odoo_id: Some(16), ..gone }),
                ("untold", untold),
                ("anew", known(7, Some(20))),
                ("adopted", known(7, None)),
            ],
        );
        case.strange.push(full("changed"));
        let listed =
            [("changed", 7), ("moved", 8), ("uncertain", 7), ("untold", 7), ("anew", 7), ("adopted", 7)];
        assert_eq!(case.list(&listed), [""; 0]);
        let zones = [
            ("changed", 2),
            ("moved", 4),
            ("lost", 6),
            ("new", 8),
            ("uncertain", 14),
            ("gone", 16),
            ("untold", 18),
            ("anew", 22),
            ("adopted", 24),
        ];
        let causes =
            ["Content", "Serial", "Missing", "Unknown", "Unknown", "Content", "Serial", "Note", "Note"];
        let expected: Vec<_> =
            zones.iter().zip(causes).map(|((text, _), cause)| format!("{} {cause}", full(text))).collect();
        assert_eq!(case.page(&zones), expected);
        assert_eq!(removed(&case.end(9)), [""; 0]);
    }

    #[test]
    fn powerdns_is_held_against_the_memory() {
        let memory = [
            ("a", known(7, Some(2))),
            ("moved", known(7, Some(4))),
            ("lost", known(7, Some(6))),
            ("state", known(7, None)),
            ("gone", Known { state: State::Absent, ..known(0, Some(8)) }),
            ("elsewhere.test", known(7, Some(10))),
        ];
        let listed = [("a", 7), ("moved", 8), ("state", 9)];
        let mut case = Case::new(since(), &memory);
        assert_eq!(
            case.list(&listed),
            [
                "lost.u.hams.test. Missing Some(6)",
                "moved.u.hams.test. Serial Some(4)",
                "state.u.hams.test. Serial None",
            ]
        );
        let mut case = Case::new(Scope::Full, &memory);
        assert_eq!(
            case.list(&listed),
            ["state.u.hams.test. Serial None"],
            "the others come with their pages"
        );
    }

    #[test]
    fn only_what_is_ours_and_not_in_odoo_goes() {
        let uncertain = Known { state: State::Unknown, ..known(0, None) };
        let mut case = Case::new(
            Scope::Full,
            &[
                ("kept", known(7, Some(2))),
                ("dropped", known(7, Some(4))),
                ("state", known(7, None)),
                ("damaged", uncertain),
                ("absent", Known { state: State::Absent, ..known(0, None) }),
            ],
        );
        case.list(&[
            ("kept", 7),
            ("dropped", 7),
            ("state", 7),
            ("damaged", 7),
            ("absent", 7),
            ("stranger", 1),
            ("b.club.test", 1),
            ("u.hams.test", 1),
            ("hams.test", 1),
            ("xu.hams.test", 1),
            ("k6bp.example.com", 1),
        ]);
        assert_eq!(case.page(&[("kept", 2), ("far.example.com", 6), ("u.hams.test", 8)]), [""; 0]);
        let ending = case.end(3);
        let gone = ["absent.u.hams.test.", "b.club.test.", "dropped.u.hams.test.", "stranger.u.hams.test."];
        assert_eq!((removed(&ending), ending.outside), (gone.to_vec(), 2));
    }

    #[test]
    fn nothing_goes_without_a_full_reading_that_came_whole() {
        let mut case = Case::new(since(), &[("a", known(7, Some(2)))]);
        case.list(&[("a", 7), ("b", 7)]);
        assert_eq!(removed(&case.end(0)), [""; 0], "only what was written was read");
        let mut case = Case::new(Scope::Full, &[("a", known(7, Some(2)))]);
        case.list(&[("a", 7), ("b", 7)]);
        case.page(&[("c", 8)]);
        let ending = case.sweep.end(Err("the list is cut short".into()), |_| None);
        assert_eq!(removed(&ending), [""; 0]);
        assert_eq!(ending.result, Err("the list is cut short".to_owned()));
        let mut case = Case::new(Scope::Full, &[]);
        assert_eq!(case.page(&[("a", 2)]), ["a.u.hams.test. Unknown"]);
        assert!(case.end(1).result.is_err(), "nobody knows what PowerDNS has");
    }

    #[test]
    fn a_zone_that_odoo_has_twice_is_told_once_more() {
        for listed in [&[("a", 7)][..], &[]] {
            let mut case = Case::new(Scope::Full, &[("a", known(7, Some(2)))]);
            case.list(listed);
            case.page(&[("a", 2)]);
            assert_eq!(
                case.page(&[("a", 4)]),
                ["zone a.u.hams.test.: Odoo has it twice, with the id 4, too"]
            );
        }
    }

    /// How many zones go of those that are listed, and whether that is held, with `kept` of them in Odoo.
    fn orphans(caps: Caps, has_force: bool, listed: u64, kept: u64) -> (usize, bool) {
        let zones: Vec<_> = (0..listed).map(|n| full(&format!("z{n:05}"))).collect();
        let mut sweep = Sweep::new(&Scope::Full, &[name("u.hams.test")], caps, has_force);
        let owned = zones.iter().map(|zone| powerdns_list::Listed { name: zone.clone(), serial: 1 });
        sweep.begin_list(0);
        sweep.list(owned, |_| None);
        let ids = (1..).zip(zones.iter().take(usize::try_from(kept).unwrap()));
        let target = |(id, zone): (u64, &Name)| Target {
            zone: zone.clone(),
            odoo_id: Some(id),
            content: Some(vec![]),
            is_synced: true,
        };
        sweep.page(Page { targets: ids.map(target).collect(), ..Page::default() }, |_| None, |_, _| true);
        let summary = Summary { zones: kept, ..Summary::default() };
        match sweep.end(Ok(summary), |_| None).orphans {
            Orphans::Remove(zones) => (zones.len(), false),
            Orphans::Held { zones, reason } => {
                assert!(reason.contains("`hams-agent sync --all --force`"), "{reason}");
                assert!(reason.contains(&zones.len().to_string()), "{reason}");
                (zones.len(), true)
            }
        }
    }

    #[test]
    fn the_cap_at_its_edges() {
        assert_eq!(orphans(CAPS, false, 100, 50), (50, false));
        assert_eq!(orphans(CAPS, false, 100, 49), (51, true));
        assert_eq!(orphans(CAPS, true, 100, 49), (51, false));
        // A hundredth of 6,099 is 60.
        assert_eq!(orphans(CAPS, false, 6099, 6039), (60, false));
        assert_eq!(orphans(CAPS, false, 6099, 6038), (61, true));
        let none = Caps { zones: 0, percent: 0 };
        assert_eq!(orphans(none, false, 10, 10), (0, false));
        assert_eq!(orphans(none, false, 10, 9), (1, true));
        assert_eq!(orphans(Caps { zones: 0, percent: 100 }, false, 10, 1), (9, false));
    }

    #[test]
    fn an_empty_odoo_takes_nothing_away() {
        assert_eq!(orphans(CAPS, false, 3, 0), (3, true));
        assert_eq!(orphans(CAPS, true, 3, 0), (3, false));
        assert_eq!(orphans(CAPS, false, 0, 0), (0, false));
    }
}
