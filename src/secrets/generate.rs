//! New secrets from the kernel's random numbers.

use crate::secrets::error::SecretsError;
use crate::secrets::secret::Secret;

/// Letters and digits need no quoting in a shell, a URL, an env file or a config file.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// 32 characters of 62 are 190 bits.
const LENGTH: usize = 32;

/// A new password or key.
pub(super) fn password() -> Result<Secret, SecretsError> {
    let mut text = String::with_capacity(LENGTH);
    let mut bytes = [0; 2 * LENGTH];
    while text.len() < LENGTH {
        getrandom::fill(&mut bytes).map_err(SecretsError::Random)?;
        text.extend(bytes.iter().copied().filter_map(character).take(LENGTH - text.len()));
    }
    Ok(Secret::new(text))
}

/// A byte's character. Those from 248 on are dropped, else the first eight characters of the
/// alphabet would come up more often than the others.
fn character(byte: u8) -> Option<char> {
    let whole = 256 - 256 % ALPHABET.len();
    (usize::from(byte) < whole).then(|| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]))
}

/// Random bytes.
pub(super) fn bytes<const N: usize>() -> Result<[u8; N], SecretsError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(SecretsError::Random)?;
    Ok(bytes)
}

/// A new salt of that many bytes, in hexadecimal.
pub(super) fn salt(bytes: usize) -> Result<Secret, SecretsError> {
    let mut salt = vec![0; bytes];
    getrandom::fill(&mut salt).map_err(SecretsError::Random)?;
    Ok(Secret::new(salt.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_character_is_as_likely_as_any_other() {
        let mut counts = BTreeMap::new();
        for character in (0..=255).filter_map(character) {
            *counts.entry(character).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| *count == 4));
    }

    #[test]
    fn passwords_and_salts_have_their_form() {
        let first = password().unwrap();
        assert_eq!(first.expose().len(), 32);
        assert!(first.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(first, password().unwrap());
        let salt = salt(16).unwrap();
        assert_eq!(salt.expose().len(), 32);
        assert!(salt.expose().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
