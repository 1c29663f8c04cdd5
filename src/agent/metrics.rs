//! The metrics as Prometheus reads them: made from the status each time they are asked for, so that there is one truth.
//! Names by its conventions: https://prometheus.io/docs/practices/naming/.

use std::collections::BTreeMap;
use std::time::SystemTime;

use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder};

use super::status::{Status, SweptStatus};
use crate::health::{Measure, OF_AGENT, Quantity, State};
use crate::sync::{Phase, SweepPhase};

/// Of the text below.
pub(super) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

const STATES: [State; 4] = [State::Ok, State::Degraded, State::Failing, State::Unknown];
const PHASES: [Phase; 5] = [Phase::Connecting, Phase::Idle, Phase::Applying, Phase::Waiting, Phase::Stopping];

/// The whole status in Prometheus's text form.
pub(super) fn text(status: &Status) -> Result<String, prometheus::Error> {
    let all = Registry::new_custom(Some("hams".to_owned()), None)?;
    agent(&all, status)?;
    checks(&all, status)?;
    repairs(&all, status)?;
    sync(&all, status)?;
    sweep(&all, status)?;
    TextEncoder::new().encode_to_string(&all.gather())
}

fn agent(all: &Registry, status: &Status) -> Result<(), prometheus::Error> {
    let build = [(vec![status.version.as_str()], 1.0)];
    gauge(all, "agent_build_info", "The version of the agent", &["version"], build)?;
    let start = "agent_start_timestamp_seconds";
    gauge(all, start, "When the agent started", &[], seconds(Some(&status.started)))?;
    let states = STATES.map(|state| (vec![state.as_str()], f64::from(status.state == state)));
    gauge(all, "node_state", "1 for the worst state of the sync and of all checks", &["state"], states)
}

fn checks(all: &Registry, status: &Status) -> Result<(), prometheus::Error> {
    let checks = &status.checks;
    let states = checks.iter().flat_map(|check| {
        STATES.map(|state| (vec![check.name.as_str(), state.as_str()], f64::from(check.state == state)))
    });
    gauge(all, "check_state", "1 for the state that a check has", &["check", "state"], states)?;
    let caused =
        checks.iter().filter_map(|check| Some((vec![check.name.as_str(), check.because.as_deref()?], 1.0)));
    let help = "1 for a check that fails because of another one";
    gauge(all, "check_caused", help, &["check", "cause"], caused)?;
    let named = |name: &'static str, help, time: fn(&super::status::CheckStatus) -> Option<&String>| {
        let times = checks.iter().filter_map(|check| Some((vec![check.name.as_str()], unix(time(check)?)?)));
        gauge(all, name, help, &["check"], times)
    };
    named("check_since_timestamp_seconds", "Since when a check has its state", |check| Some(&check.since))?;
    // What is told now and then is not stale in between.
    named("check_run_timestamp_seconds", "When a check was last made", |check| {
        check.checked.as_ref().filter(|_| check.component != OF_AGENT)
    })?;
    named("check_ok_timestamp_seconds", "When a check was last ok", |check| check.last_ok.as_ref())?;
    let mut measures: BTreeMap<Quantity, Vec<&Measure>> = BTreeMap::new();
    for measure in checks.iter().flat_map(|check| &check.measures) {
        let of_its_kind = measures.entry(measure.name).or_default();
        // Two checks may look at one thing.
        if of_its_kind.iter().all(|other| other.of != measure.of) {
            of_its_kind.push(measure);
        }
    }
    for (quantity, measures) in measures {
        let values = measures.into_iter().map(|measure| (vec![measure.of.as_str()], measure.value));
        gauge(all, quantity.as_str(), quantity.help(), &[quantity.label()], values)?;
    }
    Ok(())
}

fn repairs(all: &Registry, status: &Status) -> Result<(), prometheus::Error> {
    if status.repairs.is_empty() {
        return Ok(());
    }
    let help = "Attempts to have a component restarted that stays failing, and what they came to";
    let counter = IntCounterVec::new(Opts::new("repairs_total", help), &["component", "result"])?;
    for repair in &status.repairs {
        for (result, count) in &repair.attempts {
            counter.get_metric_with_label_values(&[&repair.component, result])?.inc_by(*count);
        }
    }
    register(all, counter)
}

fn sync(all: &Registry, status: &Status) -> Result<(), prometheus::Error> {
    let sync = &status.sync;
    let counters = &sync.counters;
    for (name, help, count) in [
        ("sync_received_messages_total", "Messages taken from RabbitMQ", counters.received),
        ("sync_applied_events_total", "Events that changed PowerDNS", counters.applied),
        ("sync_unchanged_events_total", "Events that PowerDNS already agreed with", counters.unchanged),
        ("sync_merged_events_total", "Events that a later one of their zone made needless", counters.merged),
        ("sync_dropped_old_events_total", "Events older than what was applied", counters.dropped_old),
        ("sync_dead_letters_total", "Messages sent to the dead-letter queue", counters.dead_lettered),
        ("sync_retries_total", "Attempts that failed for a passing reason", counters.retries),
    ] {
        let counter = IntCounter::with_opts(Opts::new(name, help))?;
        counter.inc_by(count);
        register(all, counter)?;
    }
    let zones = [(vec![], sync.zones as f64)];
    gauge(all, "sync_zones", "Zones that the agent knows", &[], zones)?;
    let phases = PHASES.map(|phase| (vec![phase.as_str()], f64::from(sync.phase == phase)));
    gauge(all, "sync_phase", "1 for what the sync is doing", &["phase"], phases)?;
    let oldest = seconds(sync.oldest_event.as_ref());
    let help = "When the oldest event was taken from the queue that is in hand and not applied";
    gauge(all, "sync_oldest_event_timestamp_seconds", help, &[], oldest)?;
    let since = seconds(Some(&sync.since));
    gauge(all, "sync_phase_since_timestamp_seconds", "Since when it does so", &[], since)?;
    let success = seconds(sync.last_success.as_ref());
    gauge(
        all,
        "sync_success_timestamp_seconds",
        "When an event was last applied or found applied",
        &[],
        success,
    )
}

fn sweep(all: &Registry, status: &Status) -> Result<(), prometheus::Error> {
    let Some(sweep) = status.sync.sweep.as_ref().filter(|sweep| sweep.phase != SweepPhase::Off) else {
        return Ok(());
    };
    let error = [(vec![], f64::from(sweep.error.is_some()))];
    gauge(all, "sweep_broken", "1 if the last sweep came to nothing", &[], error)?;
    let swept = [("changed", &sweep.last), ("full", &sweep.last_full)];
    let each = |value: fn(&SweptStatus) -> Option<f64>| {
        swept.iter().filter_map(move |(kind, swept)| Some((vec![*kind], value(swept.as_ref()?)?)))
    };
    let ended = each(|swept| unix(&swept.at));
    gauge(all, "sweep_end_timestamp_seconds", "When the last sweep of a kind ended", &["kind"], ended)?;
    for (name, help, value) in [
        (
            "sweep_zones",
            "Zones that the last sweep of a kind compared",
            (|swept| Some(swept.summary.zones as f64)) as fn(&SweptStatus) -> _,
        ),
        ("sweep_changed_zones", "Zones that it put right", |swept| Some(swept.summary.changed as f64)),
        ("sweep_removed_zones", "Zones that it removed", |swept| Some(swept.summary.removed as f64)),
        ("sweep_held_zones", "Zones that Odoo does not have and that it kept, being too many", |swept| {
            Some(swept.summary.held as f64)
        }),
        ("sweep_failed_zones", "Zones that it could not put right", |swept| {
            Some(swept.summary.failed as f64)
        }),
    ] {
        gauge(all, name, help, &["kind"], each(value))?;
    }
    Ok(())
}

/// One gauge with its values; none of it where there are none.
fn gauge<'a>(
    all: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    values: impl IntoIterator<Item = (Vec<&'a str>, f64)>,
) -> Result<(), prometheus::Error> {
    let gauge = GaugeVec::new(Opts::new(name, help), labels)?;
    let mut is_empty = true;
    for (of, value) in values {
        gauge.get_metric_with_label_values(&of)?.set(value);
        is_empty = false;
    }
    if is_empty { Ok(()) } else { register(all, gauge) }
}

fn register(all: &Registry, metric: impl Collector + 'static) -> Result<(), prometheus::Error> {
    all.register(Box::new(metric))
}

fn seconds<'a>(time: Option<&String>) -> Option<(Vec<&'a str>, f64)> {
    Some((vec![], unix(time?)?))
}

/// Seconds since the epoch of a time in the status.
fn unix(time: &str) -> Option<f64> {
    let time = humantime::parse_rfc3339(time).ok()?;
    Some(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::tests::{Named, report};
    use crate::health::{Attempt, Outcome, Repair};
    use crate::sync::{Progress, SweepResult, SyncSummary};

    /// The names of metrics in a file.
    fn names(text: &str) -> impl Iterator<Item = &str> {
        let words = text.split(|letter: char| !(letter.is_ascii_lowercase() || letter == '_'));
        words.filter(|word| word.starts_with("hams_"))
    }

    #[test]
    fn each_has_help_type_and_value() {
        let mut progress = Progress::default();
        progress.enter(Phase::Waiting, Some("PowerDNS is away".into()));
        progress.counters.received = 7;
        progress.zones = 50_000;
        progress.sweep.phase = SweepPhase::Waiting;
        let summary = SyncSummary { zones: 9, held: 3, ..SyncSummary::default() };
        progress.sweep.last_full = Some(SweepResult { at: SystemTime::UNIX_EPOCH, summary });
        let mut report = report(&[
            Named("rabbitmq amqp", "rabbitmq", None),
            Named("never \"asked\"", "host", None),
            Named("unit odoo.service", "odoo", Some("odoo.service")),
            Named("odoo http", "odoo", None),
        ]);
        report.note("unit odoo.service", Outcome::failing("failed"));
        report.note("odoo http", Outcome::failing("no answer"));
        report.note("rabbitmq amqp", Outcome::ok().with(Quantity::QueueMessages, "dns_zone_updates", 3.0));
        report.add("webhook", Outcome::ok());
        let mut repair = Repair::new("odoo", "odoo.service");
        repair.attempts.insert(Attempt::Restarted, 2);
        report.repairs.push(repair);
        let text = text(&Status::new(SystemTime::UNIX_EPOCH, &progress, &report)).unwrap();
        for line in [
            "# HELP hams_queue_messages Messages that wait in a queue of RabbitMQ",
            "# TYPE hams_queue_messages gauge",
            "hams_queue_messages{queue=\"dns_zone_updates\"} 3",
            "# TYPE hams_sync_received_messages_total counter",
            "hams_sync_received_messages_total 7",
            "hams_sync_zones 50000",
            "hams_sync_phase{phase=\"waiting\"} 1",
            "hams_sync_phase{phase=\"idle\"} 0",
            "hams_check_state{check=\"rabbitmq amqp\",state=\"ok\"} 1",
            "hams_check_state{check=\"never \\\"asked\\\"\",state=\"unknown\"} 1",
            "hams_check_caused{cause=\"unit odoo.service\",check=\"odoo http\"} 1",
            "hams_node_state{state=\"failing\"} 1",
            "# TYPE hams_repairs_total counter",
            "hams_repairs_total{component=\"odoo\",result=\"restarted\"} 2",
            "hams_repairs_total{component=\"odoo\",result=\"refused\"} 0",
            "hams_agent_start_timestamp_seconds 0",
            "hams_sweep_held_zones{kind=\"full\"} 3",
            "hams_sweep_end_timestamp_seconds{kind=\"full\"} 0",
        ] {
            assert!(text.lines().any(|given| given == line), "`{line}` is not in\n{text}");
        }
        for file in [
            include_str!("../../deploy/monitoring/hams.rules.yml"),
            include_str!("../../deploy/monitoring/hams-dashboard.json"),
        ] {
            for name in names(file) {
                let is_measured =
                    Quantity::ALL.iter().any(|quantity| format!("hams_{}", quantity.as_str()) == name);
                let is_told = text.contains(&format!("# TYPE {name} "));
                assert!(is_measured || is_told, "nothing is called {name}");
            }
        }
        assert!(text.contains("hams_check_run_timestamp_seconds{check=\"rabbitmq amqp\"}"), "{text}");
        assert!(
            !text.contains("run_timestamp_seconds{check=\"webhook\"}"),
            "it is told now and then: {text}"
        );
        assert!(!text.contains("sweep_zones{kind=\"changed\"}"), "there was no such sweep:\n{text}");
    }
}
