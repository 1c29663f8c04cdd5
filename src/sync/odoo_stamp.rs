//! Odoo's own times (`write_date`), in UTC and whole seconds: "2026-11-26 06:36:08". They are compared with each other and
//! with Odoo's clock, never with a clock of this host.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A time as Odoo stamps its rows. A later one is greater: the form has a fixed width.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stamp(String);

impl Stamp {
    /// Earlier by so much.
    pub(super) fn minus(&self, time: Duration) -> Self {
        // Before 1970 there is nothing to miss.
        let earlier = self.time().and_then(|at| at.checked_sub(time));
        earlier.filter(|at| *at >= SystemTime::UNIX_EPOCH).unwrap_or(SystemTime::UNIX_EPOCH).into()
    }

    /// The moment that it names.
    pub(super) fn time(&self) -> Option<SystemTime> {
        humantime::parse_rfc3339_weak(&self.0).ok()
    }

    /// As a domain takes it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// `time` is not before 1970.
impl From<SystemTime> for Stamp {
    fn from(time: SystemTime) -> Self {
        let text = humantime::format_rfc3339_seconds(time).to_string();
        Self(text.replace('T', " ").trim_end_matches('Z').to_owned())
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
