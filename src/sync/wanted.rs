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
    use crate::dns::{Draft, Name};

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
}
