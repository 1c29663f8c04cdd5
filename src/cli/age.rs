//! How long ago something was, as people say it.

use std::time::SystemTime;

/// How long ago, in whole seconds up to whole days; the time itself if it cannot be read.
pub(super) fn age(time: &str, now: SystemTime) -> String {
    let Ok(then) = humantime::parse_rfc3339(time) else { return time.to_owned() };
    let seconds = now.duration_since(then).map_or(0, |age| age.as_secs());
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ages() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert_eq!(age("1970-01-12T13:46:30Z", now), "10 s");
        assert_eq!(age("1970-01-01T00:00:00Z", now), "11 days");
        assert_eq!(age("soon", now), "soon");
    }
}
