//! Defaults, file and command line, laid over each other and checked.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::component::Component;
use crate::config::document::{Located, Setting, Settings, defaults};
use crate::config::error::{ConfigError, Place};
use crate::config::host_limits::{self, HostLimits};
use crate::config::name::{self, Problem};
use crate::config::odoo::{self, OdooSource};
use crate::config::postgresql;
use crate::config::repair;
use crate::config::settings::{
    Apt, Config, Daemons, Health, Listen, MaxMemory, Mirror, Nginx, Odoo, Postgresql, Powerdns, Rabbitmq,
    Redis, Repository, Sweep, Tls,
};
use crate::config::sync;

/// The longest wait for apt's lock that is taken for meant.
const LONGEST_LOCK_TIMEOUT: u64 = 24 * 60 * 60;

/// Redis needs some megabytes for itself; more than a terabyte is a slip of the pen.
const LEAST_MEGABYTES: u64 = 16;
const MOST_MEGABYTES: u64 = 1024 * 1024;

/// What the command line says over the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--domain` or HAMS_DOMAIN.
    pub domain: Option<String>,
    /// `--components` or HAMS_COMPONENTS, as it was written.
    pub components: Option<Vec<String>>,
    /// `--apt-lock-timeout` or HAMS_APT_LOCK_TIMEOUT.
    pub apt_lock_timeout: Option<Duration>,
}

impl Overrides {
    fn settings(&self) -> Settings {
        let mut settings = Settings::new();
        if let Some(domain) = &self.domain {
            let place = Place::Option { option: "--domain", variable: "HAMS_DOMAIN" };
            settings.insert("domain", Setting::Text(Located::new(domain.clone(), place)));
        }
        if let Some(components) = &self.components {
            let place = Place::Option { option: "--components", variable: "HAMS_COMPONENTS" };
            let items = components.iter().map(|name| Located::new(name.trim().to_owned(), place.clone()));
            settings.insert("components", Setting::List(Located::new(items.collect(), place.clone())));
        }
        if let Some(timeout) = self.apt_lock_timeout {
            let place = Place::Option { option: "--apt-lock-timeout", variable: "HAMS_APT_LOCK_TIMEOUT" };
            settings.insert("apt.lock_timeout", Setting::Number(Located::new(timeout.as_secs(), place)));
        }
        settings
    }
}

/// The configuration that `file`'s settings and the command line make together.
pub(super) fn resolve(file: &Path, given: Settings, overrides: &Overrides) -> Result<Config, ConfigError> {
    let mut settings = defaults()?;
    settings.extend(given);
    settings.extend(overrides.settings());

    let domain = match text(&settings, "domain") {
        Some(given) => checked("domain", given, name::domain)?,
        None => return Err(ConfigError::MissingDomain { file: file.to_owned() }),
    };
    let components = components(list(&settings, "components"))?;
    let absolute = |text: &str| name::absolute(&put_domain(text, &domain));
    let personal = text(&settings, "powerdns.personal_parent_zone").cloned().unwrap_or_else(nothing);
    let personal_parent_zone = checked("powerdns.personal_parent_zone", &personal, absolute)?;
    let managed_suffixes =
        each("powerdns.managed_suffixes", list(&settings, "powerdns.managed_suffixes"), absolute)?;
    if !managed_suffixes.iter().any(|suffix| is_at_or_below(&personal_parent_zone, suffix)) {
        return Err(ConfigError::Value {
            place: personal.place,
            key: "powerdns.personal_parent_zone",
            problem: format!(
                "{personal_parent_zone} lies outside `powerdns.managed_suffixes`, so the agent would refuse its zones"
            ),
            fix: format!("add `\"{personal_parent_zone}\"` to `managed_suffixes`"),
        });
    }
    Ok(Config {
        postgresql: Postgresql {
            host: host("postgresql.host", &settings, &components, Component::Postgresql)?,
            source: required("postgresql.source", &settings, postgresql::source)?,
            version: number("postgresql.version", &settings, postgresql::version)?,
            port: number("postgresql.port", &settings, postgresql::port)?,
            extensions: each(
                "postgresql.extensions",
                list(&settings, "postgresql.extensions"),
                postgresql::extension,
            )?,
        },
        redis: Redis {
            host: host("redis.host", &settings, &components, Component::Redis)?,
            maxmemory: match text(&settings, "redis.maxmemory") {
                Some(given) => checked("redis.maxmemory", given, maxmemory)?,
                None => MaxMemory::Auto,
            },
        },
        rabbitmq: Rabbitmq { host: host("rabbitmq.host", &settings, &components, Component::Rabbitmq)? },
        powerdns: Powerdns {
            host: host("powerdns.host", &settings, &components, Component::Powerdns)?,
            listen: each("powerdns.listen", list(&settings, "powerdns.listen"), listen)?,
            nameservers: each("powerdns.nameservers", list(&settings, "powerdns.nameservers"), absolute)?,
            personal_parent_zone,
            managed_suffixes,
        },
        sync: Sweep {
            sweep_minutes: number("sync.sweep_minutes", &settings, sync::minutes)?,
            full_sweep_hour: number("sync.full_sweep_hour", &settings, sync::hour)?,
            max_removals: number("sync.max_removals", &settings, sync::removals)?,
            max_removals_percent: number("sync.max_removals_percent", &settings, sync::percent)?,
        },
        health: Health {
            http_port: match settings.get("health.http_port") {
                Some(_) => Some(number("health.http_port", &settings, |port| {
                    name::unprivileged_port(port, "the agent")
                })?),
                None => None,
            },
            webhook_file: path("health.webhook_file", &settings)?,
            heartbeat_file: path("health.heartbeat_file", &settings)?,
            command: path("health.command", &settings)?,
            restart: restart(&settings, &components)?,
            restart_after: number("health.restart_after", &settings, repair::after)?,
            host: HostLimits {
                disk_percent: number("health.disk_percent", &settings, host_limits::disk_percent)?,
                disk_gib: number("health.disk_gib", &settings, host_limits::disk_gib)?,
                memory_percent: number("health.memory_percent", &settings, host_limits::memory_percent)?,
                load_per_cpu: number("health.load_per_cpu", &settings, host_limits::load_per_cpu)?,
            },
        },
        odoo: Odoo {
            host: host("odoo.host", &settings, &components, Component::Odoo)?,
            key_file: required("odoo.key_file", &settings, name::path)?,
            database: required("odoo.database", &settings, postgresql::database)?,
            source: odoo_source(&settings, &components)?,
            modules: each("odoo.modules", list(&settings, "odoo.modules"), odoo::module)?,
            addons_path: match list(&settings, "odoo.addons_path") {
                Some(given) if !given.value.is_empty() => {
                    each("odoo.addons_path", Some(given), odoo::addons_folder)?
                }
                _ => Vec::new(),
            },
            packages: match list(&settings, "odoo.packages") {
                Some(given) if !given.value.is_empty() => {
                    each("odoo.packages", Some(given), odoo::debian_package)?
                }
                _ => Vec::new(),
            },
        },
        tls: tls(&settings)?,
        nginx: Nginx {
            client_ca: path("nginx.client_ca", &settings)?,
            cloudflare: matches!(settings.get("nginx.cloudflare"), Some(Setting::Flag(given)) if given.value),
            origin_pull_ca: path("nginx.origin_pull_ca", &settings)?,
            status_users: status_users(&settings)?,
        },
        daemons: Daemons {
            source: required("daemons.source", &settings, name::path)?,
            catalogue: path("daemons.catalogue", &settings)?,
            enable: match list(&settings, "daemons.enable") {
                Some(given) if !given.value.is_empty() => each("daemons.enable", Some(given), name::daemon)?,
                _ => Vec::new(),
            },
        },
        apt: Apt {
            lock_timeout: lock_timeout(&settings)?,
            pgdg: Repository {
                uri: required("apt.pgdg.uri", &settings, postgresql::repository)?,
                signed_by: key_file("apt.pgdg.signed_by", &settings)?,
            },
            odoo: Mirror {
                uri: text(&settings, "apt.odoo.uri")
                    .map(|given| checked("apt.odoo.uri", given, postgresql::repository))
                    .transpose()?,
                signed_by: key_file("apt.odoo.signed_by", &settings)?,
            },
            odoo_nightly: Repository {
                uri: required("apt.odoo-nightly.uri", &settings, postgresql::repository)?,
                signed_by: key_file("apt.odoo-nightly.signed_by", &settings)?,
            },
        },
        domain,
        components,
    })
}

fn text<'a>(settings: &'a Settings, key: &str) -> Option<&'a Located<String>> {
    match settings.get(key) {
        Some(Setting::Text(text)) => Some(text),
        _ => None,
    }
}

fn list<'a>(settings: &'a Settings, key: &str) -> Option<&'a Located<Vec<Located<String>>>> {
    match settings.get(key) {
        Some(Setting::List(list)) => Some(list),
        _ => None,
    }
}

fn refused(
    place: &Place,
    key: &'static str,
    problem: impl Into<String>,
    fix: impl Into<String>,
) -> ConfigError {
    ConfigError::Value { place: place.clone(), key, problem: problem.into(), fix: fix.into() }
}

fn checked<T>(
    key: &'static str,
    given: &Located<String>,
    check: impl Fn(&str) -> Result<T, Problem>,
) -> Result<T, ConfigError> {
    check(&given.value).map_err(|problem| {
        let what = format!("`{}` {}", given.value.escape_debug(), problem.what);
        refused(&given.place, key, what, problem.fix)
    })
}

/// Every key but the domain, the hosts and the keys of repositories has a default, so none is missing.
fn nothing() -> Located<String> {
    Located::new(String::new(), Place::Default)
}

/// The text of a key that has a default.
fn required<T>(
    key: &'static str,
    settings: &Settings,
    check: impl Fn(&str) -> Result<T, Problem>,
) -> Result<T, ConfigError> {
    checked(key, text(settings, key).unwrap_or(&nothing()), check)
}

/// The number of a key that has a default.
fn number<T>(
    key: &'static str,
    settings: &Settings,
    check: impl Fn(u64) -> Result<T, Problem>,
) -> Result<T, ConfigError> {
    let Some(Setting::Number(given)) = settings.get(key) else {
        return Err(refused(&Place::Default, key, "has no value", "give a number"));
    };
    let told = |problem: Problem| {
        refused(&given.place, key, format!("{} {}", given.value, problem.what), problem.fix)
    };
    check(given.value).map_err(told)
}

/// Checks every entry of a list that may neither be empty nor hold anything twice.
fn each<T: PartialEq>(
    key: &'static str,
    given: Option<&Located<Vec<Located<String>>>>,
    check: impl Fn(&str) -> Result<T, Problem>,
) -> Result<Vec<T>, ConfigError> {
    let Some(given) = given.filter(|given| !given.value.is_empty()) else {
        let place = given.map_or(Place::Default, |given| given.place.clone());
        return Err(refused(
            &place,
            key,
            "is empty",
            "name at least one, or remove the line to get the default",
        ));
    };
    let mut entries = Vec::new();
    for item in &given.value {
        let entry = checked(key, item, &check)?;
        if entries.contains(&entry) {
            let problem = format!("`{}` stands there twice", item.value.escape_debug());
            return Err(refused(&item.place, key, problem, "remove one of the two"));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn components(given: Option<&Located<Vec<Located<String>>>>) -> Result<Vec<Component>, ConfigError> {
    let mut components = each("components", given, |text| {
        text.parse::<Component>().map_err(|_| {
            let fix = match Component::nearest(text, Component::ALL) {
                Some(component) => format!("did you mean `{component}`?"),
                None => format!("remove `{}` from the list", text.escape_debug()),
            };
            let what = format!("is no component: this version carries {}", Component::list());
            Problem::new(what, fix)
        })
    })?;
    components.sort_unstable();
    Ok(components)
}

/// What the agent may have restarted.
fn restart(settings: &Settings, components: &[Component]) -> Result<Vec<Component>, ConfigError> {
    const KEY: &str = "health.restart";
    match list(settings, KEY) {
        Some(given) if !given.value.is_empty() => {
            each(KEY, Some(given), |text| repair::component(text, components))
        }
        _ => Ok(Vec::new()),
    }
}

/// Another machine for a component that this host does not run itself.
fn host(
    key: &'static str,
    settings: &Settings,
    components: &[Component],
    component: Component,
) -> Result<Option<String>, ConfigError> {
    let Some(given) = text(settings, key) else { return Ok(None) };
    let host = checked(key, given, name::host)?;
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if components.contains(&component) && !is_here {
        let problem =
            format!("names the machine `{host}`, but `components` installs {component} on this host");
        let fix = format!("remove `{key}`, or take `{component}` out of `components`");
        return Err(refused(&given.place, key, problem, fix));
    }
    Ok(Some(host))
}

fn path(key: &'static str, settings: &Settings) -> Result<Option<PathBuf>, ConfigError> {
    text(settings, key).map(|given| checked(key, given, name::path)).transpose()
}

fn key_file(key: &'static str, settings: &Settings) -> Result<Option<PathBuf>, ConfigError> {
    text(settings, key).map(|given| checked(key, given, postgresql::key_file)).transpose()
}

/// A file in the place of a source; a nightly build needs a key.
fn odoo_source(settings: &Settings, components: &[Component]) -> Result<OdooSource, ConfigError> {
    let source = required("odoo.source", settings, odoo::source)?;
    let given = text(settings, "odoo.source").filter(|given| given.place != Place::Default);
    match (text(settings, "odoo.package"), given) {
        (Some(package), None) => Ok(OdooSource::Package(checked("odoo.package", package, odoo::package)?)),
        (Some(_), Some(given)) => {
            let fix = "remove `source`, or `package`";
            Err(refused(&given.place, "odoo.source", "is set together with `odoo.package`", fix))
        }
        (None, Some(given))
            if source == OdooSource::Nightly
                && components.contains(&Component::Odoo)
                && text(settings, "apt.odoo-nightly.signed_by").is_none() =>
        {
            let problem = "needs the key that signs Odoo's own repository, which hams does not bring along";
            let fix = "get https://nightly.odoo.com/odoo.key, look at it, and name the file as `signed_by` in the table \
                       `[apt.odoo-nightly]`";
            Err(refused(&given.place, "odoo.source", problem, fix))
        }
        (None, _) => Ok(source),
    }
}

/// A certificate and its key: both or none.
fn tls(settings: &Settings) -> Result<Option<Tls>, ConfigError> {
    const KEYS: [&str; 2] = ["tls.certificate", "tls.key"];
    match (path(KEYS[0], settings)?, path(KEYS[1], settings)?) {
        (Some(certificate), Some(key)) => Ok(Some(Tls { certificate, key })),
        (None, None) => Ok(None),
        (certificate, _) => {
            let [set, missing] = if certificate.is_some() { KEYS } else { [KEYS[1], KEYS[0]] };
            let place = text(settings, set).map_or(Place::Default, |given| given.place.clone());
            let problem = format!("is set without `{missing}`");
            Err(refused(&place, set, problem, "set both, or none to have a certificate made"))
        }
    }
}

/// Who may see the agent's page; nginx has it from the agent's port.
fn status_users(settings: &Settings) -> Result<Option<PathBuf>, ConfigError> {
    const KEY: &str = "nginx.status_users";
    match text(settings, KEY) {
        Some(given) if settings.get("health.http_port").is_none() => {
            let problem =
                "is set without `health.http_port`, the port on which nginx asks the agent for its page";
            let fix = "set `http_port = 9853` in the table `[health]`, or remove `status_users`";
            Err(refused(&given.place, KEY, problem, fix))
        }
        _ => path(KEY, settings),
    }
}

fn listen(text: &str) -> Result<Listen, Problem> {
    if text == "auto" {
        return Ok(Listen::Auto);
    }
    let address: IpAddr = text.parse().map_err(|_| {
        Problem::new("is no address", "give `auto`, or addresses of this host without port or prefix length")
    })?;
    if address.is_unspecified() {
        // A wildcard would also take the loopback addresses of a local resolver.
        return Err(Problem::new(
            "stands for every address, loopback too",
            "give `auto`, or single addresses",
        ));
    }
    if address.is_multicast() || address == IpAddr::from([255; 4]) {
        return Err(Problem::new("is no address of a single host", "give `auto`, or addresses of this host"));
    }
    Ok(Listen::Address(address))
}

fn maxmemory(text: &str) -> Result<MaxMemory, Problem> {
    if text == "auto" {
        return Ok(MaxMemory::Auto);
    }
    let unit = [("MB", 1), ("GB", 1024)];
    let megabytes = unit.iter().find_map(|(unit, factor)| {
        text.strip_suffix(unit)?.trim_end().parse::<u64>().ok()?.checked_mul(*factor)
    });
    match megabytes {
        Some(megabytes @ LEAST_MEGABYTES..=MOST_MEGABYTES) => Ok(MaxMemory::Bytes(megabytes << 20)),
        Some(_) => {
            Err(Problem::new("is not between 16MB and 1024GB", "give `auto`, or a size that Redis can use"))
        }
        None => {
            Err(Problem::new("is no size", "give `auto`, or a whole number of MB or GB, such as `256MB`"))
        }
    }
}

fn lock_timeout(settings: &Settings) -> Result<Duration, ConfigError> {
    match settings.get("apt.lock_timeout") {
        Some(Setting::Number(given)) if given.value > LONGEST_LOCK_TIMEOUT => Err(refused(
            &given.place,
            "apt.lock_timeout",
            format!("{} seconds is more than a day", given.value),
            format!("give at most {LONGEST_LOCK_TIMEOUT}"),
        )),
        Some(Setting::Number(given)) => Ok(Duration::from_secs(given.value)),
        _ => Err(refused(&Place::Default, "apt.lock_timeout", "has no value", "give a number of seconds")),
    }
}

/// Puts the domain in the place of every label `DOMAIN`.
fn put_domain(text: &str, domain: &str) -> String {
    text.split('.').map(|label| if label == "DOMAIN" { domain } else { label }).collect::<Vec<_>>().join(".")
}

fn is_at_or_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
