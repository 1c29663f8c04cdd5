//! A program's manual page from its arguments; what no argument tells is in `pages.rs`.

use clap::{Arg, ArgAction, Command};
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::roff_text::{entry, example, inlines, paragraphs, see_also, title};

/// What a page says beyond the arguments.
pub struct Manual {
    pub command: Command,
    /// Each exit code with its meaning.
    pub exit_status: &'static [(u8, &'static str)],
    /// Said in front of the list of variables.
    pub environment: &'static str,
    /// Variables that are no option's twin.
    pub variables: &'static [(&'static str, &'static str)],
    /// Each file with what it is.
    pub files: &'static [(&'static str, &'static str)],
    /// Each MESSAGE_ID= of the journal with what it stands for.
    pub journal: &'static [(&'static str, &'static str)],
    /// Each example: what it shows, and the lines.
    pub examples: &'static [(&'static str, &'static str)],
    /// Other pages with their sections.
    pub see_also: &'static [(&'static str, &'static str)],
}

/// Said in front of the list of ids.
const JOURNAL: &str = "Each change of a state is an entry of systemd's journal with fields that programs can look for: CHECK= \
    (as `status` names it, or `dns sync`), STATE= and STATE_BEFORE= (ok, unknown, degraded, failing), and CAUSE=, the check \
    that is the cause where it is another one. The ids never change:";

/// The page as roff text.
pub fn render(manual: Manual) -> String {
    let mut command = manual.command.clone();
    command.build();
    let mut page = Roff::new();
    let about = command.get_about().unwrap_or_default();
    page.control("SH", ["NAME"]).text([roman(format!("{} - {about}", command.get_name()))]);
    page.control("SH", ["SYNOPSIS"]);
    let leaves = leaves(&command);
    if takes_no_command(&command) {
        usage(&mut page, &[command.get_name()], &command);
    }
    for (path, leaf) in &leaves {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        usage(&mut page, &words, leaf);
    }
    page.control("SH", ["DESCRIPTION"]);
    let about = command.get_long_about().or_else(|| command.get_about());
    paragraphs(&mut page, &about.unwrap_or_default().to_string(), "PP");
    page.control("SH", ["COMMANDS"]);
    for (path, leaf) in &leaves {
        subcommand(&mut page, path, leaf);
    }
    page.control("SH", ["OPTIONS"]);
    if command.get_arguments().any(Arg::is_global_set) {
        page.text([roman("They stand before or behind the name of a command.")]);
    }
    options(&mut page, command.get_arguments());
    trailing_sections(&mut page, &manual, &command);
    title(command.get_name(), "8", "System administration") + &page.render()
}

fn trailing_sections(page: &mut Roff, manual: &Manual, command: &Command) {
    page.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in manual.exit_status {
        entry(page, vec![bold(code.to_string())], meaning);
    }
    page.control("SH", ["ENVIRONMENT"]);
    paragraphs(page, manual.environment, "PP");
    for option in command.get_arguments() {
        if let (Some(variable), Some(long)) = (option.get_env(), option.get_long()) {
            entry(page, vec![bold(variable.to_str().unwrap())], &format!("The same as `--{long}`."));
        }
    }
    for (variable, text) in manual.variables {
        entry(page, vec![bold(*variable)], text);
    }
    page.control("SH", ["FILES"]);
    for (file, text) in manual.files {
        entry(page, vec![italic(*file)], text);
    }
    if !manual.journal.is_empty() {
        page.control("SH", ["JOURNAL"]);
        paragraphs(page, JOURNAL, "PP");
        for (id, text) in manual.journal {
            entry(page, vec![bold(format!("MESSAGE_ID={id}"))], text);
        }
    }
    page.control("SH", ["EXAMPLES"]);
    for (index, (text, lines)) in manual.examples.iter().enumerate() {
        if index > 0 {
            page.control("PP", []);
        }
        page.text(inlines(text));
        example(page, lines);
    }
    see_also(page, manual.see_also);
}

fn takes_no_command(command: &Command) -> bool {
    !command.is_subcommand_required_set() && !command.is_arg_required_else_help_set()
}

/// Every command that has none below it, with the words that lead to it.
fn leaves(command: &Command) -> Vec<(Vec<String>, &Command)> {
    let mut leaves = Vec::new();
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let name = vec![command.get_name().to_owned(), below.get_name().to_owned()];
        match below.has_subcommands() {
            false => leaves.push((name, below)),
            true => leaves.extend(self::leaves(below).into_iter().map(|(path, leaf)| {
                (std::iter::once(command.get_name().to_owned()).chain(path).collect(), leaf)
            })),
        }
    }
    leaves
}

fn own_arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_global_set() && !arg.is_hide_set() && !is_standard(arg))
}

fn is_standard(arg: &Arg) -> bool {
    ["help", "version"].contains(&arg.get_id().as_str())
}

/// A line of the synopsis.
fn usage(page: &mut Roff, path: &[&str], command: &Command) {
    let mut line = vec![bold(path.join(" "))];
    if command.get_arguments().any(|arg| arg.get_long().is_some() && !is_standard(arg)) && path.len() == 1 {
        line.extend([roman(" ["), italic("OPTIONS"), roman("]")]);
    }
    if path.len() > 1 {
        for arg in own_arguments(command) {
            let (open, close) = if arg.is_required_set() { (" ", "") } else { (" [", "]") };
            line.push(roman(open));
            line.extend(term(arg));
            line.push(roman(close));
        }
    }
    if page.to_roff().trim_end() != ".SH SYNOPSIS" {
        page.control("br", []);
    }
    page.text(line);
}

fn subcommand(page: &mut Roff, path: &[String], command: &Command) {
    let mut line = vec![bold(path[1..].join(" "))];
    for arg in own_arguments(command).filter(|arg| arg.is_positional()) {
        line.push(roman(" "));
        line.extend(term(arg));
    }
    let about = command.get_long_about().or_else(|| command.get_about());
    entry(page, line, &about.unwrap_or_default().to_string());
    let mut own = own_arguments(command).peekable();
    if own.peek().is_some() {
        page.control("RS", []);
        options(page, own);
        page.control("RE", []);
    }
}

fn options<'a>(page: &mut Roff, args: impl Iterator<Item = &'a Arg>) {
    for arg in args.filter(|arg| !arg.is_hide_set()) {
        let help = match is_standard(arg) {
            true => arg.get_help(),
            false => arg.get_long_help().or_else(|| arg.get_help()),
        };
        entry(page, term(arg), &help.unwrap_or_default().to_string());
    }
}

/// An option with its value, or a value alone.
fn term(arg: &Arg) -> Vec<Inline> {
    let values = || arg.get_value_names().unwrap_or_default().join(" ");
    let mut line = Vec::new();
    if let Some(short) = arg.get_short() {
        line.extend([bold(format!("-{short}")), roman(", ")]);
    }
    match arg.get_long() {
        Some(long) => line.push(bold(format!("--{long}"))),
        None if matches!(arg.get_action(), ArgAction::Append) => return vec![italic(values()), roman("...")],
        None => return vec![italic(values())],
    }
    if matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
        line.extend([roman(" "), italic(values())]);
    }
    line
}
