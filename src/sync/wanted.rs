//! What is to become of a zone, and what two wishes for one zone come to.

use std::collections::BTreeSet;

use crate::dns::{Checked, Key, Zone};

/// What an event wants of its zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This content.
    Content(Content),
    /// No such zone.
    Gone,
}

/// A zone's whole content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// What can be published.
    pub(super) zone: Zone,
    /// RRsets that stay as they are, because what was wanted for them is unusable.
    pub(super) kept: BTreeSet<Key>,
}

impl Content {
    /// What `checked` found fit to be published.
    pub(super) fn of(checked: Checked) -> Self {
        Self { kept: checked.kept(), zone: checked.zone }
    }
}

impl Wanted {
    /// This wish after `earlier` one that was not fulfilled yet: the same as if both had been, one after the other.
    pub(super) fn after(mut self, earlier: Self) -> Self {
        if let Self::Content(content) = &mut self {
            let (mut sets, kept) = match earlier {
                Self::Content(earlier) => (earlier.zone.rrsets, earlier.kept),
                Self::Gone => Default::default(),
            };
            content.kept.retain(|key| match sets.remove(key) {
                Some(rrset) => {
                    content.zone.rrsets.insert(key.clone(), rrset);
                    false
                }
                None => kept.contains(key),
            });
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Draft, Name, RrSet};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A content with an address for each name; one that is none is unusable.
    fn wanted(sets: &[(&str, &str)]) -> Wanted {
        let draft = |(name, record): &(&str, &str)| Draft {
            name: (*name).to_owned(),
            rtype: "A".into(),
            ttl: Some(60),
            records: Some(vec![(*record).to_owned()]),
        };
        let zone = Name::absolute("a.u.hams.test").unwrap();
        Wanted::Content(Content::of(Zone::check(&zone, sets.iter().map(draft).collect(), &[])))
    }

    #[test]
    fn the_later_one_counts() {
        let (one, two) = (wanted(&[("x", "192.0.2.1")]), wanted(&[("y", "192.0.2.2")]));
        assert_eq!(two.clone().after(one.clone()), two);
        assert_eq!(Wanted::Gone.after(one.clone()), Wanted::Gone);
        assert_eq!(one.clone().after(Wanted::Gone), one);
    }

    #[test]
    fn what_stays_is_what_the_earlier_one_would_have_left() {
        let later = wanted(&[("x", "none"), ("y", "192.0.2.2")]);
        let both = wanted(&[("x", "192.0.2.1"), ("y", "192.0.2.2")]);
        assert_eq!(later.clone().after(wanted(&[("x", "192.0.2.1"), ("z", "192.0.2.3")])), both);
        // The earlier one would have removed it, or left it as it was.
        assert_eq!(later.clone().after(wanted(&[])), wanted(&[("y", "192.0.2.2")]));
        assert_eq!(later.clone().after(Wanted::Gone), wanted(&[("y", "192.0.2.2")]));
        assert_eq!(later.clone().after(wanted(&[("x", "none")])), later);
    }

    type Held = BTreeMap<Key, RrSet>;

    /// What a server holds after it was given this.
    fn given(held: &Held, wanted: &Wanted) -> Held {
        match wanted {
            Wanted::Gone => Held::new(),
            Wanted::Content(content) => {
                let stays = held.iter().filter(|(key, _)| content.kept.contains(key));
                let stays = stays.map(|(key, rrset)| (key.clone(), rrset.clone()));
                stays.chain(content.zone.rrsets.clone()).collect()
            }
        }
    }

    fn any_wanted() -> impl Strategy<Value = Wanted> {
        let address = prop_oneof![Just("none"), Just("192.0.2.1"), Just("192.0.2.2")];
        let sets = proptest::collection::btree_map(0..3_usize, address, 0..4);
        let content = sets.prop_map(|sets| {
            let sets: Vec<_> =
                sets.into_iter().map(|(name, address)| (["x", "y", "z"][name], address)).collect();
            wanted(&sets)
        });
        prop_oneof![1 => Just(Wanted::Gone), 6 => content]
    }

    proptest! {
        #[test]
        fn one_write_leaves_what_all_would_have(
            before in any_wanted(),
            wishes in proptest::collection::vec(any_wanted(), 1..6),
        ) {
            let held = given(&Held::new(), &before);
            let one_by_one = wishes.iter().fold(held.clone(), |held, wanted| given(&held, wanted));
            let merged = wishes.into_iter().reduce(|earlier, later| later.after(earlier)).unwrap();
            prop_assert_eq!(given(&held, &merged), one_by_one);
        }
    }
}
