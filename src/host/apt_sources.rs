//! Whether the package sources that apt is configured with can be reached.

use super::command::Command;
use super::error::Error;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::net::TcpStream;

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
    let sites = Command::new("apt-get").args(["indextargets", "--format", "$(SITE)"]).run().await?;
    let sites: BTreeSet<&str> = sites.lines().chain(more.iter().map(String::as_str)).collect();
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
    let format = "$(REPO_URI) $(RELEASE)";
    let words = ["indextargets", "--format", format, "Created-By: Packages", "Component: main"];
    let command = format!("apt-get {}", words.join(" "));
    let asked = std::process::Command::new("apt-get").args(words).output();
    let output = asked.map_err(|source| Error::Spawn { command, source })?;
    Ok(mirror_of(&String::from_utf8_lossy(&output.stdout), suites))
}

fn mirror_of(targets: &str, suites: &[&str]) -> Option<String> {
    let mut targets = targets.lines().filter_map(|line| line.rsplit_once(' '));
    let (uri, _) = targets.find(|(_, suite)| suites.contains(suite))?;
    Some(uri.trim_end_matches('/').to_owned())
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
        let targets = "http://s.example/debian-security/ trixie-security\nhttp://m.example/debian/ trixie\n\
            http://n.example/debian/ sid\n";
        assert_eq!(mirror_of(targets, &["trixie", "stable"]).as_deref(), Some("http://m.example/debian"));
        assert_eq!(mirror_of(targets, &["bookworm"]), None);
    }

    #[test]
    fn finds_where_a_site_listens() {
        assert_eq!(endpoint("http://mirror.example/debian"), Some(("mirror.example".into(), 80)));
        assert_eq!(endpoint("https://user:pw@10.0.0.1:8443/x"), Some(("10.0.0.1".into(), 8443)));
        assert_eq!(endpoint("file:///srv/repo"), None);
    }
}
