//! The certificate that nginx shows until the operator's own is there: self-signed, made here, renewed by a run when few
//! days are left. Key and certificate lie in one file, so that no power cut leaves one without the other.

use crate::health::certificate::Certificate;
use crate::host::change::Change;
use crate::host::file::{File, Visibility, read_if_there};
use crate::host::{BoxFuture, Error, Finding, Host, Progress, Resource};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use std::path::Path;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Browsers refuse certificates of more than 398 days even where somebody has chosen to trust them.
const LIFETIME: Duration = DAY.saturating_mul(397);
/// Clocks of clients may be behind.
const BEGINS_BEFORE: Duration = DAY;
/// With fewer days left a run makes a new one.
const RENEWED_BELOW_DAYS: u64 = 30;

/// A self-signed certificate with its key.
pub struct SelfSigned {
    path: &'static str,
    names: Vec<String>,
}

impl SelfSigned {
    /// One at `path` for the hosts `names`, root 0400.
    pub fn new(path: &'static str, names: &[String]) -> Self {
        Self { path, names: names.to_vec() }
    }

    /// Its id, which is a file's.
    pub fn id_of(path: &str) -> String {
        File::id_of(path)
    }

    fn file(&self, content: String) -> File {
        File::new(self.path, content).access("root", "root", 0o400).visibility(Visibility::Secret)
    }

    /// Why the file's content will not do.
    fn fault(&self, content: &str, now: SystemTime) -> Option<String> {
        let certificate = match Certificate::all_of(content.as_bytes()) {
            Ok(all) => all.into_iter().next()?,
            Err(error) => return Some(format!("it {error}")),
        };
        match certificate.belongs_to(content.as_bytes()) {
            Ok(true) => {}
            Ok(false) => return Some("its key is that of another certificate".into()),
            Err(error) => return Some(format!("it {error}")),
        }
        if let Some(name) = self.names.iter().find(|name| !certificate.covers(name)) {
            return Some(format!("it is not for {name}"));
        }
        match certificate.days_left(now) {
            Some(days) if days >= RENEWED_BELOW_DAYS => None,
            Some(days) => Some(format!("it expires in {days} days")),
            None => Some(format!("it has expired on {}", certificate.end())),
        }
    }

    fn make(&self, now: SystemTime) -> Result<String, rcgen::Error> {
        let mut params = CertificateParams::new(self.names.clone())?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "hams-install, self-signed");
        params.not_before = (now - BEGINS_BEFORE).into();
        params.not_after = (now + LIFETIME).into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(key.serialize_pem() + &certificate.pem())
    }
}

impl Resource for SelfSigned {
    fn id(&self) -> String {
        Self::id_of(self.path)
    }

    fn describe(&self) -> String {
        format!("make a self-signed certificate for {}: {}", self.names.join(" "), self.path)
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            let Some(content) = read_if_there(Path::new(self.path))? else {
                return Ok(Finding::differs("it is not there"));
            };
            match self.fault(&content, SystemTime::now()) {
                Some(fault) => Ok(Finding::differs(fault)),
                // Owner and mode.
                None => self.file(content).inspect(host).await,
            }
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        // Whatever lies there is of no use to anybody else, and no secret is kept in two places.
        Box::pin(async { Ok(Some(Change::File { path: self.path.into(), before: None })) })
    }

    fn apply<'a>(&'a self, host: &'a Host, progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let now = SystemTime::now();
            let present = read_if_there(Path::new(self.path))?;
            let content = match present {
                Some(content) if self.fault(&content, now).is_none() => content,
                _ => self
                    .make(now)
                    .map_err(|error| Error::Unexpected(format!("cannot make a certificate: {error}")))?,
            };
            self.file(content).apply(host, progress).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_until_few_days_are_left() {
        let names = ["hams.test", "www.hams.test"].map(str::to_owned);
        let wanted = SelfSigned::new("/x.pem", &names);
        let now = SystemTime::now();
        let content = wanted.make(now).unwrap();
        assert_eq!(wanted.fault(&content, now), None);
        assert_eq!(wanted.fault(&content, now + DAY * 366), None);
        assert!(wanted.fault(&content, now + DAY * 368).unwrap().contains("expires in 28 days"));
        assert!(wanted.fault(&content, now + DAY * 400).unwrap().contains("has expired"));
    }

    #[test]
    fn another_name_or_key_needs_a_new_one() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let now = SystemTime::now();
        let content = SelfSigned::new("/x.pem", &names(&["hams.test"])).make(now).unwrap();
        let wanted = SelfSigned::new("/x.pem", &names(&["hams.test", "auth.hams.test"]));
        assert_eq!(wanted.fault(&content, now).unwrap(), "it is not for auth.hams.test");
        let other = wanted.make(now).unwrap();
        let (key, certificate) = (other.split_once("-----BEGIN CERT").unwrap().0, content);
        let mixed = key.to_owned() + &certificate[certificate.find("-----BEGIN CERT").unwrap()..];
        assert!(wanted.fault(&mixed, now).unwrap().contains("another certificate"));
        assert!(wanted.fault("", now).unwrap().contains("holds no certificate"));
    }
}
