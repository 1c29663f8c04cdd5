//! Reads hams.toml from where it lies.

use std::io::ErrorKind;
use std::path::Path;

use crate::config::document::{Settings, read};
use crate::config::error::ConfigError;
use crate::config::resolve::{Overrides, resolve};
use crate::config::settings::Config;

/// The configuration that the file and the command line make together.
///
/// A missing file counts as an empty one, unless `explicit` says that the operator named it. A file
/// that is there and cannot be read is always an error.
pub fn load(path: &Path, explicit: bool, overrides: &Overrides) -> Result<Config, ConfigError> {
    let settings = match std::fs::read_to_string(path) {
        // Some editors put a byte order mark in front.
        Ok(text) => read(text.strip_prefix('\u{feff}').unwrap_or(&text), path)?,
        Err(error) if error.kind() == ErrorKind::NotFound && !explicit => Settings::new(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(ConfigError::NotFound { file: path.to_owned() });
        }
        Err(source) => return Err(ConfigError::Read { file: path.to_owned(), source }),
    };
    resolve(path, settings, overrides)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::config::component::Component;
    use crate::config::host_limits::HostLimits;
    use crate::config::odoo::OdooSource;
    use crate::config::postgresql::{Extension, PostgresqlSource};
    use crate::config::settings::{Listen, MaxMemory, Sweep};

    fn loaded(text: &str, overrides: &Overrides) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hams.toml");
        std::fs::write(&file, text).unwrap();
        load(&file, true, overrides)
    }

    fn fault(text: &str) -> String {
        loaded(text, &Overrides::default()).unwrap_err().to_string()
    }

    #[test]
    fn a_domain_is_enough() {
        let config = loaded("domain = \"Hams.com.\"", &Overrides::default()).unwrap();
        assert_eq!(config.domain, "hams.com");
        assert_eq!(config.components, Component::ALL);
        assert_eq!(config.powerdns.listen, [Listen::Auto]);
        assert_eq!(config.powerdns.nameservers, ["ns1.hams.com.", "ns2.hams.com."]);
        assert_eq!(config.powerdns.personal_parent_zone, "u.hams.com.");
        assert_eq!(config.powerdns.managed_suffixes, ["u.hams.com."]);
        assert_eq!(config.apt.lock_timeout, Duration::from_secs(120));
        assert_eq!(config.redis.host, None);
        assert_eq!(config.redis.maxmemory, MaxMemory::Auto);
        assert_eq!(config.rabbitmq.host, None);
        assert_eq!(config.powerdns.host, None);
        assert_eq!((config.odoo.host, config.tls), (None, None));
        assert_eq!((config.nginx.client_ca, config.nginx.cloudflare), (None, false));
        assert_eq!(config.postgresql.source, PostgresqlSource::Pgdg);
        assert_eq!((config.postgresql.version, config.postgresql.port), (16, 5432));
        assert_eq!(config.odoo.database, "hams_prod");
        let sync = Sweep { sweep_minutes: 15, full_sweep_hour: 3, max_removals: 50, max_removals_percent: 1 };
        assert_eq!(config.sync, sync);
        assert_eq!(config.daemons.source, Path::new("/opt/hams/daemons"));
        assert!(config.daemons.catalogue.is_none() && config.daemons.enable.is_empty());
        assert_eq!(config.odoo.source, OdooSource::Debian);
        assert_eq!(
            (config.odoo.modules, config.odoo.addons_path.len()),
            (vec!["base".into(), "web".into()], 0)
        );
        assert_eq!((config.health.restart, config.health.restart_after), (vec![], Duration::from_secs(180)));
        assert_eq!(config.apt.odoo.uri, None);
        assert_eq!(config.apt.pgdg.signed_by, None);
    }

    #[test]
    fn every_key_is_taken() {
        let text = r#"
            domain = "hams.com"
            components = ["agent", "powerdns"]
            [postgresql]
            host = "db.example.org"
            source = "debian"
            version = 17
            port = 5433
            extensions = ["vector"]
            [redis]
            host = "10.0.0.6"
            maxmemory = "3 GB"
            [rabbitmq]
            host = "MQ.example.org"
            [powerdns]
            host = "127.0.0.1"
            listen = ["auto", "2001:db8::53"]
            nameservers = ["ns.DOMAIN", "ns.example.net."]
            personal_parent_zone = "p.DOMAIN."
            managed_suffixes = ["DOMAIN"]
            [sync]
            sweep_minutes = 5
            full_sweep_hour = 23
            max_removals = 0
            max_removals_percent = 100
            [health]
            http_port = 9853
            webhook_file = "/etc/hams/webhook"
            heartbeat_file = "/etc/hams/heartbeat"
            command = "/usr/local/sbin/page"
            restart = ["powerdns"]
            restart_after = 60
            disk_percent = 5
            disk_gib = 50
            memory_percent = 6
            load_per_cpu = 8
            [odoo]
            host = "ERP.example.org"
            database = "hams_test"
            [tls]
            certificate = "/etc/x/full.pem"
            key = "/etc/x/key.pem"
            [nginx]
            client_ca = "/etc/x/root.pem"
            cloudflare = true
            origin_pull_ca = "/etc/x/pull.pem"
            status_users = "/etc/x/users"
            [daemons]
            source = "/srv/daemons"
            catalogue = "/etc/hams/daemons.toml"
            enable = ["fcc.uls.sync"]
            [apt]
            lock_timeout = 0
            [apt.pgdg]
            uri = "file:/srv/pgdg"
            signed_by = "/srv/pgdg/key.asc"
        "#;
        let config = loaded(text, &Overrides::default()).unwrap();
        assert_eq!(config.components, [Component::Powerdns, Component::Agent]);
        assert!(config.has(Component::Agent) && !config.has(Component::Rabbitmq));
        assert_eq!(config.redis.host.as_deref(), Some("10.0.0.6"));
        assert_eq!(config.redis.maxmemory, MaxMemory::Bytes(3 << 30));
        assert_eq!(config.rabbitmq.host.as_deref(), Some("mq.example.org"));
        assert_eq!(config.powerdns.host.as_deref(), Some("127.0.0.1"));
        let address: IpAddr = "2001:db8::53".parse().unwrap();
        assert_eq!(config.powerdns.listen, [Listen::Auto, Listen::Address(address)]);
        assert_eq!(config.powerdns.nameservers, ["ns.hams.com.", "ns.example.net."]);
        assert_eq!(config.powerdns.personal_parent_zone, "p.hams.com.");
        assert_eq!(config.powerdns.managed_suffixes, ["hams.com."]);
        let sync =
            Sweep { sweep_minutes: 5, full_sweep_hour: 23, max_removals: 0, max_removals_percent: 100 };
        assert_eq!(config.sync, sync);
        assert_eq!(config.health.http_port, Some(9853));
        assert_eq!(config.health.webhook_file, Some("/etc/hams/webhook".into()));
        assert_eq!(config.health.heartbeat_file, Some("/etc/hams/heartbeat".into()));
        assert_eq!(config.health.command, Some("/usr/local/sbin/page".into()));
        assert_eq!(config.health.restart, [Component::Powerdns]);
        assert_eq!(config.health.restart_after, Duration::from_secs(60));
        let host = HostLimits { disk_percent: 5, disk_gib: 50, memory_percent: 6, load_per_cpu: 8 };
        assert_eq!(config.health.host, host);
        assert_eq!(config.odoo.host.as_deref(), Some("erp.example.org"));
        let tls = config.tls.unwrap();
        assert_eq!((tls.certificate, tls.key), ("/etc/x/full.pem".into(), "/etc/x/key.pem".into()));
        assert_eq!(config.nginx.client_ca, Some("/etc/x/root.pem".into()));
        assert_eq!(config.nginx.origin_pull_ca, Some("/etc/x/pull.pem".into()));
        assert_eq!(config.nginx.status_users, Some("/etc/x/users".into()));
        assert!(config.nginx.cloudflare);
        assert_eq!(config.daemons.source, Path::new("/srv/daemons"));
        assert_eq!(config.daemons.catalogue.as_deref(), Some(Path::new("/etc/hams/daemons.toml")));
        assert_eq!(config.daemons.enable, ["fcc.uls.sync"]);
        assert_eq!(config.apt.lock_timeout, Duration::ZERO);
        assert_eq!(config.postgresql.host.as_deref(), Some("db.example.org"));
        assert_eq!(config.postgresql.source, PostgresqlSource::Debian);
        assert_eq!((config.postgresql.version, config.postgresql.port), (17, 5433));
        assert_eq!(config.postgresql.extensions, [Extension::Vector]);
        assert_eq!(config.odoo.database, "hams_test");
        assert_eq!(config.apt.pgdg.uri, "file:/srv/pgdg");
        assert_eq!(config.apt.pgdg.signed_by.as_deref(), Some(Path::new("/srv/pgdg/key.asc")));
    }

    #[test]
    fn the_command_line_wins() {
        let overrides = Overrides {
            domain: Some("hams.test".into()),
            components: Some(vec!["powerdns".into(), " agent".into()]),
            apt_lock_timeout: Some(Duration::from_secs(5)),
        };
        let config = loaded("domain = \"hams.com\"\n[apt]\nlock_timeout = 9\n", &overrides).unwrap();
        assert_eq!(config.domain, "hams.test");
        assert_eq!(config.components, [Component::Powerdns, Component::Agent]);
        assert_eq!(config.apt.lock_timeout, Duration::from_secs(5));
        let overrides = Overrides { domain: Some("hams_test".into()), ..Overrides::default() };
        let error = loaded("domain = \"hams.com\"", &overrides).unwrap_err().to_string();
        assert!(error.starts_with("`--domain` (HAMS_DOMAIN): `hams_test` has an underscore\n"), "{error}");
    }

    #[test]
    fn a_missing_file_matters_only_when_it_was_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hams.toml");
        let nothing = Overrides::default();
        assert!(matches!(load(&file, false, &nothing), Err(ConfigError::MissingDomain { .. })));
        assert!(matches!(load(&file, true, &nothing), Err(ConfigError::NotFound { .. })));
        let domain = Overrides { domain: Some("hams.com".into()), ..nothing.clone() };
        assert_eq!(load(&file, false, &domain).unwrap().domain, "hams.com");
        assert!(matches!(load(folder.path(), false, &domain), Err(ConfigError::Read { .. })));
        std::fs::write(&file, b"domain = \"\xff\"").unwrap();
        assert!(matches!(load(&file, false, &domain), Err(ConfigError::Read { .. })));
        std::fs::write(&file, "# nothing yet\n").unwrap();
        assert!(matches!(load(&file, true, &nothing), Err(ConfigError::MissingDomain { .. })));
    }

    #[test]
    fn each_refusal_names_key_and_fix() {
        let head = "domain = \"hams.com\"\n";
        for (line, parts) in [
            (
                "components = [\"kubernetes\"]",
                [
                    "hams.toml:2: `components`: `kubernetes` is no component: \
                     this version carries postgresql, redis, rabbitmq, powerdns, odoo, nginx, daemons, agent",
                    "hint: remove `kubernetes` from the list",
                ],
            ),
            ("components = [\"powerdsn\"]", ["is no component", "hint: did you mean `powerdns`?"]),
            ("components = []", ["`components`: is empty", "hint: name at least one"]),
            ("components = [\"agent\", \"agent\"]", ["`agent` stands there twice", "hint: remove one"]),
            (
                "rabbitmq.host = \"mq.example.org\"",
                ["names the machine `mq.example.org`", "take `rabbitmq` out of `components`"],
            ),
            ("redis.host = \"cache.example.org\"", ["names the machine", "take `redis` out of `components`"]),
            ("redis.maxmemory = \"256\"", ["`256` is no size", "such as `256MB`"]),
            ("redis.maxmemory = \"8MB\"", ["is not between 16MB", "hint: give `auto`"]),
            ("postgresql.source = \"ubuntu\"", ["`ubuntu` is no source", "hint: give `pgdg` or `debian`"]),
            ("postgresql.version = 9", ["9 is no supported major version", "hint: give one from"]),
            ("postgresql.extensions = [\"plperlu\"]", ["`plperlu` is no extension", "`vector`"]),
            ("odoo.database = \"Hams\"", ["`Hams` is no name for a database", "hint: use lower-case"]),
            ("odoo.host = \"erp.example.org\"", ["names the machine", "take `odoo` out of `components`"]),
            ("odoo.source = \"git\"", ["`git` is no source", "hint: give `debian` or `nightly`"]),
            ("odoo.source = \"nightly\"", ["needs the key", "`[apt.odoo-nightly]`"]),
            (
                "odoo.package = \"/o.deb\"\nodoo.source = \"debian\"",
                ["`odoo.source`: is set together with `odoo.package`", "hint: remove `source`"],
            ),
            ("odoo.package = \"/o.zip\"", ["is no Debian package", "`.deb`"]),
            (
                "odoo.packages = [\"python3-pika --purge\"]",
                ["`python3-pika --purge` is no name of a Debian package", "hint: give names that apt knows"],
            ),
            ("odoo.modules = [\"a,b\"]", ["`a,b` is no module's name", "hint: give technical names"]),
            ("odoo.addons_path = [\"addons\"]", ["is no absolute path", "beginning with `/`"]),
            ("apt.pgdg.uri = \"mirror\"", ["`mirror` is no address", "`https://`"]),
            ("powerdns.listen = [\"0.0.0.0\"]", ["every address", "hint: give `auto`"]),
            ("powerdns.listen = [\"192.0.2.1:53\"]", ["is no address", "without port"]),
            ("powerdns.listen = [\"224.0.0.1\"]", ["single host", "hint: give `auto`"]),
            ("powerdns.nameservers = [\"ns1\"]", ["`ns1` has only one label", "`ns1.example.org`"]),
            (
                "powerdns.managed_suffixes = [\"club.org.\"]",
                ["u.hams.com. lies outside", "hint: add `\"u.hams.com.\"`"],
            ),
            ("sync.sweep_minutes = 0", ["0 minutes is out of range", "hint: give one from 1 to 1440"]),
            ("sync.full_sweep_hour = 24", ["24 is no hour of a day", "hint: give one from 0 to 23"]),
            ("sync.max_removals = 1000001", ["1000001 zones is out of range", "give one from 0 to 1000000"]),
            ("sync.max_removals_percent = 101", ["101 percent is out of range", "give one from 0 to 100"]),
            (
                "health.http_port = 80",
                ["80 is no port that the agent can have", "give one from 1024 to 65535"],
            ),
            ("health.webhook_file = \"https://h.example/x\"", ["is no absolute path", "beginning with `/`"]),
            ("health.command = \"page --now\"", ["is no absolute path", "beginning with `/`"]),
            (
                "health.restart = [\"agent\"]",
                ["`health.restart`: `agent` is what has others restarted", "hint: remove it from the list"],
            ),
            (
                "health.restart = [\"daemons\"]",
                ["`daemons` has no single unit", "hint: remove it from the list; systemd restarts"],
            ),
            (
                "health.restart = [\"pdns\"]",
                ["`pdns` is no component", "hint: name some of postgresql, redis"],
            ),
            ("health.restart = [\"odo\"]", ["`odo` is no component", "hint: did you mean `odoo`?"]),
            (
                "components = [\"powerdns\", \"agent\"]\nhealth.restart = [\"powerdns\", \"odoo\"]",
                [
                    "hams.toml:3: `health.restart`: `odoo` is none of this host's",
                    "hint: remove it from the list, or add",
                ],
            ),
            (
                "components = [\"powerdns\"]\nhealth.restart = [\"powerdns\"]",
                ["needs the agent", "hint: add `agent` to `components`"],
            ),
            ("health.disk_percent = 0", ["0 percent is out of range", "hint: give one from 1 to 50"]),
            ("health.memory_percent = 3", ["3 percent is out of range", "hint: give one from 4 to 50"]),
            ("health.disk_gib = 0", ["0 GiB is out of range", "hint: give one from 1 to 100000"]),
            ("health.load_per_cpu = 0", ["0 processes for each CPU is out of range", "from 1 to 1000"]),
            ("health.restart_after = 5", ["5 seconds is out of range", "hint: give one from 30 to 86400"]),
            ("tls.certificate = \"/c.pem\"", ["`tls.certificate`: is set without `tls.key`", "set both"]),
            ("tls.key = \"/k.pem\"", ["`tls.key`: is set without `tls.certificate`", "set both"]),
            ("nginx.client_ca = \"ca.pem\"", ["is no absolute path", "beginning with `/`"]),
            (
                "nginx.status_users = \"/u\"",
                ["`nginx.status_users`: is set without `health.http_port`", "hint: set `http_port = 9853`"],
            ),
            ("nginx.cloudflare = \"yes\"", ["must be `true` or `false`, not a string", "cloudflare = true"]),
            (
                "apt.lock_timeout = 90000",
                ["`apt.lock_timeout`: 90000 seconds is more than a day", "at most 86400"],
            ),
        ] {
            let fault = fault(&format!("{head}{line}\n"));
            for part in parts {
                assert!(fault.contains(part), "{line}: {fault}");
            }
        }
        let fault = fault("domain = \"https://hams.com\"");
        let expected = "hams.toml:1: `domain`: `https://hams.com` has a scheme in front\n\n\
                        hint: give the bare name, such as `hams.com`";
        assert!(fault.ends_with(expected), "{fault}");
    }
}
