//! The password of Odoo's user `admin`: what may be one, and the hash that alone is kept of it.

use crate::secrets::error::SecretsError;
use crate::secrets::generate;
use crate::secrets::pbkdf2_hash::{PREFIX, Pbkdf2Hash};
use crate::secrets::secret::Secret;

/// The vault's key; the platform's name, under which it keeps a hash as well (ADR-0006).
pub const ADMIN_PASSWORD: &str = "ODOO_ADMIN_PASSWORD";

/// Odoo 19 takes no fewer, and makes a hash with more anew at the first login.
const ROUNDS: u32 = 600_000;
/// passlib's own length for this hash.
const SALT_LENGTH: usize = 16;
const LEAST_CHARACTERS: usize = 12;
/// passlib refuses longer ones.
const MOST_BYTES: usize = 4096;

/// What is wrong with a text, and what would be right; neither holds the text.
pub(super) type Fault = (&'static str, &'static str);

/// What an operator gave.
enum Given {
    Password,
    Hash,
}

/// The text to keep for what the operator gave: a hash as it is, a password's hash; where `kept` is the hash of that
/// very password, `kept` itself.
pub fn admin_password_hash(given: &Secret, kept: Option<&Secret>) -> Result<Secret, SecretsError> {
    let given_text = given.expose();
    match checked(given_text).map_err(refused)? {
        Given::Hash => Ok(given.clone()),
        Given::Password => {
            let known = kept.and_then(|kept| Some((kept, Pbkdf2Hash::parse(kept.expose())?)));
            match known {
                Some((kept, hash)) if hash.rounds == ROUNDS && hash.is_of(given_text) => Ok(kept.clone()),
                _ => {
                    let salt = generate::bytes::<SALT_LENGTH>()?;
                    Ok(Secret::new(Pbkdf2Hash::of(given_text, &salt, ROUNDS).render()))
                }
            }
        }
    }
}

/// The hash of a password that nobody knows.
pub fn unknown_password_hash() -> Result<Secret, SecretsError> {
    admin_password_hash(&generate::password()?, None)
}

/// Whether `kept`, what Odoo keeps of a password, is that of `password`; half a second where it is a hash.
pub fn is_admin_password(kept: &str, password: &str) -> bool {
    Pbkdf2Hash::parse(kept).map_or(kept == password, |hash| hash.is_of(password))
}

/// Whether a text may be given as the password, or as its hash.
pub fn check_admin_password(given: &Secret) -> Result<(), SecretsError> {
    check(given.expose()).map_err(refused)
}

/// The same, told in words.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    checked(text).map(|_| ())
}

/// Whether a text may stand in the vault: a hash alone.
pub(super) fn check_hash(text: &str) -> Result<(), Fault> {
    match checked(text) {
        Ok(Given::Hash) => Ok(()),
        Err(fault) if text.starts_with(PREFIX) => Err(fault),
        _ => Err((
            "is no hash of a password",
            "empty the value, and give the password to `hams-install hash-admin-password`",
        )),
    }
}

fn checked(text: &str) -> Result<Given, Fault> {
    const LENGTH: &str = "give a password of at least 12 characters";
    if text.is_empty() {
        return Err(("is empty", LENGTH));
    }
    if text.chars().any(char::is_control) {
        return Err(("has a line break or another control character in it", "give one line"));
    }
    if text.starts_with(PREFIX) {
        return match Pbkdf2Hash::parse(text) {
            None => Err((
                "begins like a hash and is not a whole one",
                "copy all of it, from the first `$` to the end, or give the password itself",
            )),
            Some(hash) if hash.rounds < ROUNDS => Err((
                "is a hash of fewer than 600000 rounds",
                "give the password itself: its hash is made with 600000 rounds",
            )),
            Some(_) => Ok(Given::Hash),
        };
    }
    // The modular crypt format: `$KIND$…$…`.
    if text.starts_with('$') && text.matches('$').count() > 2 {
        return Err((
            "is a hash of another kind",
            "give the password itself, or a hash that begins with `$pbkdf2-sha512$`",
        ));
    }
    if text.chars().count() < LEAST_CHARACTERS {
        return Err(("has fewer than 12 characters", LENGTH));
    }
    if text.len() > MOST_BYTES {
        return Err(("is longer than 4096 bytes", "give a shorter one"));
    }
    Ok(Given::Password)
}

fn refused((problem, fix): Fault) -> SecretsError {
    SecretsError::Value { name: ADMIN_PASSWORD.to_owned(), problem, fix }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$pbkdf2-sha512$600000$AAECAwQFBgcICQoLDA0ODw$HPMKUYh49Erst1wODQ1poCrF.RgaU7UpIJLhCjwMu0FQip6EKIUUkNiJ4BvDKV0UdO8BuHufX3D.ExFyclsWAw";

    fn hash(given: &str, kept: Option<&str>) -> Result<String, String> {
        let kept = kept.map(Secret::new);
        let made = admin_password_hash(&Secret::new(given), kept.as_ref());
        made.map(|hash| hash.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_hash_stays_as_it_is() {
        assert_eq!(hash(HASH, None).unwrap(), HASH);
        let more = HASH.replace("600000", "650000");
        assert_eq!(hash(&more, Some(HASH)).unwrap(), more);
    }

    #[test]
    fn the_same_password_keeps_its_hash_and_another_gets_one() {
        let password = "correct horse battery staple";
        assert_eq!(hash(password, Some(HASH)).unwrap(), HASH);
        let other = hash("another battery staple", Some(HASH)).unwrap();
        let made = Pbkdf2Hash::parse(&other).unwrap();
        assert!(made.rounds == ROUNDS && made.is_of("another battery staple"), "{other}");
        check_hash(&other).unwrap();
    }

    #[test]
    fn each_refusal_says_what_is_wrong_and_not_the_text() {
        let fewer = HASH.replace("600000", "599999");
        for (given, problem) in [
            ("", "is empty"),
            ("hunter2hunt", "fewer than 12 characters"),
            ("hunter2hunter\n", "line break"),
            (&HASH[..HASH.len() - 2], "not a whole one"),
            (&fewer, "fewer than 600000 rounds"),
            ("$6$salt$hunter2hunter2hunter2", "another kind"),
            (&"hunter2".repeat(600), "longer than 4096 bytes"),
        ] {
            let error = hash(given, None).unwrap_err();
            assert!(error.contains(problem) && error.contains("hint: "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        // Characters count, not bytes.
        check("ñññññññññññ").unwrap_err();
        check("ñññññññññññ€").unwrap();
        assert_eq!(check_hash("a plain password").unwrap_err().0, "is no hash of a password");
        assert_eq!(check_hash(&fewer).unwrap_err().0, "is a hash of fewer than 600000 rounds");
    }
}
