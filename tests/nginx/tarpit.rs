//! The tarpit: a list that the host rewrites reaches nginx by itself, and a wrong one changes nothing.

use super::edge::{DOMAIN, Edge, wait_for};
use std::time::{Duration, Instant};

const LIST: &str = "/var/lib/hams-edge/tarpit";
const IN_FORCE: &str = "/etc/nginx/hams/tarpit.conf";
/// What a client outside the tarpit never takes.
const HELD_UP: Duration = Duration::from_secs(2);

fn is_held_up(edge: &Edge) -> bool {
    let begun = Instant::now();
    edge.get(DOMAIN, "/", &["--max-time", "4"]);
    begun.elapsed() > HELD_UP
}

/// A new list is in force a moment later, and so is its end.
pub fn a_list_is_taken_up(edge: &Edge) {
    let start = edge.start();
    assert!(!is_held_up(edge), "held up without a reason");
    let client = edge.client.address();
    edge.host
        .write(LIST, &format!("# caught in the honeypot\n{client}\n198.51.100.0/24 1;\n2001:db8::/48\n"));
    wait_for("the client in the tarpit", || is_held_up(edge));
    let in_force = edge.host.read(IN_FORCE);
    assert!(
        in_force.ends_with(&format!("\n{client} 1;\n198.51.100.0/24 1;\n2001:db8::/48 1;\n")),
        "{in_force}"
    );

    for (bad, said) in [
        ("0.0.0.0/0\n", "half the world"),
        ("::/0\n", "half the world"),
        ("300.1.1.1\n", "300.1.1.1"),
        ("192.0.2.1/33\n", "192.0.2.1/33"),
        ("192.0.2.1 1; } server { listen 8000; root /; } geo $x {\n", "no address"),
        ("include /etc/shadow;\n", "no address"),
        ("192.0.2.1\n$(reboot)\n", "line 2: no address"),
    ] {
        edge.host.write(LIST, bad);
        wait_for(&format!("the refusal of {bad:?}"), || {
            edge.host.ok("systemctl is-failed hams-tarpit.service || true").trim() == "failed"
                && edge.host.ok("journalctl --quiet --unit hams-tarpit.service --lines 20").contains(said)
        });
        assert_eq!(edge.host.read(IN_FORCE), in_force, "{bad:?} changed what is in force");
        edge.host.ok("nginx -t -q; systemctl reset-failed hams-tarpit.service");
    }
    assert!(is_held_up(edge), "a bad list let the client out");

    edge.host.write(LIST, "# nobody\n");
    wait_for("the client out of the tarpit", || !is_held_up(edge));
    assert_eq!(edge.start(), start, "nginx was started again");
    edge.is_clean();
}

/// A list that is written again and again ends as it was written last.
pub fn the_last_list_counts(edge: &Edge) {
    edge.host.ok(&format!("for i in $(seq 1 40); do echo 198.51.100.$i >{LIST}; sleep 0.05; done"));
    wait_for("the last list", || edge.host.read(IN_FORCE).ends_with("\n198.51.100.40 1;\n"));
    edge.host.write(LIST, "# nobody\n");
    wait_for("an empty list", || !edge.host.read(IN_FORCE).contains(" 1;"));
}
