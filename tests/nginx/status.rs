//! The agent's page through the edge: for those whom the operator names, that page alone, and never unasked.

use super::edge::{Answer, DOMAIN, Edge, wait_for};
use super::outside::forgery;

const USERS: &str = "/etc/hams/status.htpasswd";
const PATH: &str = "/hams-status";
const PASSWORD: &str = "two keys, one lock";
/// Where the agent would listen; here somebody else does who says what he was asked.
const PORT: u16 = 9853;

fn asked_for() -> String {
    format!("[health]\nhttp_port = {PORT}\n[nginx]\nstatus_users = \"{USERS}\"\n")
}

/// Asks for the page; waits while there were too many questions.
#[track_caller]
fn get(edge: &Edge, words: &[&str]) -> Answer {
    let mut last = None;
    wait_for("an answer that no limit holds up", || {
        let answer = edge.get(DOMAIN, PATH, words);
        let is_let_in = answer.status != 429;
        last = Some(answer);
        is_let_in
    });
    last.expect("an answer")
}

/// Without the key the path is Odoo's, like every other.
pub fn is_not_there_unasked(edge: &Edge) {
    let answer = edge.get(DOMAIN, PATH, &[]);
    assert_eq!((answer.status, answer.echo().port), (200, 8069), "{answer:?}");
}

/// What is wrong with the file is told before anything is touched, with the way out.
pub fn a_wrong_file_is_refused(edge: &Edge) {
    edge.configure(&format!("[nginx]\nstatus_users = \"{USERS}\"\n"));
    edge.refuses(&["`nginx.status_users`: is set without `health.http_port`", "set `http_port = "]);
    edge.configure(&asked_for());
    edge.refuses(&["cannot be read: No such file", "htpasswd -B"]);
    edge.host.write(USERS, "ada:in clear\n");
    edge.refuses(&["a password that is not hashed, or without a salt (line 1, `ada`)", "openssl passwd -6"]);
    let hash = edge.host.run_with(&format!("{PASSWORD}\n"), &["openssl", "passwd", "-6", "-stdin"]);
    edge.host.write(USERS, &format!("ada:{}", hash.expect(0).stdout));
    edge.host.ok(&format!("chmod 0644 {USERS}"));
    let fix = format!("chown root:www-data {USERS}; chmod 0640 {USERS}");
    edge.refuses(&["is open to everybody on this host", &fix]);
    edge.host.ok(&format!("chmod 0640 {USERS}; chown root:root {USERS}"));
    edge.refuses(&["cannot be read by nginx's workers (group www-data)", &fix]);
    edge.host.ok(&fix);
    edge.change();
    edge.is_clean();
}

/// 401 without a password, 200 with it, and nothing of the request goes on to the agent.
pub fn is_shown_to_those_who_are_named(edge: &Edge) {
    let right = format!("ada:{PASSWORD}");
    for words in [&[][..], &["--user", "ada:wrong"], &["--user", "eve:wrong"]] {
        let refused = get(edge, words);
        assert_eq!(refused.status, 401, "{words:?}: {refused:?}");
        let head = refused.head.to_lowercase();
        assert!(head.contains("www-authenticate: basic") && head.contains("no-store"), "{refused:?}");
    }
    let away = get(edge, &["--user", &right]);
    assert_eq!(away.status, 503, "nobody listens yet: {away:?}");
    assert!(away.body.contains("systemctl status hams-agent"), "{away:?}");

    edge.host.ok(&format!("systemd-run --quiet --collect --unit=stand-in python3 /root/upstream.py {PORT}"));
    let own = format!("http://127.0.0.1:{PORT}/");
    wait_for("the agent's stand-in", || edge.host.sh(&format!("curl -s -o /dev/null {own}")).code == 0);
    let forgery = forgery();
    let mut words: Vec<&str> = forgery.iter().map(String::as_str).collect();
    words.extend(["--user", &right]);
    let shown = get(edge, &words);
    assert_eq!(shown.status, 200, "{shown:?}");
    assert_eq!(shown.head.to_lowercase().matches("cache-control: no-store").count(), 1, "{shown:?}");
    let echo = shown.echo();
    assert!(echo.port == u64::from(PORT) && shown.body.contains("\"path\": \"/\""), "{shown:?}");
    let passed: Vec<_> = echo.headers.keys().map(String::as_str).collect();
    assert_eq!(passed, ["connection", "host"], "{shown:?}");
    let asked = get(edge, &["--user", &right, "--request", "POST", "--data", "{}"]);
    assert_eq!(asked.status, 405, "{asked:?}");
}

/// No other path leads to the agent, and no other name.
pub fn nothing_else_of_the_agent_is_reachable(edge: &Edge) {
    let right = format!("ada:{PASSWORD}");
    let words = ["--user", &right, "--path-as-is"];
    for path in
        ["/metrics", "/status", "/sync", "/hams-status/", "/hams-status/metrics", "/hams-status/../metrics"]
    {
        let answer = edge.get(DOMAIN, path, &words);
        assert_eq!((answer.status, answer.echo().port), (200, 8069), "{path}: {answer:?}");
    }
    let www = edge.get("www.hams.test", PATH, &words);
    assert_eq!((www.status, www.echo().port), (200, 8069), "{www:?}");
}

/// Passwords are tried no more often than at a login.
pub fn guesses_are_limited(edge: &Edge) {
    let statuses: Vec<u16> =
        (0..12).map(|_| edge.get(DOMAIN, PATH, &["--user", "ada:guess"]).status).collect();
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 4, "{statuses:?}");
}

/// The key is taken away, and the page with it.
pub fn is_gone_with_its_key(edge: &Edge) {
    edge.configure("");
    edge.change();
    is_not_there_unasked(edge);
    edge.host.ok(&format!("systemctl stop stand-in; rm {USERS}"));
    edge.is_clean();
}
