//! nginx's configuration: the templates of deploy/nginx/, filled in. The only list of the files below /etc/nginx.

use super::template::{TemplateError, render};
use minijinja::{Value, context};
use std::path::{Path, PathBuf};

/// Where the files that our own include each other from are.
pub const FOLDER: &str = "/etc/nginx/hams";
/// What Debian's nginx.conf includes; nginx does not start without it.
pub const ENTRY: &str = "/etc/nginx/conf.d/50-hams.conf";
/// The addresses in the tarpit, which the host itself writes.
pub const TARPIT: &str = "/etc/nginx/hams/tarpit.conf";

/// What the files are filled in with.
pub struct Edge<'a> {
    /// The node's domain.
    pub domain: &'a str,
    /// The machine that Odoo runs on, as a URL names it.
    pub odoo: String,
    /// The certificate with its chain.
    pub certificate: &'a Path,
    /// Its private key.
    pub key: &'a Path,
    /// The root of the clients of `auth.DOMAIN`.
    pub client_ca: Option<&'a Path>,
    /// Whether Cloudflare stands in front.
    pub cloudflare: bool,
    /// The root of what the domain's connections must show.
    pub origin_pull_ca: Option<&'a Path>,
    /// Who may see the agent's page, and the port of 127.0.0.1 on which the agent shows it.
    pub status: Option<(&'a Path, u16)>,
    /// Whether the kernel has IPv6.
    pub ipv6: bool,
    /// Whether nginx knows the directive `http2`, which came with 1.25.1; before, it is a word of `listen`.
    pub http2_directive: bool,
}

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../deploy/nginx/", $name)))),*]
    };
}

/// Each template of deploy/nginx/ that becomes a file of ours, the entry last.
const TEMPLATES: [(&str, &str); 16] = templates![
    "client.conf.j2",
    "limits.conf",
    "limit-requests.conf",
    "limit-logins.conf",
    "client-certificate.conf.j2",
    "upstreams.conf.j2",
    "port-80.conf.j2",
    "tls.conf",
    "reject.conf.j2",
    "proxy.conf",
    "websocket.conf",
    "server.conf.j2",
    "routes.conf",
    "status.conf.j2",
    "site.conf.j2",
    "auth.conf.j2",
];
const ENTRY_TEMPLATE: (&str, &str) = ("50-hams.conf.j2", include_str!("../../deploy/nginx/50-hams.conf.j2"));
const CLOUDFLARE_RANGES: &str = include_str!("../../deploy/nginx/cloudflare-ranges.txt");
/// The longest domain whose names fit nginx's tables as they are (64 bytes an entry).
const LONGEST_PLAIN_DOMAIN: usize = 32;

/// Every file with its content: those in [`FOLDER`], then the entry.
pub fn files(edge: &Edge<'_>) -> Result<Vec<(PathBuf, String)>, TemplateError> {
    let values = values(edge);
    let mut files = Vec::new();
    for (name, text) in TEMPLATES {
        let path = Path::new(FOLDER).join(name.trim_end_matches(".j2"));
        files.push((path, render(name, text, values.clone())?));
    }
    let (name, text) = ENTRY_TEMPLATE;
    files.push((ENTRY.into(), render(name, text, values)?));
    Ok(files)
}

fn values(edge: &Edge<'_>) -> Value {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let ranges = CLOUDFLARE_RANGES.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let domain = edge.domain;
    context! {
        domain => domain,
        names => [domain.to_owned(), format!("www.{domain}")],
        is_long => domain.len() > LONGEST_PLAIN_DOMAIN,
        odoo => edge.odoo,
        certificate => path(edge.certificate),
        key => path(edge.key),
        client_ca => edge.client_ca.map(path),
        origin_pull_ca => edge.origin_pull_ca.map(path),
        cloudflare => if edge.cloudflare { ranges.collect::<Vec<_>>() } else { Vec::new() },
        status_users => edge.status.map(|(users, _)| path(users)),
        status_port => edge.status.map(|(_, port)| port),
        ipv6 => edge.ipv6,
        http2_directive => edge.http2_directive,
        http2_listen => if edge.http2_directive { "" } else { " http2" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge() -> Edge<'static> {
        Edge {
            domain: "hams.test",
            odoo: "127.0.0.1".into(),
            certificate: Path::new("/c.pem"),
            key: Path::new("/k.pem"),
            client_ca: None,
            cloudflare: false,
            origin_pull_ca: None,
            status: None,
            ipv6: true,
            http2_directive: true,
        }
    }

    fn text(edge: &Edge<'_>) -> String {
        files(edge)
            .unwrap()
            .into_iter()
            .map(|(path, text)| format!("## {}\n{text}", path.display()))
            .collect()
    }

    #[test]
    fn nothing_is_trusted_that_was_not_asked_for() {
        let plain = text(&edge());
        for word in
            ["set_real_ip_from", "real_ip_header", "ssl_verify_client", "http2;", "ssl http2", "hams-status"]
        {
            assert!(!plain.contains(word), "{word}: {plain}");
        }
        assert!(plain.contains("http2 on;"));
    }

    #[test]
    fn every_switch_reaches_its_file() {
        let all = text(&Edge {
            client_ca: Some(Path::new("/arrl.pem")),
            cloudflare: true,
            origin_pull_ca: Some(Path::new("/pull.pem")),
            status: Some((Path::new("/users"), 9853)),
            ipv6: false,
            http2_directive: false,
            ..edge()
        });
        for line in [
            "    ssl_client_certificate /arrl.pem;\n",
            "    ssl_client_certificate /pull.pem;\n",
            "set_real_ip_from 131.0.72.0/22;\nset_real_ip_from 2400:cb00::/32;\n",
            "real_ip_header CF-Connecting-IP;\n",
            "listen 443 ssl http2;\n",
            "    auth_basic_user_file /users;\n",
            "    proxy_pass http://127.0.0.1:9853/;\n",
        ] {
            assert!(all.contains(line), "{line}: {all}");
        }
        assert!(!all.contains("[::]") && !all.contains("http2 on"), "{all}");
        assert_eq!(all.matches("include hams/status.conf;").count(), 1, "on the domain alone: {all}");
    }

    /// A location with a header of its own would lose every other; one that passes none on needs none.
    #[test]
    fn one_file_alone_sets_headers_of_requests() {
        let status = Some((Path::new("/users"), 9853));
        for (path, text) in files(&Edge { status, ..edge() }).unwrap() {
            let sets = text.lines().any(|line| line.trim_start().starts_with("proxy_set_header"));
            assert_eq!(sets, path.ends_with("proxy.conf"), "{}", path.display());
            let passes = text.matches("proxy_pass ").count();
            let includes = [
                "include hams/proxy.conf;",
                "include hams/websocket.conf;",
                "proxy_pass_request_headers off;",
            ];
            let included: usize = includes.iter().map(|include| text.matches(include).count()).sum();
            assert!(path.ends_with("websocket.conf") || included == passes, "{}: {text}", path.display());
        }
    }
}
