//! What hams-install refuses: the exit code of design §2, a message that names the cause and the fix, nothing touched.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod lab;

use lab::manifest::{Manifest, difference, manifest, times};
use lab::package::{COMPONENTS, INSTALL};
use lab::{Ended, Host, SUITES};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const USAGE: i32 = 2;
const PRECHECK: i32 = 3;
/// Until a program that is being started shows what was waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Listens forever: PROTOCOL ADDRESS PORT. perl is in every Debian.
const HOLDER: &str = r#"use Socket qw(:all); my ($kind, $address, $port) = @ARGV; my $six = $address =~ /:/;
socket(my $socket, $six ? AF_INET6 : AF_INET, $kind eq "tcp" ? SOCK_STREAM : SOCK_DGRAM, 0) or die "socket: $!";
my $ip = inet_pton($six ? AF_INET6 : AF_INET, $address);
bind($socket, $six ? pack_sockaddr_in6($port, $ip) : pack_sockaddr_in($port, $ip)) or die "bind: $!";
if ($kind eq "tcp") { listen($socket, 5) or die "listen: $!" } sleep;"#;

/// A host that nothing may touch.
struct Untouched {
    host: Host,
    before: Manifest,
}

impl Untouched {
    fn up(suite: &str) -> Self {
        Self::of(Host::up(suite))
    }

    fn of(host: Host) -> Self {
        host.install_package();
        host.ok("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends dnsmasq-base >&2");
        let before = manifest(&host);
        Self { host, before }
    }

    /// Runs `command`, which must end with `code`, say every text of `said`, and leave every file as it was.
    #[track_caller]
    fn refuses(&self, code: i32, command: &[&str], said: &[&str]) -> Ended {
        let before = times(&self.host);
        let ended = self.host.run(command).expect(code);
        let after = times(&self.host);
        assert!(
            before == after,
            "`{}` touched {:#?}: {}",
            command.join(" "),
            changed(&before, &after),
            ended.text()
        );
        for text in said.iter().chain(&["error: ", "hint: "]) {
            assert!(
                ended.stderr.contains(text),
                "`{}` does not say `{text}`: {}",
                command.join(" "),
                ended.text()
            );
        }
        assert_eq!(ended.stdout, "", "messages go to stderr");
        assert!(!ended.stderr.contains('\x1b'), "escape codes without a terminal: {:?}", ended.stderr);
        ended
    }

    /// The install, refused before anything was touched.
    #[track_caller]
    fn refuses_install(&self, said: &[&str]) -> Ended {
        self.refuses(PRECHECK, &INSTALL, said)
    }

    /// The install in a view of the file system that `setup`, a shell script, changes: no other process sees it.
    #[track_caller]
    fn refuses_install_where(&self, setup: &str, said: &[&str]) -> Ended {
        let script = format!("set -e\n{setup}\nexec {}", INSTALL.join(" "));
        self.refuses(PRECHECK, &["unshare", "--mount", "sh", "-c", &script], said)
    }

    /// Starts a program that runs until [`Self::end`]; gives its process id.
    #[track_caller]
    fn start(&self, command: &[&str]) -> String {
        let unit = [
            "systemd-run",
            "--quiet",
            "--unit=holder",
            "--service-type=exec",
            "--property=KillMode=control-group",
        ];
        self.host.run(&[&unit[..], command].concat()).expect(0);
        self.host.ok("systemctl show --property=MainPID --value holder").trim().to_owned()
    }

    /// Starts a program that holds one port and waits until it does; gives its process id.
    #[track_caller]
    fn hold(&self, kind: &str, address: &str, port: u16) -> String {
        let pid = self.start(&["perl", "-e", HOLDER, kind, address, &port.to_string()]);
        self.wait_for(&format!("ss --numeric --listening --{kind} | grep --quiet ':{port} '"));
        pid
    }

    fn end(&self) {
        self.host.ok("systemctl stop holder; systemctl reset-failed holder 2>/dev/null || true");
    }

    #[track_caller]
    fn wait_for(&self, condition: &str) {
        let end = Instant::now() + PATIENCE;
        while self.host.sh(condition).code != 0 {
            assert!(
                Instant::now() < end,
                "never came: `{condition}`; {}",
                self.host.ok("systemctl status holder || true")
            );
        }
    }

    #[track_caller]
    fn ends_as_before(self) {
        let left = difference(&self.before, &manifest(&self.host));
        assert!(left.is_empty(), "the refused runs left traces: {left:#?}");
        assert_eq!(self.host.ok("ls -A /var/lib/hams"), "", "a refused run left state behind");
        assert_ne!(
            self.host.run(&["test", "-e", "/etc/hams"]).code,
            0,
            "a refused run left /etc/hams behind"
        );
    }
}

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let all = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    all.filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

#[test]
fn a_wrong_place_is_refused_and_untouched() {
    for suite in SUITES {
        let place = Untouched::of(Host::up_with_disk(suite, "4G"));
        place.refuses(
            PRECHECK,
            &[&["runuser", "-u", "nobody", "--"], &INSTALL[..]].concat(),
            &["needs root", "sudo hams-install"],
        );
        for (release, said) in [
            (
                "ID=ubuntu\\nVERSION_ID=\"24.04\"\\nPRETTY_NAME=\"Ubuntu 24.04\"\\n",
                &["Ubuntu 24.04, not Debian", "Debian 12 or 13"][..],
            ),
            (
                "ID=debian\\nVERSION_ID=\"11\"\\nPRETTY_NAME=\"Debian GNU/Linux 11 (bullseye)\"\\n",
                &["Debian GNU/Linux 11 (bullseye) is not supported", "Debian 12 (bookworm)"][..],
            ),
            (
                "ID=debian\\nPRETTY_NAME=\"Debian GNU/Linux forky/sid\"\\n",
                &["forky/sid is not supported", "Debian 13 (trixie)"][..],
            ),
        ] {
            let setup = format!(
                "printf '{release}' >/run/other-release; mount --bind /run/other-release /usr/lib/os-release"
            );
            place.refuses_install_where(&setup, said);
        }
        place.refuses_install_where(
            "mount -t tmpfs none /run/systemd",
            &["systemd is not running", "boot the host with systemd"],
        );
        // No name server either, as one may know `localhost`.
        place.refuses_install_where(
            "printf '127.0.1.1 node1\\n' >/run/other-hosts; mount --bind /run/other-hosts /etc/hosts
            printf 'nameserver 127.0.0.254\\n' >/run/other-resolver; mount --bind /run/other-resolver /etc/resolv.conf",
            &["`localhost` has no address", "127.0.0.1 localhost", "/etc/hosts"],
        );
        place.host.fill_disk();
        place.refuses_install(&["/var has 0 MiB free", "MiB are needed", "free disk space"]);
        place.host.free_disk();
        place.host.cut_network();
        place.refuses_install(&["the package source", "cannot be reached", "check the network", "--offline"]);
        place.host.join_network();
        place.ends_as_before();
    }
}

#[test]
fn a_port_or_a_lock_that_is_held_is_refused_with_its_holder() {
    for suite in SUITES {
        let place = Untouched::up(suite);
        let (address, any) = (place.host.address().to_string(), "0.0.0.0");

        let pid = place.start(&["dnsmasq", "--keep-in-foreground", "--no-resolv", "--user=root"]);
        place.wait_for("ss --numeric --listening --udp | grep --quiet ':53 '");
        let holder = format!("is held by dnsmasq (pid {pid})");
        let both =
            [format!("port 53/udp on {address} {holder}"), format!("port 53/tcp on {address} {holder}")];
        let refused = place.refuses_install(&[&both[0], &both[1], "stop that program", "`listen`"]);
        assert!(!refused.stderr.contains("8081"), "a free port is named: {}", refused.text());
        place.end();

        for (kind, held, port, wanted) in [
            ("udp", any, 53, &*address),
            ("tcp", &address, 53, &address),
            ("udp", "::", 53, &address),
            ("tcp", "127.0.0.1", 8081, "127.0.0.1"),
            ("tcp", any, 5672, "127.0.0.1"),
        ] {
            let pid = place.hold(kind, held, port);
            place.refuses_install(&[
                &format!("port {port}/{kind} on {wanted} is held by perl (pid {pid})"),
                "stop that program",
            ]);
            place.end();
        }

        // A resolver of the host's own on loopback is nobody's concern; the broker's port is.
        let pid = place.start(&["sh", "-c", "perl -e \"$0\" udp 127.0.0.53 53 & perl -e \"$0\" tcp 127.0.0.53 53 & exec perl -e \"$0\" tcp :: 5672", HOLDER]);
        place.wait_for(
            "test $(ss --numeric --listening --udp --tcp | grep --count --extended-regexp ':(53|5672) ') = 3",
        );
        let refused =
            place.refuses_install(&[&format!("port 5672/tcp on 127.0.0.1 is held by perl (pid {pid})")]);
        assert!(
            !refused.stderr.contains("port 53/"),
            "a resolver on loopback is refused: {}",
            refused.text()
        );
        place.end();

        // apt itself, held up before it changes anything.
        let pid = place.start(&[
            "apt-get",
            "--yes",
            "--option",
            "DPkg::Pre-Invoke::=touch /run/apt-waits; sleep infinity",
            "--option",
            "Dir::Log=/run/apt-log",
            "install",
            "--reinstall",
            "netbase",
        ]);
        place.wait_for("test -e /run/apt-waits");
        let locked = [&INSTALL[..], &["--apt-lock-timeout", "1"]].concat();
        let holder = format!("apt-get (pid {pid})");
        place.refuses(
            PRECHECK,
            &locked,
            &[
                &format!("waiting for {holder}"),
                &format!("apt is busy: {holder} holds /var/lib/dpkg/lock-frontend"),
                "--apt-lock-timeout SECONDS",
            ],
        );
        place.end();
        place.ends_as_before();
    }
}

#[test]
fn wrong_usage_is_refused_with_the_fix() {
    let place = Untouched::up("trixie");
    fn with<'a>(words: &[&'a str]) -> Vec<&'a str> {
        [&["hams-install", "--yes", "--components", COMPONENTS], words].concat()
    }

    for (domain, what, fix) in [
        ("hams", "`hams` has only one label", "hams.example.org"),
        ("https://hams.test/", "has a scheme in front", "such as `hams.test`"),
        ("192.0.2.1", "`192.0.2.1` is an IP address", "bare name"),
        ("my_hams.test", "has an underscore", "hyphen"),
        ("-hams.test", "has the label `-hams`", "hyphen"),
        ("hams..test", "has an empty label", "remove the dot"),
        ("häms.test", "has letters outside ASCII", "xn--"),
    ] {
        place.refuses(USAGE, &with(&[&format!("--domain={domain}")]), &["--domain", what, fix]);
    }
    place.refuses(
        USAGE,
        &[&["env", "HAMS_DOMAIN=hams.test:53"], &with(&[])[..]].concat(),
        &["HAMS_DOMAIN", "`hams.test:53` has a port", "such as `hams.test`"],
    );
    place.refuses(USAGE, &with(&[]), &["no domain is set", "/etc/hams/hams.toml", "--domain"]);

    let install = |words: &[&'static str]| [&["hams-install", "--domain", "hams.test"], words].concat();
    place.refuses(USAGE, &install(&[]), &["no terminal to ask on", "`--yes`"]);
    place.refuses(
        USAGE,
        &install(&["--yes", "--components", "rabitmq,powerdns"]),
        &["--components", "`rabitmq` is no component", "did you mean `rabbitmq`?"],
    );
    place.refuses(
        USAGE,
        &install(&["--yes", "--components", "kubernetes"]),
        &[
            "`kubernetes` is no component",
            "rabbitmq, powerdns, odoo, nginx, daemons, agent",
            "remove `kubernetes`",
        ],
    );
    let unknown = place.host.run(&["hams-install", "--yess"]).expect(USAGE);
    assert!(unknown.stderr.contains("--yes"), "the nearest option is not named: {}", unknown.text());

    for (text, said) in [
        (
            "domain = \"hams.test\"\n\n[powerdns]\nlisten = [\"auto\"]\nnameserver = [\"ns1.hams.test.\"]\n",
            &["hams.toml:5", "unknown key `powerdns.nameserver`", "did you mean `powerdns.nameservers`?"][..],
        ),
        ("domian = \"hams.test\"\n", &["hams.toml:1", "unknown key `domian`", "did you mean `domain`?"][..]),
        (
            "domain = \"hams.test\"\ncomponents = \"powerdns\"\n",
            &["hams.toml:2", "`components` must be", "components = ["][..],
        ),
        ("# mine\ndomain = \"hams.test/x\"\n", &["hams.toml:2", "`hams.test/x` has a path"][..]),
        ("domain = \"hams.test\"\ndomain = hams\n", &["hams.toml:2", "not valid TOML"][..]),
        (
            "domain = \"hams.test\"\n[powerdns]\nlisten = [\"0.0.0.0\"]\n",
            &["hams.toml:3", "loopback too", "`auto`"][..],
        ),
    ] {
        place.host.write("/root/hams.toml", text);
        place.refuses(USAGE, &["hams-install", "--yes", "--config", "/root/hams.toml"], said);
        // The operator's file in its own place, written before the first run.
        place.host.ok("mkdir /etc/hams; mv /root/hams.toml /etc/hams/");
        let own_place = format!("/etc/hams/{}", said[0]);
        place.refuses(USAGE, &["hams-install", "--yes"], &[&[&*own_place], said].concat());
        place.host.ok("rm -r /etc/hams");
    }
    place.refuses(
        USAGE,
        &["hams-install", "--yes", "--config", "/root/none.toml"],
        &["/root/none.toml: no such file", "--config"],
    );
    place.ends_as_before();
}

#[test]
fn looking_touches_nothing() {
    let place = Untouched::up("bookworm");
    let words = ["--domain", "hams.test", "--components", COMPONENTS];
    for (code, command) in [
        (10, &["plan"][..]),
        (10, &["plan", "--json"]),
        (5, &["verify"]),
        (5, &["verify", "--json"]),
        (0, &["secrets", "list"]),
        (2, &["secrets", "show", "RMQ_PASS"]),
        (0, &["uninstall", "--yes"]),
        (0, &["--help"]),
        (0, &["--version"]),
    ] {
        let before = times(&place.host);
        let ended = place.host.run(&[&["hams-install"], &words[..], command].concat()).expect(code);
        let after = times(&place.host);
        assert!(before == after, "{command:?} touched {:#?}: {}", changed(&before, &after), ended.text());
        if command.contains(&"--json") {
            let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON on stdout");
            assert!(json["changes"].as_u64().or(json["faults"].as_u64()) > Some(0), "{json:#}");
        }
    }
    place.ends_as_before();
}
