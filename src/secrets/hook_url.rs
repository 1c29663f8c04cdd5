//! The URL of a webhook or a heartbeat: who knows it can write there, so that it is a secret. Only its host may be shown.

use std::fmt;

use reqwest::Url;

/// Where to send something, as the operator's file has it.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl(Url);

/// What is wrong with the text of such a file; shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HookUrlError {
    /// Nothing in it.
    #[error("has no URL in it")]
    Missing,
    /// More than one line.
    #[error("has more than one line in it")]
    Lines,
    /// No URL at all, or another scheme.
    #[error("has no URL with `https://` or `http://` in it")]
    Form,
    /// `https://user:password@host`.
    #[error("has a URL with a user in front of its host, which is not supported")]
    User,
}

impl HookUrl {
    /// What stands behind no URL: the credential of a file that is not there.
    pub const NONE: &str = "#none";

    /// The URL of a file's text: one line.
    pub fn read(text: &str) -> Result<Self, HookUrlError> {
        let text = text.trim();
        if text.is_empty() || text == Self::NONE {
            return Err(HookUrlError::Missing);
        }
        if text.contains('\n') {
            return Err(HookUrlError::Lines);
        }
        let url = Url::parse(text).map_err(|_| HookUrlError::Form)?;
        if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
            return Err(HookUrlError::Form);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HookUrlError::User);
        }
        Ok(Self(url))
    }

    /// Whether it asks for TLS.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host's name, or its address without brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The port, the scheme's own where none is given.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Host and port as a request names them; secret is none of it.
    pub fn authority(&self) -> &str {
        self.0.authority()
    }

    /// Path and query: the secret.
    pub fn expose_target(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }
}

/// Its host alone.
impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookUrl({})", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_url_is_read() {
        let url = HookUrl::read("https://hooks.example.org/services/T0/s3cret?x=1\n").unwrap();
        assert_eq!((url.host(), url.port(), url.is_tls()), ("hooks.example.org", 443, true));
        assert_eq!(url.expose_target(), "/services/T0/s3cret?x=1");
        assert_eq!(format!("{url:?}"), "HookUrl(hooks.example.org)");
        let url = HookUrl::read("http://[2001:db8::1]:8080").unwrap();
        assert_eq!((url.host(), url.port(), url.is_tls()), ("2001:db8::1", 8080, false));
        assert_eq!((url.authority(), url.expose_target().as_str()), ("[2001:db8::1]:8080", "/"));
    }

    #[test]
    fn no_error_shows_what_was_there() {
        for (text, expected) in [
            ("", HookUrlError::Missing),
            ("#none", HookUrlError::Missing),
            ("https://a.example/s3cret\nhttps://b.example/s3cret", HookUrlError::Lines),
            ("hooks.example/s3cret", HookUrlError::Form),
            ("ftp://hooks.example/s3cret", HookUrlError::Form),
            ("https://", HookUrlError::Form),
            ("https://s3cret:s3cret@hooks.example/", HookUrlError::User),
        ] {
            let error = HookUrl::read(text).unwrap_err();
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
