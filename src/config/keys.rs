//! Every key of hams.toml: its type, its default and its explanation, once.

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// An array of strings.
    List,
    /// A whole number, zero or more.
    Number,
    /// A whole number of seconds, zero or more.
    Seconds,
    /// `true` or `false`.
    Flag,
}

impl Kind {
    /// The type in words, as messages and the manual page say it.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Text => "a string",
            Kind::List => "an array of strings",
            Kind::Number => "a whole number",
            Kind::Seconds => "a whole number of seconds",
            Kind::Flag => "`true` or `false`",
        }
    }
}

/// One key of hams.toml.
#[derive(Debug)]
pub struct Key {
    /// The key with its table, joined by a dot: `powerdns.listen`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The default as TOML; `DOMAIN` stands for the node's domain. `None`: the key has no default.
    pub default: Option<&'static str>,
    /// A value as TOML that shows the form.
    pub example: &'static str,
    /// What it means: paragraphs, each on one line; backticks mark what is typed.
    pub doc: &'static str,
}

impl Key {
    /// The table and the key in it: `("powerdns", "listen")`, `("apt.pgdg", "uri")`; the table is empty at the top.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.rsplit_once('.').unwrap_or(("", self.name))
    }
}

/// Every key, in the order of the reference file: a table's keys stand together.
pub const KEYS: &[Key] = &[
    Key {
        name: "domain",
        kind: Kind::Text,
        default: None,
        example: r#""example.org""#,
        doc: "The node's domain: at least two labels, without a scheme, a port or a trailing dot. \
            There is no default: `--domain` or HAMS_DOMAIN may give it, and on a terminal \
            hams-install asks.\n\
            Where a label of a name below is `DOMAIN`, this domain is put in its place.",
    },
    Key {
        name: "components",
        kind: Kind::List,
        default: Some(
            r#"["postgresql", "redis", "rabbitmq", "powerdns", "odoo", "nginx", "daemons", "agent"]"#,
        ),
        example: r#"["powerdns", "agent"]"#,
        doc: "What this host runs. A component that is left out is neither installed nor touched.",
    },
    Key {
        name: "postgresql.host",
        kind: Kind::Text,
        default: None,
        example: r#""db.example.org""#,
        doc: "The machine whose PostgreSQL is used, when `components` leaves `postgresql` out: a host name \
            or an address. Without it, this host's own is used.",
    },
    Key {
        name: "postgresql.source",
        kind: Kind::Text,
        default: Some(r#""pgdg""#),
        example: r#""debian""#,
        doc: "Where PostgreSQL's packages come from: `pgdg`, the PostgreSQL project's own repository, from \
            which nothing but PostgreSQL can then be installed; or `debian`, the major version that the \
            Debian release has (15 in Debian 12, 17 in Debian 13).",
    },
    Key {
        name: "postgresql.version",
        kind: Kind::Number,
        default: Some("16"),
        example: "17",
        doc: "The major version, with the source `pgdg`. Another version later makes a new, empty cluster \
            beside the old one: data are taken over with `pg_upgradecluster`, by hand.",
    },
    Key {
        name: "postgresql.port",
        kind: Kind::Number,
        default: Some("5432"),
        example: "5433",
        doc: "The port on loopback and of the socket in /run/postgresql. Another one is needed only where a \
            cluster of your own has this one.",
    },
    Key {
        name: "postgresql.extensions",
        kind: Kind::List,
        default: Some(r#"["pg_trgm", "unaccent"]"#),
        example: r#"["pg_trgm", "unaccent", "vector"]"#,
        doc: "Extensions that are created in Odoo's database: `pg_trgm`, `unaccent`, and `vector`, which \
            brings the package of pgvector.",
    },
    Key {
        name: "redis.host",
        kind: Kind::Text,
        default: None,
        example: r#""redis.example.org""#,
        doc: "The machine whose Redis is used, when `components` leaves `redis` out: a host name or an \
            address. Without it, this host's own is used.",
    },
    Key {
        name: "redis.maxmemory",
        kind: Kind::Text,
        default: Some(r#""auto""#),
        example: r#""256MB""#,
        doc: "How much memory Redis may fill with keys, in MB or GB; when it is full, writes are refused. `auto` \
            stands for a sixteenth of the host's memory, rounded up to a power of two, from 64 MB to 1 GB.",
    },
    Key {
        name: "rabbitmq.host",
        kind: Kind::Text,
        default: None,
        example: r#""mq.example.org""#,
        doc: "The machine whose RabbitMQ is used, when `components` leaves `rabbitmq` out: a host name \
            or an address. Without it, this host's own is used.",
    },
    Key {
        name: "powerdns.host",
        kind: Kind::Text,
        default: None,
        example: r#""dns.example.org""#,
        doc: "The machine whose PowerDNS is used, when `components` leaves `powerdns` out: a host name \
            or an address. Without it, this host's own is used.",
    },
    Key {
        name: "powerdns.listen",
        kind: Kind::List,
        default: Some(r#"["auto"]"#),
        example: r#"["192.0.2.53", "2001:db8::53"]"#,
        doc: "The addresses on which PowerDNS answers questions, port 53, UDP and TCP. `auto` stands \
            for every global address of the host at the time of the run.",
    },
    Key {
        name: "powerdns.nameservers",
        kind: Kind::List,
        default: Some(r#"["ns1.DOMAIN.", "ns2.DOMAIN."]"#),
        example: r#"["ns1.DOMAIN.", "ns2.DOMAIN."]"#,
        doc: "The name servers of every zone that hams makes. The first one also stands in the zone's \
            SOA record.",
    },
    Key {
        name: "powerdns.personal_parent_zone",
        kind: Kind::Text,
        default: Some(r#""u.DOMAIN.""#),
        example: r#""u.DOMAIN.""#,
        doc: "The zone below which each member has a zone. It is made when PowerDNS is set up.",
    },
    Key {
        name: "powerdns.managed_suffixes",
        kind: Kind::List,
        default: Some(r#"["u.DOMAIN."]"#),
        example: r#"["u.DOMAIN.", "club.example.org."]"#,
        doc: "The agent creates, changes and deletes zones below these names and nowhere else.",
    },
    Key {
        name: "sync.sweep_minutes",
        kind: Kind::Number,
        default: Some("15"),
        example: "5",
        doc: "How often the agent looks for changes that no message told it: it reads from Odoo what was written since \
            the last time, holds PowerDNS's list of zones against what it has applied, and repairs what differs. From 1 \
            to 1440.",
    },
    Key {
        name: "sync.full_sweep_hour",
        kind: Kind::Number,
        default: Some("3"),
        example: "4",
        doc: "The hour, 0 to 23 in the host's own time zone, in which the agent compares all zones, and removes those that \
            Odoo no longer has. It does so at its start, too.",
    },
    Key {
        name: "sync.max_removals",
        kind: Kind::Number,
        default: Some("50"),
        example: "200",
        doc: "How many zones one sweep may remove. Where more are missing in Odoo, it removes none, and `hams-agent sync --all \
            --force` is needed. The larger one of this and `max_removals_percent` counts. With 0 for both, a sweep removes \
            none. What Odoo's own messages remove is not counted.",
    },
    Key {
        name: "sync.max_removals_percent",
        kind: Kind::Number,
        default: Some("1"),
        example: "5",
        doc: "The same as a part of the zones that the agent owns, in percent: 0 to 100.",
    },
    Key {
        name: "health.http_port",
        kind: Kind::Number,
        default: None,
        example: "9853",
        doc: "A port of 127.0.0.1 on which the agent answers `/` (a page for a browser), `/healthz`, `/readyz`, `/status` \
            and `/metrics` (Prometheus), from 1024 to 65535. Every local user can ask there, and order nothing. Without it, the control socket alone \
            answers, for root and the group hams-agent.",
    },
    Key {
        name: "health.webhook_file",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/hams/webhook""#,
        doc: "A file with the URL, `https://` or `http://`, of a webhook, in one line: whoever knows it can write there, so that \
            it must be root's, and no other user may read it. The agent sends each change of a state there as JSON, whose \
            key `text` says it for people, which is what chats show. What the receiver does not take is sent again until it \
            does. A changed file is taken up at once.\n\
            With this or `heartbeat_file` the agent may reach any host, and not only this one.",
    },
    Key {
        name: "health.heartbeat_file",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/hams/heartbeat""#,
        doc: "The same for a URL that the agent asks for (GET) once a minute while all of it is at work, for a service that \
            wakes somebody when that stays away. It says nothing of the other components.",
    },
    Key {
        name: "health.command",
        kind: Kind::Text,
        default: None,
        example: r#""/usr/local/sbin/hams-page""#,
        doc: "A program that gets each change of a state as JSON, one line on its standard input: the same as a webhook. It must \
            be root's, and no other user may be able to change it. It runs without arguments as the user hams-agent in the \
            agent's sandbox, at most 30 seconds and one at a time; when it ends with another status than 0 it is run again.",
    },
    Key {
        name: "health.restart",
        kind: Kind::List,
        default: Some("[]"),
        example: r#"["odoo", "powerdns"]"#,
        doc: "Components that are restarted when they stay failing while their unit is active, as one that hangs does: \
            `postgresql`, `redis`, `rabbitmq`, `powerdns`, `odoo`, `nginx`. A small service of root does it for the agent: these \
            units and no others, at most 3 times an hour each and 10 minutes apart; one that somebody has stopped stays \
            stopped. The journal and `hams-agent status` tell each restart. By default nothing is ever restarted.",
    },
    Key {
        name: "health.restart_after",
        kind: Kind::Seconds,
        default: Some("180"),
        example: "600",
        doc: "How long a component of `restart` must have failed without a break before it is restarted, from 30 to 86400.",
    },
    Key {
        name: "health.disk_percent",
        kind: Kind::Number,
        default: Some("10"),
        example: "5",
        doc: "With less of a file system left than this, in percent, and less than `disk_gib`, `host disk` needs a look; so it \
            does with less of its inodes. From 1 to 50. With less than 100 MiB it fails.",
    },
    Key {
        name: "health.disk_gib",
        kind: Kind::Number,
        default: Some("10"),
        example: "50",
        doc: "See `disk_percent`: with this much left, in GiB, a file system is never called short. From 1 to 100000.",
    },
    Key {
        name: "health.memory_percent",
        kind: Kind::Number,
        default: Some("10"),
        example: "5",
        doc: "With less of the memory to be had than this, in percent, `host memory` needs a look. From 4 to 50. With less than \
            3 % it fails.",
    },
    Key {
        name: "health.load_per_cpu",
        kind: Kind::Number,
        default: Some("4"),
        example: "8",
        doc: "With so many processes for each CPU over five minutes `host load` needs a look. From 1 to 1000.",
    },
    Key {
        name: "odoo.host",
        kind: Kind::Text,
        default: None,
        example: r#""erp.example.org""#,
        doc: "The machine whose Odoo nginx passes requests to, on the ports 8069 and 8072, and whose zones the agent \
            reads, on 8069, when `components` leaves `odoo` out: a host name or an address. Without it, this host's own \
            is used.",
    },
    Key {
        name: "odoo.key_file",
        kind: Kind::Text,
        default: Some(r#""/opt/hams/etc/keys/dns_sync/dns_api_service_internal.key""#),
        example: r#""/etc/hams/dns_api.key""#,
        doc: "The file with the key of the service account with which the agent reads zones from Odoo: the key alone, or \
            the form in which the platform writes it, with a line `ODOO_RPC_KEY=`. It may come later, and be replaced at \
            any time: the agent is then started anew. As long as it is not there, changes that refer to Odoo wait, \
            and `hams-agent status` says so. Before it ends the agent has Odoo make another one, where Odoo does, which \
            it keeps in its own folder, and has the one in the file revoked: it must be the key of this host alone.",
    },
    Key {
        name: "odoo.source",
        kind: Kind::Text,
        default: Some(r#""debian""#),
        example: r#""nightly""#,
        doc: "Where Odoo 19 comes from: `debian`, the package `odoo-19` of Debian unstable, from which nothing else can \
            then be installed; or `nightly`, the package `odoo` of Odoo's own repository, whose key \
            `apt.odoo-nightly.signed_by` must name. Where the package asks for what this Debian does not have, its \
            control file is repaired, and the plan shows how.",
    },
    Key {
        name: "odoo.package",
        kind: Kind::Text,
        default: None,
        example: r#""/srv/odoo_19.0.20261120_all.deb""#,
        doc: "A Debian package of Odoo 19 on this host, in the place of a source. The operator answers for its origin.",
    },
    Key {
        name: "odoo.database",
        kind: Kind::Text,
        default: Some(r#""hams_prod""#),
        example: r#""hams_prod""#,
        doc: "The database of Odoo, which the role `odoo` owns.",
    },
    Key {
        name: "odoo.modules",
        kind: Kind::List,
        default: Some(r#"["base", "web"]"#),
        example: r#"["base", "web", "website"]"#,
        doc: "The modules that are installed in the database, and with them all that they need. One that is added later \
            is installed by the next run, for which Odoo stops; one that is removed here stays installed.",
    },
    Key {
        name: "odoo.addons_path",
        kind: Kind::List,
        default: Some("[]"),
        example: r#"["/opt/hams/addons"]"#,
        doc: "More folders with modules, beside Odoo's own: absolute paths that the account `odoo` can read.",
    },
    Key {
        name: "odoo.packages",
        kind: Kind::List,
        default: Some("[]"),
        example: r#"["python3-pika", "python3-redis"]"#,
        doc: "Debian packages that these modules need beside Odoo's own, such as Python libraries.",
    },
    Key {
        name: "tls.certificate",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/letsencrypt/live/example.org/fullchain.pem""#,
        doc: "The certificate that nginx shows, with its chain behind it, in PEM. It must be valid for the domain and \
            `www`, and for `auth` where `nginx.client_ca` is set. Without it, hams-install makes one that no browser \
            trusts, and renews it when a run finds less than 30 days left.\n\
            A run notices a replaced certificate and has nginx read it; `systemctl reload nginx` does the same.",
    },
    Key {
        name: "tls.key",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/letsencrypt/live/example.org/privkey.pem""#,
        doc: "The certificate's private key, in PEM; readable by root alone. Set together with `tls.certificate`.",
    },
    Key {
        name: "nginx.client_ca",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/hams/arrl-root.pem""#,
        doc: "The root certificate of ARRL's Logbook of the World, in PEM, with the intermediate ones where clients do \
            not send them. `auth.DOMAIN` takes only clients with a certificate below it. Without it, `auth.DOMAIN` \
            refuses everybody.",
    },
    Key {
        name: "nginx.cloudflare",
        kind: Kind::Flag,
        default: Some("false"),
        example: "true",
        doc: "Whether Cloudflare stands in front of the domain. Then a client's address is taken from what Cloudflare \
            says, where the request comes from one of Cloudflare's own addresses, and from there alone.",
    },
    Key {
        name: "nginx.origin_pull_ca",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/hams/origin-pull-ca.pem""#,
        doc: "The certificate authority of Cloudflare's authenticated origin pulls, in PEM. With it, the domain and \
            `www` take only connections that show a certificate below it.",
    },
    Key {
        name: "nginx.status_users",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/hams/status.htpasswd""#,
        doc: "Who may see the page with this node's state at `https://DOMAIN/hams-status`: a file with a line \
            `NAME:HASH` a person, as `htpasswd -B` or `openssl passwd -6` make it, owned by root, group www-data, mode \
            0640. Needs `health.http_port`. Without it, nginx serves no such page.",
    },
    Key {
        name: "daemons.source",
        kind: Kind::Text,
        default: Some(r#""/opt/hams/daemons""#),
        example: r#""/srv/daemons""#,
        doc: "Where the code of the daemons lies; root alone may be able to write there, and every account must be able to \
            read it. A daemon whose code is not there is left out.",
    },
    Key {
        name: "daemons.catalogue",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/hams/daemons.toml""#,
        doc: "A catalogue with daemons of your own, in the form of /usr/share/doc/hams/examples/daemons.toml. An entry \
            takes the place of one of hams that has its name.",
    },
    Key {
        name: "daemons.enable",
        kind: Kind::List,
        default: Some("[]"),
        example: r#"["fcc.uls.sync"]"#,
        doc: "Daemons that the catalogue marks `opt_in`, and that this node shall have.",
    },
    Key {
        name: "apt.lock_timeout",
        kind: Kind::Seconds,
        default: Some("120"),
        example: "300",
        doc: "How long to wait for another program that holds the lock of apt or dpkg. With 0 the run \
            gives up at once.",
    },
    Key {
        name: "apt.pgdg.uri",
        kind: Kind::Text,
        default: Some(r#""https://apt.postgresql.org/pub/repos/apt""#),
        example: r#""http://mirror.example.org/pgdg""#,
        doc: "The PostgreSQL project's repository, or a mirror of it; the suite is that of the Debian \
            release, such as `trixie-pgdg`.",
    },
    Key {
        name: "apt.pgdg.signed_by",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/apt/keyrings/mirror.asc""#,
        doc: "The key that signs the repository, where it is not the PostgreSQL project's own, which hams \
            brings along.",
    },
    Key {
        name: "apt.odoo.uri",
        kind: Kind::Text,
        default: None,
        example: r#""http://mirror.example.org/debian""#,
        doc: "The Debian mirror whose unstable `odoo-19` comes from. Without it, the mirror that apt uses already.",
    },
    Key {
        name: "apt.odoo.signed_by",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/apt/keyrings/mirror.asc""#,
        doc: "The key that signs that mirror, where it is not Debian's own.",
    },
    Key {
        name: "apt.odoo-nightly.uri",
        kind: Kind::Text,
        default: Some(r#""https://nightly.odoo.com/19.0/nightly/deb""#),
        example: r#""http://mirror.example.org/odoo""#,
        doc: "Odoo's own repository, with the source `nightly`, or a mirror of it: a flat repository.",
    },
    Key {
        name: "apt.odoo-nightly.signed_by",
        kind: Kind::Text,
        default: None,
        example: r#""/etc/apt/keyrings/odoo.asc""#,
        doc: "The key that signs Odoo's own repository; hams does not bring it along. Odoo publishes it at \
            https://nightly.odoo.com/odoo.key: look at it, and keep it in a file.",
    },
];

/// The key of that full name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether some key lives in the table of that name.
pub(super) fn is_table(name: &str) -> bool {
    KEYS.iter().any(|key| !name.is_empty() && key.parts().0 == name)
}

/// What to say about a name that is no key: the nearest known key, and what else its table has.
pub(super) fn hint(unknown: &str) -> String {
    let (table, last) = unknown.rsplit_once('.').unwrap_or(("", unknown));
    // A key that was written into the wrong table is nearest by its own name alone.
    let distance = |key: &Key| {
        let whole = strsim::damerau_levenshtein(unknown, key.name);
        whole.min(strsim::damerau_levenshtein(last, key.parts().1) + 1)
    };
    let nearest = KEYS.iter().min_by_key(|key| distance(key));
    match nearest {
        Some(key) if distance(key) <= (last.len() / 3).max(2) => {
            let (home, name) = key.parts();
            match (home == table, home.is_empty()) {
                (true, _) => format!("did you mean `{}`?", key.name),
                (false, true) => format!("did you mean `{name}`, above the first table?"),
                (false, false) => format!("did you mean `{name}` in the table `[{home}]`?"),
            }
        }
        _ => {
            let known = |inside: &str| -> Vec<String> {
                KEYS.iter()
                    .filter(|key| inside.is_empty() || key.parts().0 == inside)
                    .map(|key| format!("`{}`", key.name))
                    .collect()
            };
            let names = known(if is_table(table) { table } else { "" });
            match nearest {
                Some(key) if names.len() > 4 => {
                    format!("the nearest known key is `{}`; hams.toml(5) lists them all", key.name)
                }
                _ => format!("the known keys here are {}", names.join(", ")),
            }
        }
    }
}

/// What to say about a table that no key lives in.
pub(super) fn table_hint(unknown: &str) -> String {
    let mut tables: Vec<&str> =
        KEYS.iter().map(|key| key.parts().0).filter(|name| !name.is_empty()).collect();
    tables.dedup();
    let nearest = tables.iter().min_by_key(|name| strsim::damerau_levenshtein(unknown, name));
    match nearest {
        Some(name) if strsim::damerau_levenshtein(unknown, name) <= 2 => format!("did you mean `[{name}]`?"),
        _ => {
            let list: Vec<String> = tables.iter().map(|name| format!("`[{name}]`")).collect();
            format!("the tables of this version are {}", list.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_together_and_the_top_comes_first() {
        let mut tables: Vec<&str> = KEYS.iter().map(|key| key.parts().0).collect();
        assert_eq!(tables[0], "");
        tables.dedup();
        let mut unique = tables.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(tables.len(), unique.len());
    }

    #[test]
    fn the_nearest_key_is_named() {
        assert_eq!(hint("domian"), "did you mean `domain`?");
        assert_eq!(hint("powerdns.lisen"), "did you mean `powerdns.listen`?");
        assert_eq!(hint("listen"), "did you mean `listen` in the table `[powerdns]`?");
        assert_eq!(hint("powerdns.domain"), "did you mean `domain`, above the first table?");
        assert_eq!(
            hint("pwerdns.managed_suffixes"),
            "did you mean `managed_suffixes` in the table `[powerdns]`?"
        );
        assert_eq!(hint("apt.quietness"), "the known keys here are `apt.lock_timeout`");
        assert_eq!(hint("apt.pgdg.url"), "did you mean `apt.pgdg.uri`?");
        assert_eq!(table_hint("powerdn"), "did you mean `[powerdns]`?");
        let tables = table_hint("kubernetes");
        assert!(tables.starts_with("the tables of this version are `[postgresql]`, "), "{tables}");
        assert!(hint("webserver").starts_with("the nearest known key is `"), "{}", hint("webserver"));
    }
}
