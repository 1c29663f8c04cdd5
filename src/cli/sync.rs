//! `hams-agent sync`: gives the order, shows what becomes of it, and turns it into an exit code.

use std::io::{IsTerminal, stdout};

use super::agent_args::SyncArgs;
use super::screen::{Screen, Tone};
use super::show_sync::{Bar, zone_words};
use crate::agent::{order, summary_words};
use crate::sync::{SyncLine, SyncRequest, SyncSummary};

/// Asks, prints the differences to stdout and all else to stderr, and returns the exit code.
pub async fn sync(args: &SyncArgs) -> u8 {
    let screen = Screen::new();
    let request =
        SyncRequest { zone: args.zone.clone(), all: args.all, dry_run: args.dry_run, force: args.force };
    let mut lines = match order(&args.socket, &request).await {
        Ok(lines) => lines,
        Err(error) => {
            screen.error(&error.to_string());
            return 2;
        }
    };
    let paint = Paint::new(screen);
    let mut bar = Bar::new(screen);
    loop {
        match lines.next().await {
            Ok(Some(SyncLine::Progress(progress))) => bar.take(progress),
            Ok(Some(SyncLine::Zone(zone))) => {
                let text: String = zone_words(&zone).iter().map(|line| paint.line(line) + "\n").collect();
                bar.suspend(|| screen.data(&text));
            }
            Ok(Some(SyncLine::Summary(summary))) => {
                bar.clear();
                screen.say(&summary_words(&summary));
                return code(&summary);
            }
            Ok(Some(SyncLine::Error(words))) => {
                bar.clear();
                screen.error(&words);
                return 1;
            }
            Ok(None) => {
                bar.clear();
                screen.error(
                    "the agent has stopped before it was done\n\nhint: `journalctl -u hams-agent` tells why",
                );
                return 1;
            }
            Err(error) => {
                bar.clear();
                screen.error(&error.to_string());
                return 1;
            }
        }
    }
}

/// What the exit code tells (`agent_args::SYNC_EXIT`).
fn code(summary: &SyncSummary) -> u8 {
    let pending = summary.changed + summary.removed + summary.held;
    match summary {
        SyncSummary { failed: 1.., .. } => 1,
        SyncSummary { dry_run: true, .. } if pending > 0 => 10,
        SyncSummary { dry_run: false, held: 1.., .. } => 1,
        _ => 0,
    }
}

/// Colours a diff where stdout is a terminal, too.
struct Paint {
    screen: Screen,
    is_seen: bool,
}

impl Paint {
    fn new(screen: Screen) -> Self {
        Self { screen, is_seen: stdout().is_terminal() }
    }

    fn line(&self, line: &str) -> String {
        let tone = match line.trim_start().as_bytes().first() {
            Some(b'+') => Tone::Good,
            Some(b'-') => Tone::Bad,
            _ => return line.to_owned(),
        };
        if self.is_seen { self.screen.tint(tone, line) } else { line.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        let summary = |changed, held, failed, dry_run| {
            code(&SyncSummary { zones: 9, changed, held, failed, dry_run, ..SyncSummary::default() })
        };
        assert_eq!(summary(0, 0, 0, false), 0);
        assert_eq!(summary(3, 0, 0, false), 0);
        assert_eq!(summary(3, 1, 0, false), 1);
        assert_eq!(summary(3, 0, 1, false), 1);
        assert_eq!(summary(0, 0, 0, true), 0);
        assert_eq!(summary(1, 0, 0, true), 10);
        assert_eq!(summary(0, 1, 0, true), 10);
        assert_eq!(summary(1, 0, 1, true), 1);
        let removed = SyncSummary { removed: 1, dry_run: true, ..SyncSummary::default() };
        assert_eq!(code(&removed), 10);
    }
}
