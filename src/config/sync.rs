//! The numbers of the table `[sync]`: what each may be.

use crate::config::name::Problem;

/// A day: the nightly comparison is there for all that is longer.
const MOST_MINUTES: u64 = 24 * 60;
/// More zones than a server of names has is a slip of the pen.
const MOST_REMOVALS: u64 = 1_000_000;

/// `sync.sweep_minutes`.
pub(super) fn minutes(number: u64) -> Result<u16, Problem> {
    within(number, 1, MOST_MINUTES, "minutes")
}

/// `sync.full_sweep_hour`.
pub(super) fn hour(number: u64) -> Result<u8, Problem> {
    match u8::try_from(number) {
        Ok(hour) if hour < 24 => Ok(hour),
        _ => Err(Problem::new("is no hour of a day", "give one from 0 to 23")),
    }
}

/// `sync.max_removals`.
pub(super) fn removals(number: u64) -> Result<u32, Problem> {
    within(number, 0, MOST_REMOVALS, "zones")
}

/// `sync.max_removals_percent`.
pub(super) fn percent(number: u64) -> Result<u8, Problem> {
    within(number, 0, 100, "percent")
}

/// `number`, if it lies between the two, in a type that holds it.
pub(super) fn within<T: TryFrom<u64>>(number: u64, least: u64, most: u64, unit: &str) -> Result<T, Problem> {
    let number =
        (least..=most).contains(&number).then_some(number).and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| {
        Problem::new(format!("{unit} is out of range"), format!("give one from {least} to {most}"))
    })
}
