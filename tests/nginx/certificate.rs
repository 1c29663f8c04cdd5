//! The certificate that is shown: made by a run, renewed by a run, and the operator's own as soon as it is named.

use super::edge::{CERTIFICATES, Edge, wait_for};

const SELF_SIGNED: &str = "/etc/hams/tls/self-signed.pem";

fn named(certificate: &str, key: &str) -> String {
    format!("[tls]\ncertificate = \"{CERTIFICATES}/{certificate}.pem\"\nkey = \"{CERTIFICATES}/{key}.key\"\n")
}

/// Root's alone, for the three names, for a year.
pub fn one_is_made(edge: &Edge) {
    let access = edge.host.ok(&format!("stat -c '%a %U:%G %n' {SELF_SIGNED} /etc/hams/tls"));
    assert_eq!(access, format!("400 root:root {SELF_SIGNED}\n700 root:root /etc/hams/tls\n"));
    let text = edge.host.ok(&format!("openssl x509 -in {SELF_SIGNED} -noout -ext subjectAltName"));
    for name in ["DNS:hams.test", "DNS:www.hams.test", "DNS:auth.hams.test"] {
        assert!(text.contains(name), "{text}");
    }
    edge.host.ok(&format!("openssl x509 -in {SELF_SIGNED} -noout -checkend $((360 * 86400))"));
    assert_ne!(
        edge.host.run(&["runuser", "-u", "www-data", "--", "cat", SELF_SIGNED]).code,
        0,
        "others can read it"
    );
}

/// One that is about to end is renewed by a run, and nginx reads it without a restart.
pub fn one_is_renewed(edge: &Edge) {
    let before = edge.certificate();
    edge.host.ok(&format!(
        "umask 077; cd /run; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 5 -subj /CN=old \
         -addext subjectAltName=DNS:hams.test,DNS:www.hams.test,DNS:auth.hams.test -keyout old.key -out old.crt 2>/dev/null
         cat old.key old.crt >{SELF_SIGNED}; systemctl reload nginx"
    ));
    wait_for("the old certificate", || {
        edge.certificate().contains("CN=old") || edge.certificate().contains("CN = old")
    });
    let plan = edge.host.run(&["hams-install", "plan"]).expect(10);
    assert!(plan.stderr.contains("it expires in 4 days"), "{}", plan.text());
    // A reload ends when the new certificate is shown, so that the run's own verification sees it.
    edge.change();
    let now = edge.certificate();
    assert!(now.contains("self-signed") && now != before, "{now}");
    one_is_made(edge);
    edge.is_clean();
}

/// The operator's pair is taken by a reload; replacing the file is too.
pub fn the_operators_own_is_taken(edge: &Edge) {
    edge.configure(&named("edge", "edge"));
    edge.change();
    wait_for("the operator's certificate", || edge.certificate().contains("edge"));
    edge.is_clean();
    let first = edge.certificate();
    edge.host.ok(&format!(
        "cd {CERTIFICATES}; cp -p edge.pem /run/; openssl x509 -req -in edge.csr -CA root.pem -CAkey root.key -CAserial /run/serial -CAcreateserial -extfile edge.ext -days 80 -out next.pem \
         2>/dev/null; mv next.pem edge.pem"
    ));
    let plan = edge.host.run(&["hams-install", "plan"]).expect(10);
    assert!(plan.stderr.contains("it has not read its present configuration"), "{}", plan.text());
    edge.change();
    wait_for("the replaced certificate", || edge.certificate() != first);
    edge.is_clean();
}

/// A pair that would break the edge is refused before anything is touched.
pub fn a_wrong_pair_is_refused(edge: &Edge) {
    for (certificate, key, said) in [
        ("edge", "narrow", "narrow.key is not the key of"),
        ("narrow", "narrow", "narrow.pem is not valid for www.hams.test"),
        ("old", "old", "old.pem has expired on 2021-01-01"),
        ("none", "edge", "none.pem cannot be read: No such file"),
    ] {
        edge.configure(&named(certificate, key));
        edge.refuses(&["`tls.", said]);
    }
    edge.host.ok(&format!("cp -p /run/edge.pem {CERTIFICATES}/"));
    edge.configure(&format!("[tls]\ncertificate = \"{CERTIFICATES}/edge.pem\"\n"));
    edge.refuses(&["hams.toml:4", "`tls.certificate`: is set without `tls.key`"]);
}
