//! What a certificate says of itself: the names it is for, how long it is valid, and whether a key belongs to it.
//! Pure: reads no file. Whether anybody trusts its issuer is not asked here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::sign::CertifiedKey;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// One certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: CertificateDer<'static>,
    not_before: SystemTime,
    not_after: SystemTime,
    is_authority: bool,
    is_self_issued: bool,
}

/// What is wrong with a certificate or a key; completes "the file … ".
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No PEM, or none of what is looked for in it.
    #[error("holds no {0} in PEM")]
    Missing(&'static str),
    /// Its content is no certificate.
    #[error("holds a certificate that cannot be read: {0}")]
    Malformed(String),
    /// Its content is a key of a kind that is not known.
    #[error("holds a private key that cannot be read: {0}")]
    Key(String),
}

impl Certificate {
    /// The certificate of these bytes.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, CertificateError> {
        let malformed = |error: &dyn std::fmt::Display| CertificateError::Malformed(error.to_string());
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|error| malformed(&error))?;
        let time =
            |seconds: i64| UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let validity = parsed.validity();
        let (not_before, not_after) =
            (time(validity.not_before.timestamp()), time(validity.not_after.timestamp()));
        let (is_authority, is_self_issued) = (parsed.is_ca(), parsed.subject() == parsed.issuer());
        Ok(Self { not_before, not_after, is_authority, is_self_issued, der })
    }

    /// The certificates of a PEM file, in its order; never empty.
    pub fn all_of(pem: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let missing = || CertificateError::Missing("certificate");
        let all: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .map(|der| Self::from_der(der.map_err(|_| missing())?))
            .collect::<Result<_, _>>()?;
        if all.is_empty() { Err(missing()) } else { Ok(all) }
    }

    /// Its bytes.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Whether it is for the host `name`, by its own words.
    pub fn covers(&self, name: &str) -> bool {
        let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(&self.der), ServerName::try_from(name))
        else {
            return false;
        };
        verify_server_name(&parsed, &name).is_ok()
    }

    /// Whether it may sign others.
    pub fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// Whether it names itself as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.is_self_issued
    }

    /// Whole days that are left at `now`; `None` once it has expired.
    pub fn days_left(&self, now: SystemTime) -> Option<u64> {
        let left = self.not_after.duration_since(now).ok()?;
        Some(left.as_secs() / DAY.as_secs())
    }

    /// Whether its time has begun at `now`.
    pub fn has_begun(&self, now: SystemTime) -> bool {
        self.not_before <= now
    }

    /// When it ends.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// When it ends: "2026-05-01T00:00:00Z".
    pub fn end(&self) -> String {
        humantime::format_rfc3339_seconds(self.not_after).to_string()
    }

    /// Whether the private key in the PEM text `key` is the one of this certificate.
    pub fn belongs_to(&self, key: &[u8]) -> Result<bool, CertificateError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::Missing("private key"))?;
        let provider = ring::default_provider();
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|error| CertificateError::Key(error.to_string()))?;
        Ok(CertifiedKey::new(vec![self.der.clone()], key).keys_match().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    fn made(names: &[&str], authority: bool) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.not_after = rcgen::date_time_ymd(2040, 1, 2);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn names_days_and_kind_are_read() {
        let (pem, _) = made(&["hams.test", "*.hams.test"], false);
        let all = Certificate::all_of(format!("{pem}{pem}").as_bytes()).unwrap();
        assert_eq!(all.len(), 2);
        let one = &all[0];
        assert!(one.covers("hams.test") && one.covers("www.hams.test"));
        assert!(!one.covers("hams.example") && !one.covers("a.b.hams.test"));
        let end = humantime::parse_rfc3339("2040-01-02T00:00:00Z").unwrap();
        assert_eq!(one.days_left(end - DAY * 3), Some(3));
        assert_eq!(one.days_left(end + Duration::from_secs(1)), None);
        assert_eq!(one.end(), "2040-01-02T00:00:00Z");
        assert!(!one.is_authority() && one.is_self_issued());
        assert!(Certificate::all_of(made(&["ca"], true).0.as_bytes()).unwrap()[0].is_authority());
    }

    #[test]
    fn a_key_belongs_to_its_certificate_alone() {
        let ((pem, key), (_, other)) = (made(&["hams.test"], false), made(&["hams.test"], false));
        let one = &Certificate::all_of(pem.as_bytes()).unwrap()[0];
        assert!(one.belongs_to(key.as_bytes()).unwrap());
        assert!(!one.belongs_to(other.as_bytes()).unwrap());
        assert!(one.belongs_to(pem.as_bytes()).is_err());
    }

    #[test]
    fn what_is_no_certificate_is_said() {
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(Certificate::all_of(text.as_bytes()).is_err(), "{text}");
        }
    }
}
