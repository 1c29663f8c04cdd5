//! How dead letters look: as lines, one whole, as JSON.

use std::fmt::Write;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use super::plain::{first_words, indented, is_plain, plain, plain_json};
use crate::agent::age;
use crate::sync::Listed;

/// Characters of a zone and of a reason that a line has.
const ZONE_LENGTH: usize = 60;
const WORDS_LENGTH: usize = 70;

/// A line for each, in columns.
pub(super) fn lines(listed: &[&Listed], now: SystemTime) -> String {
    let row = |listed: &&Listed| {
        let letter = &listed.letter;
        let shown = |value: &Option<String>, length| {
            value.as_deref().map_or_else(|| "-".to_owned(), |value| first_words(value, length))
        };
        [
            letter.id.to_string(),
            letter.time.as_deref().map_or_else(|| "-".to_owned(), |time| plain(&age(time, now))),
            format!("{}x", listed.count),
            shown(&letter.reason, ZONE_LENGTH),
            shown(&letter.zone, ZONE_LENGTH),
            shown(&letter.text, WORDS_LENGTH),
        ]
    };
    let rows: Vec<[String; 6]> = listed.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{cell:<width$}  ");
        }
        out.push_str(&row[5]);
        out.push('\n');
    }
    out
}

/// One letter whole: what it is and its headers, an empty line, its body.
pub(super) fn page(listed: &Listed) -> String {
    let letter = &listed.letter;
    let body = body(&letter.body);
    let (form, text) = &body;
    let mut out = format!("id: {}\nletters: {}\n", letter.id.full(), listed.count);
    for (name, value) in &letter.headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}: {}", plain(name), plain(&value));
    }
    let _ = writeln!(out, "body: {} bytes, {form}\n\n{text}", letter.size);
    out
}

/// What a body is shown as, and how it looks then.
fn body(body: &[u8]) -> (&'static str, String) {
    let Ok(text) = std::str::from_utf8(body) else { return ("no text, here in base64", BASE64.encode(body)) };
    if let Some(text) = indented(text) {
        return ("JSON, here with indentation", text);
    }
    if text.chars().all(|c| c == '\n' || c == '\t' || is_plain(c)) {
        return ("text", text.to_owned());
    }
    ("no printable text, here in base64", BASE64.encode(body))
}

/// The list as JSON, all headers with it.
pub(super) fn list_json(listed: &[Listed]) -> String {
    pretty(&json!(listed))
}

/// One letter as JSON.
pub(super) fn page_json(listed: &Listed) -> String {
    let mut value = json!(listed);
    let body = &listed.letter.body;
    match std::str::from_utf8(body) {
        Ok(text) => value["body"] = text.into(),
        Err(_) => value["body_base64"] = BASE64.encode(body).into(),
    }
    pretty(&value)
}

fn pretty(value: &serde_json::Value) -> String {
    plain_json(&format!("{value:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Letter;
    use serde_json::Value;

    fn listed(zone: Option<&str>, body: &[u8]) -> Listed {
        let headers = json!({"hams-reason": "bad-rrset", "n": [1], "x\x1b": "y\x1b"});
        let id = Letter::new(None, b"x".to_vec()).id;
        let letter = Letter {
            id,
            time: Some("2026-11-23T11:00:00Z".into()),
            reason: Some("bad-rrset".into()),
            text: Some(format!("no\nsuch\u{1b}[2J {}", "word ".repeat(50))),
            zone: zone.map(str::to_owned),
            size: body.len(),
            headers: headers.as_object().unwrap().clone(),
            body: body.to_vec(),
        };
        Listed { letter, count: 2 }
    }

    #[test]
    fn a_letter_is_one_line_whatever_it_holds() {
        let now = humantime::parse_rfc3339("2026-11-23T12:00:00Z").unwrap();
        let (long, none) = (listed(Some("a.test.\u{9b}"), b""), listed(None, b""));
        let text = lines(&[&long, &none], now);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 2, "{text}");
        let start =
            format!("{}  1 h  2x  bad-rrset  a.test.\\u{{9b}}  no\\nsuch\\u{{1b}}[2J word", long.letter.id);
        assert!(rows[0].starts_with(&start) && rows[0].ends_with("word…"), "{text}");
        assert!(rows[1].contains("  bad-rrset  -              no\\n"), "{text}");
    }

    #[test]
    fn a_page_has_headers_and_body() {
        let text = page(&listed(None, br#"{"zone":"\u001b"}"#));
        assert!(
            text.contains("\nletters: 2\nhams-reason: bad-rrset\nn: [1]\nx\\u{1b}: y\\u{1b}\n"),
            "{text}"
        );
        assert!(
            text.ends_with("17 bytes, JSON, here with indentation\n\n{\n  \"zone\": \"\\u001b\"\n}\n"),
            "{text}"
        );
        assert!(page(&listed(None, b"\xff")).ends_with("in base64\n\n/w==\n"));
        assert!(page(&listed(None, b"a\x1b[2J")).ends_with("in base64\n\nYRtbMko=\n"));
        assert!(page(&listed(None, "two\nlines é".as_bytes())).ends_with(", text\n\ntwo\nlines é\n"));
    }

    #[test]
    fn json_has_the_same() {
        let value: Value = serde_json::from_str(&page_json(&listed(Some("z"), b"a\x1b"))).unwrap();
        assert_eq!(
            (&value["count"], &value["body"], &value["zone"]),
            (&json!(2), &json!("a\x1b"), &json!("z"))
        );
        assert_eq!(value["headers"]["x\x1b"], "y\x1b");
        let value: Value = serde_json::from_str(&page_json(&listed(None, b"\xff"))).unwrap();
        assert_eq!((&value["body_base64"], value.get("body")), (&json!("/w=="), None));
        let list = list_json(&[listed(Some("\u{9b}"), b"")]);
        assert!(list.chars().all(|c| c == '\n' || is_plain(c)), "{list}");
    }
}
