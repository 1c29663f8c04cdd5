//! Log lines on stderr: with a priority in front and no time for the journal, which has its own; with time and,
//! on a terminal, colour for people. `HAMS_LOG` chooses what is logged, as `info,hams::sync=debug`.

use std::env;
use std::fmt;
use std::io::{IsTerminal, stderr};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The client library reports each lost connection as an error of its own, beside ours.
const DEFAULT: &str = "info,lapin=off";

/// Starts logging; called once, by the program.
pub fn start() {
    let filter = EnvFilter::try_from_env("HAMS_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let builder = tracing_subscriber::fmt().with_writer(stderr).with_env_filter(filter);
    if env::var_os("JOURNAL_STREAM").is_some() {
        builder.event_format(ForJournal).init();
    } else {
        let has_colour = stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
        builder.with_ansi(has_colour).with_target(false).init();
    }
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
        write!(writer, "<{priority}>")?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
