//! The clock as systemd-timedated and systemd-timesyncd tell it over D-Bus.

use zbus::proxy::MethodFlags;
use zbus::zvariant::{OwnedValue, Value};

use super::error::Error;

#[zbus::proxy(
    interface = "org.freedesktop.timedate1",
    default_service = "org.freedesktop.timedate1",
    default_path = "/org/freedesktop/timedate1"
)]
trait TimeDate {
    #[zbus(property(emits_changed_signal = "false"), name = "CanNTP")]
    fn can_ntp(&self) -> zbus::Result<bool>;
    #[zbus(property(emits_changed_signal = "false"), name = "NTP")]
    fn ntp(&self) -> zbus::Result<bool>;
    #[zbus(property(emits_changed_signal = "false"), name = "NTPSynchronized")]
    fn ntp_synchronized(&self) -> zbus::Result<bool>;
}

/// How the clock is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// The kernel counts it as synchronised, whoever does it.
    pub is_synchronised: bool,
    /// A time service is switched on.
    pub is_service_on: bool,
    /// One is installed.
    pub is_service_installed: bool,
    /// Seconds that it was behind the server when systemd-timesyncd last asked one; `None`: another service keeps it.
    pub offset: Option<f64>,
}

/// Asks how the clock is kept.
pub async fn clock() -> Result<Clock, Error> {
    let failed = |source| Error::Bus { action: "ask whether the clock is synchronised".into(), source };
    let connection = zbus::Connection::system().await.map_err(failed)?;
    let asked = TimeDateProxy::builder(&connection).cache_properties(zbus::proxy::CacheProperties::No);
    let date = asked.build().await.map_err(failed)?;
    Ok(Clock {
        is_synchronised: date.ntp_synchronized().await.map_err(failed)?,
        is_service_on: date.ntp().await.map_err(failed)?,
        is_service_installed: date.can_ntp().await.map_err(failed)?,
        offset: offset(&connection).await,
    })
}

/// `None` where systemd-timesyncd does not run: it is not started for this.
async fn offset(connection: &zbus::Connection) -> Option<f64> {
    let properties = zbus::Proxy::new(
        connection,
        "org.freedesktop.timesync1",
        "/org/freedesktop/timesync1",
        "org.freedesktop.DBus.Properties",
    );
    let asked = ("org.freedesktop.timesync1.Manager", "NTPMessage");
    let answer = properties.await.ok()?.call_with_flags("Get", MethodFlags::NoAutoStart.into(), &asked).await;
    let message: OwnedValue = answer.ok()??;
    match &*message {
        Value::Structure(message) => offset_of(message.fields()),
        _ => None,
    }
}

/// Of systemd's NTPMessage (org.freedesktop.timesync1(5)): the four times of a question and its answer, in microseconds,
/// are its fields 9 to 12; RFC 5905 §8 has the formula.
fn offset_of(fields: &[Value<'_>]) -> Option<f64> {
    let time = |place: usize| match fields.get(place) {
        Some(Value::U64(microseconds)) if *microseconds > 0 => Some(i128::from(*microseconds)),
        _ => None,
    };
    let [asked, received, answered, arrived] = [time(8)?, time(9)?, time(10)?, time(11)?];
    let twice = (received - asked) + (answered - arrived);
    // Two clocks that differ by more than 2^53 microseconds differ by centuries.
    Some(twice as f64 / 2e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(times: [u64; 4]) -> Vec<Value<'static>> {
        let mut fields: Vec<Value<'static>> = (0..8).map(|_| Value::U32(0)).collect();
        fields.extend(times.map(Value::U64));
        fields
    }

    #[test]
    fn the_offset_is_the_middle_of_both_ways() {
        let second = 1_000_000;
        for (times, expected) in [
            // 20 ms there and back, the server is half a second ahead.
            (
                [100 * second, 100 * second + 510_000, 100 * second + 510_000, 100 * second + 20_000],
                Some(0.5),
            ),
            ([100 * second, 98 * second, 98 * second, 100 * second], Some(-2.0)),
            ([0, 0, 0, 0], None),
        ] {
            assert_eq!(offset_of(&message(times)), expected, "{times:?}");
        }
        assert_eq!(offset_of(&[]), None);
    }
}
