//! The service account's key to Odoo: a file with the key alone, or the platform's form with a comment, the login
//! (`ODOO_RPC_LOGIN=`) and the key (`ODOO_RPC_KEY=`).

use std::io;
use std::path::{Path, PathBuf};

use crate::secrets::Secret;

/// The name in the platform's form.
const VARIABLE: &str = "ODOO_RPC_KEY";

/// There is no key to use.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    /// Nothing stands in it: what the unit gives the agent where there is no key.
    #[error("it is not there yet, or empty")]
    None,
    /// Something else stands in it.
    #[error("it holds neither a key alone nor a line `{VARIABLE}=`")]
    Form,
}

/// Reads the file anew.
pub(super) fn read(path: &Path) -> Result<Secret, KeyError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
    parse(&text)
}

fn parse(text: &str) -> Result<Secret, KeyError> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let given = lines.iter().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim_end() == VARIABLE).then(|| value.trim().trim_matches(['"', '\'']))
    });
    let key = match (given, lines.as_slice()) {
        (Some(key), _) => key,
        (None, []) => return Err(KeyError::None),
        (None, [key]) => key,
        (None, _) => return Err(KeyError::Form),
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    match key {
        "" => Err(KeyError::None),
        _ if key.bytes().all(is_plain) => Ok(Secret::new(key)),
        _ => Err(KeyError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let key = "0123456789abcdef0123456789abcdef01234567";
        for text in [
            format!("{key}\n"),
            format!("# by hand\n\n  {key}"),
            format!(
                "# Written by daemon_key_manager\nODOO_RPC_LOGIN=dns_api_service_internal\nODOO_RPC_KEY={key}\n"
            ),
            format!("ODOO_RPC_KEY = '{key}'\r\n"),
        ] {
            assert_eq!(parse(&text).unwrap().expose(), key, "{text}");
        }
    }

    #[test]
    fn no_key() {
        for text in ["", "\n", "#none", "# a comment\n\n", "ODOO_RPC_KEY=\n"] {
            assert!(matches!(parse(text), Err(KeyError::None)), "{text}");
        }
        for text in ["a\nb", "ODOO_RPC_LOGIN=x", "two words", "ODOO_RPC_KEY=two words"] {
            assert!(matches!(parse(text), Err(KeyError::Form)), "{text}");
        }
        assert!(matches!(read(Path::new("/nonexistent/key")), Err(KeyError::Read { .. })));
    }
}
