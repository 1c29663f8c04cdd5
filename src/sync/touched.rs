//! Which zones were dealt with while a sweep was under way: what it had read of them before is out of date.

use std::collections::HashMap;

use crate::dns::Name;

/// Counts beginnings, and remembers after which of them each zone was last dealt with. Where no sweep is under way, it
/// remembers nothing.
#[derive(Debug, Default)]
pub(super) struct Touched {
    beginning: u64,
    zones: Option<HashMap<Name, u64>>,
}

impl Touched {
    /// A reading begins.
    pub(super) fn begin(&mut self) -> u64 {
        self.beginning += 1;
        self.zones.get_or_insert_default();
        self.beginning
    }

    /// No reading is under way any more.
    pub(super) fn end(&mut self) {
        self.zones = None;
    }

    /// The zone was brought to what was wanted of it.
    pub(super) fn touch(&mut self, zone: &Name) {
        if let Some(zones) = &mut self.zones {
            zones.insert(zone.clone(), self.beginning);
        }
    }

    /// Whether the zone was dealt with after that beginning.
    pub(super) fn is_after(&self, zone: &Name, beginning: u64) -> bool {
        let at = self.zones.as_ref().and_then(|zones| zones.get(zone));
        at.is_some_and(|at| *at >= beginning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_after_the_beginning() {
        let (one, other) = (Name::absolute("a.x").unwrap(), Name::absolute("b.x").unwrap());
        let mut touched = Touched::default();
        touched.touch(&one);
        let first = touched.begin();
        assert!(!touched.is_after(&one, first), "nothing was under way");
        touched.touch(&one);
        let second = touched.begin();
        touched.touch(&other);
        assert!(touched.is_after(&one, first) && !touched.is_after(&one, second));
        assert!(touched.is_after(&other, first) && touched.is_after(&other, second));
        touched.end();
        assert!(!touched.is_after(&other, first));
        assert!(touched.begin() > second);
    }
}
