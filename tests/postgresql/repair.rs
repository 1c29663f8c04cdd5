//! What was changed behind hams' back is found and put back, with a restart only where the server had taken it up.

use super::lab::manifest::times;
use super::node::Node;
use std::time::{Duration, Instant};

/// A run with nothing to do touches no file, starts nothing again and is quick.
pub fn a_second_run_changes_nothing(node: &Node) {
    node.is_clean();
    let quiet = |node: &Node| {
        let mut times = times(&node.host);
        times.retain(|path, _| !path.starts_with("/var/lib/postgresql"));
        times
    };
    let (files, start) = (quiet(node), node.start());
    let begun = Instant::now();
    let ended = node.hams(&["--yes"]).expect(0);
    let took = begun.elapsed();
    assert!(ended.stderr.contains("nothing to do"), "{}", ended.text());
    assert_eq!(quiet(node), files, "files that a second run touched");
    assert_eq!(node.start(), start);
    eprintln!("the second run takes {:.2} s", took.as_secs_f64());
    assert!(took < Duration::from_secs(3), "{took:?}");
}

pub fn hand_edits(node: &Node) {
    let settings = node.settings();
    let (file, hba) = (format!("{settings}/conf.d/50-hams.conf"), format!("{settings}/hams_hba.conf"));
    // Nobody has read it.
    node.host.ok(&format!("sed -i 's/^listen_addresses.*/listen_addresses = '\"'*'\"'/' {file}"));
    node.repairs(&[&file, "- listen_addresses = '*'", "+ listen_addresses = '127.0.0.1'"], false);

    // Read by a reload: who may come in is another at once.
    let games =
        |node: &Node| node.asked("games", "host=/run/postgresql dbname=postgres user=postgres", "SELECT 1;");
    node.host.ok(&format!("sed -i '1i local all all trust' {hba}; systemctl reload {}", node.unit()));
    let patience = Instant::now() + Duration::from_secs(10);
    while games(node).code != 0 {
        assert!(Instant::now() < patience, "the edit is not taken up");
    }
    node.repairs(&[&hba, "- local all all trust"], false);
    games(node).expect(2);

    // Nobody at all comes in, hams neither.
    node.host.ok(&format!("sed -i '1i local all all reject' {hba}; systemctl reload {}", node.unit()));
    let postgres =
        || node.asked("postgres", "host=/run/postgresql dbname=postgres user=postgres", "SELECT 1;");
    let patience = Instant::now() + Duration::from_secs(10);
    while postgres().code == 0 {
        assert!(Instant::now() < patience, "the edit is not taken up");
    }
    node.repairs(&[&hba, "- local all all reject"], false);

    // Read by a start.
    node.host.ok(&format!("echo 'max_connections = 55' >>{file}; systemctl restart {}", node.unit()));
    node.repairs(&[&file, "- max_connections = 55"], true);
    assert_eq!(node.sql("postgres", "SHOW max_connections;"), "100\n");

    node.host.ok(&format!("systemctl disable --now --quiet {}", node.unit()));
    node.repairs(&["it does not start at boot", "it is inactive"], true);
}

pub fn what_is_in_the_server(node: &Node) {
    let changed = [
        "ALTER ROLE odoo SUPERUSER CREATEDB PASSWORD 'known'; GRANT pg_read_server_files TO odoo;",
        "ALTER ROLE hams_listen PASSWORD 'known' CONNECTION LIMIT -1;",
        "GRANT CONNECT ON DATABASE hams_prod TO PUBLIC;",
        "REVOKE CONNECT ON DATABASE hams_prod FROM hams_listen;",
        "ALTER DATABASE hams_prod OWNER TO postgres;",
        "DROP EXTENSION pg_stat_statements;",
    ];
    node.sql("postgres", &changed.join("\n"));
    node.sql("hams_prod", "GRANT CREATE ON SCHEMA public TO PUBLIC; ALTER FUNCTION unaccent(text) STABLE;");
    node.repairs(
        &[
            "role odoo is not there, or may do more or less than it should",
            "role odoo has a password",
            "role odoo is a member of pg_read_server_files",
            "role hams_listen has another password",
            "everybody has the privilege CONNECT on database hams_prod",
            "role hams_listen may not connect to database hams_prod",
            "no database hams_prod of odoo in UTF-8",
            "no extension pg_stat_statements",
            "everybody may create in the schema public",
            "the function unaccent is not immutable",
        ],
        false,
    );
    let old = node.password();
    let start = node.start();
    node.hams(&["secrets", "rotate", "DB_PASS", "--yes"]).expect(0);
    assert_eq!(node.start(), start, "a new password starts nothing again");
    node.listens(&old, "hams_prod", "SELECT 1;").expect(2);
    node.listens(&node.password(), "hams_prod", "SELECT 1;").expect(0);
}

/// A server that was killed comes back by itself; one that was stopped in order stays down.
pub fn a_killed_server(node: &Node) {
    let before =
        node.host.run(&["systemctl", "show", "--property=MainPID", "--value", &node.unit()]).expect(0).stdout;
    node.host.ok(&format!("kill -9 {}", before.trim()));
    let patience = Instant::now() + Duration::from_secs(30);
    while node.hams(&["verify"]).code != 0 {
        assert!(Instant::now() < patience, "it does not come back: {}", node.start());
        std::thread::sleep(Duration::from_millis(200));
    }
    let after =
        node.host.run(&["systemctl", "show", "--property=MainPID", "--value", &node.unit()]).expect(0).stdout;
    assert_ne!(after, before, "it was killed");
    node.host.ok(&format!("runuser -u postgres -- pg_ctlcluster --mode fast {} main stop", node.version));
    std::thread::sleep(Duration::from_secs(4));
    let state = node.host.run(&["systemctl", "is-active", &node.unit()]);
    assert!(state.stdout.starts_with("inactive"), "{}", state.text());
    node.repairs(&["it is inactive"], true);
}
