//! Which dead letters are there, and which of them somebody means.

use std::collections::HashMap;

use serde::Serialize;

use super::letter::{Letter, LetterId};

/// Ids that an error names before it says how many more there are.
const MAX_NAMED: usize = 5;

/// Letters that are equal, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The oldest of them.
    #[serde(flatten)]
    pub letter: Letter,
    /// How many there are.
    pub count: usize,
}

/// The dead letters of one look, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    listed: Vec<Listed>,
    places: HashMap<LetterId, usize>,
}

/// Which letters are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Those whose ids begin with one of these.
    Ids(Vec<String>),
    /// Every letter, or every one with that code of its reason.
    All {
        /// The code.
        reason: Option<String>,
    },
}

/// An id that means no letter, or several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// No letter has it.
    #[error("there is no dead letter `{0}`\n\nhint: `hams-agent dead-letters list` shows which there are")]
    Unknown(String),
    /// More than one letter has it.
    #[error(
        "`{given}` may be any of {count} dead letters: {named}\n\nhint: give more digits of the one that is meant"
    )]
    Ambiguous {
        /// What was given.
        given: String,
        /// How many begin with it.
        count: usize,
        /// Some of them.
        named: String,
    },
}

impl Listing {
    pub(super) fn add(&mut self, letter: Letter) {
        match self.places.get(&letter.id) {
            Some(place) => self.listed[*place].count += 1,
            None => {
                self.places.insert(letter.id.clone(), self.listed.len());
                self.listed.push(Listed { letter, count: 1 });
            }
        }
    }

    /// Letters that are equal, each kind once.
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// How many letters there are.
    pub fn count(&self) -> usize {
        self.listed.iter().map(|listed| listed.count).sum()
    }

    /// The letters that are meant, in the order of the queue.
    pub fn choose(&self, choice: &Choice) -> Result<Vec<&Listed>, ChoiceError> {
        let mut places = Vec::new();
        match choice {
            Choice::Ids(ids) => {
                for given in ids {
                    places.push(self.find(given)?);
                }
            }
            Choice::All { reason } => {
                let is_meant = |listed: &Listed| reason.is_none() || listed.letter.reason == *reason;
                places.extend((0..self.listed.len()).filter(|place| is_meant(&self.listed[*place])));
            }
        }
        places.sort_unstable();
        places.dedup();
        Ok(places.into_iter().map(|place| &self.listed[place]).collect())
    }

    fn find(&self, given: &str) -> Result<usize, ChoiceError> {
        let is_meant = |place: &usize| self.listed[*place].letter.id.begins_with(given);
        let found: Vec<usize> = (0..self.listed.len()).filter(is_meant).collect();
        match found[..] {
            [place] => Ok(place),
            [] => Err(ChoiceError::Unknown(given.to_owned())),
            _ => {
                // Where those that are shown are the same, only all digits tell them apart.
                let is_long = given.len() >= self.listed[found[0]].letter.id.short().len();
                let name = |place: &usize| {
                    let id = &self.listed[*place].letter.id;
                    if is_long { id.full() } else { id.short() }
                };
                let mut named: Vec<&str> = found.iter().take(MAX_NAMED).map(name).collect();
                if found.len() > MAX_NAMED {
                    named.push("…");
                }
                let (count, named) = (found.len(), named.join(", "));
                Err(ChoiceError::Ambiguous { given: given.to_owned(), count, named })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    fn listing() -> Listing {
        let mut listing = Listing::default();
        for body in 0..40u8 {
            listing.add(letter(if body % 2 == 0 { "refused" } else { "malformed" }, "no", &[body]));
        }
        for _ in 0..2 {
            listing.add(letter("malformed", "no", &[3]));
        }
        listing
    }

    fn ids(ids: &[&str]) -> Choice {
        Choice::Ids(ids.iter().map(|id| (*id).to_owned()).collect())
    }

    #[test]
    fn equal_letters_are_listed_once_and_counted() {
        let listing = listing();
        assert_eq!((listing.listed().len(), listing.count()), (40, 42));
        let thrice: Vec<_> = listing.listed().iter().filter(|listed| listed.count == 3).collect();
        assert!(matches!(thrice[..], [listed] if listed.letter.body == [3]));
    }

    #[test]
    fn what_begins_an_id_is_enough_when_it_begins_no_other() {
        let listing = listing();
        let (first, second) = (&listing.listed()[0], &listing.listed()[1]);
        let [short, full] = [first.letter.id.short(), first.letter.id.full()];
        // Twice the same, and out of order: each once, as they lie in the queue.
        let chosen = listing.choose(&ids(&[second.letter.id.short(), short, full])).unwrap();
        assert_eq!(chosen, [first, second]);
        assert_eq!(listing.choose(&ids(&["feed", "0"])), Err(ChoiceError::Unknown("feed".into())));
        assert_eq!(listing.choose(&ids(&[""])), Err(ChoiceError::Unknown(String::new())));
        // 40 letters and 16 digits.
        let digits = "0123456789abcdef";
        let several = digits.chars().filter_map(|digit| listing.choose(&ids(&[&digit.to_string()])).err());
        let several = several.filter(|error| matches!(error, ChoiceError::Ambiguous { .. })).count();
        assert!(several >= 2, "{several}");
    }

    #[test]
    fn all_may_be_those_of_one_reason() {
        let listing = listing();
        assert_eq!(listing.choose(&Choice::All { reason: None }).unwrap().len(), 40);
        let refused = listing.choose(&Choice::All { reason: Some("refused".into()) }).unwrap();
        assert_eq!(refused.len(), 20);
        assert!(refused.iter().all(|listed| listed.letter.reason.as_deref() == Some("refused")));
        assert_eq!(listing.choose(&Choice::All { reason: Some("too-large".into()) }), Ok(vec![]));
    }
}
