//! What a unit has said last in systemd's journal (sd-journal(3)). Files are opened for each look and closed after it.

use systemd::journal::{JournalRef, OpenOptions};

use super::one_line::one_line;

/// So many lines are quoted.
const LINES: usize = 5;
/// Characters of a line that are.
const LENGTH: usize = 240;

/// The last lines of a unit's programs and of systemd about it, with their times in UTC, the newest at the end.
pub(super) fn last_lines(unit: &str) -> std::io::Result<Vec<String>> {
    let mut journal = OpenOptions::default().system(true).local_only(true).open()?;
    // What its processes say, or what systemd says of it.
    journal.match_add("_SYSTEMD_UNIT", unit)?.match_or()?.match_add("UNIT", unit)?;
    journal.seek_tail()?;
    let mut lines = Vec::new();
    while lines.len() < LINES && journal.previous()? > 0 {
        lines.extend(line(&mut journal)?);
    }
    lines.reverse();
    Ok(lines)
}

/// The entry at hand; `None` for one without text.
fn line(journal: &mut JournalRef) -> std::io::Result<Option<String>> {
    let at = humantime::format_rfc3339_seconds(journal.timestamp()?).to_string();
    let Some(field) = journal.get_data("MESSAGE")? else { return Ok(None) };
    let Some(value) = field.value() else { return Ok(None) };
    Ok(Some(format!("{at} {}", plain(&String::from_utf8_lossy(value)))))
}

/// One line without control characters, cut to a length.
fn plain(message: &str) -> String {
    let message = message.trim_end();
    let mut text = one_line(message, LENGTH);
    if message.chars().count() > LENGTH {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_one_short_line() {
        assert_eq!(plain("two\nlines\x1b[31m \n"), "two lines [31m");
        let long = plain(&"ä".repeat(500));
        assert_eq!(long.chars().count(), LENGTH + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_unit_that_nobody_knows_has_said_nothing() {
        assert_eq!(last_lines("hams-no-such-unit.service").unwrap(), Vec::<String>::new());
    }
}
