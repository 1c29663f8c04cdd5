//! PostgreSQL's words in hams.toml, and the sources of its packages: what each must look like.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::name::{self, Problem};

/// Majors that can be asked of PGDG: from the first whose schema `public` nobody may write to.
const MAJORS: std::ops::RangeInclusive<u64> = 15..=18;
/// PostgreSQL cuts longer names off (NAMEDATALEN).
const LONGEST_NAME: usize = 63;

/// Where PostgreSQL's packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresqlSource {
    /// The PostgreSQL project's own repository for Debian.
    Pgdg,
    /// Debian's archive, with the one major that the release has.
    Debian,
}

impl fmt::Display for PostgresqlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PostgresqlSource::Pgdg => "pgdg",
            PostgresqlSource::Debian => "debian",
        })
    }
}

/// An extension that can be created for Odoo's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// Similarity of texts, for search: in the server's package.
    PgTrgm,
    /// Texts without accents, for search: in the server's package.
    Unaccent,
    /// Vectors, in a package of its own.
    Vector,
}

impl Extension {
    const ALL: [Extension; 3] = [Extension::PgTrgm, Extension::Unaccent, Extension::Vector];

    /// Its name in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Extension::PgTrgm => "pg_trgm",
            Extension::Unaccent => "unaccent",
            Extension::Vector => "vector",
        }
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

pub(super) fn source(text: &str) -> Result<PostgresqlSource, Problem> {
    match text {
        "pgdg" => Ok(PostgresqlSource::Pgdg),
        "debian" => Ok(PostgresqlSource::Debian),
        _ => Err(Problem::new("is no source", "give `pgdg` or `debian`")),
    }
}

pub(super) fn extension(text: &str) -> Result<Extension, Problem> {
    let known = Extension::ALL.into_iter().find(|extension| extension.as_str() == text);
    known.ok_or_else(|| {
        Problem::new("is no extension that hams knows", "name `pg_trgm`, `unaccent` or `vector`")
    })
}

pub(super) fn version(number: u64) -> Result<u16, Problem> {
    let (first, last) = (MAJORS.start(), MAJORS.end());
    match u16::try_from(number) {
        Ok(version) if MAJORS.contains(&number) => Ok(version),
        _ => Err(Problem::new("is no supported major version", format!("give one from {first} to {last}"))),
    }
}

pub(super) fn port(number: u64) -> Result<u16, Problem> {
    name::unprivileged_port(number, "PostgreSQL")
}

/// A database's name that needs no quotes in SQL, in a shell or in a URL.
pub(super) fn database(text: &str) -> Result<String, Problem> {
    const RESERVED: [&str; 3] = ["postgres", "template0", "template1"];
    let is_plain = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if RESERVED.contains(&text) {
        return Err(Problem::new(
            "is a database of PostgreSQL's own",
            "give another name, such as `hams_prod`",
        ));
    }
    if !is_plain || text.len() > LONGEST_NAME {
        let fix = format!(
            "use lower-case letters, digits and underscores, a letter in front, at most {LONGEST_NAME} characters"
        );
        return Err(Problem::new("is no name for a database", fix));
    }
    Ok(text.to_owned())
}

/// The address of an apt repository, without a slash at its end.
pub(super) fn repository(text: &str) -> Result<String, Problem> {
    let rest = ["http://", "https://", "file:/"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        Some(rest) if !rest.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(Problem::new(
            "is no address of an apt repository",
            "give an address that begins with `https://`, `http://` or `file:/`",
        )),
    }
}

/// An OpenPGP key in a form that apt tells by the file's ending.
pub(super) fn key_file(text: &str) -> Result<PathBuf, Problem> {
    let path = Path::new(text);
    let is_key = path.extension().is_some_and(|ending| ending == "asc" || ending == "gpg");
    if !path.is_absolute() || !is_key || text.contains(char::is_whitespace) {
        return Err(Problem::new(
            "is no path of a key",
            "give an absolute path that ends in `.asc` (armoured) or `.gpg` (binary)",
        ));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_no_quotes() {
        for good in ["hams_prod", "a", "x9"] {
            assert_eq!(database(good).unwrap(), good);
        }
        for bad in ["", "Hams", "9a", "_a", "a-b", "a b", "a\"b", "postgres", "template1", &"a".repeat(64)] {
            assert!(database(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_and_keys_of_repositories() {
        assert_eq!(repository("file:/srv/pgdg/").unwrap(), "file:/srv/pgdg");
        assert_eq!(repository("http://mirror.example/pgdg").unwrap(), "http://mirror.example/pgdg");
        for bad in ["", "mirror.example", "ftp://x/y", "https://", "http://x y", "http://x\nSigned-By: y"] {
            assert!(repository(bad).is_err(), "{bad}");
        }
        assert_eq!(key_file("/etc/apt/keyrings/x.asc").unwrap(), Path::new("/etc/apt/keyrings/x.asc"));
        for bad in ["x.asc", "/x", "/x.txt", "/x y.asc"] {
            assert!(key_file(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_have_their_range() {
        assert_eq!(version(16).unwrap(), 16);
        assert!(version(14).is_err() && version(19).is_err() && version(1 << 40).is_err());
        assert_eq!(port(5432).unwrap(), 5432);
        assert!(port(0).is_err() && port(1023).is_err() && port(65536).is_err());
    }
}
