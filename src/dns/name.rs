//! Domain names: absolute, lower case, checked once, so that equal names are equal strings.
//! Limits: RFC 1035 §2.3.4 (63 octets a label, 255 in wire form). Characters: what PowerDNS's API takes
//! (letters, digits, `-`, `_`, `/`, and `*` as a whole first label); escapes and IDNs must come as A-labels.

use std::fmt;
use std::sync::Arc;

/// A checked, absolute, lower-case domain name with its trailing dot; the root is `.`. All copies of one share its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text is no name that hams accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No characters, or two dots in a row.
    #[error("name `{0}` has an empty label")]
    EmptyLabel(String),
    /// More than 63 octets between two dots.
    #[error("name `{0}` has a label of more than 63 characters")]
    LongLabel(String),
    /// More than 255 octets in wire form.
    #[error("name `{0}` is longer than 255 octets")]
    Long(String),
    /// A character that is not a letter, digit, hyphen, underscore or slash.
    #[error("name `{name}` contains {character:?}; write internationalised names as A-labels (xn--…)")]
    Character {
        /// The whole text.
        name: String,
        /// The first character that does not fit.
        character: char,
    },
    /// `*` elsewhere than as the whole first label, or where no wildcard can be.
    #[error("name `{0}` has a `*` that is not the whole first label of an owner name")]
    Wildcard(String),
    /// An owner outside its zone.
    #[error("name `{name}` is not inside the zone `{zone}`")]
    OutsideZone {
        /// The owner.
        name: String,
        /// The zone it was meant for.
        zone: String,
    },
    /// A target that may be meant as relative or as absolute.
    #[error("target `{0}` may be relative or absolute; end an absolute name with a dot")]
    Ambiguous(String),
    /// The root where a name below it is needed.
    #[error("the root is no zone of ours")]
    Root,
}

impl Name {
    /// An absolute name; a missing trailing dot is added. `*` is refused.
    pub fn absolute(text: &str) -> Result<Self, NameError> {
        let name = Self::checked(text.strip_suffix('.').unwrap_or(text), text)?;
        if name.is_wildcard() { Err(NameError::Wildcard(shown(text))) } else { Ok(name) }
    }

    /// An owner name inside `zone`: `@` and the empty text are the apex, a text without trailing dot is
    /// relative to the zone unless it already ends with the zone's own name.
    pub fn owner(text: &str, zone: &Self) -> Result<Self, NameError> {
        let name = match text {
            "" | "@" => return Ok(zone.clone()),
            _ => match text.strip_suffix('.') {
                Some(bare) => Self::checked(bare, text)?,
                None => Self::relative(text, zone)?,
            },
        };
        if name.is_inside(zone) {
            Ok(name)
        } else {
            Err(NameError::OutsideZone { name: name.to_string(), zone: zone.to_string() })
        }
    }

    /// A name inside a record's content: absolute with its dot, `@` for the apex, `.` for the root, or one
    /// label relative to `zone`. Several labels without a final dot are refused, as nobody can know what
    /// was meant and a wrong guess would be published.
    pub fn target(text: &str, zone: &Self) -> Result<Self, NameError> {
        let name = match text {
            "." => return Ok(Self::root()),
            "@" => return Ok(zone.clone()),
            _ => match text.strip_suffix('.') {
                Some(bare) => Self::checked(bare, text)?,
                None => {
                    let name = Self::relative(text, zone)?;
                    let ends_with_zone = name.as_str().len() == text.len() + 1;
                    if text.contains('.') && !ends_with_zone {
                        return Err(NameError::Ambiguous(shown(text)));
                    }
                    name
                }
            },
        };
        if name.is_wildcard() { Err(NameError::Wildcard(shown(text))) } else { Ok(name) }
    }

    /// The root, `.`.
    pub fn root() -> Self {
        Self(".".into())
    }

    /// The name with its trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if this name is `zone` or below it.
    pub fn is_inside(&self, zone: &Self) -> bool {
        if zone.is_root() {
            return true;
        }
        match self.0.strip_suffix(&*zone.0) {
            Some(front) => front.is_empty() || front.ends_with('.'),
            None => false,
        }
    }

    /// True for `.`.
    pub fn is_root(&self) -> bool {
        &*self.0 == "."
    }

    fn is_wildcard(&self) -> bool {
        self.0.starts_with('*')
    }

    fn relative(text: &str, zone: &Self) -> Result<Self, NameError> {
        let lower = text.to_ascii_lowercase();
        let bare_zone = zone.0.trim_end_matches('.');
        let has_zone =
            lower.strip_suffix(bare_zone).is_some_and(|front| front.is_empty() || front.ends_with('.'));
        if has_zone && bare_zone.contains('.') {
            return Self::checked(text, text);
        }
        Self::checked(&format!("{text}.{bare_zone}"), text)
    }

    /// Checks `bare`, a name without its trailing dot; `given` is what errors show.
    fn checked(bare: &str, given: &str) -> Result<Self, NameError> {
        if bare.is_empty() {
            return Err(if given == "." { NameError::Root } else { NameError::EmptyLabel(shown(given)) });
        }
        for (place, label) in bare.split('.').enumerate() {
            if label.is_empty() {
                return Err(NameError::EmptyLabel(shown(given)));
            }
            if place == 0 && label == "*" {
                continue;
            }
            for character in label.chars() {
                match character {
                    'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '/' => {}
                    '*' => return Err(NameError::Wildcard(shown(given))),
                    _ => return Err(NameError::Character { name: shown(given), character }),
                }
            }
            if label.len() > 63 {
                return Err(NameError::LongLabel(shown(given)));
            }
        }
        // Wire form: one length octet a label, the labels, and the root's zero octet.
        if bare.len() + 2 > 255 {
            return Err(NameError::Long(shown(given)));
        }
        let mut absolute = bare.to_ascii_lowercase();
        absolute.push('.');
        Ok(Self(absolute.into()))
    }
}

/// A text as errors show it: without control characters, and short enough for a log line.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zone() -> Name {
        Name::absolute("K6BP.u.hams.com").unwrap()
    }

    #[test]
    fn owners() {
        let zone = zone();
        assert_eq!(zone.as_str(), "k6bp.u.hams.com.");
        for (text, name) in [
            ("@", "k6bp.u.hams.com."),
            ("", "k6bp.u.hams.com."),
            ("WWW", "www.k6bp.u.hams.com."),
            ("a.b", "a.b.k6bp.u.hams.com."),
            ("*", "*.k6bp.u.hams.com."),
            ("*.sub", "*.sub.k6bp.u.hams.com."),
            ("_acme-challenge", "_acme-challenge.k6bp.u.hams.com."),
            ("www.k6bp.u.hams.com.", "www.k6bp.u.hams.com."),
            ("www.k6bp.u.hams.com", "www.k6bp.u.hams.com."),
        ] {
            assert_eq!(Name::owner(text, &zone).unwrap().as_str(), name, "{text}");
        }
    }

    #[test]
    fn refused_owners() {
        let zone = zone();
        let long = "a".repeat(64);
        for text in
            ["a..b", ".", "a b", "ä", "a*", "b.*", "**", "other.com.", "xk6bp.u.hams.com.", &long, "a\\032b"]
        {
            assert!(Name::owner(text, &zone).is_err(), "{text}");
        }
        let too_long = format!("{0}.{0}.{0}.{0}", "a".repeat(60));
        assert!(matches!(Name::owner(&too_long, &zone), Err(NameError::Long(_))));
    }

    #[test]
    fn targets() {
        let zone = zone();
        assert_eq!(Name::target("Mail", &zone).unwrap().as_str(), "mail.k6bp.u.hams.com.");
        assert_eq!(Name::target("Example.COM.", &zone).unwrap().as_str(), "example.com.");
        assert_eq!(Name::target(".", &zone).unwrap().as_str(), ".");
        assert!(matches!(Name::target("example.com", &zone), Err(NameError::Ambiguous(_))));
        assert!(matches!(Name::target("*.example.com.", &zone), Err(NameError::Wildcard(_))));
    }

    #[test]
    fn inside_needs_a_whole_label() {
        let zone = Name::absolute("bp.u.hams.com.").unwrap();
        assert!(!Name::absolute("k6bp.u.hams.com.").unwrap().is_inside(&zone));
    }

    proptest! {
        #[test]
        fn parsing_twice_changes_nothing(text in "[a-zA-Z0-9_/-]{1,20}(\\.[a-zA-Z0-9_-]{1,20}){0,3}") {
            let once = Name::owner(&text, &zone()).unwrap();
            prop_assert_eq!(Name::owner(once.as_str(), &zone()).unwrap(), once);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,300}") {
            let _ = Name::owner(&text, &zone());
            let _ = Name::target(&text, &zone());
        }
    }
}
