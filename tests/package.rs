//! The package: what is in it, that it installs and goes on a host whose systemd does not run, and what builds it.

mod lab;

use lab::package::package;
use lab::{Ended, Host, SUITES, is_long_run};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program of this machine.
fn run(program: &str, arguments: &[&str]) -> Ended {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    ended(output.unwrap_or_else(|error| panic!("cannot run {program}, is it installed? {error}")))
}

fn ended(output: std::process::Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(128),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a shell script in a chroot on a throwaway copy of the base image of `suite`, without a running systemd. Copy
/// and mounts live in a mount namespace of their own and go with it. The package is /root/hams.deb.
#[track_caller]
fn in_chroot(suite: &str, script: &str) -> String {
    const CHROOT: &str = r#"set -eu
        base=$1 package=$2
        mount -t tmpfs tmpfs /mnt
        mkdir /mnt/upper /mnt/work /mnt/root
        mount -t overlay overlay -o "lowerdir=$base,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
        cp "$package" /mnt/root/root/hams.deb
        cp /etc/resolv.conf /mnt/root/etc/resolv.conf
        mount -t proc proc /mnt/root/proc
        mount --rbind /dev /mnt/root/dev
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
            chroot /mnt/root sh -eu"#;
    let base = lab::lab(&["base", suite], "").expect(0).stdout;
    let mut child = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", CHROOT, "chroot", base.trim()])
        .arg(package())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run unshare");
    child.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("the shell reads its script");
    ended(child.wait_with_output().expect("the chroot's end")).expect(0).stdout
}

/// The part of `text` between the marks `== NAME` and the next one.
#[track_caller]
fn part<'a>(text: &'a str, name: &str) -> &'a str {
    let parts = text.split("== ").filter_map(|part| part.split_once('\n'));
    parts
        .filter(|(mark, _)| *mark == name)
        .map(|(_, rest)| rest)
        .next()
        .unwrap_or_else(|| panic!("no part {name}: {text}"))
}

/// All that a package may leave traces in: files, accounts, dpkg's own list.
const STATE: &str = r#"
state() {
    # apt and dpkg write their caches, logs and lists; `-` files are what an account's table was before.
    find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /run -o -path /var/cache -o -path /var/log \
        -o -path /var/lib/apt -o -path /var/lib/dpkg \) -prune -o ! -name '*-' ! -name .pwd.lock -printf '%y %m %U:%G %p %l\n' | sort
    cut -d : -f 1 /etc/passwd /etc/group | sort
    dpkg-query -W
}
"#;

#[test]
fn installs_and_goes_where_systemd_does_not_run() {
    for suite in SUITES {
        let text = in_chroot(
            suite,
            &format!(
                "{STATE}
            state >/tmp/before
            echo '== install'
            apt-get --yes --quiet --no-install-recommends -o Dpkg::Use-Pty=0 install /root/hams.deb 2>&1
            echo '== programs'
            hams-install --version
            hams-agent --version
            echo '== links'
            find /etc/systemd -name '*hams*'
            echo '== account'
            getent passwd hams-agent
            stat --format '%a %U:%G' /var/lib/hams
            echo '== processes'
            for process in /proc/[0-9]*; do readlink $process/exe || true; done | grep hams || true
            echo '== security'
            systemd-analyze security --no-pager --offline=true hams-agent.service
            echo '== verify'
            systemd-analyze verify --man=no hams-agent.service hams-daemon@x.service hams.target hams-repair.socket hams-repair@x.service 2>&1 || true
            echo '== plan'
            hams-install plan --domain hams.test 2>&1 || echo \"exit $?\"
            echo '== purge'
            apt-get --yes --quiet -o Dpkg::Use-Pty=0 purge hams 2>&1
            state >/tmp/after
            echo '== left'
            diff /tmp/before /tmp/after || true
            echo '== end'"
            ),
        );
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            part(&text, "programs"),
            format!("hams-install {version}\nhams-agent {version}\n"),
            "{suite}"
        );
        assert_eq!(part(&text, "links"), "", "{suite}: something is enabled");
        assert_eq!(part(&text, "processes"), "", "{suite}: something was started");
        let account = part(&text, "account");
        assert!(
            account.contains(":/var/lib/hams-agent:/usr/sbin/nologin\n700 root:root\n"),
            "{suite}: {account}"
        );
        assert_eq!(part(&text, "left"), "", "{suite}: the purge left something: {}", part(&text, "purge"));

        let exposure = part(&text, "security").lines().last().unwrap_or_default();
        let level = exposure.split_once("exposure level for hams-agent.service: ");
        let level = level.and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<f64>().ok());
        let level = level.unwrap_or_else(|| panic!("{suite}: no exposure level in {exposure}"));
        eprintln!("{suite}: systemd-analyze security says {level}");
        assert!(level <= 1.5, "{suite}: {}", part(&text, "security"));
        assert_eq!(part(&text, "verify"), "", "{suite}: systemd's own check of the unit");

        let refusal = part(&text, "plan");
        assert!(
            refusal.contains("systemd is not running") && refusal.contains("exit 3"),
            "{suite}: {refusal}"
        );
    }
}

#[test]
fn is_clean_and_its_installer_static() {
    let deb = package().to_string_lossy();
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().to_string_lossy();
    run("dpkg-deb", &["--extract", &deb, &to]).expect(0);
    let installer = run("file", &["--brief", &format!("{to}/usr/bin/hams-install")]).expect(0).stdout;
    assert!(
        installer.contains("static-pie linked") || installer.contains("statically linked"),
        "{installer}"
    );
    let agent = run("file", &["--brief", &format!("{to}/usr/bin/hams-agent")]).expect(0).stdout;
    assert!(agent.contains("dynamically linked"), "{agent}");

    let shipped = run("dpkg-deb", &["--contents", &deb]).expect(0).stdout;
    for file in [
        "./usr/share/man/man8/hams-install.8.gz",
        "./usr/share/man/man8/hams-agent.8.gz",
        "./usr/share/man/man5/hams.toml.5.gz",
        "./usr/share/bash-completion/completions/hams-install",
        "./usr/share/doc/hams/examples/hams.toml",
        "./usr/share/doc/hams/CLOUDFLARE_MTLS_GUIDE.md",
        "./usr/share/doc/hams/DEBIAN_DEPLOYMENT.md",
        "./usr/share/doc/hams/examples/daemons.toml",
        "./usr/lib/systemd/system/hams-agent.service",
        "./usr/lib/systemd/system/hams-daemon@.service",
        "./usr/lib/systemd/system/hams.target",
        "./usr/lib/systemd/system/hams-repair.socket",
        "./usr/lib/systemd/system/hams-repair@.service",
    ] {
        assert!(
            shipped.lines().any(|line| line.ends_with(file) || line.ends_with(&format!("{file}.gz"))),
            "{file} is not in {shipped}"
        );
    }
    assert!(!shipped.contains(" ./etc/"), "configuration is hams-install's work, not dpkg's: {shipped}");
    assert!(!shipped.contains("./home") && !shipped.contains("./root"), "{shipped}");

    let lintian = run("lintian", &["--fail-on", "error,warning", "--tag-display-limit", "0", &deb]);
    assert_eq!(lintian.code, 0, "{}", lintian.text());
    assert_eq!(lintian.stdout, "", "lintian has something to say");
}

#[test]
fn the_installer_runs_where_nss_would_load_a_library() {
    for suite in SUITES {
        let host = Host::up(suite);
        host.install_package();
        let lookups = host.ok("grep '^passwd:' /etc/nsswitch.conf");
        assert!(lookups.contains("systemd"), "{suite}: the trap is not there: {lookups}");
        let missing = host.sh("getent passwd rabbitmq || getent passwd pdns");
        assert_eq!(missing.code, 2, "{suite}: these accounts are to be missing: {}", missing.text());
        // The plan looks up the accounts that the packages will make.
        let plan = host.run(&[
            "hams-install",
            "plan",
            "--domain",
            "hams.test",
            "--components",
            lab::package::COMPONENTS,
        ]);
        assert_eq!(plan.code, 10, "{suite}: {}", plan.text());
        assert!(plan.text().contains("pdns"), "{suite}: {}", plan.text());
        assert_eq!(
            host.sh("test -e /etc/hams || test -e /var/lib/hams/journal").code,
            1,
            "{suite}: a plan changes nothing"
        );
    }
}

/// Debian 13's own Rust is the oldest that hams is built with. The crates come from this machine's cargo.
#[test]
fn builds_with_the_rust_of_debian_13() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let to = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    const COPY: &str = r#"mkdir "$1" && cd "$0" &&
        git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh |
        tar --create --null --files-from=- | tar -C "$1" --extract"#;
    run("sh", &["-c", COPY, &tree.to_string_lossy(), &to("hams")]).expect(0);
    let manifest = tree.join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let vendored = run(
        "cargo",
        &["vendor", "--locked", "--quiet", "--versioned-dirs", "--manifest-path", &manifest, &to("crates")],
    );
    vendored.expect(0);

    let host = Host::up("trixie");
    host.push(Path::new(&to("hams")), "/root/hams");
    host.push(Path::new(&to("crates")), "/root/crates");
    host.ok("mkdir -p /root/.cargo; cat >/root/.cargo/config.toml <<'TOML'
[source.crates-io]
replace-with = \"vendored\"
[source.vendored]
directory = \"/root/crates\"
[net]
offline = true
TOML");
    // Not the package that is shipped: what counts is that everything compiles and links, soon.
    const SOON: &str = "export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_INCREMENTAL=0 HOME=/root; cd /root/hams;";
    if is_long_run("the whole package by Debian 13's Rust; only `cargo check` is done") {
        let built = host.sh(&format!("{SOON} deploy/build-deb")).expect(0);
        assert!(built.stderr.contains("Rust 1.85"), "not by Debian's own: {}", built.stderr);
        let deb = built.stdout.lines().last().unwrap_or_default().to_owned();
        host.ok(&format!("apt-get --yes --quiet install {deb} >&2; rm -r /root/hams"));
        assert_eq!(host.ok("hams-agent --version"), format!("hams-agent {}\n", env!("CARGO_PKG_VERSION")));
    } else {
        host.ok("DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet=2 --no-install-recommends -o Dpkg::Use-Pty=0 \
             install cargo rustc gcc libc6-dev pkg-config libsystemd-dev >&2");
        assert!(host.ok("cargo --version").starts_with("cargo 1.85"), "the release has another Rust now");
        host.sh(&format!("{SOON} cargo check --locked --bins")).expect(0);
    }
}
