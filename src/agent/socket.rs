//! HTTP: `GET /` (a page), `/status`, `/healthz`, `/readyz`, `/metrics`, and on the control socket alone `POST /sync`. The socket is for root
//! and the group `hams-agent`, an order on it for root; the loopback port, where one is asked for, is every local user's.

use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use tokio::net::{TcpListener, UnixListener};
use tracing::error;

use super::status::Status;
use super::sync_orders::{self, Orders};
use super::{metrics, page};

/// What is told of the agent, made anew for each question.
#[derive(Clone)]
pub(super) struct Present {
    /// The status.
    pub(super) status: Arc<dyn Fn() -> Status + Send + Sync>,
    /// The name of a loop that does not move.
    pub(super) stuck: Arc<dyn Fn() -> Option<&'static str> + Send + Sync>,
}

/// Listens at `path`; a socket that an agent left there is removed, anything else is not.
pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::other("there is something that is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    // The group's members may ask.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Who has connected.
#[derive(Debug, Clone)]
struct Peer {
    /// `None`: the kernel does not tell.
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self { uid: stream.io().peer_cred().ok().map(|peer| peer.uid()) }
    }
}

impl Peer {
    /// Root, or the agent's own account, which has all that an order could give it.
    fn may_order(&self) -> bool {
        self.uid.is_some_and(|uid| uid == 0 || uid == nix::unistd::geteuid().as_raw())
    }
}

/// Listens on a port of 127.0.0.1.
pub(super) async fn listen_on_port(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Answers on the control socket until the agent ends.
pub(super) async fn serve(listener: UnixListener, present: Present, orders: Orders) -> io::Result<()> {
    let sync = post(async move |ConnectInfo(peer): ConnectInfo<Peer>, body: Bytes| match peer.may_order() {
        true => sync_orders::answer(orders.clone(), body).await,
        false => sync_orders::refusal(StatusCode::FORBIDDEN, "only root may order that: run it with sudo"),
    });
    let all = questions(present).route("/sync", sync);
    axum::serve(listener, all.into_make_service_with_connect_info::<Peer>()).await
}

/// Answers questions, and no order, on the port until the agent ends; never ends where there is none.
pub(super) async fn serve_port(listener: Option<TcpListener>, present: Present) -> io::Result<()> {
    match listener {
        Some(listener) => {
            let all = present.status;
            let status = Arc::new(move || all().for_everybody());
            axum::serve(listener, questions(Present { status, ..present })).await
        }
        None => std::future::pending().await,
    }
}

fn questions(present: Present) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/status", get(async |State(present): State<Present>| Json((present.status)())))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(present)
}

/// 200 while the agent itself lives: a restart would not help, whatever else is wrong.
async fn healthz(State(present): State<Present>) -> Response {
    match (present.stuck)() {
        None => (StatusCode::OK, "ok\n").into_response(),
        Some(name) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("the loop `{name}` does not move\n")).into_response()
        }
    }
}

/// 200 while the agent can apply a change.
async fn readyz(State(present): State<Present>) -> Response {
    let sync = (present.status)().sync;
    if sync.phase.is_ready() {
        return (StatusCode::OK, "ok\n").into_response();
    }
    let reason = sync.reason.unwrap_or_else(|| sync.phase.as_str().to_owned());
    (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
}

/// The status for a browser.
async fn page(State(present): State<Present>) -> Response {
    match page::html(&(present.status)(), SystemTime::now()) {
        Ok(html) => (page::headers(), html).into_response(),
        Err(error) => {
            error!("{error}: please report this");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
        }
    }
}

async fn metrics(State(present): State<Present>) -> Response {
    match metrics::text(&(present.status)()) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            error!("the metrics cannot be made: {error}: please report this");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::connect;
    use super::*;
    use crate::health::tests::{Named, report};
    use crate::health::{Outcome, Report};
    use crate::sync::{Phase, Progress};
    use tokio::sync::mpsc;

    fn present(phase: Phase, stuck: Option<&'static str>) -> Present {
        let mut progress = Progress::default();
        progress.enter(phase, (phase == Phase::Waiting).then(|| "PowerDNS's API is away".to_owned()));
        let status = Status::new(SystemTime::now(), &progress, &Report::default());
        Present { status: Arc::new(move || status.clone()), stuck: Arc::new(move || stuck) }
    }

    #[tokio::test]
    async fn what_is_alive_is_not_what_is_ready() {
        for (phase, stuck, healthy, ready, words) in [
            (Phase::Idle, None, 200, 200, "ok\n"),
            (Phase::Waiting, None, 200, 503, "PowerDNS's API is away\n"),
            (Phase::Connecting, None, 200, 503, "connecting\n"),
            (Phase::Applying, Some("sync"), 503, 200, "ok\n"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("agent.sock");
            let server = serve(listen(&path).unwrap(), present(phase, stuck), mpsc::channel(1).0);
            let server = tokio::spawn(server);
            let client = connect(&path).build().unwrap();
            let ask = async |path: &str| client.get(format!("http://agent{path}")).send().await.unwrap();
            assert_eq!(ask("/healthz").await.status().as_u16(), healthy, "{phase:?}");
            let answer = ask("/readyz").await;
            assert_eq!(answer.status().as_u16(), ready, "{phase:?}");
            assert_eq!(answer.text().await.unwrap(), words);
            let answer = ask("/metrics").await;
            assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4");
            assert!(answer.text().await.unwrap().contains("# TYPE hams_sync_zones gauge"));
            server.abort();
        }
    }

    #[tokio::test]
    async fn the_page_is_for_one_browser_and_without_a_journal_on_the_port() {
        let mut progress = Progress::default();
        progress.enter(Phase::Idle, None);
        let mut report = report(&[Named("unit x.service", "host", Some("x.service"))]);
        report.note("unit x.service", Outcome::failing("failed"));
        report.quote("unit x.service", vec!["out of memory".into()]);
        let status = Status::new(SystemTime::now(), &progress, &report);
        let present = Present { status: Arc::new(move || status.clone()), stuck: Arc::new(|| None) };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let on_socket = tokio::spawn(serve(listen(&path).unwrap(), present.clone(), mpsc::channel(1).0));
        let listener = listen_on_port(0).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let on_port = tokio::spawn(serve_port(Some(listener), present));
        let of_socket = (connect(&path).build().unwrap(), "http://agent/".to_owned(), true);
        let of_port = (reqwest::Client::builder().no_proxy().build().unwrap(), url, false);
        for (client, url, has_journal) in [of_socket, of_port] {
            let answer = client.get(&url).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 200);
            let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
            for (name, value) in [
                ("content-type", "text/html; charset=utf-8"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(header(name), value);
            }
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
            assert!(!policy.contains("unsafe") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
            let page = answer.text().await.unwrap();
            assert!(page.contains("<title>✕ failing: unit x.service – hams</title>"), "{page}");
            assert_eq!(page.contains("out of memory"), has_journal, "{page}");
            assert_eq!(client.post(&url).send().await.unwrap().status().as_u16(), 405);
        }
        on_socket.abort();
        on_port.abort();
    }

    #[test]
    fn an_order_is_roots() {
        let own = nix::unistd::geteuid().as_raw();
        let may = |uid| Peer { uid }.may_order();
        assert!(may(Some(0)) && may(Some(own)));
        assert!(!may(Some(own + 1)) && !may(None));
    }

    #[tokio::test]
    async fn the_port_takes_no_order() {
        let listener = listen_on_port(0).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(serve_port(Some(listener), present(Phase::Idle, None)));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("{url}/metrics")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let order = client.post(format!("{url}/sync")).body("{}").send().await.unwrap();
        assert_eq!(order.status().as_u16(), 404);
        server.abort();
    }
}
