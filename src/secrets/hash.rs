//! The forms in which RabbitMQ, PowerDNS, PostgreSQL and Redis keep a password: hashes, salted but for those of Redis.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::secrets::error::SecretsError;
use crate::secrets::secret::Secret;

/// RabbitMQ's `password_hash` under `rabbit_password_hashing_sha256`: base64 of the salt followed by
/// SHA-256 of salt and password (<https://www.rabbitmq.com/docs/passwords>).
pub fn rabbitmq_password_hash(password: &Secret, salt: [u8; 4]) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(password.expose()).finalize();
    let mut bytes = salt.to_vec();
    bytes.extend_from_slice(&digest);
    STANDARD.encode(bytes)
}

/// A password in Redis's ACL, behind `#`: SHA-256 in hexadecimal, without a salt
/// (<https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/>).
pub fn redis_password_hash(password: &Secret) -> String {
    Sha256::digest(password.expose()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// PowerDNS's hashed `api-key`, in the form that `pdnsutil hash-password` prints: scrypt with p = 1, r = 8, a salt of 16
/// bytes and a key of 32, both in padded base64.
///
/// PowerDNS makes the hash again for each request. With pdnsutil's N = 2^10 that takes 4 ms and more than half of what a
/// change costs it (476 PATCH/s instead of 176, PowerDNS 4.9.18 on 2 cores). A key that is too long to be guessed, as ours is,
/// needs no slow hash.
pub fn pdns_api_key_hash(key: &Secret, salt: [u8; 16]) -> Result<String, SecretsError> {
    const P: u32 = 1;
    const R: u32 = 8;
    /// Characters; in hexadecimal, half as many octets.
    const UNGUESSABLE: usize = 32;
    let log_n: u8 = if key.expose().len() < UNGUESSABLE { 10 } else { 1 };
    let params = scrypt::Params::new(log_n, R, P).map_err(|error| SecretsError::Hash(error.to_string()))?;
    let mut derived = [0; 32];
    scrypt::scrypt(key.expose().as_bytes(), &salt, &params, &mut derived)
        .map_err(|error| SecretsError::Hash(error.to_string()))?;
    Ok(format!("$scrypt$ln={log_n},p={P},r={R}${}${}", STANDARD.encode(salt), STANDARD.encode(derived)))
}

/// PostgreSQL's SCRAM verifier, as `pg_authid.rolpassword` has it: `SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER`, with
/// the keys of RFC 5802 §3 (<https://www.postgresql.org/docs/16/catalog-pg-authid.html>). The password must be ASCII:
/// SASLprep, which clients apply, changes nothing in it then.
pub fn scram_verifier(password: &Secret, salt: [u8; 16]) -> Result<String, SecretsError> {
    const ITERATIONS: u32 = 4096; // what PostgreSQL's own `scram_iterations` is
    if !password.expose().bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err(SecretsError::Hash("a password for PostgreSQL must be of printable ASCII alone".into()));
    }
    let hmac = |key: &[u8], text: &[u8]| -> Result<Vec<u8>, SecretsError> {
        let mac =
            Hmac::<Sha256>::new_from_slice(key).map_err(|error| SecretsError::Hash(error.to_string()))?;
        Ok(mac.chain_update(text).finalize().into_bytes().to_vec())
    };
    let mut salted = [0; 32];
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password.expose().as_bytes(), &salt, ITERATIONS, &mut salted)
        .map_err(|error| SecretsError::Hash(error.to_string()))?;
    let stored = Sha256::digest(hmac(&salted, b"Client Key")?);
    let server = hmac(&salted, b"Server Key")?;
    let (salt, stored, server) = (STANDARD.encode(salt), STANDARD.encode(stored), STANDARD.encode(server));
    Ok(format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// facts/stack.md §1: PostgreSQL 17 let this password in with this verifier, and no other.
    #[test]
    fn postgresql_lets_this_verifier_in() {
        let salt = std::array::from_fn(|index| index as u8);
        assert_eq!(
            scram_verifier(&Secret::new("pencil"), salt).unwrap(),
            "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==\
             $zHCdol2044/ZyWzPLi7oxApCkamKw9Z+E4U/QApd/5Y=:dd5peBOitVnLNFu7VmwP+HiDaaw4OUCv396eVCWhYiE="
        );
        assert!(scram_verifier(&Secret::new("ñ"), salt).is_err());
    }

    /// The example of RabbitMQ's documentation.
    #[test]
    fn rabbitmq_documents_this_hash() {
        let hash = rabbitmq_password_hash(&Secret::new("test12"), [0x90, 0x8d, 0xc6, 0x0a]);
        assert_eq!(hash, "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
    }

    /// `printf test12 | sha256sum`.
    #[test]
    fn redis_keeps_this_hash() {
        let hash = "a98ec5c5044800c88e862f007b98d89815fc40ca155d6ce7909530d792e909ce";
        assert_eq!(redis_password_hash(&Secret::new("test12")), hash);
    }

    fn pdns_hash(key: &str) -> String {
        let salt: [u8; 16] = STANDARD.decode("iR0aT9fL/JxL6FCG3hy/Hg==").unwrap().try_into().unwrap();
        pdns_api_key_hash(&Secret::new(key), salt).unwrap()
    }

    /// `printf 'test12\n' | pdnsutil hash-password`, PowerDNS 4.7.3, with the salt that it drew.
    #[test]
    fn pdnsutil_prints_this_hash() {
        assert_eq!(
            pdns_hash("test12"),
            "$scrypt$ln=10,p=1,r=8$iR0aT9fL/JxL6FCG3hy/Hg==$oYKuDHomhP3iIynpkfbHEhtxPXZzTubf0bVK/xsjCXs="
        );
    }

    /// `hashlib.scrypt(key, salt=salt, n=2, r=8, p=1, dklen=32)`, Python 3.11.
    #[test]
    fn a_long_key_has_a_quick_hash() {
        assert_eq!(
            pdns_hash("0123456789abcdef0123456789abcdef"),
            "$scrypt$ln=1,p=1,r=8$iR0aT9fL/JxL6FCG3hy/Hg==$cCwrLk9TkT57VgORyOs9XPXpXgJ97bKrDhztNFouGP0="
        );
    }
}
