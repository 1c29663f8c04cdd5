//! `hams-install secrets import`: before the first install, and into the vault of a node that runs.

use super::VAULT;
use super::lab::Host;
use super::lab::manifest::times;
use super::lab::package::INSTALL;

const FILE: &str = "/root/deploy.env";
const PLAIN: &str = "a plain admin password";
/// The `.env` of a Docker deployment, with what Compose understands.
const ENV: &str = "# The platform's secrets
DOMAIN=hams.test
export RMQ_PASS=\"theirs \\\"1\\\" \\$x\" # the broker
PDNS_API_KEY='PdnsKeyOfTheDockerDeployment'
SMTP_PASS=none
ODOO_URL=http://${ODOO_HOST}:8069
ODOO_ADMIN_PASSWORD='a plain admin password'
";

fn import(words: &[&str]) -> Vec<String> {
    let words = [&["hams-install", "secrets", "import", FILE], words].concat();
    words.into_iter().map(str::to_owned).collect()
}

fn run(host: &Host, words: &[&str], code: i32) -> String {
    let command = import(words);
    let ended = host.run(&command.iter().map(String::as_str).collect::<Vec<_>>()).expect(code);
    for value in ["theirs", "PdnsKeyOf", "plain admin", "second key"] {
        assert!(!ended.text().contains(value), "it shows a value: {}", ended.text());
    }
    ended.stderr
}

#[test]
fn a_docker_deployments_secrets_are_taken_over() {
    let host = Host::prepared("trixie");
    let refused = |text: &str, said: &str| {
        host.write(FILE, text);
        let before = times(&host);
        let told = run(&host, &["--yes"], 2);
        assert!(told.contains(said) && told.contains("hint: "), "{told}");
        let changed: Vec<_> =
            times(&host).into_iter().filter(|(path, time)| before.get(path) != Some(time)).collect();
        assert!(changed.is_empty(), "touched {changed:?}");
    };
    refused(&format!("{ENV}hello\n"), &format!("{FILE}:8: neither an assignment"));
    refused(
        &ENV.replace("'PdnsKeyOfTheDockerDeployment'", "none"),
        &format!("{FILE}:4: `PDNS_API_KEY` is the word"),
    );
    refused(&ENV.replace("\\$x", "$x"), &format!("{FILE}:3: a bare `$`"));
    host.is_not_there(VAULT);
    let missing = host.run(&["hams-install", "--yes", "secrets", "import", "/root/none.env"]).expect(2);
    assert!(missing.stderr.contains("/root/none.env"), "{}", missing.text());

    host.write(FILE, ENV);
    let told = run(&host, &["--yes"], 0);
    for line in
        ["+ RMQ_PASS", "+ PDNS_API_KEY", "+ ODOO_ADMIN_PASSWORD", "- DOMAIN", "- SMTP_PASS", "- ODOO_URL"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(told.contains("imported 3 values"), "{told}");
    assert!(host.value("ODOO_ADMIN_PASSWORD").starts_with("$pbkdf2-sha512$600000$"));
    assert!(!host.read(VAULT).contains(PLAIN), "the plain password is in the vault");
    assert_eq!(host.ok(&format!("stat --format='%a %U:%G' {VAULT}")), "600 root:root\n");
    host.run(&INSTALL).expect(0);
    let show =
        |name: &str| host.run(&["hams-install", "secrets", "show", name]).expect(0).stdout.trim().to_owned();
    assert_eq!(show("RMQ_PASS"), "theirs \"1\" $x");
    assert_eq!(answers(&host, "PdnsKeyOfTheDockerDeployment"), "200");
    broker_knows(&host, "theirs \"1\" $x");

    // Again: nothing. Another key: kept, until it is said; then the next run brings it, to PowerDNS and the agent alone.
    let before = times(&host);
    assert!(run(&host, &["--yes"], 0).contains("nothing to do"));
    assert_eq!(times(&host), before, "a second import touched something");
    host.write(FILE, &ENV.replace("PdnsKeyOfTheDockerDeployment", "a second key of theirs"));
    let before = (host.read(VAULT), host.ok("systemctl show --property=InvocationID rabbitmq-server"));
    let told = run(&host, &["--yes"], 0);
    assert!(told.contains("~ PDNS_API_KEY") && told.contains("nothing to do"), "{told}");
    let asked = |keys: &str, code: i32| {
        // Two questions, a key and Enter each.
        let seen = import(&[]);
        let words: Vec<_> = seen.iter().map(String::as_str).collect();
        host.on_terminal("pgrep --exact hams-install && sleep 1", keys, &words).expect(code).stdout
    };
    assert!(asked("n\\r", 0).contains("Replace 1 value of the vault?"));
    assert!(asked("y\\rn\\r", 10).contains("Write 1 value to the vault?"));
    assert_eq!(host.read(VAULT), before.0, "the vault was touched");
    asked("y\\ry\\r", 0);
    assert_eq!(show("PDNS_API_KEY"), "a second key of theirs");
    let salt = |vault: &str, name: &str| vault.lines().find(|line| line.starts_with(name)).map(str::to_owned);
    let vault = host.read(VAULT);
    assert_ne!(salt(&vault, "PDNS_API_KEY_SALT"), salt(&before.0, "PDNS_API_KEY_SALT"));
    assert_eq!(salt(&vault, "RMQ_PASS_SALT"), salt(&before.0, "RMQ_PASS_SALT"));
    host.run(&INSTALL).expect(0);
    assert_eq!(answers(&host, "a second key of theirs"), "200");
    assert_eq!(answers(&host, "PdnsKeyOfTheDockerDeployment"), "401");
    assert_eq!(
        host.ok("systemctl show --property=InvocationID rabbitmq-server"),
        before.1,
        "the broker was restarted"
    );
    host.write(FILE, ENV);
    run(&host, &["--yes", "--replace"], 0);
    assert_eq!(show("PDNS_API_KEY"), "PdnsKeyOfTheDockerDeployment");
    assert!(host.run(&[&INSTALL[..], &["plan"]].concat()).expect(10).stderr.contains("50-hams.conf"));
}

/// What PowerDNS's API answers to a key.
fn answers(host: &Host, key: &str) -> String {
    let ask = "import sys, urllib.request as r, urllib.error
request = r.Request('http://127.0.0.1:8081/api/v1/servers/localhost', headers={'X-API-Key': sys.stdin.read()})
try: print(r.urlopen(request).status)
except urllib.error.HTTPError as error: print(error.code)";
    host.run_with(key, &["python3", "-c", ask]).expect(0).stdout.trim().to_owned()
}

/// The broker lets `hams_rabbitmq` in with the password.
fn broker_knows(host: &Host, password: &str) {
    let command = ["python3", "/root/amqp.py", "hams_rabbitmq", "declare"];
    assert_eq!(host.run_with(&format!("{password}\n"), &command).expect(0).stdout, "declare yes\n");
}
