//! The `.env` of a Docker Compose deployment: assignments as Compose reads them.
//!
//! Versions of Compose read a bare `$`, a `#` without a space before it and some backslashes differently: what such a value
//! is, nobody can tell, and it is refused as soon as it is asked for.

use crate::secrets::error::SecretsError;
use crate::secrets::line::{Fault, is_name};
use crate::secrets::secret::Secret;
use std::path::{Path, PathBuf};

/// The assignments of one file, each name once.
pub struct EnvFile {
    file: PathBuf,
    assignments: Vec<Assignment>,
}

/// A name with its value, or with what keeps the value from being read.
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) line: usize,
    value: Result<Secret, Fault>,
}

impl EnvFile {
    /// Reads the file's text; `path` is only named in messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SecretsError> {
        let mut file = Self { file: path.to_owned(), assignments: Vec::new() };
        // Some editors put a byte order mark in front.
        for (index, raw) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
            let line = index + 1;
            let Some((name, value)) = parse(raw).map_err(|fault| file.refused(line, fault))? else {
                continue;
            };
            if file.assignments.iter().any(|known| known.name == name) {
                let fix = "keep one of the two lines: Compose takes the last";
                return Err(file.refused(line, (format!("`{name}` is set a second time"), fix.into())));
            }
            file.assignments.push(Assignment { name, line, value });
        }
        Ok(file)
    }

    /// The assignments in the order of the file.
    pub(super) fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// The value of `assignment`; an error where Compose's versions do not agree on it.
    pub(super) fn value<'a>(&self, assignment: &'a Assignment) -> Result<&'a Secret, SecretsError> {
        assignment.value.as_ref().map_err(|fault| self.refused(assignment.line, fault.clone()))
    }

    /// The refusal of a line.
    pub(super) fn refused(&self, line: usize, (problem, fix): Fault) -> SecretsError {
        SecretsError::Line { file: self.file.clone(), line, problem, fix }
    }
}

type Parsed = Option<(String, Result<Secret, Fault>)>;

/// Reads one line; the error is of a line that is none of an env file.
fn parse(line: &str) -> Result<Parsed, Fault> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(line);
    let Some((name, value)) = line.split_once('=') else {
        return Err((
            "neither an assignment nor a comment".into(),
            "write `NAME=value`, or `#` in front".into(),
        ));
    };
    let name = name.trim();
    if !is_name(&name.replace('.', "_")) {
        let fix = "write `NAME=value`, the name in letters, digits and underscores";
        return Err(("the text before `=` is no variable's name".into(), fix.into()));
    }
    let quote = value.trim_start().chars().next().filter(|first| matches!(first, '\'' | '"'));
    let value = match quote {
        Some(quote) => quoted(name, &value.trim_start()[1..], quote)?,
        None => bare(name, value),
    };
    Ok(Some((name.to_owned(), value.map(Secret::new))))
}

fn bare(name: &str, text: &str) -> Result<String, Fault> {
    let comment =
        text.char_indices().find(|(at, char)| *char == '#' && text[..*at].ends_with(char::is_whitespace));
    let value = comment.map_or(text, |(at, _)| &text[..at]).trim();
    match value.chars().find(|char| matches!(char, '$' | '#')) {
        Some(char) => {
            let fault = format!("a bare `{char}` in the value of `{name}`");
            Err((fault, "put the value in single quotes, if the character belongs to it".into()))
        }
        None => Ok(value.to_owned()),
    }
}

/// A value up to its closing quote; behind that only a comment may stand.
fn quoted(name: &str, text: &str, quote: char) -> Result<Result<String, Fault>, Fault> {
    let mut value = Ok(String::new());
    let mut chars = text.chars();
    loop {
        let char = match chars.next() {
            None => {
                return Err((
                    format!("the quote of `{name}` is not closed"),
                    "close it on the same line".into(),
                ));
            }
            Some(char) if char == quote => break,
            Some('\\') if quote == '"' => match chars.next() {
                Some(escaped @ ('"' | '\\' | '$')) => escaped,
                Some('n') => '\n',
                Some('r') => '\r',
                _ => {
                    value = Err(unclear(name, "a backslash"));
                    continue;
                }
            },
            Some('\\') if chars.as_str().starts_with(quote) => {
                chars.next();
                value = Err(unclear(name, "a backslash before a quote"));
                continue;
            }
            Some('$') if quote == '"' => {
                value = Err(unclear(name, "a bare `$`"));
                continue;
            }
            Some(other) => other,
        };
        if let Ok(value) = &mut value {
            value.push(char);
        }
    }
    let rest = chars.as_str();
    if rest.trim().is_empty() || (rest.starts_with(char::is_whitespace) && rest.trim_start().starts_with('#'))
    {
        return Ok(value);
    }
    Err((format!("text after the quoted value of `{name}`"), "end the line with the closing quote".into()))
}

fn unclear(name: &str, what: &str) -> Fault {
    let fault = format!("{what} in the value of `{name}`, which versions of Compose read differently");
    (fault, "put the value in single quotes, or give it to `hams-install` in another way".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Result<String, String> {
        let file = EnvFile::parse(line, Path::new(".env")).map_err(|error| error.to_string())?;
        let [assignment] = file.assignments() else { panic!("{line}") };
        assert_eq!(assignment.name, "A");
        let value = file.value(assignment).map_err(|error| error.to_string());
        value.map(|value| value.expose().to_owned())
    }

    #[test]
    fn assignments_are_read_as_compose_reads_them() {
        for (line, expected) in [
            ("A=b", "b"),
            ("export A = b c ", "b c"),
            ("A=b # a comment", "b"),
            ("A= # a comment", ""),
            ("A=", ""),
            ("A=b\\c\"d", "b\\c\"d"),
            ("A='$b # \"c\" \\d' # e", "$b # \"c\" \\d"),
            ("A=\"b \\\"\\\\\\$ # c\"#", ""),
            ("A=\"b \\\"\\\\\\$ # c\" # d", "b \"\\$ # c"),
            ("A=''", ""),
            ("\u{feff}A=b\r", "b"),
        ] {
            match value(line) {
                Ok(value) => assert_eq!(value, expected, "{line}"),
                Err(error) => assert!(expected.is_empty() && error.contains("text after"), "{line}: {error}"),
            }
        }
    }

    #[test]
    fn what_is_no_env_file_is_refused_with_its_line() {
        for (line, problem) in [
            ("hello", "neither"),
            ("A: hunter2", "neither"),
            ("1A=hunter2", "no variable's name"),
            ("A B=hunter2", "no variable's name"),
            ("A='hunter2", "not closed"),
            ("A=\"hunter2\\\"", "not closed"),
            ("A='hunter2'x", "text after"),
            ("A=hunter2\nA=hunter2", "a second time"),
        ] {
            let error = EnvFile::parse(&format!("# first\n{line}\n"), Path::new("/srv/.env")).err().unwrap();
            let error = error.to_string();
            assert!(error.starts_with("/srv/.env:") && error.contains(problem), "{line}: {error}");
            assert!(error.contains("hint: ") && !error.contains("hunter2"), "{line}: {error}");
        }
    }

    #[test]
    fn what_compose_itself_disagrees_on_is_refused_when_asked_for() {
        for line in ["A=$B", "A=${B}x", "A=b#c", "A=\"$B\"", "A=\"b\\tc\"", "A='b\\'c'", "A=$$b"] {
            let error = value(line).unwrap_err();
            assert!(error.starts_with(".env:1: ") && error.contains("hint: "), "{line}: {error}");
        }
    }
}
