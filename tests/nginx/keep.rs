//! An edge stays as it is: a second run, edits by hand, a configuration that nginx refuses, a reboot.

use super::edge::{DOMAIN, Edge, INSTALL, wait_for};
use super::lab::manifest::{difference, manifest, times};

const LIMITS: &str = "/etc/nginx/hams/limits.conf";
const OPERATORS: &str = "/etc/nginx/conf.d/mine.conf";

/// No file is touched, nothing is started or reloaded.
pub fn a_second_run_changes_nothing(edge: &Edge) {
    let state = || {
        edge.host.ok("systemctl show nginx.service hams-tarpit.path --property=InvocationID,StateChangeTimestampMonotonic")
    };
    let (files, before) = (times(&edge.host), state());
    let ended = edge.host.run(&INSTALL).expect(0);
    assert!(ended.stderr.contains("nothing to do"), "{}", ended.text());
    edge.host.run(&["hams-install", "verify"]).expect(0);
    let after = times(&edge.host);
    let touched: Vec<_> = after.iter().filter(|(path, time)| files.get(*path) != Some(*time)).collect();
    assert!(touched.is_empty() && after.len() == files.len(), "a second run touched {touched:#?}");
    assert_eq!(state(), before, "a second run started or reloaded a unit");
}

/// An edit that nginx has read is taken back by a reload; one that it has not, by writing the file alone.
pub fn hand_edits_are_repaired(edge: &Edge) {
    let right = edge.host.read(LIMITS);
    let edit = format!("sed -i 's/limit_req_status 429/limit_req_status 418/' {LIMITS}");
    let reloads = || edge.host.ok("systemctl show nginx.service --property=StateChangeTimestampMonotonic");

    let before = reloads();
    edge.host.ok(&edit);
    let plan = edge.host.run(&["hams-install", "plan"]).expect(10);
    assert!(plan.stderr.contains("- limit_req_status 418;"), "{}", plan.text());
    edge.change();
    assert_eq!(edge.host.read(LIMITS), right);
    assert_eq!(reloads(), before, "nobody had read the edit");
    edge.is_clean();

    edge.host.ok(&format!("{edit}; systemctl reload nginx"));
    let many = || (0..12).map(|_| edge.get(DOMAIN, "/web/login", &["--data", "x"]).status).max();
    wait_for("the edit in force", || many() == Some(418));
    edge.change();
    wait_for("the edit taken back", || many() == Some(429));
    edge.is_clean();

    // Of the unit itself, and read by a start: that takes another start.
    let drop_in = "/etc/systemd/system/nginx.service.d/50-hams.conf";
    edge.host.ok(&format!(
        "sed -i s/RestartSec=2s/RestartSec=9s/ {drop_in}; systemctl daemon-reload; systemctl restart nginx"
    ));
    let start = edge.start();
    edge.host.run(&INSTALL).expect(0);
    assert_ne!(edge.start(), start, "a unit file is read by a start");
    edge.is_clean();
}

/// What nginx refuses is told and never brought into force, also when it is not ours.
pub fn a_refused_configuration_is_not_activated(edge: &Edge) {
    let start = edge.start();
    edge.host.write(OPERATORS, "server { listen 8443 ssl; nonsense on; }\n");
    edge.host.ok(&format!("echo '# edited' >>{LIMITS}"));
    let failed = edge.host.run(&INSTALL).expect(4);
    assert!(failed.stderr.contains("unknown directive \"nonsense\""), "{}", failed.text());
    assert!(failed.stderr.contains(OPERATORS) && failed.stderr.contains("hint: "), "{}", failed.text());
    let verified = edge.host.run(&["hams-install", "verify"]).expect(5);
    assert!(verified.stderr.contains("nonsense"), "{}", verified.text());
    assert_eq!(edge.start(), start, "nginx was started again");
    assert_eq!(edge.get(DOMAIN, "/", &[]).status, 200, "the configuration of before is in force");
    edge.host.ok(&format!("rm {OPERATORS}"));
    edge.change();
    edge.is_clean();

    // What only the running nginx can refuse: a port that another program has.
    edge.host.write(OPERATORS, "server { listen 127.0.0.1:8069; }\n");
    edge.host.ok(&format!(
        "nginx -t -q; echo '# edited' >>{LIMITS}; touch {OPERATORS}; systemctl reload nginx && exit 1 || true"
    ));
    let failed = edge.host.run(&INSTALL).expect(4);
    assert!(failed.stderr.contains("could not reload it"), "{}", failed.text());
    assert_eq!(edge.start(), start, "nginx was started again");
    assert_eq!(edge.get(DOMAIN, "/", &[]).status, 200, "the configuration of before is in force");
    edge.host.ok(&format!("rm {OPERATORS}"));
    edge.change();
    edge.is_clean();

    // Broken by hand in our own file: put right, and only then reloaded.
    edge.host.ok(&format!("echo nonsense >>{LIMITS}"));
    edge.change();
    edge.is_clean();
}

/// Debian's own page stays away, whoever switches it on.
pub fn the_default_site_is_not_served(edge: &Edge) {
    let link = "/etc/nginx/sites-enabled/default";
    assert_ne!(edge.host.run(&["test", "-L", link]).code, 0, "the default site is switched on");
    edge.host.ok(&format!("ln -s /etc/nginx/sites-available/default {link}"));
    edge.change();
    assert_ne!(edge.host.run(&["test", "-L", link]).code, 0, "the default site is switched on");
    edge.is_clean();
}

/// A stopped nginx fails the verification; a run starts it.
pub fn a_stopped_edge_is_found(edge: &Edge) {
    edge.host.ok("systemctl stop nginx.service");
    let verified = edge.host.run(&["hams-install", "verify"]).expect(5);
    assert!(verified.stderr.contains("nginx tls"), "{}", verified.text());
    edge.host.run(&INSTALL).expect(0);
    edge.is_clean();
    // What ends by itself comes back by itself.
    edge.host.ok("kill -KILL $(systemctl show nginx.service --property=MainPID --value)");
    wait_for("nginx after its end", || edge.host.run(&["hams-install", "verify"]).code == 0);
}

/// After a reboot all is up again, and all is as it was; also while nothing stands behind the edge.
pub fn a_reboot(edge: &Edge) {
    edge.host.ok("systemctl stop upstream.service");
    let before = manifest(&edge.host);
    edge.host.reboot();
    edge.is_clean();
    let changed = difference(&before, &manifest(&edge.host));
    assert!(changed.is_empty(), "a reboot changed {changed:#?}");
}
