//! How a run looks: bars on a terminal, plain lines elsewhere.

use super::screen::{Screen, Tone};
use crate::plan::{Event, Plan};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Shows the events of a run of `plan` until its sender is gone.
pub async fn show(screen: Screen, plan: &Plan, mut events: UnboundedReceiver<Event>) {
    let mut view = View { screen, bars: MultiProgress::new(), running: HashMap::new(), said: HashMap::new() };
    while let Some(event) = events.recv().await {
        view.take(plan, event);
    }
}

struct View {
    screen: Screen,
    bars: MultiProgress,
    running: HashMap<usize, ProgressBar>,
    /// Off a terminal: the last progress that was said of each step, so that a line comes only now and then.
    said: HashMap<usize, (f32, String)>,
}

impl View {
    fn take(&mut self, plan: &Plan, event: Event) {
        let describe = |step: usize| plan.steps()[step].resource.describe();
        match event {
            Event::Begun { step } if self.screen.is_terminal() => {
                let bar = self.bars.add(ProgressBar::new(100));
                if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix} {wide_msg}") {
                    bar.set_style(style);
                }
                bar.set_prefix(describe(step));
                bar.enable_steady_tick(Duration::from_millis(120));
                self.running.insert(step, bar);
            }
            Event::Begun { .. } | Event::Held { .. } => {}
            Event::Progress { step, percent, message } => {
                self.progress(step, percent, &message, &describe(step))
            }
            Event::Done { step, took } => {
                let seconds = format!("{:.1} s", took.as_secs_f32());
                let mark = self.screen.tint(Tone::Good, "done");
                self.close(step, &format!("  {mark}   {} ({seconds})", describe(step)));
            }
            Event::Failed { step, .. } => {
                let mark = self.screen.tint(Tone::Bad, "failed");
                self.close(step, &format!("  {mark} {}", describe(step)));
            }
        }
    }

    fn progress(&mut self, step: usize, percent: f32, message: &str, description: &str) {
        if let Some(bar) = self.running.get(&step) {
            if percent > 0.0 {
                if let Ok(style) =
                    ProgressStyle::with_template("  {spinner} {prefix} {bar:24} {percent}% {wide_msg}")
                {
                    bar.set_style(style);
                }
            }
            bar.set_position(percent as u64);
            bar.set_message(message.to_owned());
            return;
        }
        // A line for every fifth of the way, and for what is waited for.
        let (last, words) = self.said.entry(step).or_insert((-20.0, String::new()));
        let waits = percent == 0.0 && *words != message;
        if percent - *last >= 20.0 || waits {
            (*last, *words) = (percent, message.to_owned());
            self.screen.say(&format!("  {percent:>3.0} %  {description}: {message}"));
        }
    }

    fn close(&mut self, step: usize, line: &str) {
        match self.running.remove(&step) {
            Some(bar) => {
                bar.finish_and_clear();
                self.bars.suspend(|| self.screen.say(line));
            }
            None => self.screen.say(line),
        }
    }
}
