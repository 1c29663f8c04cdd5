//! Text of others, as one line that a terminal shows as it is.

/// `text` with spaces for its control characters, and no longer than so many characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}
