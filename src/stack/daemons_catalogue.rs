//! The catalogue of daemons, deploy/daemons.toml and a site's own file beside it: read strictly, pure, no I/O.

use super::group::Group;
use crate::config::Component;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// The catalogue that hams brings along.
const SHIPPED: &str = include_str!("../../deploy/daemons.toml");
/// The form that this version reads.
const VERSION: i64 = 1;
const TOP: [&str; 2] = ["version", "daemon"];
/// Every key of a daemon.
const KEYS: [&str; 27] = [
    "name",
    "description",
    "family",
    "kind",
    "entry",
    "arguments",
    "env",
    "set",
    "needs",
    "writes",
    "queues",
    "key_file",
    "port",
    "calendar",
    "every",
    "random_delay",
    "persistent",
    "memory_max",
    "tasks_max",
    "files_max",
    "restart_after",
    "start_timeout",
    "opt_in",
    "retired",
    "left_out",
    "reason",
    "host_class",
];

/// One daemon.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Daemon {
    /// The instance of `hams-daemon@`.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its system account.
    #[serde(default)]
    pub family: String,
    /// How it runs; `None` only where it is not set up at all.
    pub kind: Option<Kind>,
    /// Its program, below `daemons.source`.
    #[serde(default)]
    pub entry: String,
    /// The program's arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The groups of variables that it gets.
    #[serde(default)]
    pub env: Vec<Group>,
    /// More variables.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Components that it is started after.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Folders that it may write to: absolute paths.
    #[serde(default)]
    pub writes: Vec<String>,
    /// Queues that it declares and reads.
    #[serde(default)]
    pub queues: Vec<String>,
    /// The file of its key to Odoo: an absolute path.
    pub key_file: Option<String>,
    /// What it listens on.
    pub port: Option<u16>,
    /// When it runs.
    #[serde(default)]
    pub calendar: Vec<String>,
    /// How long after one run the next begins.
    pub every: Option<String>,
    /// By how much a calendar's run is put off.
    pub random_delay: Option<String>,
    /// Whether a missed run is made up for.
    pub persistent: Option<bool>,
    /// MemoryMax=
    pub memory_max: Option<String>,
    /// TasksMax=
    pub tasks_max: Option<u32>,
    /// LimitNOFILE=
    pub files_max: Option<u32>,
    /// RestartSec=
    pub restart_after: Option<String>,
    /// TimeoutStartSec=
    pub start_timeout: Option<String>,
    #[serde(default)]
    opt_in: bool,
    #[serde(default)]
    retired: bool,
    #[serde(default)]
    left_out: bool,
    reason: Option<String>,
    host_class: Option<String>,
}

/// How a daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// All the time.
    Service,
    /// To its end, at its times.
    Timer,
}

/// A component that a daemon needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // the components' names
pub enum Need {
    Postgresql,
    Redis,
    Rabbitmq,
    Powerdns,
}

impl Daemon {
    /// Whether a node never gets it, and why: retired, or not a thing that hams sets up.
    pub fn is_absent(&self) -> bool {
        self.retired || self.left_out
    }

    /// Whether a node gets it only when it is asked for.
    pub fn is_opt_in(&self) -> bool {
        self.opt_in || self.host_class.is_some()
    }

    /// The components that it cannot do without: those that it is started after, and those that its variables lead to.
    pub fn components(&self) -> BTreeSet<Component> {
        let needed = self.needs.iter().map(|need| match need {
            Need::Postgresql => Component::Postgresql,
            Need::Redis => Component::Redis,
            Need::Rabbitmq => Component::Rabbitmq,
            Need::Powerdns => Component::Powerdns,
        });
        needed.chain(self.env.iter().filter_map(|group| group.component())).collect()
    }

    /// Why it is absent or opt-in.
    pub fn reason(&self) -> String {
        match (&self.reason, &self.host_class) {
            (Some(reason), _) => reason.clone(),
            (None, Some(class)) => format!("it is for hosts of the class {class}"),
            (None, None) => String::new(),
        }
    }

    /// Its service.
    pub fn service(&self) -> String {
        format!("hams-daemon@{}.service", self.name)
    }

    /// Its timer, where it has one.
    pub fn timer(&self) -> Option<String> {
        (self.kind == Some(Kind::Timer)).then(|| format!("hams-daemon@{}.timer", self.name))
    }

    /// What is wrong with it, and what would be right.
    fn fault(&self) -> Option<(String, &'static str)> {
        let wrong = |what: String, fix| Some((what, fix));
        if !is_plain(&self.name, "._-") {
            return wrong(
                format!("the name `{}` cannot be a unit's", self.name.escape_debug()),
                "use letters, digits, `.`, `_` and `-`",
            );
        }
        let marks = [self.opt_in, self.retired, self.left_out];
        match marks.iter().filter(|mark| **mark).count() {
            0 => {}
            1 if self.reason.as_deref().is_some_and(|reason| !reason.is_empty()) => {}
            1 => return wrong("it says no `reason`".into(), "say why it is opt-in, retired or left out"),
            _ => {
                return wrong(
                    "it is more than one of `opt_in`, `retired` and `left_out`".into(),
                    "keep one of them",
                );
            }
        }
        if self.is_absent() {
            return None;
        }
        let Some(kind) = self.kind else {
            return wrong("it has no `kind`".into(), "write `kind = \"service\"` or `kind = \"timer\"`");
        };
        let is_account = self.family.len() <= 31
            && self.family.starts_with(|first: char| first.is_ascii_lowercase())
            && is_plain(&self.family, "_-");
        if !is_account {
            return wrong(
                format!("`{}` is no `family`", self.family.escape_debug()),
                "name a system account: lower-case letters, digits and underscores",
            );
        }
        if matches!(self.family.as_str(), "root" | "odoo" | "postgres" | "redis" | "rabbitmq" | "pdns") {
            return wrong(
                format!("the account `{}` is not for daemons", self.family),
                "give it an account of its own",
            );
        }
        let is_entry = self.entry.ends_with(".py")
            && is_plain(&self.entry, "._-/")
            && self.entry.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !is_entry {
            return wrong(
                format!("`{}` is no `entry`", self.entry.escape_debug()),
                "name a Python file below `daemons.source`, such as `relay/main.py`",
            );
        }
        let paths = self.writes.iter().chain(&self.key_file);
        for path in paths {
            let is_path = path.starts_with('/')
                && is_plain(path, "._-/")
                && path[1..].split('/').all(|part| !part.is_empty() && part != "." && part != "..");
            let is_ours =
                !["/etc", "/usr", "/var/lib/hams", "/var/lib/hams-daemons", "/proc", "/sys", "/dev"]
                    .iter()
                    .any(|system| Path::new(path).starts_with(system))
                    || self.key_file.as_ref() == Some(path);
            if !is_path || !is_ours || Path::new(path).components().count() < 3 {
                return wrong(
                    format!("`{}` is no path that it can have", path.escape_debug()),
                    "give an absolute path of its own, such as `/opt/hams/spool/NAME`",
                );
            }
        }
        if let Some((name, value)) = self.set.iter().find(|(name, value)| {
            !name.starts_with(|first: char| first.is_ascii_uppercase())
                || !is_plain(name, "_")
                || value.chars().any(char::is_control)
        }) {
            return wrong(
                format!("`{}` cannot be set to `{}`", name.escape_debug(), value.escape_debug()),
                "use a name of capital letters, and a value of one line",
            );
        }
        if let Some(queue) = self.queues.iter().find(|queue| !is_plain(queue, "._-")) {
            return wrong(
                format!("`{}` is no queue", queue.escape_debug()),
                "use letters, digits, `.`, `_` and `-`",
            );
        }
        let times =
            [&self.every, &self.random_delay, &self.memory_max, &self.restart_after, &self.start_timeout];
        let words = times.into_iter().flatten().chain(&self.calendar);
        for word in words {
            if word.is_empty() || !is_plain(word, " *:,.-/~_+%") {
                return wrong(
                    format!("systemd cannot read `{}`", word.escape_debug()),
                    "write it as systemd.time(7) does: `daily`, `2min`, `*-*-* 05:00`",
                );
            }
        }
        if self.arguments.iter().any(|argument| argument.chars().any(char::is_control)) {
            return wrong("an argument has a control character in it".into(), "write it on one line");
        }
        match (kind, self.calendar.is_empty(), &self.every) {
            (Kind::Service, true, None) | (Kind::Timer, false, None) | (Kind::Timer, true, Some(_)) => None,
            (Kind::Service, ..) => {
                wrong("a service has no times".into(), "make it a timer, or remove `calendar` and `every`")
            }
            (Kind::Timer, ..) => wrong("a timer needs its times".into(), "give it `calendar` or `every`"),
        }
    }
}

fn is_plain(text: &str, more: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || more.contains(char))
}

/// A catalogue that cannot be used: the place, what is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}\nhint: {fix}")]
pub struct CatalogueError {
    file: String,
    line: usize,
    problem: String,
    fix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: i64,
    #[serde(default)]
    daemon: Vec<toml::Spanned<Daemon>>,
}

/// The daemons that hams brings along.
pub fn shipped() -> Result<Vec<Daemon>, CatalogueError> {
    parse(SHIPPED, "deploy/daemons.toml")
}

/// `more` on top of `first`: an entry of the same name takes the place of the earlier one.
pub fn joined(first: Vec<Daemon>, more: Vec<Daemon>) -> Vec<Daemon> {
    let is_replaced = |daemon: &Daemon| more.iter().any(|other| other.name == daemon.name);
    let kept: Vec<Daemon> = first.into_iter().filter(|daemon| !is_replaced(daemon)).collect();
    kept.into_iter().chain(more).collect()
}

/// What is wrong between daemons that a node has at once: one port, or one folder of two accounts.
pub fn conflict(daemons: &[&Daemon]) -> Option<String> {
    for (at, one) in daemons.iter().enumerate() {
        for other in &daemons[at + 1..] {
            if let Some(port) = one.port.filter(|port| other.port == Some(*port)) {
                return Some(format!(
                    "the daemons {} and {} both listen on the port {port}\n\
                     hint: give one of them another `port` in the catalogue of daemons",
                    one.name, other.name
                ));
            }
            if one.family != other.family {
                if let Some(path) = one.writes.iter().find(|path| other.writes.contains(path)) {
                    return Some(format!(
                        "the daemons {} and {} both write to {path}, under two accounts\n\
                         hint: give them one `family`, or each a folder of its own",
                        one.name, other.name
                    ));
                }
            }
        }
    }
    None
}

/// Reads a catalogue; `file` is only named in messages.
pub fn parse(text: &str, file: &str) -> Result<Vec<Daemon>, CatalogueError> {
    let line = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let refused = |offset: usize, problem: String, fix: &str| CatalogueError {
        file: file.to_owned(),
        line: line(offset),
        problem,
        fix: fix.to_owned(),
    };
    let not_toml = |error: &toml::de::Error| {
        let problem = error.message().replace('\n', ", ");
        refused(error.span().map_or(0, |span| span.start), problem, "deploy/daemons.toml explains every key")
    };
    let document = DeTable::parse(text).map_err(|error| not_toml(&error))?;
    known_keys(document.get_ref(), &TOP).map_err(|(offset, problem, fix)| refused(offset, problem, &fix))?;
    if let Some(DeValue::Array(entries)) = document.get_ref().get("daemon").map(|value| value.get_ref()) {
        for entry in entries {
            if let DeValue::Table(table) = entry.get_ref() {
                known_keys(table, &KEYS).map_err(|(offset, problem, fix)| refused(offset, problem, &fix))?;
            }
        }
    }
    let document: Document = toml::from_str(text).map_err(|error| not_toml(&error))?;
    if document.version != VERSION {
        let problem = format!("its form is version {}, this hams reads version {VERSION}", document.version);
        return Err(refused(0, problem, "update hams, or write the file in the form of version 1"));
    }
    let mut daemons: Vec<Daemon> = Vec::new();
    for entry in document.daemon {
        let offset = entry.span().start;
        let daemon = entry.into_inner();
        let named = |problem: String| format!("the daemon `{}`: {problem}", daemon.name.escape_debug());
        if let Some((problem, fix)) = daemon.fault() {
            return Err(refused(offset, named(problem), fix));
        }
        if daemons.iter().any(|other| other.name == daemon.name) {
            return Err(refused(offset, named("it stands there twice".into()), "remove one of the two"));
        }
        daemons.push(daemon);
    }
    Ok(daemons)
}

/// The first key from the top that is not among `known`: where it stands, what to say, and the fix.
fn known_keys(table: &DeTable<'_>, known: &[&str]) -> Result<(), (usize, String, String)> {
    let mut keys: Vec<_> = table.keys().collect();
    keys.sort_by_key(|key| key.span().start);
    for key in keys {
        let name = key.get_ref().as_ref();
        if known.contains(&name) {
            continue;
        }
        let distance = |other: &&&str| strsim::damerau_levenshtein(name, other);
        let nearest = known.iter().min_by_key(distance).filter(|other| distance(other) <= 2);
        let fix = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the known keys here are {}", known.join(", ")),
        };
        return Err((key.span().start, format!("unknown key `{}`", name.escape_debug()), fix));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAEMON: &str = "version = 1\n[[daemon]]\nname = \"x.y\"\ndescription = \"d\"\nfamily = \"hamsd_x\"\n\
                          kind = \"service\"\nentry = \"x/main.py\"\n";

    fn fault(more: &str) -> String {
        parse(&format!("{DAEMON}{more}\n"), "site.toml").unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_catalogue_parses() {
        let daemons = shipped().unwrap();
        let find = |name: &str| daemons.iter().find(|daemon| daemon.name == name).unwrap();
        assert!(daemons.len() > 60, "{}", daemons.len());
        assert!(find("pdns.sync").is_absent() && find("pdns.sync").reason().contains("hams-agent"));
        assert!(find("fcc.uls.sync").is_opt_in() && !find("amsat.tle.sync").is_opt_in());
        assert_eq!(find("dx.firehose").port, Some(8765));
        assert_eq!(find("amsat.tle.sync").timer().as_deref(), Some("hams-daemon@amsat.tle.sync.timer"));
        let all: Vec<&Daemon> = daemons.iter().filter(|daemon| !daemon.is_absent()).collect();
        assert_eq!(conflict(&all), None);
        // No daemon runs as Odoo, and none but those of the database's role sees its password.
        assert!(all.iter().all(|daemon| daemon.family.starts_with("hamsd_")));
        let with_db: Vec<_> = all.iter().filter(|daemon| daemon.env.contains(&Group::Db)).collect();
        assert_eq!(with_db.iter().map(|daemon| daemon.name.as_str()).collect::<Vec<_>>(), ["dx.firehose"]);
    }

    #[test]
    fn every_fault_is_told_with_its_line_and_fix() {
        for (more, parts) in [
            ("entyr = \"x\"", ["site.toml:8: unknown key `entyr`", "did you mean `entry`?"]),
            ("bananas = 1", ["unknown key `bananas`", "the known keys here are name, "]),
            ("retired = true", ["the daemon `x.y`: it says no `reason`", "say why"]),
            ("retired = true\nleft_out = true\nreason = \"r\"", ["more than one", "keep one"]),
            ("calendar = [\"daily\"]", ["a service has no times", "make it a timer"]),
            ("writes = [\"/etc/x\"]", ["`/etc/x` is no path", "absolute path of its own"]),
            ("writes = [\"/opt/../x\"]", ["is no path", "absolute"]),
            ("writes = [\"/opt\"]", ["is no path", "absolute"]),
            ("set = { path = \"x\" }", ["`path` cannot be set", "capital letters"]),
            ("env = [\"core\"]", ["unknown variant `core`", "explains every key"]),
            ("queues = [\"a b\"]", ["is no queue", "letters"]),
            ("memory_max = \"1G\\nExecStart=/x\"", ["systemd cannot read", "systemd.time(7)"]),
            (
                "[[daemon]]\nname = \"x.y\"\ndescription = \"d\"\nretired = true\nreason = \"r\"",
                ["site.toml:8: the daemon `x.y`: it stands there twice", "remove one"],
            ),
        ] {
            let fault = fault(more);
            for part in parts {
                assert!(fault.contains(part), "{more}: {fault}");
            }
            assert!(fault.contains("hint: "), "{fault}");
        }
        for (from, to, part) in [
            ("hamsd_x", "root", "not for daemons"),
            ("x/main.py", "../main.py", "is no `entry`"),
            ("x/main.py", "/x/main.py", "is no `entry`"),
            ("x.y", "x/y", "cannot be a unit's"),
            ("\"service\"", "\"timer\"", "a timer needs its times"),
            ("version = 1", "version = 2", "this hams reads version 1"),
            ("version = 1", "verson = 1", "did you mean `version`?"),
        ] {
            let fault = parse(&DAEMON.replace(from, to), "site.toml").unwrap_err().to_string();
            assert!(fault.contains(part), "{to}: {fault}");
        }
    }

    #[test]
    fn a_site_replaces_and_adds() {
        let own = parse(DAEMON, "site.toml").unwrap();
        let replaced = parse(&DAEMON.replace("\"d\"", "\"other\""), "site.toml").unwrap();
        let both = joined(own.clone(), replaced.clone());
        assert_eq!(both, replaced);
        let mut second = own[0].clone();
        second.name = "z".into();
        assert_eq!(conflict(&[&own[0], &second]), None);
        second.port = Some(9000);
        let first = Daemon { port: Some(9000), ..own[0].clone() };
        assert!(conflict(&[&first, &second]).unwrap().contains("both listen on the port 9000"));
        let writes = vec!["/opt/x/y".to_owned()];
        let (first, second) = (
            Daemon { writes: writes.clone(), ..own[0].clone() },
            Daemon { writes, family: "hamsd_z".into(), ..second },
        );
        assert!(conflict(&[&first, &second]).unwrap().contains("two accounts"));
    }
}
