//! Every secret that hams makes, keeps and rotates, and those that only an operator can give.

use crate::secrets::admin_password::ADMIN_PASSWORD;

/// What kind of value a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecKind {
    /// 32 random letters and digits.
    Password,
    /// Random bytes in hexadecimal, kept so that a hash derived from `of` is the same on every run.
    Salt {
        /// The secret that the salt belongs to.
        of: &'static str,
        /// How many bytes it has.
        bytes: usize,
    },
    /// The hash of a password that an operator gives: never made, never rotated by itself.
    GivenHash {
        /// The command that takes the password.
        command: &'static str,
    },
}

/// One secret that hams knows.
#[derive(Debug)]
pub struct Spec {
    /// The variable's name in the vault, as the platform names it.
    pub name: &'static str,
    /// What it opens.
    pub doc: &'static str,
    /// Who reads it.
    pub used_by: &'static str,
    /// What kind of value it is.
    pub kind: SpecKind,
}

impl Spec {
    /// Whether it is a mere salt, which no person needs to know of.
    pub fn is_salt(&self) -> bool {
        matches!(self.kind, SpecKind::Salt { .. })
    }
}

/// The secrets of this version's components, in the order in which the vault lists them.
pub const KNOWN: &[Spec] = &[
    Spec {
        name: "RMQ_PASS",
        doc: "RabbitMQ, user hams_rabbitmq",
        used_by: "Odoo and the daemons, to publish changes",
        kind: SpecKind::Password,
    },
    Spec {
        name: "RMQ_PASS_SALT",
        doc: "salt of RMQ_PASS's hash",
        used_by: "RabbitMQ's definitions",
        kind: SpecKind::Salt { of: "RMQ_PASS", bytes: 4 },
    },
    Spec {
        name: "HAMS_AGENT_RMQ_PASS",
        doc: "RabbitMQ, user hams_agent",
        used_by: "hams-agent, to take changes",
        kind: SpecKind::Password,
    },
    Spec {
        name: "HAMS_AGENT_RMQ_PASS_SALT",
        doc: "salt of HAMS_AGENT_RMQ_PASS's hash",
        used_by: "RabbitMQ's definitions",
        kind: SpecKind::Salt { of: "HAMS_AGENT_RMQ_PASS", bytes: 4 },
    },
    Spec {
        name: "HAMS_LETTERS_RMQ_PASS",
        doc: "RabbitMQ, user hams_letters",
        used_by: "`hams-agent dead-letters`, run by root",
        kind: SpecKind::Password,
    },
    Spec {
        name: "HAMS_LETTERS_RMQ_PASS_SALT",
        doc: "salt of HAMS_LETTERS_RMQ_PASS's hash",
        used_by: "RabbitMQ's definitions",
        kind: SpecKind::Salt { of: "HAMS_LETTERS_RMQ_PASS", bytes: 4 },
    },
    Spec {
        name: "PDNS_API_KEY",
        doc: "PowerDNS, its API on loopback",
        used_by: "hams-agent, to write zones",
        kind: SpecKind::Password,
    },
    Spec {
        name: "PDNS_API_KEY_SALT",
        doc: "salt of PDNS_API_KEY's hash",
        used_by: "PowerDNS's settings",
        kind: SpecKind::Salt { of: "PDNS_API_KEY", bytes: 16 },
    },
    Spec {
        name: "DB_PASS",
        doc: "PostgreSQL, role hams_listen",
        used_by: "the daemons that listen to the database",
        kind: SpecKind::Password,
    },
    Spec {
        name: "DB_PASS_SALT",
        doc: "salt of DB_PASS's verifier",
        used_by: "PostgreSQL's roles",
        kind: SpecKind::Salt { of: "DB_PASS", bytes: 16 },
    },
    Spec {
        name: "REDIS_PASSWORD",
        doc: "Redis, user hams_redis",
        used_by: "Odoo and the daemons, to keep and look up keys",
        kind: SpecKind::Password,
    },
    Spec {
        name: "HAMS_REDIS_MONITOR_PASS",
        doc: "Redis, user hams_monitor",
        used_by: "hams-install and hams-agent, to ask how it is",
        kind: SpecKind::Password,
    },
    Spec {
        name: ADMIN_PASSWORD,
        doc: "Odoo, user admin: the password's hash",
        used_by: "Odoo, once, before its port opens",
        kind: SpecKind::GivenHash { command: "hams-install hash-admin-password" },
    },
];

/// What an operator may add to the vault for daemons that send mail.
pub const SMTP: [&str; 4] = ["SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASS"];

/// The secret of that name.
pub(super) fn find(name: &str) -> Option<&'static Spec> {
    KNOWN.iter().find(|spec| spec.name == name)
}

/// The salt that belongs to a secret.
pub(super) fn salt_of(secret: &str) -> Option<&'static Spec> {
    KNOWN.iter().find(|spec| matches!(spec.kind, SpecKind::Salt { of, .. } if of == secret))
}

/// What to say about a name that is not known.
pub(super) fn hint(unknown: &str) -> String {
    let passwords = || KNOWN.iter().filter(|spec| !spec.is_salt()).map(|spec| spec.name);
    let upper = unknown.to_ascii_uppercase();
    match passwords().min_by_key(|name| strsim::damerau_levenshtein(&upper, name)) {
        Some(name) if strsim::damerau_levenshtein(&upper, name) <= 2 => format!("did you mean `{name}`?"),
        _ => format!("the secrets of this version are {}", passwords().collect::<Vec<_>>().join(", ")),
    }
}

/// deploy/.env.template: every known secret, without a value.
pub fn template() -> String {
    let mut text = String::from(
        "# The secrets of a node, as /etc/hams/secrets.env keeps them (root, mode 0600).\n\
         #\n\
         # Nothing needs to be filled in: `hams-install` makes what is missing or empty. To bring a value\n\
         # of your own, copy this file to /etc/hams/secrets.env before the first run and set it there;\n\
         # a value with other characters than letters and digits stands in single quotes.\n",
    );
    for spec in KNOWN {
        if !spec.is_salt() {
            text.push_str(&format!("\n# {}. Read by {}.\n", spec.doc, spec.used_by));
        }
        if let SpecKind::GivenHash { command } = spec.kind {
            text.push_str(&format!(
                "# Never made: `{command}` asks for the password and keeps its hash alone.\n"
            ));
        }
        text.push_str(&format!("{}=\n", spec.name));
    }
    text.push_str(
        "\n# Optional: the mail server of daemons that send mail. Never made; without these lines they get none.\n",
    );
    for name in SMTP {
        text.push_str(&format!("#{name}=\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_salt_follows_its_password() {
        let salts = KNOWN.windows(2).filter(|pair| pair[1].is_salt());
        for pair in salts.clone() {
            let [password, salt] = pair else { panic!("an odd one out: {pair:?}") };
            assert_eq!(password.kind, SpecKind::Password);
            assert!(matches!(salt.kind, SpecKind::Salt { of, .. } if of == password.name));
            assert_eq!(salt.name, format!("{}_SALT", password.name));
            assert_eq!(salt_of(password.name).map(|spec| spec.name), Some(salt.name));
        }
        assert_eq!(salts.count(), KNOWN.iter().filter(|spec| spec.is_salt()).count());
    }

    #[test]
    fn the_hint_names_the_nearest_or_all() {
        assert_eq!(hint("pdns_apikey"), "did you mean `PDNS_API_KEY`?");
        assert_eq!(
            hint("ODOO"),
            "the secrets of this version are RMQ_PASS, HAMS_AGENT_RMQ_PASS, HAMS_LETTERS_RMQ_PASS, \
             PDNS_API_KEY, DB_PASS, REDIS_PASSWORD, HAMS_REDIS_MONITOR_PASS, ODOO_ADMIN_PASSWORD"
        );
    }
}
