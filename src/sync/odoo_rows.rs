//! The rows of Odoo's answers, and how their pages follow each other.

use serde::Deserialize;
use serde_json::Value;

use super::odoo_stamp::Stamp;
use super::target::Row;

/// Whatever has an id.
pub(super) trait Numbered {
    fn id(&self) -> u64;
}

#[derive(Deserialize)]
pub(super) struct ZoneAnswer {
    pub(super) id: u64,
    pub(super) name: Value,
    #[serde(default)]
    pub(super) pdns_synced: bool,
}

#[derive(Deserialize)]
pub(super) struct RecordAnswer {
    pub(super) id: u64,
    pub(super) zone_id: Many2one,
    #[serde(flatten)]
    pub(super) row: Row,
}

#[derive(Deserialize)]
pub(super) struct ZoneOfRecord {
    pub(super) id: u64,
    pub(super) zone_id: Many2one,
}

#[derive(Deserialize)]
pub(super) struct Id {
    pub(super) id: u64,
}

#[derive(Deserialize)]
pub(super) struct Stamped {
    pub(super) write_date: Stamp,
}

/// An id alone, or with a name for people; `false` for none.
#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "what stands beside an id tells the shape")]
pub(super) enum Many2one {
    Id(u64),
    Named(u64, String),
    None(bool),
}

/// Where the next page begins: after the last id of the one before it, so that rows that come and go meanwhile move no
/// other row to a page that was read already.
pub(super) struct Pages {
    least: usize,
    last: u64,
    is_whole: bool,
}

impl Pages {
    /// Pages of which the first begins after this id, and of which one with fewer rows than `least` is the last.
    pub(super) fn after(id: u64, least: usize) -> Self {
        Self { least, last: id, is_whole: false }
    }

    /// After which id the next page begins; `None` if all is there.
    pub(super) fn next(&self) -> Option<u64> {
        (!self.is_whole).then_some(self.last)
    }

    /// Goes past a page. A full one says nothing of whether it is the last; one that does not go on would never end.
    pub(super) fn pass<T: Numbered>(&mut self, page: &[T]) -> Result<(), String> {
        self.is_whole = page.len() < self.least;
        for row in page {
            if row.id() <= self.last {
                return Err(format!("the row {} comes after {}", row.id(), self.last));
            }
            self.last = row.id();
        }
        Ok(())
    }
}

impl Many2one {
    pub(super) fn id(&self) -> Option<u64> {
        match self {
            Self::Id(id) | Self::Named(id, _) => Some(*id),
            Self::None(_) => None,
        }
    }
}

impl Numbered for ZoneAnswer {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Numbered for RecordAnswer {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Numbered for ZoneOfRecord {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Numbered for Id {
    fn id(&self) -> u64 {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(ids: impl Iterator<Item = u64>) -> Vec<Id> {
        ids.map(|id| Id { id }).collect()
    }

    #[test]
    fn pages_follow_each_other_by_id() {
        for (count, requests) in [(0, 1), (9, 1), (10, 2), (25, 3)] {
            let have: Vec<u64> = (1..=count).map(|n| n * 3).collect();
            let (mut pages, mut asked, mut read) = (Pages::after(0, 10), 0, Vec::new());
            while let Some(after) = pages.next() {
                asked += 1;
                let page = rows(have.iter().copied().filter(|id| *id > after).take(10));
                pages.pass(&page).unwrap();
                read.extend(page.iter().map(Numbered::id));
            }
            assert_eq!((read, asked), (have, requests));
        }
    }

    #[test]
    fn a_short_page_in_the_middle_is_not_the_end_where_only_an_empty_one_is() {
        let have: Vec<u64> = (1..=25).collect();
        let (mut pages, mut read) = (Pages::after(0, 1), 0);
        for cut in [10, 3, 0, 7].into_iter().chain([10; 9]) {
            let Some(after) = pages.next() else { break };
            let page = rows(have.iter().copied().filter(|id| *id > after).take(cut.max(1)));
            pages.pass(&page).unwrap();
            read += page.len();
        }
        assert_eq!((read, pages.next()), (25, None));
    }

    #[test]
    fn a_page_that_does_not_go_on_is_refused() {
        let mut pages = Pages::after(0, 2);
        pages.pass(&rows([5, 6].into_iter())).unwrap();
        assert_eq!(pages.pass(&rows([5, 6].into_iter())).unwrap_err(), "the row 5 comes after 6");
        assert!(Pages::after(6, 2).pass(&rows([6].into_iter())).is_err());
    }

    #[test]
    fn both_shapes_of_an_answer() {
        let text = r#"{"id": 3, "zone_id": [7, "k6bp"], "name": false, "record_type": "A", "content": "192.0.2.1",
            "ttl": 300, "priority": 0}"#;
        let named: RecordAnswer = serde_json::from_str(text).unwrap();
        assert_eq!((named.id, named.zone_id.id()), (3, Some(7)));
        let bare: ZoneOfRecord = serde_json::from_str(r#"{"id": 3, "zone_id": 7}"#).unwrap();
        assert_eq!(bare.zone_id.id(), Some(7));
        let none: ZoneOfRecord = serde_json::from_str(r#"{"id": 3, "zone_id": false}"#).unwrap();
        assert_eq!(none.zone_id.id(), None);
    }
}
