//! Carries changes of state to one hook until it has taken them: those of a few seconds at once, one at a time, with longer and
//! longer waits while it does not take them. Whatever the hook does, nobody waits for it here but its own changes.

use std::time::{Duration, SystemTime};

use futures_util::future::OptionFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::hooks_entry::HookEntry;
use super::hooks_memory::ToldFile;
use super::hooks_message::message;
use super::hooks_outbox::Outbox;
use super::hooks_snapshot::Snapshot;
use crate::host::BoxFuture;
use crate::sync::Backoff;

/// The way to a hook.
pub(super) trait Carrier: Send + Sync {
    /// Hands a message over; the reason why not holds no secret. Ends within a limit of its own.
    fn carry(&self, message: String) -> BoxFuture<'_, Result<(), String>>;
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// For more changes, before the first attempt.
    pub(super) gather: Duration,
    /// After the first failure.
    pub(super) first: Duration,
    /// After many.
    pub(super) ceiling: Duration,
}

/// What a hook gets by default.
pub(super) const TIMES: Times = Times {
    gather: Duration::from_secs(3),
    first: Duration::from_secs(2),
    ceiling: Duration::from_secs(120),
};

/// Tells `carrier` all that changes in the snapshots, as the node `host`, until nobody makes more of them.
pub(super) async fn deliver(
    host: &str,
    carrier: &dyn Carrier,
    times: Times,
    mut outbox: Outbox,
    mut memory: ToldFile,
    mut entry: HookEntry,
    mut snapshots: watch::Receiver<Snapshot>,
) {
    let mut backoff = Backoff::between(times.first, times.ceiling);
    // When the next attempt is due, and the one that is under way.
    let mut due: Option<Instant> = None;
    let mut under_way = None;
    loop {
        tokio::select! {
            changed = snapshots.changed() => {
                if changed.is_err() {
                    return;
                }
                outbox.see(&snapshots.borrow_and_update(), &now());
                if due.is_none() && under_way.is_none() && !outbox.is_empty() {
                    due = Some(Instant::now() + times.gather);
                }
            }
            Some(()) = OptionFuture::from(due.map(sleep_until)) => {
                due = None;
                let Some(batch) = outbox.batch() else { continue };
                match message(host, &batch, SystemTime::now()) {
                    Ok(text) => {
                        let sending = carrier.carry(text);
                        under_way = Some(Box::pin(async move { (sending.await, batch) }));
                    }
                    Err(error) => {
                        entry.failed(format!("the message cannot be made: {error}: please report this"));
                        outbox.sent(&batch);
                    }
                }
            }
            Some((ended, batch)) = OptionFuture::from(under_way.as_mut()) => {
                under_way = None;
                due = match ended {
                    Ok(()) => {
                        outbox.sent(&batch);
                        backoff.reset();
                        entry.works();
                        memory.keep(outbox.told()).await;
                        (!outbox.is_empty()).then(|| Instant::now() + times.gather)
                    }
                    Err(reason) => {
                        entry.failed(reason);
                        Some(Instant::now() + backoff.pause())
                    }
                };
            }
        }
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::hooks_command::CommandHook;
    use super::super::hooks_entry::{COMMAND, WEBHOOK};
    use super::super::hooks_http::tests::{Manner, Receiver, SECRET, hasty};
    use super::super::hooks_snapshot::tests::snapshot;
    use super::super::hooks_webhook::Webhook;
    use super::*;
    use crate::health::{Report, State};
    use crate::host::command::Command;
    use State::{Degraded, Failing, Ok as Well};
    use serde_json::Value;
    use std::path::Path;
    use std::sync::Arc;
    use tokio::task::JoinHandle;

    const QUICK: Times = Times {
        gather: Duration::from_millis(50),
        first: Duration::from_millis(20),
        ceiling: Duration::from_millis(40),
    };

    /// A hook at work.
    struct Running {
        snapshots: watch::Sender<Snapshot>,
        report: watch::Receiver<Report>,
        task: JoinHandle<()>,
    }

    impl Running {
        fn start(name: &'static str, folder: &Path, carrier: impl Carrier + 'static) -> Self {
            let (snapshots, seen) = watch::channel(Snapshot::default());
            let (sender, report) = watch::channel(Report::default());
            let (memory, told) = ToldFile::open(folder, "told");
            let outbox = Outbox::new(name, told);
            let task = tokio::spawn(async move {
                deliver("node1", &carrier, QUICK, outbox, memory, HookEntry::new(name, sender), seen).await;
            });
            Self { snapshots, report, task }
        }

        fn see(&self, states: &[(&str, State)]) {
            self.snapshots.send(snapshot(states)).unwrap();
        }

        /// Waits until the hook's entry has that state; gives its reason.
        async fn entry(&mut self, state: State) -> String {
            let entry = self.report.wait_for(|report| report.checks.iter().any(|entry| entry.state == state));
            let report = tokio::time::timeout(Duration::from_secs(20), entry).await.unwrap().unwrap();
            report.checks[0].reason.clone().unwrap_or_default()
        }

        async fn stop(self) {
            drop(self.snapshots);
            self.task.await.unwrap();
        }
    }

    async fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_so() {
            assert!(Instant::now() < end, "never came: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The changes of each message that was taken.
    fn taken(receiver: &Receiver) -> Vec<Vec<String>> {
        let seen = receiver.seen.lock().unwrap();
        let messages = seen.iter().filter(|(_, is_taken)| *is_taken);
        messages.map(|(body, _)| changes(&serde_json::from_str(body).unwrap())).collect()
    }

    fn changes(message: &Value) -> Vec<String> {
        let changes = message["changes"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let words =
            |one: &Value| format!("{}: {} {}", text(&one["check"]), text(&one["from"]), text(&one["to"]));
        changes.map(words).collect()
    }

    fn webhook(receiver: &Receiver) -> Webhook {
        Webhook { http: Arc::new(hasty()), url: receiver.url.clone() }
    }

    #[tokio::test]
    async fn what_a_receiver_misses_it_is_told_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start([Manner::Answer(500), Manner::Hang]).await;
        let mut hook = Running::start(WEBHOOK, folder.path(), webhook(&receiver));
        hook.see(&[("a", Failing), ("b", Well)]);
        let reason = hook.entry(Degraded).await;
        assert_eq!(reason, "127.0.0.1 answers 500 Internal Server Error");
        wait_for("a second attempt", || receiver.seen.lock().unwrap().len() == 2).await;
        // It hangs: what changes meanwhile comes with the next one.
        hook.see(&[("a", Well), ("b", Degraded), (WEBHOOK, Degraded)]);
        assert!(!hook.entry(Well).await.contains(SECRET));
        wait_for("all of it", || taken(&receiver).len() == 1).await;
        assert_eq!(taken(&receiver), [["a: ok failing", "a: failing ok", "b: ok degraded"]]);
        let attempts = receiver.seen.lock().unwrap().len();
        // Only what is new is told, and what is as it was is not.
        hook.see(&[("a", Well), ("b", Degraded), (WEBHOOK, Well)]);
        tokio::time::sleep(QUICK.gather * 4).await;
        assert_eq!(receiver.seen.lock().unwrap().len(), attempts, "nothing is told twice");
        hook.see(&[("a", Well), ("b", Well)]);
        wait_for("another message", || taken(&receiver).len() == 2).await;
        assert_eq!(taken(&receiver)[1], ["b: degraded ok"]);
        for (body, _) in receiver.seen.lock().unwrap().iter() {
            assert!(!body.contains(SECRET) && body.contains("\"host\":\"node1\""), "{body}");
        }
        hook.stop().await;
    }

    #[tokio::test]
    async fn changes_of_a_moment_are_one_message() {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start([]).await;
        let hook = Running::start(WEBHOOK, folder.path(), webhook(&receiver));
        hook.see(&[("a", Failing)]);
        tokio::time::sleep(QUICK.gather / 10).await;
        hook.see(&[("a", Failing), ("b", Failing)]);
        wait_for("a message", || taken(&receiver).len() == 1).await;
        assert_eq!(taken(&receiver), [["a: ok failing", "b: ok failing"]]);
        hook.stop().await;
    }

    #[tokio::test]
    async fn a_restart_tells_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start([]).await;
        let hook = Running::start(WEBHOOK, folder.path(), webhook(&receiver));
        hook.see(&[("a", Failing), ("b", Failing)]);
        wait_for("a message", || taken(&receiver).len() == 1).await;
        wait_for("it is kept", || {
            std::fs::read_to_string(folder.path().join("told")).unwrap().contains("failing")
        })
        .await;
        hook.stop().await;
        let hook = Running::start(WEBHOOK, folder.path(), webhook(&receiver));
        hook.see(&[("a", Failing), ("b", Well)]);
        wait_for("another message", || taken(&receiver).len() == 2).await;
        assert_eq!(taken(&receiver)[1], ["b: failing ok"]);
        hook.stop().await;
    }

    #[tokio::test]
    async fn a_command_is_told_on_its_input_and_ended_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let got = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        let program = folder.path().join("hook");
        let script = format!(
            "#!/bin/sh\ncd {}\ncat >input\necho $# $(env | cut -d= -f1 | sort) >environment\n\
             case $(cat manner) in\n\
             fails) echo first >&2; echo the last words >&2; exit 3 ;;\n\
             hangs) sleep 1000 & echo $! >child; wait ;;\nesac\ncp input taken\n",
            folder.path().display()
        );
        // Written by another process: one that this one has open for writing could not be started.
        let write = Command::new("sh").args(["-c", "cat >\"$0\"; chmod 0755 \"$0\""]);
        write.args([program.to_string_lossy()]).input(script).run().await.unwrap();
        put("manner", "fails");
        let limit = Duration::from_millis(700);
        let carrier = CommandHook { program: program.clone(), home: folder.path().into(), limit };
        let mut hook = Running::start(COMMAND, folder.path(), carrier);
        hook.see(&[("a", Failing)]);
        let reason = hook.entry(Degraded).await;
        assert_eq!(reason, format!("{} ended with exit status: 3: the last words", program.display()));
        put("manner", "hangs");
        let is_killed = |report: &Report| {
            report.checks[0].reason.as_ref().is_some_and(|reason| reason.ends_with("and was killed"))
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), hook.report.wait_for(is_killed)).await;
        waited.unwrap().unwrap();
        let child = got("child");
        let stat = format!("/proc/{}/stat", child.trim());
        // Nobody may be there to take its end: then it stays as a name alone.
        wait_for("the end of what it has started", || {
            std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "))
        })
        .await;
        put("manner", "works");
        hook.entry(Well).await;
        assert_eq!(changes(&serde_json::from_str(&got("taken")).unwrap()), ["a: ok failing"]);
        assert!(got("taken").ends_with("}\n"));
        let environment = got("environment");
        assert!(environment.starts_with("0 ") && environment.contains("HOME"), "{environment}");
        for name in environment.split_whitespace().skip(1) {
            assert!(["HOME", "LC_ALL", "PATH", "PWD", "OLDPWD", "_"].contains(&name), "{environment}");
        }
        hook.stop().await;
    }
}
