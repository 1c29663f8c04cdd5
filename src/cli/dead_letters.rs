//! `hams-agent dead-letters`: what could never be applied, as a list or one by one.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use super::agent_args::{DeadLettersArgs, DeadLettersCommand};
use crate::agent::broker_settings;
use crate::sync::{Letter, each_letter};

/// Looks, prints to stdout, and returns the exit code.
#[allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where the program speaks")]
pub async fn dead_letters(args: &DeadLettersArgs) -> u8 {
    let result = match &args.command {
        DeadLettersCommand::List { json } => list(args, *json).await,
        DeadLettersCommand::Show { id, json } => show(args, id, *json).await,
    };
    match result {
        Ok(text) => {
            print!("{text}");
            0
        }
        Err((code, error)) => {
            eprintln!("error: {error}");
            code
        }
    }
}

/// The exit code and what is wrong.
type Failed = (u8, String);

async fn list(args: &DeadLettersArgs, is_json: bool) -> Result<String, Failed> {
    let mut letters = Vec::new();
    look(args, |letter| {
        // The bodies of a full queue are more than a list needs in memory.
        letters.push(Letter { body: Vec::new(), ..letter });
        true
    })
    .await?;
    if is_json {
        return pretty(&letters);
    }
    Ok(letters.iter().map(line).collect())
}

async fn show(args: &DeadLettersArgs, id: &str, is_json: bool) -> Result<String, Failed> {
    let mut found = None;
    look(args, |letter| {
        let is_it = letter.id == id;
        if is_it {
            found = Some(letter);
        }
        !is_it
    })
    .await?;
    let Some(letter) = found else {
        let hint = "`hams-agent dead-letters list` has the ids of those that are there";
        return Err((1, format!("there is no dead letter {id:?}\n\nhint: {hint}")));
    };
    if is_json {
        let (key, body) = match std::str::from_utf8(&letter.body) {
            Ok(text) => ("body", text.to_owned()),
            Err(_) => ("body_base64", BASE64.encode(&letter.body)),
        };
        return pretty(&json!({"letter": letter, key: body}));
    }
    Ok(page(&letter))
}

async fn look(args: &DeadLettersArgs, see: impl FnMut(Letter) -> bool) -> Result<(), Failed> {
    let settings =
        broker_settings(&args.config, &args.credentials).map_err(|error| (2, error.to_string()))?;
    each_letter(&settings, see).await.map_err(|error| (2, error.to_string()))
}

fn pretty(value: &impl serde::Serialize) -> Result<String, Failed> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n").map_err(|error| (2, format!("cannot write the letters as JSON: {error}")))
}

/// One letter of the list.
fn line(letter: &Letter) -> String {
    let shown = |value: &Option<String>| one_line(value.as_deref().unwrap_or("-"));
    format!(
        "{}  {}  {}  {}  {}\n",
        letter.id,
        shown(&letter.time),
        shown(&letter.zone),
        shown(&letter.reason),
        shown(&letter.text)
    )
}

/// One letter whole: its headers, an empty line, its body.
fn page(letter: &Letter) -> String {
    let mut out = format!("id: {}\nsize: {}\n", letter.id, letter.size);
    for (name, value) in &letter.headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}: {}", one_line(name), one_line(&value));
    }
    match std::str::from_utf8(&letter.body) {
        Ok(text) => {
            let lines = text.lines().map(|text| one_line(text) + "\n");
            out.extend(std::iter::once("\n".to_owned()).chain(lines));
        }
        Err(_) => {
            let _ = writeln!(out, "\nno text, in base64: {}", BASE64.encode(&letter.body));
        }
    }
    out
}

/// Anybody may have written it: what would move a terminal's cursor is shown as its escape.
fn one_line(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(zone: Option<&str>, body: &[u8]) -> Letter {
        let headers = json!({"hams-reason": "bad-rrset", "x-death": [{"count": 1}]});
        Letter {
            id: "0123456789abcdef".into(),
            time: None,
            zone: zone.map(str::to_owned),
            reason: Some("bad-rrset".into()),
            text: Some("no\nsuch\u{1b}[2J".into()),
            size: body.len(),
            headers: headers.as_object().unwrap().clone(),
            body: body.to_vec(),
        }
    }

    #[test]
    fn a_letter_is_one_line_whatever_it_holds() {
        assert_eq!(
            line(&letter(Some("a.test."), b"")),
            "0123456789abcdef  -  a.test.  bad-rrset  no\\nsuch\\u{1b}[2J\n"
        );
        assert!(line(&letter(None, b"")).starts_with("0123456789abcdef  -  -  bad-rrset"));
    }

    #[test]
    fn a_page_has_headers_and_body() {
        let text = page(&letter(None, b"{\n\"zone\"\x1b}"));
        assert!(text.starts_with("id: 0123456789abcdef\nsize: 10\nhams-reason: bad-rrset\n"), "{text}");
        assert!(text.ends_with("\n\n{\n\"zone\"\\u{1b}}\n"), "{text}");
        assert!(text.contains("x-death: [{\"count\":1}]\n"), "{text}");
        assert!(page(&letter(None, b"\xff")).ends_with("in base64: /w==\n"));
    }
}
