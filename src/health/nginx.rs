//! nginx as a browser sees it: the domain's certificate, an answer over TLS, and no answer to a name that is not ours.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::certificate::Certificate;
use super::check::{Check, Outcome};
use super::measure::Quantity;
use crate::host::BoxFuture;

/// A name under a top that is never delegated (RFC 2606), so that it can be nobody's.
const NOT_OURS: &str = "not-ours.invalid";
/// A path that the edge closes itself, so that the answer says nothing about what stands behind it.
const CLOSED: &str = "/web/database/manager";
/// What is said to it: no such thing; or, where only Cloudflare's own certificate is let in, that there is none.
const EXPECTED: [&str; 2] = ["404", "400"];
/// With fewer days left, somebody should look.
const FEW_DAYS: u64 = 14;
/// The first bytes of an answer, which hold its status.
const HEAD: usize = 64;

/// Connects to one address as a client of the domain.
#[derive(Debug, Clone)]
pub struct NginxCheck {
    address: SocketAddr,
    domain: String,
}

impl NginxCheck {
    /// This host's nginx, which serves `domain`, asked on loopback.
    pub fn on_this_host(domain: &str) -> Self {
        Self { address: (Ipv4Addr::LOCALHOST, 443).into(), domain: domain.to_owned() }
    }

    async fn ask(&self) -> Result<Outcome, String> {
        let (certificate, status) = self.request().await?;
        if !certificate.covers(&self.domain) {
            return Ok(Outcome::failing(format!("the certificate is not for {}", self.domain)).lasting());
        }
        if !EXPECTED.contains(&&*status) {
            return Ok(Outcome::failing(format!("the closed path {CLOSED} was answered with {status}")));
        }
        if self.connect(NOT_OURS).await.is_ok() {
            return Ok(Outcome::failing(format!("a client that asks for {NOT_OURS} is let in")).lasting());
        }
        Ok(self.judge(&certificate, SystemTime::now()))
    }

    fn judge(&self, certificate: &Certificate, now: SystemTime) -> Outcome {
        let kind = if certificate.is_self_issued() { ", self-signed" } else { "" };
        let outcome = match certificate.days_left(now) {
            None => {
                Outcome::failing(format!("the certificate has expired on {}", certificate.end())).lasting()
            }
            Some(_) if !certificate.has_begun(now) => {
                Outcome::failing("the certificate is not valid yet: is the clock right?").lasting()
            }
            Some(days) if days < FEW_DAYS => Outcome::degraded(format!(
                "the certificate expires in {days} days; {}",
                if certificate.is_self_issued() { "run `hams-install`" } else { "renew it" }
            )),
            Some(days) => Outcome::ok_with(format!("certificate valid for {days} days{kind}")),
        };
        let end = certificate.not_after().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        outcome.with(Quantity::CertificateEndTimestampSeconds, &self.domain, end.as_secs_f64())
    }

    /// The certificate that is shown for the domain, and the status of a request for a closed path.
    async fn request(&self) -> Result<(Certificate, String), String> {
        let words = |error: std::io::Error| format!("{}: {error}", self.address);
        let mut stream = self.connect(&self.domain).await.map_err(words)?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
        let shown = shown.ok_or("no certificate was shown")?;
        let certificate = Certificate::from_der(shown.into_owned()).map_err(|error| error.to_string())?;
        let request = format!("GET {CLOSED} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.domain);
        stream.write_all(request.as_bytes()).await.map_err(words)?;
        let mut head = Vec::new();
        (&mut stream).take(HEAD as u64).read_to_end(&mut head).await.map_err(words)?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split_whitespace().next());
        Ok((certificate, status.ok_or("the answer is not HTTP")?.to_owned()))
    }

    async fn connect(&self, name: &str) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).map_err(std::io::Error::other)?;
        let config = client().map_err(std::io::Error::other)?;
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

impl Check for NginxCheck {
    fn name(&self) -> &str {
        "nginx tls"
    }

    fn component(&self) -> &str {
        "nginx"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async { self.ask().await.unwrap_or_else(Outcome::failing) })
    }
}

fn client() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(AnyIssuer(provider.clone()));
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Takes a certificate of whatever issuer: the host's own, or one that only Cloudflare trusts. That the other side has its
/// key is still proven; name and time are judged by the check.
#[derive(Debug)]
struct AnyIssuer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyIssuer {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
