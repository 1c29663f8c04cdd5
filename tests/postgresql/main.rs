//! PostgreSQL by hams on real hosts: major 16 from a repository that stands for PGDG, and Debian's own; who gets in, what
//! is repaired, what an operator's own clusters see of it, and that an uninstall takes all of it back.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod access;
mod key;
#[path = "../lab/mod.rs"]
mod lab;
mod node;
mod repair;

use lab::Host;
use lab::manifest::{Manifest, difference, manifest};
use lab::ports::Sampler;
use node::{CONFIG, Node};

const PURGE: &str = "DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet -o Dpkg::Use-Pty=0 purge hams 2>&1; \
    rm -r /var/backups/hams";

/// The first run, watched from outside: no port is ever open.
fn first_run(host: Host, version: u16, port: u16) -> Node {
    let ports = Sampler::start(&host);
    let ended = host.run(&["hams-install", "--yes", "--config", CONFIG]);
    let seen = ports.stop();
    let ended = ended.expect(0);
    seen.is_only(&[]);
    assert!(ended.stderr.contains(&format!("postgresql sql: version {version}.")), "{}", ended.text());
    Node { host, version, port }
}

/// Takes all of it back, data too, after a dump that holds the database.
fn purge(node: &Node, before: &Manifest) {
    let ended = node.hams(&["uninstall", "--yes", "--purge-data"]).expect(0);
    let dump = node.host.ok(&format!("cat /var/backups/hams/*/postgresql-{}.sql", node.version));
    for part in ["CREATE DATABASE hams_prod", "CREATE ROLE odoo", "Zoë"] {
        assert!(dump.contains(part), "the dump has no {part}: {}", ended.text());
    }
    let modes = node.host.ok("find /var/backups/hams -printf '%m %U\\n' | sort -u");
    assert_eq!(modes, "600 0\n700 0\n", "the dump is root's alone");
    let purged = node.host.ok(PURGE);
    let mut left = difference(before, &manifest(&node.host));
    left.retain(|line| node.version == 15 || is_not_theirs(line));
    assert!(left.is_empty(), "left behind:\n{}\n{purged}", left.join("\n"));
}

/// Whether a difference is none that an operator's own running cluster makes by itself.
#[allow(clippy::ptr_arg)] // as `Vec::retain` wants it
fn is_not_theirs(line: &String) -> bool {
    !line.contains(" /var/lib/postgresql/15/main/")
}

#[test]
fn pgdg_on_a_fresh_trixie() {
    let host = Node::prepare("trixie", &[], "extensions = [\"pg_trgm\", \"unaccent\", \"vector\"]");
    let before = manifest(&host);
    host.install_package();
    let node = first_run(host, 16, 5432);
    // What else the repository has, in whatever version, comes from Debian.
    let policy = node.host.ok("apt-cache policy ed | grep Candidate");
    assert!(!policy.contains("99:"), "{policy}");
    let extensions = "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension;";
    assert_eq!(node.sql("hams_prod", extensions), "pg_trgm plpgsql unaccent vector\n");
    access::roles_are_least(&node);
    access::nobody_else_comes_in(&node);
    access::odoo_owns_its_database(&node);
    access::daemons_listen(&node);
    repair::a_second_run_changes_nothing(&node);
    repair::hand_edits(&node);
    repair::what_is_in_the_server(&node);
    repair::a_killed_server(&node);
    access::roles_are_least(&node);
    access::nobody_else_comes_in(&node);
    access::no_secret_is_told(&node);
    node.host.reboot();
    node.is_clean();
    purge(&node, &before);
}

#[test]
fn debians_on_a_fresh_bookworm() {
    let host = Node::prepare("bookworm", &[], "source = \"debian\"");
    let before = manifest(&host);
    host.install_package();
    let node = first_run(host, 15, 5432);
    assert!(
        node.host.sh("test -e /etc/apt/sources.list.d/hams-pgdg.sources").code != 0,
        "PGDG is no source here"
    );
    access::roles_are_least(&node);
    access::nobody_else_comes_in(&node);
    access::odoo_owns_its_database(&node);
    access::daemons_listen(&node);
    repair::a_second_run_changes_nothing(&node);

    // Data stay when nobody asks for their end, and are taken up again.
    let ended = node.hams(&["uninstall", "--yes"]).expect(0);
    assert!(ended.stderr.contains("kept: /var/lib/postgresql/15/main"), "{}", ended.text());
    assert_eq!(node.host.sh("systemctl is-active --quiet postgresql@15-main").code, 3);
    node.hams(&["--yes"]).expect(0);
    assert_eq!(node.sql("hams_prod", "SELECT name FROM partner;"), "Zoë\n");
    node.is_clean();
    purge(&node, &before);
}

#[test]
fn an_operators_own_cluster_is_left_alone() {
    let host = Node::prepare("bookworm", &[], "version = 16");
    host.ok("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends postgresql-15 >&2; \
             runuser -u postgres -- psql --quiet <<'SQL'\nCREATE TABLE mine (a int); INSERT INTO mine VALUES (7);\nSQL\n");
    let theirs = |host: &Host| {
        host.ok("systemctl show --property=InvocationID,UnitFileState postgresql@15-main; pg_lsclusters --no-header; \
                 find /etc/postgresql/15 -type f -exec sha256sum {} + | sort; \
                 find /etc/postgresql/15 /var/lib/postgresql/15 -maxdepth 2 -printf '%p %m %u\\n' | sort; \
                 runuser -u postgres -- psql --tuples-only --command 'SELECT a FROM mine'")
    };
    let (before, own) = (manifest(&host), theirs(&host));
    host.install_package();

    // Its port is taken, and its version: both are said, nothing is touched.
    let with_package = manifest(&host);
    let taken = host.run(&["hams-install", "--yes", "--config", CONFIG]).expect(2);
    assert!(
        taken.stderr.contains("15/main has the port 5432 too") && taken.stderr.contains("hint: "),
        "{}",
        taken.text()
    );
    host.ok(&format!("sed 's/^version = 16/version = 15/' {CONFIG} >/run/15.toml"));
    let same = host.run(&["hams-install", "--yes", "--config", "/run/15.toml"]).expect(2);
    assert!(same.stderr.contains("15/main is there already and was not made by hams"), "{}", same.text());
    let mut touched = difference(&with_package, &manifest(&host));
    touched.retain(is_not_theirs);
    assert!(touched.is_empty(), "{touched:#?}");
    host.ok("rm /run/15.toml");

    host.ok(&format!("cp {CONFIG} /run; sed -i 's/^version = 16/version = 16\\nport = 5433/' {CONFIG}"));
    let node = first_run(host, 16, 5433);
    node.host.ok(&format!("cp /run/hams.toml {CONFIG}"));
    assert_eq!(node.sql("hams_prod", "SHOW port;"), "5433\n");
    let now = theirs(&node.host);
    let mine =
        |text: &str| text.lines().filter(|line| !line.starts_with("16 ")).collect::<Vec<_>>().join("\n");
    assert_eq!(mine(&now), mine(&own), "the operator's cluster is another");
    access::odoo_owns_its_database(&node);
    purge(&node, &before);
    assert_eq!(theirs(&node.host), own);
}

/// The power goes while the cluster is made, and while roles are: a plain second run completes.
#[test]
fn a_power_cut_while_the_cluster_is_made() {
    for begun in ["/var/lib/postgresql/16/main/base", "/var/lib/hams/units/postgresql@16-main.service"] {
        let host = Node::prepare("trixie", &["--disk", "8G"], "version = 16");
        host.install_package();
        host.ok("sync");
        let mut run = host.spawn(&["hams-install", "--yes", "--config", CONFIG]);
        let reached = host.root().join(&begun[1..]);
        while !reached.exists() {
            assert!(
                run.try_wait().expect("the run").is_none(),
                "the run has ended before {begun} came to be"
            );
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        host.cut_power();
        run.wait().expect("the run ends with its host");
        host.boot();
        let node = Node { host, version: 16, port: 5432 };
        node.host.run(&["hams-install", "--yes", "--config", CONFIG]).expect(0);
        node.is_clean();
        access::roles_are_least(&node);
    }
}
