//! What an install did is taken back: the host is afterwards what it was before, but for what was said to stay.

mod lab;

use lab::manifest::{difference, manifest};
use lab::{Ended, Host};

/// Takes the package away, with its configuration.
const PURGE: &str = "DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet -o Dpkg::Use-Pty=0 purge hams 2>&1";

/// Where data are dumped to before they go.
const BACKUPS: &str = "/var/backups/hams";

const UNINSTALL: [&str; 3] = ["hams-install", "uninstall", "--yes"];

#[test]
fn an_uninstall_leaves_what_was_there_before_on_bookworm() {
    an_uninstall_leaves_what_was_there_before_on("bookworm");
}

#[test]
fn an_uninstall_leaves_what_was_there_before_on_trixie() {
    an_uninstall_leaves_what_was_there_before_on("trixie");
}

/// What was not asked to stay is gone; data stay until they are asked to go.
fn an_uninstall_leaves_what_was_there_before_on(suite: &str) {
    let host = Host::up(suite);
    let before = manifest(&host);

    host.install_package();
    let with_package = manifest(&host);
    let changed = difference(&before, &with_package);
    let starts = |line: &&String| line.starts_with("+ running") || line.contains(".wants/");
    let started: Vec<_> = changed.iter().filter(starts).collect();
    assert!(started.is_empty(), "{suite}: the package alone starts and enables nothing: {started:#?}");
    host.install().expect(0);
    let installed = difference(&with_package, &manifest(&host));
    for part in
        ["+ running rabbitmq-server.service", "+ running pdns.service", "+ account pdns", "+ file /etc/hams/"]
    {
        let is_seen = installed.iter().any(|line| line.starts_with(part));
        assert!(is_seen, "{suite}: the install is to be seen, {part}: {installed:#?}");
    }

    let uninstalled = host.run(&UNINSTALL).expect(0);
    let purged = host.ok(PURGE);
    let kept = Kept::of(&host, &uninstalled, &purged);
    let unsaid: Vec<_> = difference(&before, &manifest(&host));
    let unsaid: Vec<_> = unsaid.iter().filter(|line| !kept.explains(line)).collect();
    assert!(unsaid.is_empty(), "{suite}: stays, and nobody said so: {unsaid:#?}\n{}", uninstalled.text());
    let database = host.read_bytes_of("/var/lib/powerdns/pdns.sqlite3");
    assert!(database > 0, "{suite}: the zones stay");

    host.install_package();
    host.install().expect(0);
    let verified = host.run(&["hams-install", "verify"]);
    assert_eq!(verified.code, 0, "{suite}: installed again after an uninstall: {}", verified.text());

    // Once from a node that runs, once after an uninstall that kept the data.
    let dumped = if suite == "trixie" {
        host.run(&UNINSTALL).expect(0);
        "pdns.sqlite3"
    } else {
        "zones.sql"
    };
    host.run(&[&UNINSTALL[..], &["--purge-data"]].concat()).expect(0);
    let purged = host.ok(PURGE);
    dump_is_complete_and_private(&host, dumped);
    host.ok(&format!("rm -r {BACKUPS}"));
    let left = difference(&before, &manifest(&host));
    assert!(left.is_empty(), "{suite}: after a purge there is left:\n{}\n{purged}", left.join("\n"));
}

impl Host {
    /// The size of a file in the host.
    #[track_caller]
    fn read_bytes_of(&self, path: &str) -> u64 {
        self.run(&["stat", "--format", "%s", path]).expect(0).stdout.trim().parse().expect("a size")
    }
}

#[track_caller]
fn dump_is_complete_and_private(host: &Host, zones: &str) {
    let files = host.ok(&format!("cd {BACKUPS}; find . -type f -printf '%f %m %U %s\\n' | sort; find . -type d -printf 'folder %m %U\\n'"));
    for name in [zones, "secrets.env"] {
        let line = files.lines().find(|line| line.starts_with(&format!("{name} ")));
        assert!(line.is_some_and(|line| !line.ends_with(" 0")), "the dump has {name}: {files}");
    }
    for line in files.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let mode = if fields[0] == "folder" { "700" } else { "600" };
        assert_eq!(fields[1..3], [mode, "0"], "the dump is root's alone: {files}");
    }
}

/// What was said to stay, by `uninstall` and by the package's own last words.
#[derive(Debug, Default)]
struct Kept {
    paths: Vec<String>,
    accounts: Vec<String>,
    packages: Vec<String>,
}

impl Kept {
    fn of(host: &Host, uninstalled: &Ended, purged: &str) -> Self {
        let mut kept = Self::default();
        for said in uninstalled.stderr.lines().filter_map(|line| line.strip_prefix("kept: ")) {
            if let Some(names) = said.strip_prefix("configuration of the packages ") {
                kept.packages = names.split_whitespace().map(str::to_owned).collect();
            } else if let Some(name) = said.strip_prefix("account ") {
                kept.accounts.push(name.to_owned());
            } else if said.starts_with('/') {
                kept.paths.extend(said.split_whitespace().next().map(str::to_owned));
            } else {
                panic!("neither a path nor an account nor packages: {said}");
            }
        }
        let mut words = purged.lines().filter_map(|line| line.strip_prefix("hams: "));
        let listed = words.find(|line| line.trim_start().starts_with("/etc/hams")).unwrap_or_default();
        kept.paths.extend(listed.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned));
        kept.accounts.extend(listed.split_once("account ").map(|(_, name)| name.trim().to_owned()));

        // What the configuration of a removed package is: its conffiles, and what its maintainer scripts say.
        let conffiles = host.ok("dpkg-query -W -f '${Conffiles}\\n'");
        kept.paths
            .extend(conffiles.lines().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())));
        kept
    }

    /// Whether a line of a manifest's difference is something that was said to stay.
    fn explains(&self, line: &str) -> bool {
        let Some((thing, _)) = line.strip_prefix("+ ").and_then(|line| line.split_once(": ")) else {
            return false;
        };
        let (kind, name) = thing.split_once(' ').unwrap_or_default();
        match kind {
            "account" | "group" => self.accounts.iter().any(|account| account == name),
            "package" => line.contains(": rc ") && self.packages.iter().any(|package| package == name),
            "file" => {
                let is_below = |path: &String| {
                    name == path
                        || name.starts_with(&format!("{path}/"))
                        || path.starts_with(&format!("{name}/"))
                };
                self.paths.iter().any(is_below) || self.of_removed_packages(name)
            }
            _ => false,
        }
    }

    /// Files that Debian's own tools keep for a package until it is purged: links of init scripts (update-rc.d), links
    /// and records of units (deb-systemd-helper), and what these maintainer scripts write without a conffile.
    fn of_removed_packages(&self, file: &str) -> bool {
        const WRITTEN: &[(&str, &str)] = &[
            ("pdns-server", "/etc/powerdns"),
            ("pdns-server", "/var/spool/powerdns"),
            ("libwrap0", "/etc/hosts.allow"),
            ("libwrap0", "/etc/hosts.deny"),
            ("readline-common", "/etc/inputrc"),
            ("python3", "/etc/python3"),
            ("adduser", "/etc/adduser.conf"),
        ];
        let by_tools = ["/etc/rc", "/etc/systemd/system/", "/var/lib/systemd/deb-systemd-helper-"];
        WRITTEN.iter().any(|(package, path)| {
            self.packages.iter().any(|name| name == package)
                && (file == *path || file.starts_with(&format!("{path}/")))
        }) || by_tools.iter().any(|folder| file.starts_with(folder)) && is_of_a_unit(file)
    }
}

/// Whether a file is called as one of the units of the packages that an install brings, or is a folder of links.
fn is_of_a_unit(file: &str) -> bool {
    const UNITS: &[&str] = &["epmd.", "pdns.", "rabbitmq-server", "logrotate.timer"];
    let name = file.rsplit('/').next().unwrap_or_default();
    // S01NAME, K01NAME in /etc/rc?.d
    let name = if file.starts_with("/etc/rc") { name.get(3..).unwrap_or_default() } else { name };
    name.ends_with(".target.wants") || UNITS.iter().any(|unit| name.starts_with(unit))
}
