//! PBKDF2-HMAC-SHA512 in the form that passlib and Odoo keep: `$pbkdf2-sha512$ROUNDS$SALT$KEY`, salt and key in passlib's
//! "adapted base64" (`.` for `+`, no padding), the key 64 bytes long (facts/stack.md §2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use pbkdf2::pbkdf2_hmac;
use sha2::Sha512;

/// How every such hash begins.
pub(super) const PREFIX: &str = "$pbkdf2-sha512$";

/// Bytes of a derived key: SHA-512's own length, and the only one that passlib takes.
const KEY_LENGTH: usize = 64;

/// A hash, taken apart.
pub(super) struct Pbkdf2Hash {
    /// Rounds of HMAC-SHA512.
    pub(super) rounds: u32,
    salt: Vec<u8>,
    key: [u8; KEY_LENGTH],
}

impl Pbkdf2Hash {
    /// Hashes the password's UTF-8; at 600,000 rounds this takes half a second.
    pub(super) fn of(password: &str, salt: &[u8], rounds: u32) -> Self {
        let mut key = [0; KEY_LENGTH];
        pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, rounds, &mut key);
        Self { rounds, salt: salt.to_vec(), key }
    }

    /// Reads a hash; `None` where it is not well-formed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.strip_prefix(PREFIX)?.split('$').collect();
        let [rounds, salt, key] = fields[..] else { return None };
        let is_number = !rounds.starts_with('0') && rounds.bytes().all(|byte| byte.is_ascii_digit());
        let rounds = if is_number { rounds.parse().ok()? } else { return None };
        let salt = from_ab64(salt).filter(|salt| !salt.is_empty())?;
        Some(Self { rounds, salt, key: from_ab64(key)?.try_into().ok()? })
    }

    /// Whether this is the hash of `password`.
    pub(super) fn is_of(&self, password: &str) -> bool {
        Self::of(password, &self.salt, self.rounds).key == self.key
    }

    /// The hash as text.
    pub(super) fn render(&self) -> String {
        format!("{PREFIX}{}${}${}", self.rounds, to_ab64(&self.salt), to_ab64(&self.key))
    }
}

fn to_ab64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes).replace('+', ".")
}

fn from_ab64(text: &str) -> Option<Vec<u8>> {
    if text.contains('+') {
        return None;
    }
    STANDARD_NO_PAD.decode(text.replace('.', "+")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by hashlib and passlib alike; Odoo 19 logged in with each (facts/stack.md §2).
    const VECTORS: [(&str, &str, u32, &str); 3] = [
        (
            "correct horse battery staple",
            "000102030405060708090a0b0c0d0e0f",
            600_000,
            "$pbkdf2-sha512$600000$AAECAwQFBgcICQoLDA0ODw$HPMKUYh49Erst1wODQ1poCrF.RgaU7UpIJLhCjwMu0FQip6EKIUUkNiJ4BvDKV0UdO8BuHufX3D.ExFyclsWAw",
        ),
        (
            "Пароль-密码-ñ €",
            "ffeeddccbbaa99887766554433221100",
            600_000,
            "$pbkdf2-sha512$600000$/.7dzLuqmYh3ZlVEMyIRAA$UdXK8jXv837z9hvrbRfMcszyDYDqEwMR2h7XgynQMPdjaIXhWcApoc.qKaPURw5yuncbzHI0VANb9ZK0LyYCoA",
        ),
        (
            "x",
            "fbefbefbefbefbefbefbefbefbefbefbfbefbefbefbefbefbefbefbefbefbefb",
            650_000,
            "$pbkdf2-sha512$650000$...................../vvvvvvvvvvvvvvvvvvvvs$9wb9CxXUwGMdZA/DvjSiuT8R6.3W5A01sSGp7eVjGlwZfxLLdowyqtS/0lrwvtogHeLolNZr95aDUp5ky9TDwg",
        ),
    ];

    #[test]
    fn passlib_makes_these_hashes() {
        for (password, salt, rounds, hash) in VECTORS {
            let salt: Vec<u8> = (0..salt.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&salt[at..at + 2], 16).unwrap())
                .collect();
            assert_eq!(Pbkdf2Hash::of(password, &salt, rounds).render(), hash);
            let read = Pbkdf2Hash::parse(hash).unwrap();
            assert_eq!((read.rounds, read.render().as_str()), (rounds, hash));
        }
    }

    #[test]
    fn a_hash_knows_its_password() {
        let hash = Pbkdf2Hash::parse(&Pbkdf2Hash::of("right", b"salt", 3).render()).unwrap();
        assert!(hash.is_of("right") && !hash.is_of("wrong"));
    }

    #[test]
    fn what_is_cut_or_written_otherwise_is_no_hash() {
        let whole = VECTORS[0].3;
        for broken in [
            &whole[..whole.len() - 1],
            &whole[1..],
            &whole.replace("600000", "0600000"),
            &whole.replace("600000", "+600000"),
            &whole.replace("600000", ""),
            &whole.replace("600000", "4294967296"),
            &whole.replace("sha512", "sha256"),
            &whole.replace("AAECAwQFBgcICQoLDA0ODw", ""),
            &whole.replace('.', "+"),
            &format!("{whole}$"),
            &format!("{whole}=="),
            &format!("{whole}\n"),
        ] {
            assert!(Pbkdf2Hash::parse(broken).is_none(), "{broken}");
        }
    }
}
