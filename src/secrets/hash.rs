//! The forms in which RabbitMQ, PowerDNS and Redis keep a password: hashes, those of the first two salted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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

/// PowerDNS's hashed `api-key`, in the form that `pdnsutil hash-password` prints: scrypt with
/// N = 2^10, p = 1, r = 8, a salt of 16 bytes and a key of 32, both in padded base64.
pub fn pdns_api_key_hash(key: &Secret, salt: [u8; 16]) -> Result<String, SecretsError> {
    const LOG_N: u8 = 10;
    const P: u32 = 1;
    const R: u32 = 8;
    let params = scrypt::Params::new(LOG_N, R, P).map_err(|error| SecretsError::Hash(error.to_string()))?;
    let mut derived = [0; 32];
    scrypt::scrypt(key.expose().as_bytes(), &salt, &params, &mut derived)
        .map_err(|error| SecretsError::Hash(error.to_string()))?;
    Ok(format!("$scrypt$ln={LOG_N},p={P},r={R}${}${}", STANDARD.encode(salt), STANDARD.encode(derived)))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// `printf 'test12\n' | pdnsutil hash-password`, PowerDNS 4.7.3, with the salt that it drew.
    #[test]
    fn pdnsutil_prints_this_hash() {
        let salt: [u8; 16] = STANDARD.decode("iR0aT9fL/JxL6FCG3hy/Hg==").unwrap().try_into().unwrap();
        assert_eq!(
            pdns_api_key_hash(&Secret::new("test12"), salt).unwrap(),
            "$scrypt$ln=10,p=1,r=8$iR0aT9fL/JxL6FCG3hy/Hg==$oYKuDHomhP3iIynpkfbHEhtxPXZzTubf0bVK/xsjCXs="
        );
    }
}
