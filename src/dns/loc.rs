//! LOC contents (RFC 1876) in the one spelling that PowerDNS accepts through its API: it compares what it
//! is sent with its own printing of the parsed value, so the printing here follows its arithmetic in f64.

/// Why a text is no LOC content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocError {
    /// Not `D [M [S]] N|S D [M [S]] E|W ALT[m] [SIZE[m] [HP[m] [VP[m]]]]`.
    #[error("LOC is not `D M S N|S D M S E|W ALTm [SIZEm [HORIZm [VERTm]]]`")]
    Form,
    /// Degrees, minutes or seconds beyond their range.
    #[error("LOC has degrees, minutes or seconds out of range")]
    Angle,
    /// An altitude that the wire form or PowerDNS's arithmetic cannot hold.
    #[error("LOC has an altitude outside -100000.00m to 21374836.47m")]
    Altitude,
    /// A size or precision above what the wire form holds.
    #[error("LOC has a size or precision above 90000000.00m")]
    Size,
}

/// The canonical spelling.
pub(super) fn canonical(text: &str) -> Result<String, LocError> {
    let mut words = text.split_ascii_whitespace().peekable();
    let latitude = angle(&mut words, 90, "N", "S")?;
    let longitude = angle(&mut words, 180, "E", "W")?;
    let altitude = altitude(words.next().ok_or(LocError::Form)?)?;
    // Defaults of RFC 1876 §3: 1 m, 10 km, 10 m.
    let mut sizes = [100, 1_000_000, 1_000];
    for size in &mut sizes {
        if let Some(word) = words.next() {
            *size = centimetres(word).ok_or(LocError::Form)?;
        }
    }
    if words.next().is_some() {
        return Err(LocError::Form);
    }
    let [size, horizontal, vertical] = sizes.map(rounded);
    Ok(format!(
        "{} {} {:.2}m {:.2}m {:.2}m {:.2}m",
        printed(latitude, 'N', 'S'),
        printed(longitude, 'E', 'W'),
        altitude,
        size?,
        horizontal?,
        vertical?,
    ))
}

/// Milliseconds of arc, positive to the north or east.
fn angle<'a>(
    words: &mut impl Iterator<Item = &'a str>,
    limit: i64,
    positive: &str,
    negative: &str,
) -> Result<i64, LocError> {
    let mut parts = [0_i64; 3];
    for place in 0..4 {
        let word = words.next().ok_or(LocError::Form)?;
        let sign = if word.eq_ignore_ascii_case(positive) {
            1
        } else if word.eq_ignore_ascii_case(negative) {
            -1
        } else if place == 2 {
            parts[2] = thousandths(word).ok_or(LocError::Form)?;
            continue;
        } else if place < 2 {
            parts[place] = whole(word).ok_or(LocError::Form)?;
            continue;
        } else {
            return Err(LocError::Form);
        };
        if place == 0 {
            return Err(LocError::Form);
        }
        let [degrees, minutes, milliseconds] = parts;
        // PowerDNS prints some values as 60.000 seconds, so that must read back.
        let total = (degrees * 60 + minutes) * 60_000 + milliseconds;
        if minutes > 59 || milliseconds > 60_000 || total > limit * 3_600_000 {
            return Err(LocError::Angle);
        }
        return Ok(sign * total);
    }
    Err(LocError::Form)
}

fn whole(word: &str) -> Option<i64> {
    let fits = !word.is_empty() && word.len() <= 10 && word.bytes().all(|octet| octet.is_ascii_digit());
    if fits { word.parse().ok() } else { None }
}

/// A decimal number times `10^places`; more digits after the point are refused unless they are zero.
fn scaled(word: &str, places: usize) -> Option<i64> {
    let (front, fraction) = word.split_once('.').unwrap_or((word, ""));
    if word.ends_with('.') {
        return None;
    }
    let (kept, lost) = fraction.split_at_checked(fraction.len().min(places))?;
    if lost.bytes().any(|octet| octet != b'0') {
        return None;
    }
    let shift = 10_i64.pow(u32::try_from(places).ok()?);
    let kept = whole(&format!("{kept:0<places$}"))?;
    whole(front)?.checked_mul(shift)?.checked_add(kept)
}

fn thousandths(word: &str) -> Option<i64> {
    scaled(word, 3)
}

fn centimetres(word: &str) -> Option<i64> {
    scaled(word.strip_suffix(['m', 'M']).unwrap_or(word), 2)
}

/// Metres as PowerDNS computes them from the stored offset of 100 km.
fn altitude(word: &str) -> Result<f64, LocError> {
    let (sign, bare) = match word.strip_prefix('-') {
        Some(bare) => (-1, bare),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let stored = 10_000_000 + sign * centimetres(bare).ok_or(LocError::Form)?;
    let stored = i32::try_from(stored).ok().filter(|stored| *stored >= 0).ok_or(LocError::Altitude)?;
    Ok(f64::from(stored) / 100.0 - 100_000.0)
}

/// The size in metres after the wire form's one digit and power of ten (RFC 1876 §2).
fn rounded(centimetres: i64) -> Result<f64, LocError> {
    let (mut digit, mut exponent) = (centimetres, 0);
    while digit > 9 {
        digit /= 10;
        exponent += 1;
    }
    if exponent > 9 {
        return Err(LocError::Size);
    }
    let digit = i32::try_from(digit).map_err(|_| LocError::Size)?;
    let mut metres = 0.01 * f64::from(digit);
    for _ in 0..exponent {
        metres *= 10.0;
    }
    Ok(metres)
}

fn printed(milliseconds: i64, positive: char, negative: char) -> String {
    #[allow(clippy::cast_precision_loss, reason = "below 2^53")]
    let degrees = milliseconds as f64 / 3_600_000.0;
    let minutes = 60.0 * (degrees - degrees.trunc());
    let seconds = (minutes - minutes.trunc()) * 60.0;
    let hemisphere = if degrees > 0.0 { positive } else { negative };
    format!("{} {} {:.3} {hemisphere}", degrees.trunc().abs(), minutes.trunc().abs(), seconds.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings() {
        for (text, expected) in [
            (
                "51 56 0.123 N 5 54 0.000 E 4.00m 1.00m 10000.00m 10.00m",
                "51 56 0.123 N 5 54 0.000 E 4.00m 1.00m 10000.00m 10.00m",
            ),
            ("37 S 122 w 10", "37 0 0.000 S 122 0 0.000 W 10.00m 1.00m 10000.00m 10.00m"),
            ("0 N 0 E 0m", "0 0 0.000 S 0 0 0.000 W 0.00m 1.00m 10000.00m 10.00m"),
            (
                "42 21 54 N 71 06 18 W -24m 30m",
                "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m",
            ),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "N",
            "91 N 0 E 0m",
            "51 60 N 0 E 0m",
            "5 N 5 N 0m",
            "5 N 5 E",
            "5 N 5 E x",
            "5 N 5 E 0 1 2 3 4",
            "5 N 5 E -100001m",
            "5 N 5 E 21374836.48m",
            "5 N 5 E 0m 900000000000m",
            "5 5 5 5 N 5 E 0m",
            "5 5 5.\u{7df7d} N 5 E 0m",
            "5 N 5 E 0.\u{7df7d}m",
        ] {
            assert!(canonical(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn canonical_twice_is_canonical_once(
            lat in 0_i64..324_000_000, lon in 0_i64..648_000_000, alt in -9_999_999_i64..2_000_000_000, size in 0_i64..9_000_000_000,
        ) {
            let text = format!(
                "{} {} {}.{:03} S {} {} {}.{:03} E {}{}.{:02}m {}.{:02}m",
                lat / 3_600_000, lat / 60_000 % 60, lat / 1000 % 60, lat % 1000,
                lon / 3_600_000, lon / 60_000 % 60, lon / 1000 % 60, lon % 1000,
                if alt < 0 { "-" } else { "" }, alt.abs() / 100, alt.abs() % 100, size / 100, size % 100,
            );
            let once = canonical(&text).unwrap();
            prop_assert_eq!(canonical(&once), Ok(once.clone()));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,120}") {
            let _ = canonical(&text);
        }

        #[test]
        fn no_number_panics(seconds in "\\PC{0,5}", metres in "\\PC{0,5}") {
            let _ = canonical(&format!("5 5 5.{seconds} N 5 E 0.{metres}m"));
        }
    }
}
