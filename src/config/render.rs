//! hams.toml as text: the one that a run writes where there is none, and the reference with every key.

use std::path::Path;

use crate::config::keys::{KEYS, Key};
use crate::config::odoo::OdooSource;
use crate::config::settings::Config;

/// The hams.toml that says what `config` says: domain and components, and what differs from the
/// defaults. Loading it gives the same configuration again.
pub fn render(config: &Config) -> String {
    let mut text = String::from(
        "# What this node is. After a change, run `hams-install plan`, then `hams-install`.\n\
         # hams.toml(5) explains every key.\n",
    );
    let mut table = "";
    for key in KEYS {
        let Some(value) = value(config, key.name) else { continue };
        let default = key.default.map(|default| default.replace("DOMAIN", &config.domain));
        let (home, name) = key.parts();
        if home.is_empty() || default.as_ref() != Some(&value) {
            if home != table {
                text.push_str(&format!("\n[{home}]\n"));
                table = home;
            } else if home.is_empty() {
                text.push('\n');
            }
            text.push_str(&format!("{}{name} = {value}\n", remark(key.name)));
        }
    }
    text
}

fn remark(key: &str) -> &'static str {
    match key {
        "domain" => "# The names that this node serves are under it.\n",
        "components" => "# A component that is left out is neither installed nor touched.\n",
        _ => "",
    }
}

/// The value of a key as TOML.
fn value(config: &Config, key: &str) -> Option<String> {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let path = |path: &Path| quoted(&path.to_string_lossy());
    fn array<T: ToString>(items: &[T]) -> String {
        let items: Vec<String> =
            items.iter().map(|item| toml::Value::from(item.to_string()).to_string()).collect();
        format!("[{}]", items.join(", "))
    }
    match key {
        "domain" => Some(quoted(&config.domain)),
        "components" => Some(array(&config.components)),
        "postgresql.host" => config.postgresql.host.as_deref().map(quoted),
        "postgresql.source" => Some(quoted(&config.postgresql.source.to_string())),
        "postgresql.version" => Some(config.postgresql.version.to_string()),
        "postgresql.port" => Some(config.postgresql.port.to_string()),
        "postgresql.extensions" => Some(array(&config.postgresql.extensions)),
        "redis.host" => config.redis.host.as_deref().map(quoted),
        "redis.maxmemory" => Some(quoted(&config.redis.maxmemory.to_string())),
        "rabbitmq.host" => config.rabbitmq.host.as_deref().map(quoted),
        "powerdns.host" => config.powerdns.host.as_deref().map(quoted),
        "powerdns.listen" => Some(array(&config.powerdns.listen)),
        "powerdns.nameservers" => Some(array(&config.powerdns.nameservers)),
        "powerdns.personal_parent_zone" => Some(quoted(&config.powerdns.personal_parent_zone)),
        "powerdns.managed_suffixes" => Some(array(&config.powerdns.managed_suffixes)),
        "odoo.database" => Some(quoted(&config.odoo.database)),
        // Beside a file the key says nothing.
        "odoo.source" => Some(quoted(config.odoo.source.name().unwrap_or("debian"))),
        "odoo.package" => match &config.odoo.source {
            OdooSource::Package(package) => Some(path(package)),
            OdooSource::Debian | OdooSource::Nightly => None,
        },
        "odoo.modules" => Some(array(&config.odoo.modules)),
        "odoo.packages" => Some(array(&config.odoo.packages)),
        "odoo.addons_path" => {
            let folders = config.odoo.addons_path.iter().map(|folder| folder.display().to_string());
            Some(array(&folders.collect::<Vec<_>>()))
        }
        "odoo.key_file" => Some(path(&config.odoo.key_file)),
        "sync.sweep_minutes" => Some(config.sync.sweep_minutes.to_string()),
        "sync.full_sweep_hour" => Some(config.sync.full_sweep_hour.to_string()),
        "sync.max_removals" => Some(config.sync.max_removals.to_string()),
        "sync.max_removals_percent" => Some(config.sync.max_removals_percent.to_string()),
        "health.http_port" => config.health.http_port.map(|port| port.to_string()),
        "health.webhook_file" => config.health.webhook_file.as_deref().map(path),
        "health.heartbeat_file" => config.health.heartbeat_file.as_deref().map(path),
        "health.command" => config.health.command.as_deref().map(path),
        "health.restart" => Some(array(&config.health.restart)),
        "health.restart_after" => Some(config.health.restart_after.as_secs().to_string()),
        "health.disk_percent" => Some(config.health.host.disk_percent.to_string()),
        "health.disk_gib" => Some(config.health.host.disk_gib.to_string()),
        "health.memory_percent" => Some(config.health.host.memory_percent.to_string()),
        "health.load_per_cpu" => Some(config.health.host.load_per_cpu.to_string()),
        "odoo.host" => config.odoo.host.as_deref().map(quoted),
        "tls.certificate" => config.tls.as_ref().map(|tls| path(&tls.certificate)),
        "tls.key" => config.tls.as_ref().map(|tls| path(&tls.key)),
        "nginx.client_ca" => config.nginx.client_ca.as_deref().map(path),
        "nginx.cloudflare" => Some(config.nginx.cloudflare.to_string()),
        "nginx.origin_pull_ca" => config.nginx.origin_pull_ca.as_deref().map(path),
        "nginx.status_users" => config.nginx.status_users.as_deref().map(path),
        "daemons.source" => Some(path(&config.daemons.source)),
        "daemons.catalogue" => config.daemons.catalogue.as_deref().map(path),
        "daemons.enable" => Some(array(&config.daemons.enable)),
        "apt.lock_timeout" => Some(config.apt.lock_timeout.as_secs().to_string()),
        "apt.pgdg.uri" => Some(quoted(&config.apt.pgdg.uri)),
        "apt.pgdg.signed_by" => config.apt.pgdg.signed_by.as_deref().map(path),
        "apt.odoo.uri" => config.apt.odoo.uri.as_deref().map(quoted),
        "apt.odoo.signed_by" => config.apt.odoo.signed_by.as_deref().map(path),
        "apt.odoo-nightly.uri" => Some(quoted(&config.apt.odoo_nightly.uri)),
        "apt.odoo-nightly.signed_by" => config.apt.odoo_nightly.signed_by.as_deref().map(path),
        _ => None,
    }
}

/// deploy/hams.toml: every key with its explanation. The domain is set to a sample; every other key
/// is commented out and shows its default, or a sample where it has none.
pub fn reference() -> String {
    let mut text = String::from(
        "# hams.toml: what a node is. Copy it to /etc/hams/hams.toml and set the domain.\n\
         #\n\
         # A setting behind `#` without a space shows the default, or a sample where its text says so.\n",
    );
    let mut table = "";
    for key in KEYS {
        let (home, name) = key.parts();
        if home != table {
            text.push_str(&format!("\n[{home}]\n"));
            table = home;
        } else {
            text.push('\n');
        }
        for paragraph in key.doc.lines() {
            text.push_str(&wrapped(paragraph));
        }
        text.push_str(&assignment(key, name));
    }
    text
}

fn assignment(key: &Key, name: &str) -> String {
    match key.default {
        None if key.name == "domain" => format!("{name} = {}\n", key.example),
        None => format!("# No default; a sample:\n#{name} = {}\n", key.example),
        Some(default) => format!("#{name} = {default}\n"),
    }
}

/// A paragraph as comment lines of at most 100 columns.
fn wrapped(paragraph: &str) -> String {
    let mut text = String::new();
    let mut line = String::from("#");
    for word in paragraph.split_whitespace() {
        if line.len() + 1 + word.len() > 100 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::read;
    use crate::config::resolve::{Overrides, resolve};

    fn config(text: &str) -> Config {
        let file = Path::new("hams.toml");
        resolve(file, read(text, file).unwrap(), &Overrides::default()).unwrap()
    }

    #[test]
    fn what_is_written_loads_back_to_the_same() {
        for text in [
            "domain = \"hams.com\"",
            "domain = \"hams.com\"\ncomponents = [\"powerdns\", \"agent\"]\nhealth.restart = [\"powerdns\"]\nredis.host = \"cache\"\n\
             redis.maxmemory = \"2GB\"\nrabbitmq.host = \"mq\"\n\
             powerdns.listen = [\"auto\", \"::1\"]\npowerdns.nameservers = [\"a.DOMAIN\"]\n\
             powerdns.personal_parent_zone = \"p.DOMAIN\"\npowerdns.managed_suffixes = [\"DOMAIN\", \"x.org\"]\n\
             odoo.host = \"::1\"\nodoo.source = \"nightly\"\nodoo.modules = [\"base\", \"crm\"]\nodoo.addons_path = [\"/a\"]\nodoo.packages = [\"python3-pika\"]\n\
             apt.odoo-nightly.signed_by = \"/n.asc\"\napt.odoo-nightly.uri = \"file:/n\"\ntls.certificate = \"/c.pem\"\ntls.key = \"/k.pem\"\nnginx.client_ca = \"/a.pem\"\n\
             nginx.cloudflare = true\nnginx.origin_pull_ca = \"/o.pem\"\nnginx.status_users = \"/u\"\nhealth.http_port = 9853\nhealth.restart_after = 90\nhealth.disk_percent = 5\nhealth.load_per_cpu = 8\ndaemons.source = \"/srv/d\"\n\
             daemons.catalogue = \"/d.toml\"\ndaemons.enable = [\"fcc.uls.sync\"]\napt.lock_timeout = 7\n",
            "domain = \"hams.com\"\nodoo.database = \"x\"\npostgresql.source = \"debian\"\npostgresql.port = 5433\n\
             postgresql.extensions = [\"vector\"]\napt.pgdg.uri = \"file:/x\"\napt.pgdg.signed_by = \"/x.asc\"\n",
        ] {
            let config = config(text);
            assert_eq!(self::config(&render(&config)), config, "{}", render(&config));
        }
    }

    #[test]
    fn only_what_differs_is_written() {
        let text = render(&config("domain = \"hams.com\""));
        let settings: Vec<_> =
            text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        assert_eq!(
            settings,
            [
                "domain = \"hams.com\"",
                "components = [\"postgresql\", \"redis\", \"rabbitmq\", \"powerdns\", \"odoo\", \"nginx\", \"daemons\", \"agent\"]"
            ]
        );
        assert!(text.contains("hams.toml(5)"));
    }

    #[test]
    fn every_key_has_a_value_to_write() {
        let config = config(
            "domain = \"hams.com\"\ncomponents = [\"agent\"]\npostgresql.host = \"p\"\napt.pgdg.signed_by = \"/x.asc\"\napt.odoo.uri = \"http://m/debian\"\napt.odoo.signed_by = \"/o.asc\"\n\
             apt.odoo-nightly.signed_by = \"/n.asc\"\nodoo.package = \"/o.deb\"\nredis.host = \"r\"\nrabbitmq.host = \"a\"\npowerdns.host = \"b\"\n\
             odoo.host = \"c\"\ntls.certificate = \"/c\"\ntls.key = \"/k\"\nnginx.client_ca = \"/a\"\n\
             nginx.origin_pull_ca = \"/o\"\ndaemons.catalogue = \"/d\"\nhealth.http_port = 9853\nnginx.status_users = \"/u\"\n\
             health.webhook_file = \"/w\"\nhealth.heartbeat_file = \"/h\"\nhealth.command = \"/c\"",
        );
        assert!(KEYS.iter().all(|key| value(&config, key.name).is_some()));
    }

    #[test]
    fn the_reference_shows_the_defaults() {
        let reference = reference();
        assert_eq!(config(&reference), config("domain = \"example.org\""));
        // With every setting switched on, only those that have no default differ.
        let settings: String = reference
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if setting.starts_with(|first: char| first.is_ascii_lowercase()) => setting,
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let set = read(&settings, Path::new("deploy/hams.toml")).unwrap();
        assert_eq!(set.len(), KEYS.len());
        let mut defaults = settings;
        for key in KEYS.iter().filter(|key| key.default.is_none() && key.name != "domain") {
            let line = format!("{} = {}\n", key.parts().1, key.example);
            defaults = defaults.replace(&line, "");
        }
        let switched = config(&defaults);
        assert_eq!(switched, config("domain = \"example.org\""));
    }
}
