//! The key of PGDG that hams brings along is the published one.

use std::process::{Command, Stdio};

/// As the PostgreSQL project publishes it.
const FINGERPRINT: &str = "B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8";

#[test]
fn is_the_published_one_and_alone() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/postgresql/apt.postgresql.org.asc");
    let output = Command::new("gpg")
        .args(["--batch", "--show-keys", "--with-colons", key])
        .env("GNUPGHOME", home.path())
        .stderr(Stdio::inherit())
        .output()
        .expect("run gpg (package gnupg)");
    assert!(output.status.success(), "gpg ended with {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let of = |kind: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        lines
            .filter(|fields| fields[0] == kind)
            .map(|fields| fields.get(9).copied().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(of("fpr"), [FINGERPRINT], "{text}");
    assert_eq!(of("pub").len(), 1, "{text}");
}
