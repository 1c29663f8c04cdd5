//! /etc/hams/env/*.env: the platform's groups of variables, derived from the configuration and the vault.
//!
//! systemd reads them as root and hands Odoo and each daemon those of their groups. What the vault does not have is left out: who
//! reads it must find that a variable is missing, not the word `none` in it.

use super::base::NAME;
use super::group::Group;
use super::part::PartError;
use super::{postgresql, redis};
use crate::config::Config;
use crate::host::directory::Directory;
use crate::host::file::{File, Visibility};
use crate::host::paths;
use crate::plan::Step;
use crate::secrets::{SMTP, Vault, assignment};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// The users that the platform's programs log in with.
const RABBITMQ_USER: &str = "hams_rabbitmq";
const REDIS_USER: &str = "hams_redis";
const AMQP_PORT: u16 = 5672;
const ODOO_PORT: u16 = 8069;
const LOOPBACK: &str = "127.0.0.1";

/// Where the file of `group` stands.
pub fn path(group: Group) -> String {
    format!("{}/{}.env", paths::ENVIRONMENT, group.as_str())
}

/// The steps that write the files of `needed`, and of the groups whose file an earlier run has left: no old password may
/// stand in it.
pub fn steps(needed: BTreeSet<Group>, config: &Config, vault: &Vault) -> Result<Vec<Step>, PartError> {
    let is_there = |group: &Group| Path::new(&path(*group)).exists();
    let groups: BTreeSet<Group> = Group::ALL.into_iter().filter(is_there).chain(needed).collect();
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let folder = Directory::new(paths::ENVIRONMENT, "root", "root", 0o700);
    let mut steps = vec![Step::new(NAME, folder, [Directory::id_of(paths::ETC)])];
    for group in groups {
        let file = File::new(path(group), text(group, config, vault)?)
            .access("root", "root", 0o400)
            .visibility(Visibility::Secret);
        let after = [Directory::id_of(paths::ENVIRONMENT), File::id_of(paths::VAULT)];
        steps.push(Step::new(NAME, file, after));
    }
    Ok(steps)
}

fn text(group: Group, config: &Config, vault: &Vault) -> Result<String, PartError> {
    let mut text =
        String::from("# Written by hams-install from hams.toml and the vault; read by systemd alone.\n");
    for (name, value) in variables(group, config, vault)? {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}", assignment(name, &value));
    }
    Ok(text)
}

/// The variables of `group` in their order.
fn variables(group: Group, config: &Config, vault: &Vault) -> Result<Vec<(&'static str, String)>, PartError> {
    let secret = |name: &str| Ok::<_, PartError>(vault.require(name)?.expose().to_owned());
    let host = |host: &Option<String>| host.as_deref().unwrap_or(LOOPBACK).to_owned();
    let odoo_url = || format!("http://{}:{ODOO_PORT}", in_url(&host(&config.odoo.host)));
    let database = || config.odoo.database.clone();
    Ok(match group {
        Group::Common => vec![
            ("DOMAIN", config.domain.clone()),
            ("SYSTEM_USER_AGENT", format!("HamsComSyncDaemon/1.0 (+https://crawler.{})", config.domain)),
            ("ODOO_URL", odoo_url()),
            ("DB_NAME", database()),
        ],
        Group::Db => vec![
            ("DB_NAME", database()),
            ("DB_HOST", host(&config.postgresql.host)),
            ("DB_PORT", config.postgresql.port.to_string()),
            ("DB_USER", postgresql::LISTEN_ROLE.to_owned()),
            ("DB_PASS", secret("DB_PASS")?),
        ],
        Group::Pdns => {
            // The platform writes names without the last dot (facts/platform.md §3).
            let bare = |name: &String| name.trim_end_matches('.').to_owned();
            let nameservers: Vec<String> = config.powerdns.nameservers.iter().map(bare).collect();
            let api = in_url(&host(&config.powerdns.host));
            vec![
                ("PDNS_API_KEY", secret("PDNS_API_KEY")?),
                ("PDNS_API_URL", format!("http://{api}:8081/api/v1/servers/localhost/zones")),
                ("PDNS_ZONE_NAMESERVERS", nameservers.join(",")),
                ("PDNS_PERSONAL_PARENT_ZONE", bare(&config.powerdns.personal_parent_zone)),
            ]
        }
        Group::Odoo => vec![("ODOO_URL", odoo_url()), ("DB_NAME", database())],
        Group::Rabbitmq => vec![
            ("RABBITMQ_HOST", host(&config.rabbitmq.host)),
            ("RMQ_PORT", AMQP_PORT.to_string()),
            ("RMQ_USER", RABBITMQ_USER.to_owned()),
            ("RMQ_PASS", secret("RMQ_PASS")?),
        ],
        Group::Redis => {
            let (host, password) = (host(&config.redis.host), secret("REDIS_PASSWORD")?);
            let url =
                format!("redis://{REDIS_USER}:{}@{}:{}/0", percent(&password), in_url(&host), redis::PORT);
            vec![
                ("REDIS_HOST", host),
                ("REDIS_PORT", redis::PORT.to_string()),
                ("REDIS_USERNAME", REDIS_USER.to_owned()),
                ("REDIS_PASSWORD", password),
                ("REDIS_URL", url),
            ]
        }
        Group::Smtp => {
            let given = |name: &'static str| {
                let value = vault.get(name)?.expose();
                let is_given = !value.is_empty() && !value.eq_ignore_ascii_case("none");
                is_given.then(|| (name, value.to_owned()))
            };
            SMTP.into_iter().filter_map(given).collect()
        }
    })
}

/// A machine as a URL names it.
pub(super) fn in_url(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// A password as it stands in a URL (RFC 3986 §2.1).
fn percent(text: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(byte as char),
            _ => {
                let _ = write!(url, "%{byte:02X}");
            }
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load};

    fn config(text: &str) -> Config {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(file.path(), true, &Overrides::default()).unwrap()
    }

    fn vault(text: &str) -> Vault {
        let mut vault = Vault::parse(text, Path::new("secrets.env")).unwrap();
        vault.generate_missing().unwrap();
        vault
    }

    #[test]
    fn groups_have_the_platforms_names_and_the_nodes_values() {
        let config = config(
            "domain = \"hams.test\"\ncomponents = [\"daemons\"]\npostgresql.host = \"db\"\nredis.host = \"fd00::6\"\n\
             rabbitmq.host = \"mq\"\n",
        );
        let vault = vault("REDIS_PASSWORD='a b/@'\nRMQ_PASS='it \"$x\" #1'\nDB_PASS=secret\n");
        let text = |group| text(group, &config, &vault).unwrap();
        assert!(
            text(Group::Common)
                .contains("\nSYSTEM_USER_AGENT='HamsComSyncDaemon/1.0 (+https://crawler.hams.test)'\n")
        );
        assert!(text(Group::Db).ends_with(
            "\nDB_NAME=hams_prod\nDB_HOST=db\nDB_PORT=5432\nDB_USER=hams_listen\nDB_PASS=secret\n"
        ));
        assert!(text(Group::Rabbitmq).contains("\nRABBITMQ_HOST=mq\n"));
        assert!(text(Group::Rabbitmq).ends_with("\nRMQ_PASS='it \"$x\" #1'\n"));
        assert!(text(Group::Redis).contains("\nREDIS_URL=redis://hams_redis:a%20b%2F%40@[fd00::6]:6379/0\n"));
        let pdns = text(Group::Pdns);
        assert!(pdns.contains("\nPDNS_ZONE_NAMESERVERS=ns1.hams.test,ns2.hams.test\n"), "{pdns}");
        assert!(pdns.contains("\nPDNS_PERSONAL_PARENT_ZONE=u.hams.test\n"), "{pdns}");
        // Odoo's admin password is nobody's business, and nobody else's secrets are in a group.
        assert_eq!(text(Group::Odoo).lines().count(), 3);
        assert!(!text(Group::Common).contains("PASS") && !text(Group::Odoo).contains("PASS"));
    }

    #[test]
    fn what_nobody_gave_is_left_out() {
        let config = config("domain = \"hams.test\"");
        let smtp = |given: &str| text(Group::Smtp, &config, &vault(given)).unwrap();
        assert_eq!(smtp("").lines().count(), 1);
        assert_eq!(smtp("SMTP_USER=none\nSMTP_PASS=\n").lines().count(), 1);
        assert!(
            smtp("SMTP_HOST=mail.hams.test\nSMTP_PASS='a b'\n")
                .ends_with("\nSMTP_HOST=mail.hams.test\nSMTP_PASS='a b'\n")
        );
    }
}
