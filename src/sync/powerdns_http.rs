//! HTTP to PowerDNS, which closes each connection after its answer. Where another request follows, its connection is made
//! while the one before is answered: PowerDNS starts a thread for each, and that need not be waited for. Not reqwest, which
//! has no such connection.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::host::cause::{LATE, last_cause};
use crate::secrets::Secret;

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How long a connection is good that nothing was sent on. PowerDNS closes one after five seconds
/// (`webserver-connection-timeout`).
const SPARE_LIMIT: Duration = Duration::from_secs(1);

/// A client of one server.
#[derive(Debug)]
pub(super) struct Http {
    /// Host and port.
    authority: String,
    /// What stands before each path.
    base: String,
    key: HeaderValue,
    is_more: AtomicBool,
    spare: Mutex<Option<Spare>>,
}

/// A connection that nothing was sent on.
#[derive(Debug)]
struct Spare {
    stream: TcpStream,
    made: Instant,
}

impl Http {
    /// `api` is an address that all paths begin with. An error is in words.
    pub(super) fn new(api: &str, key: &Secret) -> Result<Self, String> {
        let address: Uri = api.parse().map_err(|error| format!("{api}: {error}"))?;
        let authority = address.authority().filter(|_| address.scheme_str() == Some("http"));
        let authority = authority.ok_or_else(|| format!("{api} is no http:// address"))?;
        let port = authority.port_u16().unwrap_or(80);
        let mut key = HeaderValue::from_str(key.expose())
            .map_err(|_| "the API key holds characters that no header can".to_owned())?;
        key.set_sensitive(true);
        Ok(Self {
            authority: format!("{}:{port}", authority.host()),
            base: address.path().trim_end_matches('/').to_owned(),
            key,
            is_more: AtomicBool::new(false),
            spare: Mutex::new(None),
        })
    }

    /// Whether another request follows each of the next ones at once.
    pub(super) fn expect_more(&self, is_more: bool) {
        self.is_more.store(is_more, Ordering::Relaxed);
    }

    /// Sends the request with a body of JSON, if there is one, and gives the answer, whose body is still to come. An error is
    /// in words. No limit of time but the connection's.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        json: Option<String>,
    ) -> Result<Response<Incoming>, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(HOST, &self.authority)
            .header("X-API-Key", &self.key)
            // Without this a 500 tells nothing at all.
            .header(ACCEPT, "application/json");
        if json.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(json.unwrap_or_default()));
        let request = request.body(body).map_err(|error| error.to_string())?;
        let stream = match self.take_spare() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        let (mut sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| last_cause(&error))?;
        // It ends with the answer; what goes wrong with it, the answer tells.
        tokio::spawn(connection);
        let answer = sender.send_request(request);
        let answer = if self.is_more.load(Ordering::Relaxed) {
            match select(pin!(answer), pin!(self.make_spare())).await {
                Either::Left((answer, _)) => answer,
                Either::Right(((), answer)) => answer.await,
            }
        } else {
            answer.await
        };
        answer.map_err(|error| last_cause(&error))
    }

    async fn connect(&self) -> Result<TcpStream, String> {
        let stream = timeout(CONNECT_LIMIT, TcpStream::connect(&self.authority)).await;
        let stream = stream.map_err(|_| LATE.to_owned())?.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(stream)
    }

    /// One that comes to nothing is made when it is needed, and tells then why.
    async fn make_spare(&self) {
        // The request itself goes out first.
        tokio::task::yield_now().await;
        if let Ok(stream) = self.connect().await {
            *self.lock() = Some(Spare { stream, made: Instant::now() });
        }
    }

    /// The spare connection, if it is still open.
    fn take_spare(&self) -> Option<TcpStream> {
        let Spare { stream, made } = self.lock().take()?;
        let is_open = |stream: &TcpStream| {
            stream.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        };
        (made.elapsed() < SPARE_LIMIT && is_open(&stream)).then_some(stream)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Spare>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn client() -> (TcpListener, Http) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}/api/", listener.local_addr().unwrap());
        (listener, Http::new(&api, &Secret::new("key")).unwrap())
    }

    /// Reads a request's head, answers, and closes.
    async fn answer(stream: &mut TcpStream) -> io::Result<String> {
        let mut head = vec![0; 4096];
        let length = stream.read(&mut head).await?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await?;
        Ok(String::from_utf8_lossy(&head[..length]).into_owned())
    }

    #[tokio::test]
    async fn the_next_connection_is_there_before_the_answer() {
        let (listener, http) = client().await;
        http.expect_more(true);
        let serve = async {
            let (mut first, _) = listener.accept().await.unwrap();
            let (mut second, _) = listener.accept().await.unwrap();
            let said = answer(&mut first).await.unwrap();
            assert!(said.starts_with("PATCH /api/zones/a. HTTP/1.1\r\n"), "{said}");
            drop(first);
            assert!(answer(&mut second).await.unwrap().starts_with("GET /api HTTP/1.1\r\n"));
        };
        let ask = async {
            let answer = http.send(Method::PATCH, "/zones/a.", Some("{}".into())).await.unwrap();
            assert_eq!(answer.status(), 204);
            http.expect_more(false);
            assert_eq!(http.send(Method::GET, "", None).await.unwrap().status(), 204);
            assert!(http.lock().is_none(), "a connection that nobody asked for");
        };
        tokio::join!(serve, ask);
    }

    #[tokio::test]
    async fn a_spare_that_was_closed_is_not_used() {
        let (listener, http) = client().await;
        http.expect_more(true);
        let serve = async {
            let (mut first, _) = listener.accept().await.unwrap();
            let (spare, _) = listener.accept().await.unwrap();
            drop(spare);
            answer(&mut first).await.unwrap();
            let (mut third, _) = listener.accept().await.unwrap();
            answer(&mut third).await.unwrap();
        };
        let ask = async {
            http.send(Method::GET, "", None).await.unwrap();
            http.expect_more(false);
            assert_eq!(http.send(Method::GET, "", None).await.unwrap().status(), 204);
        };
        tokio::join!(serve, ask);
    }

    #[test]
    fn only_http_is_spoken() {
        let new = |api: &str| Http::new(api, &Secret::new("key")).map(|http| http.authority);
        assert_eq!(new("http://127.0.0.1:8081/api/v1").unwrap(), "127.0.0.1:8081");
        assert_eq!(new("http://[::1]/api").unwrap(), "[::1]:80");
        for api in ["https://127.0.0.1/api", "127.0.0.1:8081", "/api", "http://"] {
            assert!(new(api).is_err(), "{api}");
        }
    }
}
