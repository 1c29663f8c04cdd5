//! Log lines on stderr: with a priority in front and no time for the journal, which has its own; with time and,
//! on a terminal, colour for people. `HAMS_LOG` chooses what is logged, as `info,hams::sync=debug`.
//!
//! An event with a `message_id` is for programs, too: the journal gets it as an entry with fields (sd_journal_send(3)), of which
//! `check` is CHECK=. All others stay lines: journald knows whose they are, also when the agent ends right after.

use std::env;
use std::fmt;
use std::io::{IsTerminal, stderr};
use std::os::unix::fs::MetadataExt;

use systemd::journal;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The client library reports each lost connection as an error of its own, beside ours.
const DEFAULT: &str = "info,lapin=off";
/// What this process writes to stderr.
const STDERR: &str = "/proc/self/fd/2";

/// Starts logging; called once, by the program.
pub fn start() {
    let filter = EnvFilter::try_from_env("HAMS_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let builder = tracing_subscriber::fmt().with_writer(stderr).with_env_filter(filter);
    if is_journal() {
        builder.event_format(ForJournal).init();
    } else {
        let has_colour = stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
        builder.with_ansi(has_colour).with_target(false).init();
    }
}

/// Whether stderr is the journal's: a program that was started from a unit with another stderr has the variable, too.
fn is_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    std::fs::metadata(STDERR).is_ok_and(|found| stream == format!("{}:{}", found.dev(), found.ino()))
}

/// One line an event, with the priority that journald reads off its front (sd-daemon(3)).
struct ForJournal;

impl<S, N> FormatEvent<S, N> for ForJournal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        // Where the journal does not take it as an entry, a line is better than nothing.
        if let Some(entry) = entry(event, priority) {
            let fields: Vec<&str> = entry.iter().map(String::as_str).collect();
            if journal::send(&fields).is_ok() {
                return Ok(());
            }
        }
        write!(writer, "<{priority}>")?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// The fields of an event that has a `message_id`, each `NAME=value`.
fn entry(event: &Event<'_>, priority: u8) -> Option<Vec<String>> {
    event.metadata().fields().field("message_id")?;
    let mut fields = Fields(vec![format!("PRIORITY={priority}")]);
    event.record(&mut fields);
    Some(fields.0)
}

struct Fields(Vec<String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push(format!("{}={value}", field.name().to_ascii_uppercase()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Option<Vec<String>>>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(entry(event, 3));
        }
    }

    #[test]
    fn what_has_an_id_has_fields() {
        let kept = Kept::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(kept.clone()), || {
            let before: Option<&str> = None;
            let check = "powerdns api";
            tracing::error!(message_id = "5f", check, state_before = before, "{check} is failing:\nwhy");
            tracing::info!(check, "a line");
        });
        let expected =
            ["PRIORITY=3", "MESSAGE=powerdns api is failing:\nwhy", "MESSAGE_ID=5f", "CHECK=powerdns api"];
        let kept = kept.0.lock().unwrap();
        let mut fields = kept[0].clone().unwrap();
        fields.sort();
        let mut expected = expected.map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!((fields, &kept[1]), (expected, &None));
    }
}
