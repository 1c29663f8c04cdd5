//! Takes every secret out of a text that people will see.

use crate::secrets::hash::{rabbitmq_password_hash, redis_password_hash};
use crate::secrets::line::quoted;
use crate::secrets::vault::Vault;

const MASK: &str = "***";

/// How hashes begin, whatever secret they belong to: a PowerDNS API key's, and a PostgreSQL password's.
const HASHES: [&str; 2] = ["$scrypt$", "SCRAM-SHA-256$"];

/// How a RabbitMQ definition's hash begins, whatever password it belongs to.
const PASSWORD_HASH: &str = "\"password_hash\"";

/// The text with `***` for every value of the vault, however quoted, and for every hash of one.
///
/// Hashes are also known by their form, because the old side of a diff holds those of passwords that
/// the vault no longer has.
pub fn mask(text: &str, secrets: &Vault) -> String {
    let mut values: Vec<String> = Vec::new();
    for (name, value) in secrets.assignments().filter(|(_, value)| !value.is_empty()) {
        let plain = value.expose();
        values.push(plain.to_owned());
        values.push(quoted(plain));
        values.push(in_json(plain));
        values.push(redis_password_hash(value));
        if let Ok(salt) = secrets.salt(name) {
            values.push(rabbitmq_password_hash(value, salt));
        }
    }
    // The longest first, as one value may be a part of another.
    values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    values.dedup();
    let text = values.iter().fold(text.to_owned(), |text, value| text.replace(value, MASK));
    let text = HASHES.iter().fold(text, |text, begin| mask_hash(&text, begin));
    mask_password_hashes(&text)
}

/// The text as it stands between the quotes of a JSON string.
fn in_json(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let inside = json.strip_prefix('"').and_then(|json| json.strip_suffix('"'));
    inside.unwrap_or(&json).to_owned()
}

fn mask_hash(text: &str, begin: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, hash)) = rest.split_once(begin) {
        masked.push_str(before);
        masked.push_str(MASK);
        let is_of_hash = |char: char| char.is_ascii_alphanumeric() || "+/=,:$".contains(char);
        rest = hash.trim_start_matches(is_of_hash);
    }
    masked + rest
}

fn mask_password_hashes(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(PASSWORD_HASH) {
        masked.push_str(before);
        masked.push_str(PASSWORD_HASH);
        rest = after;
        // Up to the value's opening quote there are only a colon and white space.
        let open = after.trim_start_matches(|char: char| char == ':' || char.is_whitespace());
        let value = open.strip_prefix('"').and_then(|value| Some((value, value.split_once('"')?.1)));
        if let Some((value, behind)) = value {
            masked.push_str(&after[..after.len() - value.len()]);
            masked.push_str(MASK);
            masked.push('"');
            rest = behind;
        }
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::secrets::hash::{pdns_api_key_hash, scram_verifier};
    use crate::secrets::secret::Secret;

    #[test]
    fn nothing_of_the_vault_is_left() {
        let mut vault = Vault::parse("", Path::new("secrets.env")).unwrap();
        vault.generate_missing().unwrap();
        vault.set("ODD", Secret::new("it's \"odd\" \\ $x")).unwrap();
        vault.set("PART", Secret::new(&vault.get("RMQ_PASS").unwrap().expose()[..8])).unwrap();
        let mut text = vault.render();
        text += &redis_password_hash(vault.get("REDIS_PASSWORD").unwrap());
        let mut shown: Vec<String> =
            vault.assignments().map(|(_, value)| value.expose().to_owned()).collect();
        shown.push(rabbitmq_password_hash(vault.get("RMQ_PASS").unwrap(), vault.salt("RMQ_PASS").unwrap()));
        shown.push(
            pdns_api_key_hash(vault.get("PDNS_API_KEY").unwrap(), vault.salt("PDNS_API_KEY").unwrap())
                .unwrap(),
        );
        let salt = vault.salt("DB_PASS").unwrap();
        shown.push(scram_verifier(vault.get("DB_PASS").unwrap(), salt).unwrap());
        text += &shown.join("\n");
        let json = serde_json::json!({ "odd": vault.get("ODD").unwrap().expose(), "kept": 1 });
        text += &json.to_string();
        let masked = mask(&text, &vault);
        shown.push(redis_password_hash(vault.get("REDIS_PASSWORD").unwrap()));
        for secret in &shown {
            assert!(!masked.contains(secret), "{masked}");
        }
        assert!(!masked.contains("odd\\\""), "{masked}");
        assert!(masked.contains("RMQ_PASS=***\n") && masked.contains("ODD=***\n"), "{masked}");
        assert!(masked.contains("\"kept\":1") && masked.contains("# RabbitMQ, user hams_rabbitmq"));
    }

    #[test]
    fn hashes_of_forgotten_passwords_are_known_by_their_form() {
        let vault = Vault::parse("", Path::new("secrets.env")).unwrap();
        let text = "-api-key=$scrypt$ln=10,p=1,r=8$AAEC/w==$aGFzaA==\n+webserver=yes\n\
                    PASSWORD 'SCRAM-SHA-256$4096:AAEC/w==$aGFzaA==:aGFzaA==';\n\
                    {\"password_hash\": \"kI3GCqW5\", \"password_hash\":null, \"tags\": [\"password_hash\"]}";
        assert_eq!(
            mask(text, &vault),
            "-api-key=***\n+webserver=yes\nPASSWORD '***';\n\
             {\"password_hash\": \"***\", \"password_hash\":null, \"tags\": [\"password_hash\"]}"
        );
    }
}
