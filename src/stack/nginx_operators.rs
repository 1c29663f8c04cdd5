//! The operator's certificates, looked at before anything is touched: what nginx would refuse, what a browser would, and
//! what nobody should trust.

use super::part::PartError;
use crate::config::Tls;
use crate::health::certificate::Certificate;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// Fails unless the certificate and the key belong together and serve `names` now.
pub fn check_pair(tls: &Tls, names: &[String]) -> Result<(), PartError> {
    let certificates = read("tls.certificate", &tls.certificate)?;
    let Some(own) = certificates.first() else { return Ok(()) };
    let certificate = |problem: String, fix: &str| fault("tls.certificate", &tls.certificate, &problem, fix);
    let key = |problem: String, fix: &str| fault("tls.key", &tls.key, &problem, fix);
    let content = content("tls.key", &tls.key)?;
    let found = std::fs::metadata(&tls.key).map_err(|error| key(error.to_string(), "make it readable"))?;
    if found.mode() & 0o007 != 0 {
        return Err(key("can be read by everybody".into(), "`chmod 0600` it, and have a new key certified"));
    }
    match own.belongs_to(&content) {
        Ok(true) => {}
        Ok(false) => {
            let problem = format!("is not the key of {}", tls.certificate.display());
            return Err(key(problem, "name the key that the certificate was made for"));
        }
        Err(error) => return Err(key(error.to_string(), "name a private key in PEM without a passphrase")),
    }
    let missing: Vec<&str> = names.iter().filter(|name| !own.covers(name)).map(String::as_str).collect();
    if !missing.is_empty() {
        return Err(certificate(
            format!("is not valid for {}", missing.join(" ")),
            "have one made for all of these names, the node's own one first in the file",
        ));
    }
    let now = SystemTime::now();
    if own.days_left(now).is_none() {
        return Err(certificate(format!("has expired on {}", own.end()), "renew it"));
    }
    if !own.has_begun(now) {
        return Err(certificate("is not valid yet".into(), "check the host's clock"));
    }
    Ok(())
}

/// Fails unless the file of `key` holds certificate authorities, and none that is the host's own certificate: a root that
/// anybody could sign with would let anybody in.
pub fn check_authority(key: &'static str, path: &Path, own: &Path) -> Result<(), PartError> {
    let authorities = read(key, path)?;
    if authorities.iter().any(|authority| !authority.is_authority()) {
        let problem = "holds a certificate that is no certificate authority";
        return Err(fault(
            key,
            path,
            problem,
            "name the file with the root certificate, and nothing else in it",
        ));
    }
    let now = SystemTime::now();
    if let Some(expired) = authorities.iter().find(|authority| authority.days_left(now).is_none()) {
        let problem = format!("holds a certificate that has expired on {}", expired.end());
        return Err(fault(key, path, &problem, "get the present one, or take the old one out of the file"));
    }
    // The host's own certificate may not be there yet; then it is none of these.
    let own = std::fs::read(own).ok().and_then(|pem| Certificate::all_of(&pem).ok()).unwrap_or_default();
    let is_own = |authority: &Certificate| own.first().is_some_and(|own| own.der() == authority.der());
    if authorities.iter().any(is_own) {
        let problem = "is the certificate of this host itself, which vouches for nobody";
        return Err(fault(key, path, problem, "name the root certificate of those who are to be let in"));
    }
    Ok(())
}

fn read(key: &'static str, path: &Path) -> Result<Vec<Certificate>, PartError> {
    Certificate::all_of(&content(key, path)?)
        .map_err(|error| fault(key, path, &error.to_string(), "name a file with certificates in PEM"))
}

fn content(key: &'static str, path: &Path) -> Result<Vec<u8>, PartError> {
    std::fs::read(path).map_err(|error| {
        fault(key, path, &format!("cannot be read: {error}"), "correct the path, or remove the line")
    })
}

/// The message for a file that an operator has named.
pub(super) fn fault(key: &str, path: &Path, problem: &str, fix: &str) -> PartError {
    PartError::Config(format!("`{key}`: {} {problem}\nhint: {fix}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn put(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path
        }

        /// A certificate of `names` that ends in that year, and its key.
        fn pair(&self, name: &str, names: &[&str], year: i32, authority: bool) -> Tls {
            let key = KeyPair::generate().unwrap();
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut params = CertificateParams::new(names).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            if authority {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            let certificate = params.self_signed(&key).unwrap();
            Tls {
                certificate: self.put(&format!("{name}.pem"), &certificate.pem()),
                key: self.put(&format!("{name}.key"), &key.serialize_pem()),
            }
        }
    }

    #[test]
    fn each_fault_of_a_pair_names_the_file() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let names = ["hams.test", "www.hams.test"].map(str::to_owned);
        let good = folder.pair("good", &["hams.test", "*.hams.test"], 2090, false);
        check_pair(&good, &names).unwrap();
        let other = folder.pair("other", &["hams.test", "www.hams.test"], 2090, false);
        let old = folder.pair("old", &["hams.test", "www.hams.test"], 2001, false);
        let narrow = folder.pair("narrow", &["hams.test"], 2090, false);
        let empty = folder.put("empty.pem", "");
        for (certificate, key, said) in [
            (&good.certificate, &other.key, "other.key is not the key of"),
            (&good.certificate, &good.certificate, "good.pem holds no private key in PEM"),
            (&old.certificate, &old.key, "old.pem has expired on 2001-01-01"),
            (&narrow.certificate, &narrow.key, "narrow.pem is not valid for www.hams.test"),
            (&empty, &good.key, "empty.pem holds no certificate in PEM"),
            (&folder.0.path().join("gone"), &good.key, "gone cannot be read: No such file"),
        ] {
            let tls = Tls { certificate: certificate.clone(), key: key.clone() };
            let error = check_pair(&tls, &names).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("\nhint: "), "{error}");
        }
        std::fs::set_permissions(&good.key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = check_pair(&good, &names).unwrap_err().to_string();
        assert!(error.contains("good.key can be read by everybody"), "{error}");
    }

    #[test]
    fn a_root_is_an_authority_and_not_the_hosts_own() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let root = folder.pair("root", &["root"], 2090, true).certificate;
        let old = folder.pair("old", &["root"], 2001, true).certificate;
        let own = folder.pair("own", &["hams.test"], 2090, false).certificate;
        let check = |path: &Path, own: &Path| check_authority("nginx.client_ca", path, own);
        check(&root, &own).unwrap();
        check(&root, &folder.0.path().join("not-made-yet")).unwrap();
        for (path, own, said) in [
            (&own, &own, "no certificate authority"),
            (&root, &root, "of this host itself"),
            (&old, &own, "has expired"),
        ] {
            let error = check(path, own).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("`nginx.client_ca`: /"), "{error}");
        }
    }
}
