//! Odoo's own times (`write_date`), in UTC and whole seconds: "2026-11-26 06:36:08". They are compared with each other and
//! never with a clock of this host.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A time as Odoo stamps its rows. A later one is greater: the form has a fixed width.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stamp(String);

impl Stamp {
    /// Earlier by so much.
    pub(super) fn minus(&self, time: Duration) -> Self {
        let earlier = humantime::parse_rfc3339_weak(&self.0).ok().and_then(|at| at.checked_sub(time));
        let text = earlier
            .filter(|at| *at >= SystemTime::UNIX_EPOCH)
            .map(|at| humantime::format_rfc3339_seconds(at).to_string());
        // Before 1970 there is nothing to miss.
        let text = text.unwrap_or_else(|| "1970-01-01T00:00:00Z".into());
        Self(text.replace('T', " ").trim_end_matches('Z').to_owned())
    }

    /// As a domain takes it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Stamp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_time = text.len() == 19
            && text.as_bytes().get(10) == Some(&b' ')
            && humantime::parse_rfc3339_weak(&text).is_ok();
        if is_time { Ok(Self(text)) } else { Err(format!("`{}` is no time", text.escape_debug())) }
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> Self {
        stamp.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Stamp {
        Stamp::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn earlier_stamps() {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        assert_eq!(stamp("2026-11-26 00:03:08").minus(minutes(5)), stamp("2026-11-25 23:58:08"));
        assert_eq!(stamp("1970-01-01 00:03:08").minus(minutes(5)), stamp("1970-01-01 00:00:00"));
        assert!(stamp("2026-11-26 00:03:08") > stamp("2026-11-25 23:58:08"));
    }

    #[test]
    fn only_odoos_form_is_one() {
        for text in
            ["", "false", "2026-11-26", "2026-11-26T00:03:08", "2026-11-26 00:03:08.5", "2026-13-26 00:03:08"]
        {
            assert!(serde_json::from_value::<Stamp>(text.into()).is_err(), "{text}");
        }
        assert_eq!(
            serde_json::from_str::<Stamp>("\"2026-11-26 00:03:08\"").unwrap(),
            stamp("2026-11-26 00:03:08")
        );
    }
}
