//! Text for manual pages: paragraphs with `code` in bold, lists with a hanging term.

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// The line that every page begins with. The date is left empty: the version tells the age.
pub fn title(name: &str, section: &str, manual: &str) -> String {
    format!(
        ".TH {} {section} \"\" \"hams {}\" \"{manual}\"\n",
        name.to_uppercase(),
        env!("CARGO_PKG_VERSION")
    )
}

/// A line in which what stands between backticks is bold.
pub fn inlines(text: &str) -> Vec<Inline> {
    text.split('`')
        .enumerate()
        .filter(|(_, part)| !part.is_empty())
        .map(|(index, part)| if index % 2 == 1 { bold(part) } else { roman(part) })
        .collect()
}

/// The lines of a text as paragraphs, the first one without a break in front.
pub fn paragraphs(page: &mut Roff, text: &str, break_with: &str) {
    for (index, line) in text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        if index > 0 {
            page.control(break_with, []);
        }
        page.text(inlines(line));
    }
}

/// A term and its explanation below it.
pub fn entry(page: &mut Roff, term: Vec<Inline>, text: &str) {
    page.control("TP", []);
    page.text(term);
    paragraphs(page, text, "IP");
}

/// Lines as they are typed.
pub fn example(page: &mut Roff, lines: &str) {
    page.control("PP", []).control("RS", ["4"]).control("nf", []);
    for line in lines.lines() {
        page.text([if line.is_empty() { roman("") } else { bold(line) }]);
    }
    page.control("fi", []).control("RE", []);
}

/// References to other pages: `hams.toml(5)`.
pub fn see_also(page: &mut Roff, pages: &[(&str, &str)]) {
    page.control("SH", ["SEE ALSO"]);
    let mut line = Vec::new();
    for (index, (name, section)) in pages.iter().enumerate() {
        line.extend([bold(*name), roman(format!("({section})"))]);
        if index + 1 < pages.len() {
            line.push(roman(", "));
        }
    }
    page.text(line);
}
