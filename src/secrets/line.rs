//! One line of an env file, in the forms that systemd's `EnvironmentFile=` (systemd.exec(5)) and
//! Docker Compose's `.env` read alike. A line that the two would read differently is refused.

use crate::secrets::secret::Secret;

/// Something wrong with a line, told without its value: the fault and the fix.
pub(super) type Fault = (String, String);

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A comment, an empty line, or text without `=`: nothing is set, and the line is kept.
    Other,
    /// An assignment.
    Assignment { name: String, value: Secret },
}

/// Whether a text can be a variable's name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads one line.
pub(super) fn parse(line: &str) -> Result<Line, Fault> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return Ok(Line::Other);
    }
    let Some((name, value)) = line.split_once('=') else { return Ok(Line::Other) };
    let name = name.trim_end();
    if name.starts_with("export ") {
        let fix = "remove `export`: the file is read by systemd, not by a shell";
        return Err(("an assignment with `export` in front".into(), fix.into()));
    }
    if !is_name(name) {
        let fix = "write `NAME=value`, the name in letters, digits and underscores";
        return Err(("the text before `=` is no variable's name".into(), fix.into()));
    }
    let value = value.trim_start();
    let value = match value.chars().next() {
        Some('\'') => single_quoted(name, &value[1..])?,
        Some('"') => double_quoted(name, &value[1..])?,
        _ if value.chars().all(is_plain) => value.to_owned(),
        _ => {
            let fault = format!("the value of `{name}` has characters that must be quoted");
            return Err((fault, "put the value in single quotes".into()));
        }
    };
    Ok(Line::Assignment { name: name.to_owned(), value: Secret::new(value) })
}

/// Characters that mean themselves without quotes, to both readers.
fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || "_-./:@%+=,^~!?*&|()[]{}<>".contains(char)
}

fn end_of_value(name: &str, rest: &str) -> Result<(), Fault> {
    if rest.is_empty() {
        return Ok(());
    }
    let fault = format!("text after the quoted value of `{name}`");
    Err((fault, "end the line with the closing quote, and put a comment on a line of its own".into()))
}

fn single_quoted(name: &str, text: &str) -> Result<String, Fault> {
    let Some((value, rest)) = text.split_once('\'') else { return Err(unclosed(name)) };
    end_of_value(name, rest)?;
    if value.ends_with('\\') {
        // Compose takes `\'` for a quote inside the value.
        let fault = format!("a backslash before the closing quote of `{name}`");
        return Err((fault, "put the value in double quotes, with each backslash doubled".into()));
    }
    Ok(value.to_owned())
}

fn double_quoted(name: &str, text: &str) -> Result<String, Fault> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next() {
            None => return Err(unclosed(name)),
            Some('"') => break,
            Some('\\') => match chars.next() {
                Some(escaped @ ('"' | '\\' | '$')) => value.push(escaped),
                _ => {
                    let fault = format!("a backslash in `{name}` that systemd and Compose read differently");
                    return Err((fault, "put the value in single quotes".into()));
                }
            },
            Some('$') => {
                let fault = format!("a bare `$` between the double quotes of `{name}`");
                return Err((fault, "put the value in single quotes".into()));
            }
            Some(other) => value.push(other),
        }
    }
    end_of_value(name, chars.as_str())?;
    Ok(value)
}

fn unclosed(name: &str) -> Fault {
    (format!("the quote of `{name}` is not closed"), "close it on the same line".into())
}

/// A line `NAME=value` that systemd and Docker Compose read back to just this value.
pub fn assignment(name: &str, value: &str) -> String {
    format!("{name}={}", quoted(value))
}

/// A value as it stands behind the `=`: bare where that is enough, else in quotes.
pub(super) fn quoted(value: &str) -> String {
    if value.chars().all(is_plain) {
        value.to_owned()
    } else if !value.contains('\'') && !value.ends_with('\\') {
        format!("'{value}'")
    } else {
        let mut text = String::from('"');
        for char in value.chars() {
            if matches!(char, '"' | '\\' | '$') {
                text.push('\\');
            }
            text.push(char);
        }
        text + "\""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(line: &str) -> String {
        match parse(line).unwrap() {
            Line::Assignment { name, value } if name == "A" => value.expose().to_owned(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn assignments_are_read() {
        assert_eq!(value("A=b1"), "b1");
        assert_eq!(value("  A = b=c== \r"), "b=c==");
        assert_eq!(value("A="), "");
        assert_eq!(value("A='it $is \"#1\" \\n'"), "it $is \"#1\" \\n");
        assert_eq!(value(r#"A="it's \"\\\$\"""#), r#"it's "\$""#);
        for other in ["", "  ", "# A=b", "; A=b", "hello"] {
            assert_eq!(parse(other), Ok(Line::Other));
        }
    }

    #[test]
    fn what_two_readers_would_read_differently_is_refused() {
        for line in [
            "export A=b",
            "A B=c",
            "1A=b",
            "A=two words",
            "A=b # comment",
            "A=b#c",
            "A=$HOME",
            "A=b\\c",
            "A=b'c",
            "A='b",
            "A='b' c",
            "A='b\\'",
            "A=\"b",
            "A=\"b\" # c",
            "A=\"b\\n\"",
            "A=\"$b\"",
        ] {
            let (fault, fix) = parse(line).unwrap_err();
            assert!(!fault.is_empty() && !fix.is_empty(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(text in "[^\\p{Cc}]*") {
            prop_assert_eq!(value(&format!("A={}", quoted(&text))), text);
        }
    }
}
