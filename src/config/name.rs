//! Host and domain names: what a name must look like, and what is wrong with one that does not.
//!
//! The limits are those of RFC 1035 §2.3.4 (63 octets a label, 253 characters a name written
//! without its last dot) and RFC 1123 §2.1 (letters, digits, hyphens inside a label).

use std::net::IpAddr;
use std::path::PathBuf;

/// What is wrong with a value, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Completes "the value … ": `has a port`.
    pub what: String,
    /// The fix, as an instruction.
    pub fix: String,
}

impl Problem {
    pub(super) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

/// A port of `who`, which is not root: below 1024 only root could listen.
pub(super) fn unprivileged_port(number: u64, who: &str) -> Result<u16, Problem> {
    match u16::try_from(number) {
        Ok(port) if port >= 1024 => Ok(port),
        _ => Err(Problem::new(format!("is no port that {who} can have"), "give one from 1024 to 65535")),
    }
}

/// The node's domain in its normal form: lower case, no trailing dot, at least two labels.
pub(super) fn domain(text: &str) -> Result<String, Problem> {
    normal(text, 2)
}

/// A fully qualified name in its normal form: lower case, with the trailing dot.
pub(super) fn absolute(text: &str) -> Result<String, Problem> {
    normal(text, 2).map(|name| name + ".")
}

/// A machine: an IP address, or a host name of one label or more.
pub(super) fn host(text: &str) -> Result<String, Problem> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => normal(text, 1),
    }
}

/// A file by its absolute path, of characters that mean nothing else in the configuration of any program.
pub(super) fn path(text: &str) -> Result<PathBuf, Problem> {
    if !text.starts_with('/') {
        return Err(Problem::new("is no absolute path", "give the whole path, beginning with `/`"));
    }
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/._+@=,:-".contains(char);
    if let Some(other) = text.chars().find(|char| !is_plain(*char)) {
        return Err(Problem::new(
            format!("has the character `{}`", other.escape_default()),
            "use a path of letters, digits and `._+@=,:-`",
        ));
    }
    Ok(PathBuf::from(text))
}

/// The name of a daemon, as a unit's instance bears it.
pub(super) fn daemon(text: &str) -> Result<String, Problem> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    if text.is_empty() || !text.chars().all(is_plain) {
        return Err(Problem::new(
            "is no name of a daemon",
            "name one as the catalogue does, such as `fcc.uls.sync`",
        ));
    }
    Ok(text.to_owned())
}

fn normal(text: &str, least_labels: usize) -> Result<String, Problem> {
    let bare = |name: &str| format!("give the bare name, such as `{name}`");
    if text.is_empty() {
        return Err(Problem::new("is empty", bare("example.org")));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let name = rest.split(['/', ':', '?', '#']).next().filter(|name| !name.is_empty());
        return Err(Problem::new("has a scheme in front", bare(name.unwrap_or("example.org"))));
    }
    if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(Problem::new("is an IP address", bare("example.org")));
    }
    if text.contains('/') {
        let name = text.split('/').next().filter(|name| !name.is_empty());
        return Err(Problem::new("has a path", bare(name.unwrap_or("example.org"))));
    }
    if let Some((name, _)) = text.split_once(':') {
        return Err(Problem::new("has a port", bare(name)));
    }
    if let Some((_, name)) = text.split_once('@') {
        return Err(Problem::new("looks like a mail address", bare(name)));
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if name.len() > 253 {
        return Err(Problem::new(
            format!("is {} characters long", name.len()),
            "use a name of at most 253 characters",
        ));
    }
    let labels: Vec<&str> = name.split('.').collect();
    labels.iter().try_for_each(|label| check_label(label))?;
    if labels.len() < least_labels {
        return Err(Problem::new(
            "has only one label",
            format!("use a name of at least two labels, such as `{name}.example.org`"),
        ));
    }
    if labels.last().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Problem::new(
            "ends in a label of digits, as only IP addresses do",
            "use a name whose last label has a letter",
        ));
    }
    Ok(name)
}

fn check_label(label: &str) -> Result<(), Problem> {
    if label.is_empty() {
        return Err(Problem::new("has an empty label", "remove the dot that is too many"));
    }
    if label.len() > 63 {
        return Err(Problem::new(
            format!("has a label of {} characters", label.len()),
            "use labels of at most 63 characters",
        ));
    }
    if label.contains('_') {
        return Err(Problem::new("has an underscore", "use a hyphen: host names have no underscores"));
    }
    if label.chars().any(char::is_whitespace) {
        return Err(Problem::new("has a space in it", "remove the space"));
    }
    if !label.is_ascii() {
        return Err(Problem::new(
            "has letters outside ASCII",
            "write an internationalised name in its `xn--` form",
        ));
    }
    if let Some(other) = label.chars().find(|char| !char.is_ascii_alphanumeric() && *char != '-') {
        return Err(Problem::new(
            format!("has the character `{}`", other.escape_default()),
            "use letters, digits, hyphens and dots",
        ));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(Problem::new(
            format!("has the label `{label}`"),
            "use labels that neither start nor end with a hyphen",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_brought_to_their_normal_form() {
        assert_eq!(domain("Hams.COM.").unwrap(), "hams.com");
        assert_eq!(absolute("NS1.hams.com").unwrap(), "ns1.hams.com.");
        assert_eq!(host("mq").unwrap(), "mq");
        assert_eq!(host("2001:DB8::1").unwrap(), "2001:db8::1");
        let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
        assert_eq!(longest.len(), 253);
        assert_eq!(domain(&longest).unwrap(), longest);
    }

    #[test]
    fn paths_are_absolute_and_plain() {
        assert_eq!(path("/etc/hams/ca.pem").unwrap(), PathBuf::from("/etc/hams/ca.pem"));
        for text in
            ["", "ca.pem", "/etc/my ca.pem", "/etc/$x", "/etc/a;b", "/etc/a\nb", "/etc/\"a", "/etc/{a}"]
        {
            assert!(path(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn each_fault_is_named() {
        for (text, what) in [
            ("", "is empty"),
            (".", "has an empty label"),
            ("https://hams.com/", "has a scheme"),
            ("192.0.2.1", "is an IP address"),
            ("[2001:db8::1]", "is an IP address"),
            ("2001:db8::1", "is an IP address"),
            ("hams.com/odoo", "has a path"),
            ("hams.com:8069", "has a port"),
            ("me@hams.com", "mail address"),
            ("hams..com", "empty label"),
            (".hams.com", "empty label"),
            ("hams.com..", "empty label"),
            ("my_hams.com", "underscore"),
            ("my hams.com", "space"),
            (" hams.com", "space"),
            ("hams.com\n", "space"),
            ("häms.com", "outside ASCII"),
            ("*.hams.com", "character `*`"),
            ("-hams.com", "label `-hams`"),
            ("hams-.com", "label `hams-`"),
            ("hams", "only one label"),
            ("hams.42", "label of digits"),
        ] {
            let problem = domain(text).unwrap_err();
            assert!(problem.what.contains(what), "{text:?}: {problem:?}");
            assert!(!problem.fix.is_empty() && !problem.fix.ends_with('.'));
        }
        assert!(domain(&format!("{}.com", "a".repeat(64))).unwrap_err().what.contains("64 characters"));
        assert!(domain(&["abcdefg"; 32].join(".")).unwrap_err().what.contains("255 characters"));
    }

    #[test]
    fn the_fix_for_a_url_is_the_name_in_it() {
        assert_eq!(domain("http://hams.com:80/x").unwrap_err().fix, "give the bare name, such as `hams.com`");
    }
}
