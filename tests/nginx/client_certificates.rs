//! auth.DOMAIN lets in whom the configured root vouches for, tells Odoo who it is, and believes no header.

use super::edge::{CERTIFICATES, DOMAIN, Edge, wait_for};
use super::outside::{forgery, forgery_did_not_get_through};

const AUTH: &str = "auth.hams.test";

fn with(name: &str) -> [String; 4] {
    ["--cert", &format!("{CERTIFICATES}/{name}.pem"), "--key", &format!("{CERTIFICATES}/{name}.key")]
        .map(str::to_owned)
}

/// A root is configured, taken up by a reload, and from then on it is what counts.
pub fn a_root_opens_auth(edge: &Edge) {
    edge.configure(&format!("[nginx]\nclient_ca = \"{CERTIFICATES}/root.pem\"\n"));
    edge.change();
    edge.is_clean();
    wait_for("auth.hams.test", || edge.handshake(AUTH, "").code == 0);

    for version in [&["--http1.1"][..], &["--http2"], &["--tls-max", "1.2"]] {
        let none = edge.get(AUTH, "/", version);
        assert_eq!(none.status, 400, "no certificate, {version:?}: {none:?}");
        for name in ["stranger", "expired", "edge"] {
            let words = with(name);
            let refused = edge.get(AUTH, "/", &[version, &words.each_ref().map(String::as_str)[..]].concat());
            assert_eq!(refused.status, 400, "{name}, {version:?}: {refused:?}");
        }
        // A client that proves nothing, and says all.
        let forgery = forgery();
        let forgery: Vec<&str> = forgery.iter().map(String::as_str).collect();
        let refused = edge.get(AUTH, "/", &[version, &forgery[..]].concat());
        assert_eq!(refused.status, 400, "headers instead of a certificate, {version:?}: {refused:?}");

        let member = with("member");
        let words = [version, &member.each_ref().map(String::as_str)[..], &forgery[..]].concat();
        let let_in = edge.get(AUTH, "/onboarding/lotw_verify", &words);
        forgery_did_not_get_through(&let_in, &edge.client.address().to_string());
        let headers = let_in.echo().headers;
        assert_eq!(headers["x-client-verify"], "SUCCESS", "{headers:#?}");
        assert_eq!(headers["x-client-dn"], "CN=member,O=Lab", "{headers:#?}");
        assert_eq!(headers["x-client-issuer"], "CN=production,O=Lab", "{headers:#?}");
        let fingerprint = edge.client.ok(&format!(
            "openssl x509 -in {CERTIFICATES}/member.pem -noout -fingerprint -sha1 | cut -d = -f 2 | tr -d : | tr A-F a-f"
        ));
        assert_eq!(headers["x-client-fingerprint"], fingerprint.trim(), "{headers:#?}");
        assert!(headers["x-client-cert"].starts_with("-----BEGIN%20CERTIFICATE"), "{headers:#?}");

        // The same client elsewhere is nobody.
        let words = [version, &member.each_ref().map(String::as_str)[..]].concat();
        let elsewhere = edge.get(DOMAIN, "/", &words);
        let shown = elsewhere.echo().headers.into_keys().any(|name| name.starts_with("x-client"));
        assert!(elsewhere.status == 200 && !shown, "{elsewhere:?}");
        let spoken_to = [&words[..], &["--header", "Host: hams.test"]].concat();
        let elsewhere = edge.get(AUTH, "/", &spoken_to);
        assert!(
            elsewhere.status == 421 || !elsewhere.body.to_lowercase().contains("x-client"),
            "{elsewhere:?}"
        );
        let without = edge.get(DOMAIN, "/", &[version, &["--header", "Host: auth.hams.test"]].concat());
        assert_eq!(without.status, 421, "auth by way of the domain: {without:?}");
        for path in ["/web/database/manager", "/jsonrpc"] {
            assert_eq!(edge.get(AUTH, path, &words).status, 404, "{path} on auth");
        }
    }
}

/// A session of the domain, where nobody shows a certificate, opens nothing at auth.
pub fn a_session_of_the_domain_is_none_of_auth(edge: &Edge) {
    for version in ["-tls1_2", "-tls1_3"] {
        // In TLS 1.3 the session comes after the first answer.
        let script = format!(
            "cd /root; printf 'GET / HTTP/1.1\\r\\nHost: {DOMAIN}\\r\\nConnection: close\\r\\n\\r\\n' |
             openssl s_client -connect {0}:443 -servername {DOMAIN} {version} -sess_out session -quiet -ign_eof >/dev/null 2>&1
             printf 'GET / HTTP/1.1\\r\\nHost: {AUTH}\\r\\nConnection: close\\r\\n\\r\\n' |
             openssl s_client -connect {0}:443 -servername {AUTH} {version} -sess_in session -quiet -ign_eof 2>&1",
            edge.host.address()
        );
        let answer = edge.client.sh(&script);
        assert!(answer.stdout.contains("HTTP/1.1 400"), "{version:?}: {}", answer.text());
    }
}

/// What is no root is not taken for one: the incident of the stand-in.
pub fn a_stand_in_is_no_root(edge: &Edge) {
    for (file, said) in [
        (format!("{CERTIFICATES}/member.pem"), "no certificate authority"),
        ("/etc/hams/tls/self-signed.pem".to_owned(), "no certificate authority"),
        (format!("{CERTIFICATES}/none.pem"), "cannot be read: No such file"),
        (format!("{CERTIFICATES}/root.key"), "holds no certificate in PEM"),
    ] {
        edge.configure(&format!("[nginx]\nclient_ca = \"{file}\"\n"));
        edge.refuses(&["`nginx.client_ca`: ", &file, said]);
    }
}
