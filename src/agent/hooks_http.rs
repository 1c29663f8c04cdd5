//! One request to a receiver of the operator's, over HTTP or HTTPS with the system's certificates. Whatever goes wrong, its words
//! have the receiver's host and nothing else of the URL.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::host::cause::last_cause;
use crate::secrets::HookUrl;

/// Whom the system trusts, made by the package ca-certificates.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// One request, from the name to the answer.
const LIMIT: Duration = Duration::from_secs(10);
/// One address of the receiver: another may answer where this one does not.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// Asks all receivers of the agent.
pub(super) struct Http {
    limit: Duration,
    certificates: PathBuf,
    /// Made when it is first needed.
    tls: OnceCell<TlsConnector>,
}

impl Default for Http {
    fn default() -> Self {
        Self { limit: LIMIT, certificates: CERTIFICATES.into(), tls: OnceCell::new() }
    }
}

impl Http {
    /// Sends `json` by POST, or asks by GET without it; any status but 2xx is an error.
    pub(super) async fn send(&self, url: &HookUrl, json: Option<String>) -> Result<(), String> {
        let sent = timeout(self.limit, self.exchange(url, json)).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {} s", self.limit.as_secs_f32())));
        let status = sent.map_err(|reason| format!("{}: {reason}", url.host()))?;
        if status.is_success() {
            return Ok(());
        }
        let words = if status.is_redirection() { ", a redirect, which is not followed" } else { "" };
        Err(format!("{} answers {status}{words}", url.host()))
    }

    async fn exchange(&self, url: &HookUrl, json: Option<String>) -> Result<StatusCode, String> {
        let mut request = Request::builder()
            .uri(url.expose_target())
            .header(HOST, url.authority())
            .header(USER_AGENT, concat!("hams-agent/", env!("CARGO_PKG_VERSION")));
        if json.is_some() {
            request = request.method(Method::POST).header(CONTENT_TYPE, "application/json");
        }
        let body = json.map_or_else(Body::empty, Body::from);
        let request = request.body(body).map_err(|_| "its URL cannot be asked for".to_owned())?;
        let stream = connect(url).await?;
        if !url.is_tls() {
            return ask(TokioIo::new(stream), request).await;
        }
        let tls = self.tls.get_or_try_init(async || connector(&self.certificates)).await?;
        let name = ServerName::try_from(url.host().to_owned()).map_err(|error| error.to_string())?;
        let stream = tls.connect(name, stream).await.map_err(|error| last_cause(&error))?;
        ask(TokioIo::new(stream), request).await
    }
}

fn connector(file: &Path) -> Result<TlsConnector, String> {
    let unusable = |error: &dyn std::fmt::Display| {
        format!("cannot use {}: {error}\nhint: `apt-get install ca-certificates`", file.display())
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))?;
    // One that cannot be read costs those below it, not the others.
    roots.add_parsable_certificates(certificates.flatten());
    if roots.is_empty() {
        return Err(unusable(&"there is no certificate in it"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The first of its addresses that answers.
async fn connect(url: &HookUrl) -> Result<TcpStream, String> {
    let addresses = lookup_host((url.host(), url.port())).await.map_err(|error| last_cause(&error))?;
    let mut reason = "its name has no address".to_owned();
    for address in addresses {
        match timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => reason = last_cause(&error),
            Err(_) => reason = format!("no connection within {} s", CONNECT_LIMIT.as_secs()),
        }
    }
    Err(reason)
}

async fn ask<S>(stream: S, request: Request<Body>) -> Result<StatusCode, String>
where
    S: Read + Write + Unpin,
{
    let words = |error: hyper::Error| last_cause(&error);
    let (mut sender, mut connection) = handshake(stream).await.map_err(words)?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let mut is_open = true;
    loop {
        tokio::select! {
            answer = &mut answer => return answer.map(|answer| answer.status()).map_err(words),
            // Then the answer, or that there is none, is known as well.
            _ = &mut connection, if is_open => is_open = false,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use axum::Router;
    use axum::http::Uri;
    use axum::response::{IntoResponse, Response};
    use rcgen::{CertificateParams, Issuer, KeyPair};
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    /// What nobody may see.
    pub(in crate::agent) const SECRET: &str = "s3cret";

    /// What a receiver does with a request.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::agent) enum Manner {
        Answer(u16),
        Hang,
    }

    /// A receiver on loopback that notes each request, and what it did with it.
    #[derive(Clone)]
    pub(in crate::agent) struct Receiver {
        pub(in crate::agent) url: HookUrl,
        /// What it does with the next ones; afterwards it answers 200.
        pub(in crate::agent) manners: Arc<Mutex<VecDeque<Manner>>>,
        /// Each body, and whether it was taken.
        pub(in crate::agent) seen: Arc<Mutex<Vec<(String, bool)>>>,
    }

    impl Receiver {
        pub(in crate::agent) async fn start(manners: impl IntoIterator<Item = Manner>) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/{SECRET}?token={SECRET}", listener.local_addr().unwrap());
            let manners = Arc::new(Mutex::new(manners.into_iter().collect()));
            let receiver = Self { url: HookUrl::read(&url).unwrap(), manners, seen: Arc::default() };
            let answering = receiver.clone();
            let answer = move |uri: Uri, body: String| {
                let receiver = answering.clone();
                async move { receiver.answer(&uri, body).await }
            };
            tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
            receiver
        }

        async fn answer(&self, uri: &Uri, body: String) -> Response {
            assert_eq!(uri.to_string(), self.url.expose_target());
            let manner = self.manners.lock().unwrap().pop_front().unwrap_or(Manner::Answer(200));
            self.seen.lock().unwrap().push((body, matches!(manner, Manner::Answer(200..=299))));
            match manner {
                Manner::Answer(status) => {
                    let elsewhere = [("location", "/elsewhere")];
                    (StatusCode::from_u16(status).unwrap(), elsewhere).into_response()
                }
                Manner::Hang => std::future::pending().await,
            }
        }
    }

    /// One that gives up soon.
    pub(in crate::agent) fn hasty() -> Http {
        Http { limit: Duration::from_millis(300), ..Http::default() }
    }

    #[tokio::test]
    async fn whatever_goes_wrong_only_the_host_is_named() {
        let manners = [Manner::Answer(204), Manner::Answer(404), Manner::Answer(302), Manner::Hang];
        let receiver = Receiver::start(manners).await;
        let http = hasty();
        http.send(&receiver.url, Some("{}".into())).await.unwrap();
        for expected in [
            "127.0.0.1 answers 404 Not Found",
            "127.0.0.1 answers 302 Found, a redirect, which is not followed",
            "127.0.0.1: no answer within 0.3 s",
        ] {
            assert_eq!(http.send(&receiver.url, None).await.unwrap_err(), expected);
        }
        let plain = receiver.url.authority();
        for (url, expected) in [
            ("http://127.0.0.1:1/s3cret".to_owned(), "127.0.0.1: Connection refused"),
            ("http://no-such-host.invalid/s3cret".to_owned(), "no-such-host.invalid: "),
            (format!("https://{plain}/s3cret"), "127.0.0.1: "),
        ] {
            let reason = http.send(&HookUrl::read(&url).unwrap(), None).await.unwrap_err();
            assert!(reason.starts_with(expected) && !reason.contains(SECRET), "{reason}");
        }
    }

    /// A server for one request over TLS, and the file with the authority that it is to be trusted by.
    async fn tls_server(folder: &Path) -> (HookUrl, PathBuf) {
        let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let file = folder.join("authority.pem");
        std::fs::write(&file, authority.self_signed(&authority_key).unwrap().pem()).unwrap();
        let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = certificate.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/{SECRET}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Who does not trust it hangs up.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 1024]).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        (HookUrl::read(&url).unwrap(), file)
    }

    #[tokio::test]
    async fn only_whom_the_system_trusts_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (url, authority) = tls_server(folder.path()).await;
        let (other, stranger) = (tempfile::tempdir().unwrap(), "invalid peer certificate");
        let (_, another) = tls_server(other.path()).await;
        for (certificates, expected) in
            [(authority, None), (another, Some(stranger)), (folder.path().join("gone"), Some("gone: "))]
        {
            let http = Http { certificates, ..Http::default() };
            let sent = http.send(&url, Some("{}".into())).await;
            match (sent, expected) {
                (Ok(()), None) => {}
                (Err(reason), Some(expected)) => {
                    assert!(reason.starts_with("localhost: ") && reason.contains(expected), "{reason}");
                    assert!(!reason.contains(SECRET), "{reason}");
                }
                (sent, expected) => panic!("{sent:?} instead of {expected:?}"),
            }
        }
    }
}
