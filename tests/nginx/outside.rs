//! What others see: two ports, TLS for our names alone, closed paths, limits, websockets, and headers that nobody forges.

use super::edge::{Answer, DOMAIN, Edge, wait_for};
use super::lab::ports::open_tcp;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What the world may reach of an edge.
pub const PORTS: [u16; 2] = [80, 443];
/// Headers by which a proxy tells who the client is.
const FORGED: &[&str] = &[
    "X-Client-DN",
    "X-Client-Verify",
    "X-Client-Issuer",
    "X-Client-Serial",
    "X-Client-Fingerprint",
    "X-Client-Cert",
    "X-Client-Cert-DN",
    "X-Client-Cert-Subject",
    "X-Client-Cert-Issuer",
    "X-Client-Cert-Serial",
    "X-Client-Cert-Fingerprint",
    "X-Client-Cert-Verify",
    "X_Client_DN",
    "X_Client_Verify",
    "X-Client_DN",
    "X_Client-Cert_DN",
    "X_Forwarded_For",
    "X-SSL-Client-Cert",
    "X-SSL-Client-Verify",
    "SSL-Client-Cert",
    "Client-Cert",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Forwarded-Prefix",
    "X-Forwarded-Client-Cert",
    "Forwarded",
    "X-Script-Name",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Real-IP",
    "X-Client-IP",
    "Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "CF-Connecting-IPv6",
    "CF-IPCountry",
    "CF-Visitor",
    "CF-Ray",
    "CF-Cert-Verified",
    "Proxy",
];

/// Another web server, on one address alone, is in the way: said before anything is touched.
pub fn a_port_of_somebody_else_is_told(edge: &Edge, install: &[&str]) {
    let address = edge.host.address();
    edge.host.ok(&format!(
        "systemd-run --quiet --collect --unit=other python3 -m http.server --bind {address} 80"
    ));
    wait_for("the other server", || {
        edge.host.sh(&format!("curl -s -o /dev/null http://{address}/")).code == 0
    });
    let refused = edge.host.run(install).expect(3);
    assert!(refused.stderr.contains("port 80/tcp on 0.0.0.0 is held by python3 (pid "), "{}", refused.text());
    assert!(refused.stderr.contains("hint: "), "{}", refused.text());
    assert_eq!(edge.host.run(&["test", "-e", "/etc/hams"]).code, 1, "a refused run left traces");
    edge.host.ok("systemctl stop other");
}

/// Now the two ports answer, over IPv4 and IPv6.
pub fn only_the_edge_answers(edge: &Edge) {
    for address in [IpAddr::from(edge.host.address()), IpAddr::from(edge.host.address6())] {
        assert_eq!(open_tcp(address), BTreeSet::from(PORTS), "open at {address}");
    }
}

/// A handshake succeeds for the domain and www, and for nothing else.
pub fn names_that_are_not_ours_end_in_the_handshake(edge: &Edge) {
    for name in [DOMAIN, "www.hams.test"] {
        for version in ["-tls1_2", "-tls1_3"] {
            let shaken = edge.handshake(name, version);
            assert_eq!(shaken.code, 0, "{name} {version}: {}", shaken.text());
        }
        let old = edge.handshake(name, "-tls1_1 -cipher DEFAULT@SECLEVEL=0");
        assert_ne!(old.code, 0, "{name} with TLS 1.1: {}", old.text());
    }
    for name in ["", "evil.test", "u.hams.test", "hams.test.evil.test"] {
        for version in ["-tls1_2", "-tls1_3"] {
            let refused = edge.handshake(name, version);
            assert_ne!(refused.code, 0, "`{name}` {version}: {}", refused.text());
            assert!(refused.stdout.contains("unrecognized name"), "`{name}`: {}", refused.text());
            assert!(!refused.stdout.contains("BEGIN CERTIFICATE"), "`{name}` is shown a certificate");
        }
    }
    // One name in the handshake, another in the request.
    for host in ["Host: evil.test", "Host: u.hams.test", "Host: auth.hams.test", "Host: 10.0.0.1"] {
        for version in ["--http1.1", "--http2"] {
            let answer = edge.get(DOMAIN, "/", &[version, "--header", host]);
            assert_eq!(answer.status, 421, "{host} {version}: {answer:?}");
        }
    }
}

/// Port 80 leads to port 443 for our names, and says nothing to others.
pub fn port_80_leads_to_443(edge: &Edge) {
    for name in [DOMAIN, "www.hams.test", "auth.hams.test"] {
        let answer = edge.curl(&format!("http://{name}/a/b?c=d"), &[]);
        assert_eq!(answer.status, 308, "{answer:?}");
        assert!(answer.head.contains(&format!("\nLocation: https://{name}/a/b?c=d")), "{answer:?}");
        assert!(!answer.head.contains("nginx/"), "the version is told: {answer:?}");
    }
    for name in ["evil.test", "u.hams.test"] {
        let answer = edge.curl(&format!("http://{name}/"), &[]);
        assert_eq!((answer.status, answer.head.as_str()), (0, ""), "{name}: {answer:?}");
    }
}

/// What nobody outside needs.
pub fn closed_paths_are_not_there(edge: &Edge) {
    for path in [
        "/web/database",
        "/web/database/manager",
        "/web/database/selector?x=1",
        "/web/%64atabase/manager",
        "//web//database/manager",
        "/web/x/../database/manager",
        "/fr/web/database/manager",
        "/en_US/web/database/manager",
        "/jsonrpc",
        "/xmlrpc",
        "/xmlrpc/2/common",
        "/xmlrpc/2/object",
    ] {
        for version in ["--http1.1", "--http2"] {
            let answer = edge.get(DOMAIN, path, &[version, "--path-as-is", "--data", "{}"]);
            assert_eq!(answer.status, 404, "{path} {version}: {answer:?}");
        }
    }
    let open = edge.get("www.hams.test", "/json/2/res.partner/search_read", &["--http2", "--data", "{}"]);
    assert_eq!((open.status, open.echo().port), (200, 8069), "{open:?}");
    assert!(open.head.starts_with("HTTP/2 "), "{open:?}");
}

/// Words for curl that send every header of [`FORGED`].
pub fn forgery() -> Vec<String> {
    FORGED.iter().flat_map(|name| ["--header".to_owned(), format!("{name}: forged")]).collect()
}

/// Nothing of a forgery has come through, and what nginx itself says of the client is right.
#[track_caller]
pub fn forgery_did_not_get_through(answer: &Answer, client: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.body.contains("forged"), "a forged header got through: {}", answer.body);
    let headers = answer.echo().headers;
    for (name, value) in [("x-real-ip", client), ("x-forwarded-for", client), ("x-forwarded-proto", "https")]
    {
        assert_eq!(headers.get(name).map(String::as_str), Some(value), "{headers:#?}");
    }
}

/// On the domain and on www a client has no certificate, whatever it says.
pub fn headers_cannot_be_forged(edge: &Edge) {
    let (forgery, client) = (forgery(), edge.client.address().to_string());
    let forgery: Vec<&str> = forgery.iter().map(String::as_str).collect();
    for name in [DOMAIN, "www.hams.test"] {
        for path in ["/", "/web/login", "/websocket", "/ws/firehose", "/web/dataset/call_kw/x"] {
            for version in ["--http1.1", "--http2"] {
                let answer = edge.get(name, path, &[&[version], &forgery[..]].concat());
                if answer.status == 429 {
                    continue; // the limit of logins, which has a test of its own
                }
                forgery_did_not_get_through(&answer, &client);
                let headers = answer.echo().headers;
                assert_eq!(headers["host"], name, "{headers:#?}");
                assert_eq!(headers["x-forwarded-host"], name, "{headers:#?}");
                let shown: Vec<_> = headers.keys().filter(|name| name.starts_with("x-client")).collect();
                assert!(shown.is_empty(), "{name}{path} says who the client is: {headers:#?}");
            }
        }
    }
    let cookies = edge.get(DOMAIN, "/", &["--http1.1"]).head.to_lowercase();
    for cookie in ["session_id=1", "frontend_lang=en_us"] {
        let line = cookies.lines().find(|line| line.contains(cookie)).expect(cookie);
        assert!(line.contains("secure") && line.contains("samesite=lax"), "{line}");
        assert_eq!(line.contains("httponly"), cookie.starts_with("session"), "{line}");
    }
}

/// Many logins are too many, and nobody else feels it.
pub fn logins_are_limited(edge: &Edge) {
    for path in ["/web/login", "/fr/web/login", "/web/session/authenticate"] {
        let statuses: Vec<u16> =
            (0..12).map(|_| edge.get(DOMAIN, path, &["--http1.1", "--data", "x"]).status).collect();
        assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{path}: {statuses:?}");
        assert!(statuses.iter().filter(|status| **status == 429).count() >= 4, "{path}: {statuses:?}");
    }
    assert_eq!(edge.get(DOMAIN, "/", &[]).status, 200, "other paths are not limited with them");
}

/// A download that a slow client takes longer over than the upstream waits comes whole.
pub fn a_large_download_is_whole(edge: &Edge) {
    const SIZE: u64 = 64 << 20;
    let address = edge.host.address();
    let taken = edge.client.ok(&format!(
        "curl --silent --show-error --fail --insecure --limit-rate 24M --max-time 60 --connect-to ::{address}: \
         https://{DOMAIN}/web/content/{} | wc --bytes",
        SIZE >> 20
    ));
    assert_eq!(taken.trim(), SIZE.to_string());
}

/// Websockets reach the port that serves them; no other path upgrades.
pub fn websockets_upgrade(edge: &Edge) {
    let upgrade = [
        "--http1.1",
        "--max-time",
        "3",
        "--header",
        "Connection: Upgrade",
        "--header",
        "Upgrade: websocket",
        "--header",
        "Sec-WebSocket-Version: 13",
        "--header",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    for (path, port) in [("/websocket", 8072), ("/ws/firehose", 8765)] {
        let answer = edge.get(DOMAIN, path, &upgrade);
        assert_eq!(answer.status, 101, "{path}: {answer:?}");
        assert!(answer.head.contains(&format!("\nX-Port: {port}")), "{path}: {answer:?}");
    }
    let plain = edge.get(DOMAIN, "/", &upgrade);
    let headers = plain.echo().headers;
    assert!(plain.status == 200 && !headers.contains_key("upgrade"), "{plain:?}");
}

/// Without a root nobody is let in at auth, not even in the handshake.
pub fn auth_refuses_without_a_root(edge: &Edge) {
    let refused = edge.handshake("auth.hams.test", "");
    assert!(refused.code != 0 && refused.stdout.contains("unrecognized name"), "{}", refused.text());
}
