//! What the kernel says of work that waits for a resource (/proc/pressure, kernel's Documentation/accounting/psi.rst).

use std::path::Path;

/// Percent of the last minute in which work waited for `resource` ("memory", "cpu"): `kind` is "some" of it or "full", all of it.
/// `None` where the kernel does not count it.
pub(super) fn last_minute(resource: &str, kind: &str) -> Option<f64> {
    let text = std::fs::read_to_string(Path::new("/proc/pressure").join(resource)).ok()?;
    parse(&text, kind)
}

fn parse(text: &str, kind: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))?;
    line.split(' ').find_map(|word| word.strip_prefix("avg60="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_form_is_read() {
        let text = "some avg10=1.00 avg60=2.50 avg300=3.00 total=4\nfull avg10=0.00 avg60=0.75 avg300=0.00 total=9\n";
        for (text, kind, expected) in [
            (text, "some", Some(2.5)),
            (text, "full", Some(0.75)),
            ("some avg10=0.00 total=4\n", "some", None),
            ("", "full", None),
        ] {
            assert_eq!(parse(text, kind), expected, "{kind} of {text}");
        }
    }
}
