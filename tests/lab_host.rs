//! The lab itself: what every other test about a host stands on.

mod lab;

use lab::manifest::{difference, manifest, times};
use lab::ports::{Sampler, open_tcp};
use lab::{Host, SUITES};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::Command;

/// Calls fdatasync once for each of the numbers 1 to 5, each written to /root/journal before.
const SYNCING: &str = r#"use IO::Handle; open(my $journal, ">", "/root/journal") or die; $journal->autoflush(1);
for my $number (1..5) { print $journal "$number\n"; syscall(75, fileno($journal)) == 0 or die; }"#;

#[test]
fn fresh_hosts_of_both_suites_run_and_carry_files() {
    for suite in SUITES {
        let host = Host::up(suite);
        assert_eq!(host.ok("systemctl is-system-running").trim(), "running");
        assert!(host.ok(". /etc/os-release; echo $VERSION_CODENAME").trim() == suite);
        let ended = host.run_with("on stdin", &["sh", "-c", "cat; echo on stderr >&2; exit 7"]);
        assert_eq!((ended.code, &*ended.stdout, ended.stderr.trim()), (7, "on stdin", "on stderr"));

        let folder = tempfile::tempdir().expect("a folder");
        let binary: Vec<u8> = (0..=255).collect();
        std::fs::create_dir(folder.path().join("in")).expect("a folder");
        std::fs::write(folder.path().join("in/file"), &binary).expect("a file");
        host.push(&folder.path().join("in"), "/tmp/there");
        host.push(&folder.path().join("in/file"), "/root/file");
        host.pull("/tmp/there", &folder.path().join("out"));
        host.pull("/root/file", &folder.path().join("single"));
        assert_eq!(std::fs::read(folder.path().join("out/file")).expect("pulled"), binary);
        assert_eq!(std::fs::read(folder.path().join("single")).expect("pulled"), binary);

        host.ok("apt-get update --quiet=2 && apt-get install --quiet=2 --download-only netcat-openbsd >&2");
    }
}

#[test]
fn a_power_cut_loses_what_was_not_synced_and_keeps_what_was() {
    for suite in SUITES {
        let host = Host::up_with_disk(suite, "2G");
        // The kernel writes by itself after some seconds, and whenever anybody on this machine says `sync`.
        let is_lost = (0..4).any(|_| {
            host.ok("cd /root; rm -f lost moved; echo synced >synced; sync synced; sync -f .
                echo lost >lost; echo lost >synced.new; mv synced.new moved");
            host.cut_power();
            assert_eq!(host.leader(), None);
            assert_ne!(host.run(&["true"]).code, 0, "a host without power runs nothing");
            host.boot();
            assert_eq!(host.read("/root/synced"), "synced\n");
            host.ok("cd /root; ls").trim() == "synced"
        });
        assert!(is_lost, "{suite}: what was not synced outlives every cut");
    }
}

#[test]
fn a_command_stops_at_an_edge_and_the_power_goes_there() {
    let host = Host::up_with_disk("trixie", "2G");
    host.write("/root/syncing", SYNCING);
    host.ok("sync -f /root");
    for edge in 1..=5 {
        assert!(
            host.stop_at("fdatasync", edge, &["perl", "/root/syncing"]).is_none(),
            "edge {edge} is there"
        );
        host.cut_power();
        host.boot();
        let kept = host.read("/root/journal").lines().count();
        assert_eq!(kept, edge, "exactly the lines up to edge {edge} were synced");
    }
    let ended = host.stop_at("fdatasync", 6, &["perl", "/root/syncing"]).expect("there is no sixth edge");
    assert_eq!(ended.code, 0, "{}", ended.text());
}

#[test]
fn two_hosts_reach_each_other_until_the_network_is_cut() {
    let (one, other) = (Host::up("trixie"), Host::up("bookworm"));
    let reach =
        |to: &str| one.run(&["timeout", "2", "bash", "-c", "exec 3<>\"/dev/tcp/$0/7\" && cat <&3", to]);
    other.write("/etc/systemd/system/hello.socket", "[Socket]\nListenStream=7\nAccept=yes\n");
    other.write(
        "/etc/systemd/system/hello@.service",
        "[Service]\nExecStart=echo hello\nStandardOutput=socket\n",
    );
    let sampler = Sampler::start(&other);
    assert_eq!(open_tcp(other.address().into()), BTreeSet::new());
    other.ok("systemctl daemon-reload; systemctl start hello.socket");
    let address = other.address().to_string();
    assert_eq!(reach(&address).stdout, "hello\n");
    assert_eq!(open_tcp(other.address().into()), BTreeSet::from([7]));
    assert_eq!(open_tcp(other.address6().into()), BTreeSet::from([7]));
    other.cut_network();
    assert_ne!(reach(&address).code, 0);
    other.join_network();
    assert_eq!(reach(&address).stdout, "hello\n");
    assert_eq!(open_tcp(other.address6().into()), BTreeSet::from([7]));
    other.ok("systemctl stop hello.socket");
    assert_eq!(open_tcp(other.address().into()), BTreeSet::new());

    // What was open for a while was seen, although it is closed again.
    let seen = sampler.stop();
    assert!(seen.listeners.iter().any(|(protocol, _, port)| (*protocol, *port) == ("tcp", 7)), "{seen:?}");
}

#[test]
fn a_full_disk_is_full_until_it_is_freed() {
    let host = Host::up_with_disk("trixie", "2G");
    host.fill_disk();
    let write = "dd if=/dev/zero of=/root/file bs=4k count=1 conv=fsync";
    let ended = host.sh(write);
    assert!(ended.code != 0 && ended.stderr.contains("No space left"), "{}", ended.text());
    host.free_disk();
    host.ok(write);
}

#[test]
fn a_manifest_tells_hosts_apart_and_only_by_what_differs() {
    let (one, other) = (Host::up("trixie"), Host::up("trixie"));
    assert_eq!(difference(&manifest(&one), &manifest(&other)), Vec::<String>::new());
    let before = times(&one);
    one.ok("systemctl is-system-running; cat /etc/passwd >/dev/null");
    assert_eq!(times(&one), before);
    other.ok("echo changed >>/etc/motd; useradd --system guest; chmod 600 /etc/hosts; systemctl mask console-getty");
    let found = difference(&manifest(&one), &manifest(&other));
    for part in ["~ file /etc/motd", "+ account guest", "~ file /etc/hosts", "~ unit console-getty.service"] {
        assert!(found.iter().any(|line| line.starts_with(part)), "{part} is not in {found:#?}");
    }
    assert_eq!(found.iter().filter(|line| line.contains(" file ")).count(), 3, "{found:#?}");
}

#[test]
fn a_host_that_is_down_leaves_nothing() {
    let host = Host::up_with_disk("bookworm", "2G");
    let (name, root) = (host.name().to_owned(), host.root());
    let leader = host.leader().expect("the host is up");
    let address = host.address();
    // Whole words alone: other tests' hosts come and go meanwhile, under names and addresses that begin alike.
    let folder = format!("/{name}/");
    let outside = format!(" {}/30 ", Ipv4Addr::from_bits(address.to_bits() - 1)); // the machine's end of the link
    let rule = format!(" {address} ");
    let traces = || {
        let output = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output().expect("run a program");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        [
            ("mount", output("findmnt", &["--noheadings", "--list", "--output", "TARGET"]).contains(&folder)),
            (
                "loop device",
                output("losetup", &["--list", "--noheadings", "--output", "BACK-FILE"]).contains(&folder),
            ),
            ("link", output("ip", &["-oneline", "address"]).contains(&outside)),
            ("rule", output("nft", &["list", "ruleset"]).contains(&rule)),
            ("folder", root.parent().expect("the host's folder").exists()),
            (
                "process",
                std::fs::read_to_string(format!("/proc/{leader}/stat"))
                    .is_ok_and(|stat| !stat.contains(") Z ")),
            ),
        ]
    };
    assert!(traces().iter().all(|(_, there)| *there), "the test would see each trace: {:?}", traces());
    drop(host);
    assert!(traces().iter().all(|(_, there)| !there), "{:?}", traces());
}

#[test]
fn a_host_whose_owner_died_is_taken_down() {
    let mut owner = Command::new("sleep").arg("600").spawn().expect("start an owner");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/host");
    let up =
        Command::new(script).args(["up", "trixie"]).env("HAMS_LAB_OWNER", owner.id().to_string()).output();
    let name = String::from_utf8(up.expect("run the lab").stdout).expect("a name").trim().to_owned();
    let is_listed =
        || lab::lab(&["list"], "").stdout.lines().any(|line| line.split('\t').next() == Some(&name));
    assert_eq!(lab::lab(&["gc"], "").code, 0);
    assert!(!name.is_empty() && is_listed(), "a host whose owner lives stays");
    owner.kill().and_then(|()| owner.wait()).expect("end the owner");
    assert_eq!(lab::lab(&["gc"], "").code, 0);
    assert!(!is_listed());
}
