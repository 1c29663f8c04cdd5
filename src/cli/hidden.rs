//! Answers that nobody may see: typed on a terminal without echo, or one line of stdin.

use super::screen::Screen;
use crate::secrets::Secret;
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use std::io::{self, BufRead, Read};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// No answer is longer: what stdin has beyond is not read.
const MOST_BYTES: u64 = 64 << 10;

/// The terminal on stdin without echo, until this is dropped. A signal that would end the process ends the question
/// instead, so that the terminal is given back as it was.
pub struct Hidden {
    screen: Screen,
    before: Termios,
    signals: [Signal; 4],
}

impl Hidden {
    /// Turns the echo off, and Ctrl-Z, which would leave the terminal so.
    pub fn begin(screen: Screen) -> io::Result<Self> {
        let signals = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::quit())?,
        ];
        let before = tcgetattr(io::stdin())?;
        let mut without_echo = before.clone();
        without_echo.local_flags.remove(LocalFlags::ECHO);
        without_echo.local_flags.insert(LocalFlags::ECHONL);
        without_echo.control_chars[SpecialCharacterIndices::VSUSP as usize] = 0; // _POSIX_VDISABLE
        let hidden = Self { screen, before, signals };
        // What was typed while it could be seen is no answer.
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &without_echo)?;
        Ok(hidden)
    }

    /// Asks for a line; `None` when a signal (Ctrl-C) came instead, or the end of the input.
    pub async fn ask(&mut self, question: &str) -> io::Result<Option<Secret>> {
        self.screen.prompt(question)?;
        let (sender, answer) = oneshot::channel();
        // A thread, as a read of a terminal cannot be called off: the process ends without it.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            // Nobody waits any more after a signal.
            let _unheard = sender.send(read.map(|_| line));
        });
        let [interrupt, terminate, hangup, quit] = &mut self.signals;
        let line = tokio::select! {
            line = answer => line.map_err(io::Error::other)??,
            _ = interrupt.recv() => String::new(),
            _ = terminate.recv() => String::new(),
            _ = hangup.recv() => String::new(),
            _ = quit.recv() => String::new(),
        };
        if line.is_empty() {
            self.screen.say(""); // the question's line has no end yet
            return Ok(None);
        }
        Ok(Some(without_line_end(line)))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _gone = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.before);
    }
}

/// All of stdin, without the one line ending at its end.
pub fn line_of_stdin() -> io::Result<Secret> {
    let mut text = String::new();
    io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(without_line_end(text))
}

fn without_line_end(mut text: String) -> Secret {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_ending_is_none_of_it() {
        for (text, line) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a \n", " a "), ("\n", "")]
        {
            assert_eq!(without_line_end(text.into()).expose(), line);
        }
    }
}
