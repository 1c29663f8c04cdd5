//! Text of strangers on a terminal: what would move the cursor, or the text around it, is shown as its escape.

use std::fmt::Write;

/// Levels of JSON that are indented; deeper than this nobody sees anything by indentation.
const MAX_DEPTH: usize = 32;

/// Whether a terminal shows it, and does nothing else with it: no control character, and none of those that turn the
/// direction of text or stand for nothing (Unicode's bidirectional controls, separators, joiners).
pub(super) fn is_plain(c: char) -> bool {
    let is_hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !is_hidden
}

/// The text in one line.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if is_plain(c) { out.push(c) } else { out.extend(c.escape_default()) }
    }
    out
}

/// The first words of a text, of at most `length` characters.
pub(super) fn first_words(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return plain(text);
    }
    let cut: String = text.chars().take(length).collect();
    let words = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    format!("{}…", plain(words))
}

/// JSON that has its line breaks already: what JSON itself lets pass inside of strings (RFC 8259 §7) is escaped there.
pub(super) fn plain_json(json: &str) -> String {
    let mut out = String::new();
    for c in json.chars() {
        if c == '\n' || is_plain(c) { out.push(c) } else { escape(&mut out, c) }
    }
    out
}

/// JSON of anybody, with indentation and otherwise as it is: keys that stand there twice, numbers with all their digits.
/// `None` if it is no JSON, or too deep.
pub(super) fn indented(text: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let (mut out, mut depth) = (String::new(), 0usize);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                let mut is_escaped = false;
                for c in chars.by_ref() {
                    if is_plain(c) {
                        out.push(c)
                    } else {
                        escape(&mut out, c)
                    }
                    match c {
                        '"' if !is_escaped => break,
                        _ => is_escaped = c == '\\' && !is_escaped,
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                match chars.next_if(|c| matches!(c, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line_break(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.checked_sub(1)?;
                line_break(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line_break(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
        if depth > MAX_DEPTH {
            return None;
        }
    }
    Some(out)
}

fn line_break(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// As JSON spells a character of the basic plane; those that are not plain are all in it.
fn escape(out: &mut String, c: char) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\u{:04x}", u32::from(c));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(plain("a\nb\x1b[2J\u{9b}31m\u{202e}é"), "a\\nb\\u{1b}[2J\\u{9b}31m\\u{202e}é");
        assert_eq!(plain_json("{\n\"a\": \"\u{7f}\u{9b}é\"\n}"), "{\n\"a\": \"\\u007f\\u009bé\"\n}");
        let unchanged = serde_json::to_string_pretty(&serde_json::json!({"a": ["\u{9b}\x1b\n", 1]})).unwrap();
        let value: serde_json::Value = serde_json::from_str(&plain_json(&unchanged)).unwrap();
        assert_eq!(value["a"][0], "\u{9b}\x1b\n");
        assert!(plain_json(&unchanged).chars().all(|c| c == '\n' || is_plain(c)));
    }

    #[test]
    fn words_are_not_cut_in_two() {
        assert_eq!(first_words("one two", 7), "one two");
        assert_eq!(first_words("one two three", 9), "one two…");
        assert_eq!(first_words("oneandonly", 4), "onea…");
    }

    #[test]
    fn json_is_indented_and_nothing_else() {
        let text = r#"{"a":1,"a":[ 1.000000000000000000001 ,{"b":"x\"y\\","c":{ }}],"d":"é{,"}"#;
        let wanted = "{\n  \"a\": 1,\n  \"a\": [\n    1.000000000000000000001,\n    {\n      \"b\": \"x\\\"y\\\\\",\n      \
                      \"c\": {}\n    }\n  ],\n  \"d\": \"é{,\"\n}";
        assert_eq!(indented(text).unwrap(), wanted);
        assert_eq!(indented("\"\u{9b}\"").unwrap(), "\"\\u009b\"");
        assert_eq!(indented("{\"a\": 1} x"), None);
        assert_eq!(indented(&format!("{}{}", "[".repeat(100), "]".repeat(100))), None);
    }
}
