//! What root's service answers to the agent: one line.

use std::fmt;

use super::one_line::one_line;
use crate::health::Attempt;

/// The longest line that either side reads, in octets.
pub(super) const LONGEST: u64 = 512;

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// What became of it.
    pub(super) attempt: Attempt,
    /// How many restarts there were, or why there was none.
    pub(super) words: String,
}

impl Answer {
    pub(super) fn new(attempt: Attempt, words: impl Into<String>) -> Self {
        Self { attempt, words: words.into() }
    }

    /// Reads a line.
    pub(super) fn parse(line: &str) -> Self {
        let (word, words) = line.trim_end().split_once(": ").unwrap_or_default();
        // That there is no answer is nothing to answer.
        let said = [Attempt::Restarted, Attempt::Refused, Attempt::Failed];
        match said.into_iter().find(|attempt| attempt.as_str() == word) {
            Some(attempt) => Self::new(attempt, plain(words)),
            None if line.is_empty() => {
                Self::new(Attempt::Unanswered, "hams-repair gave no answer: its journal says why")
            }
            None => Self::new(Attempt::Unanswered, format!("hams-repair answered `{}`", plain(line))),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.attempt.as_str(), plain(&self.words))
    }
}

/// One line without control characters, cut to a length that is read whole.
pub(super) fn plain(text: &str) -> String {
    one_line(text.trim_end(), 240)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_as_it_was() {
        for attempt in [Attempt::Restarted, Attempt::Refused, Attempt::Failed] {
            let answer = Answer::new(attempt, "1 of 3: so\nit is");
            let line = format!("{answer}\n");
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(Answer::parse(&line), Answer::new(attempt, "1 of 3: so it is"));
        }
        let long = Answer::new(Attempt::Failed, "ä".repeat(1000)).to_string();
        assert!(long.len() as u64 <= LONGEST, "{}", long.len());
        for other in ["", "unanswered: x", "hello", "restarted"] {
            assert_eq!(Answer::parse(other).attempt, Attempt::Unanswered, "{other}");
        }
    }
}
