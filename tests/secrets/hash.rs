//! `hams-install hash-admin-password`, from a script and from a terminal.

use super::found::{are_not_in, found};
use super::lab::{Host, SUITES};
use super::watch::CommandLines;
use super::{ECHO_IS_OFF, VAULT};
use std::collections::BTreeMap;

const COMMAND: [&str; 2] = ["hams-install", "hash-admin-password"];
const NAME: &str = "ODOO_ADMIN_PASSWORD";
const FIRST: &str = "Пароль-密码-ñ €, and 'more'";
const SECOND: &str = "typed $twice \"on\" a terminal";
/// The first vector of facts/stack.md §2: of `correct horse battery staple`.
const HASH: &str = "$pbkdf2-sha512$600000$AAECAwQFBgcICQoLDA0ODw$HPMKUYh49Erst1wODQ1poCrF.RgaU7UpIJLhCjwMu0FQip6EKIUUkNiJ4BvDKV0UdO8BuHufX3D.ExFyclsWAw";

/// Another implementation takes a hash for a password. Both on stdin, a line each.
const PASSLIB: &str = "import sys; from passlib.hash import pbkdf2_sha512 as known
password, hash = sys.stdin.read().splitlines()
print(known.verify(password, hash), known.from_string(hash).rounds, len(known.from_string(hash).salt))";

fn passlib(host: &Host, password: &str, hash: &str) -> String {
    host.run_with(&format!("{password}\n{hash}\n"), &["python3", "-c", PASSLIB]).expect(0).stdout
}

/// `host` refuses what is given on stdin, says so, and its vault stays as it is.
fn refuses(host: &Host, given: &str, said: &str) {
    let before = host.sh(&format!("cat {VAULT}")).stdout;
    let ended = host.run_with(given, &COMMAND).expect(2);
    assert!(ended.stderr.contains(said) && ended.stderr.contains("hint: "), "{}", ended.text());
    assert!(given.trim().is_empty() || !ended.text().contains(given.trim()), "it shows what was given");
    assert_eq!(host.sh(&format!("cat {VAULT}")).stdout, before, "the vault was touched");
}

#[test]
fn the_hash_alone_is_kept() {
    for suite in SUITES {
        let host = Host::prepared(suite);
        let lines = CommandLines::start(&host);
        for (given, said) in [
            ("", "is empty"),
            ("\n", "is empty"),
            ("elevenchars\n", "fewer than 12 characters"),
            ("one line of two\nand the other", "line break"),
            ("one ending of two\n\n", "line break"),
            (&HASH.replace("600000", "25000"), "fewer than 600000 rounds"),
            (&HASH[..100], "not a whole one"),
        ] {
            refuses(&host, given, said);
        }
        host.is_not_there(VAULT);

        let ended = host.run_with(&format!("{FIRST}\n"), &COMMAND).expect(0);
        let first = host.value(NAME);
        assert_eq!(passlib(&host, FIRST, &first), "True 600000 16\n");
        assert_eq!(passlib(&host, &format!("{FIRST} "), &first), "False 600000 16\n");
        assert_eq!(host.ok(&format!("stat --format='%a %U:%G' {VAULT}")), "600 root:root\n");
        assert!(!ended.text().contains(FIRST), "{}", ended.text());
        let again = host.run_with(&format!("{FIRST}\n"), &COMMAND).expect(0);
        assert!(again.stderr.contains("nothing to do"), "{}", again.text());
        assert_eq!(host.value(NAME), first, "the same password keeps its hash");

        let keys = format!("{SECOND}\\r{SECOND}\\r").replace('"', "\\x22");
        let shown = host.on_terminal(ECHO_IS_OFF, &keys, &COMMAND).expect(0).stdout;
        assert!(shown.contains("Once more:") && !shown.contains("twice"), "{shown:?}");
        let second = host.value(NAME);
        assert_eq!(passlib(&host, SECOND, &second), "True 600000 16\n");

        // What is wrong on the terminal leaves the hash, and every end leaves the echo.
        let told = "trap : INT; hams-install hash-admin-password; echo \"status $?\"; stty -a";
        for (keys, said) in [
            ("a good long password\\ranother long password\\r", "the two passwords differ"),
            ("elevenchars\\r", "fewer than 12 characters"),
            ("a good long pass\\x03", "cancelled"),
            ("\\x04", "cancelled"),
        ] {
            let shown = host.on_terminal(ECHO_IS_OFF, keys, &["sh", "-c", told]).expect(0).stdout;
            assert!(shown.contains(said) && shown.contains("status 2"), "{shown:?}");
            assert!(
                shown.contains(" echo ") && shown.contains("susp = ^Z"),
                "the terminal is not as before: {shown}"
            );
            assert!(
                !shown.contains("long pass") && !shown.contains("elevenchars"),
                "it is to be seen: {shown:?}"
            );
            assert_eq!(host.value(NAME), second);
        }

        let secrets: BTreeMap<_, _> =
            [("first".to_owned(), FIRST.to_owned()), ("second".to_owned(), SECOND.to_owned())].into();
        are_not_in(
            "a command line",
            &lines.stop().into_iter().filter(|line| !line.contains("terminal.py")).collect::<String>(),
            &secrets,
        );
        host.write("/srv/planted", FIRST);
        assert_eq!(
            found(&host, &[], &secrets),
            ["/srv/planted".to_owned()].into(),
            "where the passwords stand"
        );

        host.run_with(&format!("{HASH}\n"), &COMMAND).expect(0);
        assert_eq!(host.value(NAME), HASH, "a hash is kept as it is");
        let listed = host.run(&["hams-install", "secrets", "list"]).expect(0).stdout;
        let line = listed.lines().find(|line| line.starts_with(NAME)).expect("it is listed");
        assert!(line.contains(" set ") && !listed.contains("$pbkdf2"), "{listed}");
        let rotated = host
            .run(&["hams-install", "--yes", "--domain", "hams.test", "secrets", "rotate", NAME])
            .expect(2);
        assert!(rotated.stderr.contains("hash-admin-password"), "{}", rotated.text());

        // Taken back as any other change, although no install ever ran.
        host.run(&["hams-install", "uninstall", "--yes", "--purge-data"]).expect(0);
        host.is_not_there(VAULT);
    }
}
