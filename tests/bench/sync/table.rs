//! Figures and the lines that show them.

use std::fmt;

/// One figure of each repetition.
#[derive(Debug, Clone)]
pub struct Figures(pub Vec<f64>);

impl Figures {
    pub fn median(&self) -> f64 {
        quantile(&self.0, 0.5)
    }

    /// Repetition by repetition: what disturbs one of a pair mostly disturbs the other.
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, two)| one / two).collect())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = (quantile(&self.0, 0.0), quantile(&self.0, 1.0));
        match self.0.as_slice() {
            [one] => write!(to, "{}", short(*one)),
            _ => write!(to, "{} ({} to {})", short(self.median()), short(low), short(high)),
        }
    }
}

/// What design §7 asks of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Target {
    fn judge(self, figure: f64) -> String {
        let (is_met, words) = match self {
            Self::AtLeast(limit) => (figure >= limit, format!("at least {limit}")),
            Self::AtMost(limit) => (figure <= limit, format!("at most {limit}")),
            Self::Below(limit) => (figure < limit, format!("below {limit}")),
        };
        format!("{words}: {}", if is_met { "met" } else { "NOT met" })
    }
}

/// The value in the middle, or at another part of the way up.
pub fn quantile(figures: &[f64], part: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

/// What stands over the lines below.
pub fn head() {
    line("what", "value", "beside it", "ratio", "wanted");
}

/// A figure with nothing beside it.
pub fn alone(what: &str, value: &Figures, unit: &str, target: Option<Target>) {
    let wanted = target.map_or(String::new(), |target| target.judge(value.median()));
    line(what, &format!("{value} {unit}"), "", "", &wanted);
}

/// A figure and its peer or limit; the target is the ratio's.
pub fn ratio(what: &str, value: &Figures, unit: &str, beside: (&str, &Figures), target: Option<Target>) {
    let ratio = value.over(beside.1);
    let wanted = target.map_or(String::new(), |target| target.judge(ratio.median()));
    line(what, &format!("{value} {unit}"), &words(beside), &ratio.to_string(), &wanted);
}

/// A figure and its limit; the target is the figure's own.
pub fn value(what: &str, value: &Figures, unit: &str, beside: (&str, &Figures), target: Target) {
    let ratio = value.over(beside.1);
    let wanted = target.judge(value.median());
    line(what, &format!("{value} {unit}"), &words(beside), &ratio.to_string(), &wanted);
}

fn words((name, figures): (&str, &Figures)) -> String {
    format!("{name} {figures}")
}

fn line(what: &str, value: &str, beside: &str, ratio: &str, wanted: &str) {
    println!("{what:<44} | {value:<34} | {beside:<40} | {ratio:<22} | {wanted}");
}

fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        size if size >= 1.0 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}
