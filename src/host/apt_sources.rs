//! Whether the package sources that apt is configured with can be reached.

use super::command::{Command, last_lines};
use super::error::Error;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::net::TcpStream;

/// What apt would fetch, a line each: `'URI' FILE SIZE HASH`. It looks at no list, which a host may have none of, or which a
/// power cut may have emptied.
const URIS: [&str; 3] = ["--option=Dir::State::Lists=/nonexistent", "--print-uris", "update"];
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The sources that do not take a connection; `more` are those that a run is going to add. Where apt goes through a proxy
/// nothing is asked: only apt knows then.
pub async fn unreachable(more: &[String]) -> Result<Vec<String>, Error> {
    let proxies = Command::new("apt-config").args([
        "dump",
        "--format",
        "%v%n",
        "Acquire::http::Proxy",
        "Acquire::https::Proxy",
    ]);
    if !proxies.run().await?.trim().is_empty() {
        return Ok(Vec::new());
    }
    let told = Command::new("apt-get").args(URIS).run().await?;
    let sites: BTreeSet<&str> = uris(&told).filter_map(site).chain(more.iter().map(String::as_str)).collect();
    let ask = sites.into_iter().filter_map(|site| Some((site, endpoint(site)?))).map(
        |(site, endpoint)| async move {
            let connected = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(endpoint)).await;
            (!matches!(connected, Ok(Ok(_)))).then(|| site.to_owned())
        },
    );
    Ok(futures_util::future::join_all(ask).await.into_iter().flatten().collect())
}

/// The mirror that apt takes this Debian from, by what its sources say: the first with one of the names of `suites`.
pub fn debian_mirror(suites: &[&str]) -> Result<Option<String>, Error> {
    let asked = std::process::Command::new("apt-get").args(URIS).env("LC_ALL", "C.UTF-8").output();
    let command = || format!("apt-get {}", URIS.join(" "));
    let output = asked.map_err(|source| Error::Spawn { command: command(), source })?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Command {
            command: command(),
            status: output.status.to_string(),
            output: last_lines(&words),
        });
    }
    Ok(mirror_of(&String::from_utf8_lossy(&output.stdout), suites))
}

/// The URIs in what apt has told.
fn uris(told: &str) -> impl Iterator<Item = &str> {
    told.lines().filter_map(|line| Some(line.strip_prefix('\'')?.split_once('\'')?.0))
}

/// "http://mirror.example" of a URI.
fn site(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    let authority = rest.split('/').next()?;
    uri.get(..scheme.len() + "://".len() + authority.len())
}

fn mirror_of(told: &str, suites: &[&str]) -> Option<String> {
    let mirror = |uri: &str| {
        let (mirror, rest) = uri.split_once("/dists/")?;
        let suite = suites.iter().find_map(|suite| rest.strip_prefix(suite));
        suite?.starts_with("/main/").then(|| mirror.trim_end_matches('/').to_owned())
    };
    uris(told).find_map(mirror)
}

/// Host and port of an http or https site; other kinds (file, cdrom) are no matter of the network.
fn endpoint(site: &str) -> Option<(String, u16)> {
    let (scheme, rest) = site.split_once("://")?;
    let port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = rest.split('/').next()?.rsplit('@').next()?;
    match authority.rsplit_once(':') {
        Some((host, number)) if !number.ends_with(']') => Some((host.to_owned(), number.parse().ok()?)),
        _ => Some((authority.to_owned(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_of_the_release() {
        let told = "'http://s.example/debian-security/dists/trixie-security/main/binary-amd64/Packages.xz' s 0 \n\
            'http://c.example/debian/dists/trixie/contrib/binary-amd64/Packages.xz' c 0 \n\
            'http://m.example/debian/dists/trixie/InRelease' m 0 \n\
            'http://m.example/debian/dists/trixie/main/binary-amd64/Packages.xz' m 0 \n\
            'http://n.example/debian/dists/sid/main/binary-amd64/Packages.xz' n 0 \n";
        assert_eq!(mirror_of(told, &["trixie", "stable"]).as_deref(), Some("http://m.example/debian"));
        assert_eq!(mirror_of(told, &["bookworm"]), None);
        let sites: Vec<&str> = uris(told).filter_map(site).collect();
        assert_eq!(sites[1..3], ["http://c.example", "http://m.example"]);
        assert_eq!(site("file:/srv/pgdg/dists/x/InRelease"), None);
    }

    #[test]
    fn finds_where_a_site_listens() {
        assert_eq!(endpoint("http://mirror.example/debian"), Some(("mirror.example".into(), 80)));
        assert_eq!(endpoint("https://user:pw@10.0.0.1:8443/x"), Some(("10.0.0.1".into(), 8443)));
        assert_eq!(endpoint("file:///srv/repo"), None);
    }
}
