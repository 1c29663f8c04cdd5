//! Where words go: messages to stderr, data to stdout; colour only on a terminal, and never as the only carrier.

use std::io::{self, IsTerminal, Write};

/// What people and programs see of us.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    colour: bool,
    terminal: bool,
}

/// A colour, by what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Done, added.
    Good,
    /// Failed, removed.
    Bad,
    /// Worth a look.
    Notice,
    /// Beside the point.
    Faint,
}

impl Screen {
    /// The screen of this process.
    pub fn new() -> Self {
        let terminal = io::stderr().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour, terminal }
    }

    /// Whether messages go to a terminal.
    pub fn is_terminal(self) -> bool {
        self.terminal
    }

    /// Whether somebody can be asked.
    pub fn can_ask(self) -> bool {
        self.terminal && io::stdin().is_terminal()
    }

    /// `text` in its tone.
    pub fn tint(self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => 32,
            Tone::Bad => 31,
            Tone::Notice => 33,
            Tone::Faint => 2,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A line for people.
    pub fn say(self, line: &str) {
        // Nobody is left to tell when stderr is gone.
        let _gone = writeln!(io::stderr(), "{line}");
    }

    /// An error: what it is, and behind an empty line its hints.
    pub fn error(self, text: &str) {
        let (what, hints): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| !line.starts_with("hint: "));
        self.say(&format!("{} {}", self.tint(Tone::Bad, "error:"), what.join("\n").trim_end()));
        if !hints.is_empty() {
            self.say("");
        }
        for hint in hints {
            self.say(&format!("{}{}", self.tint(Tone::Notice, "hint:"), hint.trim_start_matches("hint:")));
        }
    }

    /// Data for a program or a pipe. A reader that has gone is no error.
    pub fn data(self, text: &str) {
        let _gone = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
    }

    /// Shows a question; the answer comes behind it.
    pub fn prompt(self, question: &str) -> io::Result<()> {
        write!(io::stderr(), "{question} ")?;
        io::stderr().flush()
    }

    /// Asks for a line on the terminal.
    pub fn ask(self, question: &str) -> io::Result<String> {
        self.prompt(question)?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    /// Asks for a yes; anything else is a no.
    pub fn confirm(self, question: &str) -> io::Result<bool> {
        let answer = self.ask(&format!("{question} [y/N]"))?;
        Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}
