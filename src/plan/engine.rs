//! The engine: does what is pending, side by side where nothing stands between, and proves each step by inspecting again.

use super::assess::Assessment;
use super::event::{Event, Events};
use super::journal::{Edge, Journal};
use super::receipt::Receipt;
use super::step::{Plan, Step};
use crate::host::{Error, Finding, Host, Progress};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::task::JoinSet;

/// Why a run did not come to its end. Steps that were under way were finished first.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A step failed.
    #[error("{step}: {source}")]
    Step {
        /// What it was to do.
        step: String,
        /// Why it failed.
        source: Error,
    },
    /// The operator asked it to stop.
    #[error("stopped between two steps, as asked")]
    Stopped,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Steps that changed the host.
    pub done: usize,
}

/// The two records that every step writes, one at a time.
struct Records {
    journal: Journal,
    receipt: Receipt,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Changed,
    Held,
}

/// Does every pending step of `plan`, until `stop` is set. Steps whose ground has changed are inspected anew, so that a service restarts when
/// what it reads was changed, and only then.
pub async fn run(
    plan: &Plan,
    assessment: &Assessment,
    host: Arc<Host>,
    journal: Journal,
    receipt: Receipt,
    events: Events,
    stop: &AtomicBool,
) -> Result<Summary, RunError> {
    let records = Arc::new(Mutex::new(Records { journal, receipt }));
    let count = plan.steps().len();
    let mut outcomes: Vec<Option<Outcome>> = vec![None; count];
    let mut started = vec![false; count];
    let mut under_way: JoinSet<(usize, Result<Outcome, Error>)> = JoinSet::new();
    let mut failure: Option<RunError> = None;
    loop {
        if failure.is_none() && stop.load(Ordering::Relaxed) {
            failure = Some(RunError::Stopped);
        }
        if failure.is_none() {
            start_ready(
                plan,
                assessment,
                &host,
                &records,
                &events,
                &mut outcomes,
                &mut started,
                &mut under_way,
            );
        }
        let Some(ended) = under_way.join_next().await else { break };
        let (index, result) = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        match result {
            Ok(outcome) => outcomes[index] = Some(outcome),
            Err(source) => {
                let step = plan.steps()[index].resource.describe();
                tell(&events, Event::Failed { step: index, reason: source.to_string() });
                failure.get_or_insert(RunError::Step { step, source });
            }
        }
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    let done = outcomes.iter().filter(|outcome| **outcome == Some(Outcome::Changed)).count();
    let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
    let ended = records.journal.write(Edge::End, None);
    ended.map_err(|source| RunError::Step { step: "end the run".into(), source })?;
    Ok(Summary { done })
}

/// Starts every step whose needs are met; marks those that hold and whose ground is unchanged as held.
#[allow(clippy::too_many_arguments)] // the loop's own state, which a struct would only rename
fn start_ready(
    plan: &Plan,
    assessment: &Assessment,
    host: &Arc<Host>,
    records: &Arc<Mutex<Records>>,
    events: &Events,
    outcomes: &mut [Option<Outcome>],
    started: &mut [bool],
    under_way: &mut JoinSet<(usize, Result<Outcome, Error>)>,
) {
    // The plan is in order, so that one pass marks whole chains of steps that hold.
    for (index, step) in plan.steps().iter().enumerate() {
        let before: Vec<Option<Outcome>> = plan.before(step).map(|position| outcomes[position]).collect();
        if started[index] || before.contains(&None) {
            continue;
        }
        started[index] = true;
        if assessment.pending[index].is_none() && !before.contains(&Some(Outcome::Changed)) {
            outcomes[index] = Some(Outcome::Held);
            continue;
        }
        let (step, host, records, events) = (step.clone(), host.clone(), records.clone(), events.clone());
        under_way.spawn(async move { (index, one(index, &step, &host, &records, &events).await) });
    }
}

async fn one(
    index: usize,
    step: &Step,
    host: &Host,
    records: &Mutex<Records>,
    events: &Events,
) -> Result<Outcome, Error> {
    let resource = &step.resource;
    if resource.inspect(host).await? == Finding::Holds {
        tell(events, Event::Held { step: index });
        return Ok(Outcome::Held);
    }
    let id = resource.id();
    let started = Instant::now();
    tell(events, Event::Begun { step: index });
    write(records, Edge::Begin, &id)?;
    let is_known = records.lock().unwrap_or_else(PoisonError::into_inner).receipt.knows(&id);
    if !is_known || resource.adds_up() {
        if let Some(change) = resource.undo(host).await? {
            let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
            records.receipt.record(step.component, &id, &change)?;
        }
    }
    let progress = {
        let events = events.clone();
        Progress::new(move |percent, message| {
            tell(&events, Event::Progress { step: index, percent, message: message.to_owned() });
        })
    };
    let applied = async {
        resource.apply(host, &progress).await?;
        match resource.verify(host).await? {
            Finding::Holds => Ok(()),
            Finding::Differs(left) => {
                Err(Error::Unexpected(format!("it was done, and yet {}", left.reasons.join("; "))))
            }
        }
    };
    match applied.await {
        Ok(()) => {
            write(records, Edge::Done, &id)?;
            tell(events, Event::Done { step: index, took: started.elapsed() });
            Ok(Outcome::Changed)
        }
        Err(error) => {
            // On a full disk this line cannot be written either; the first error is the one that matters.
            let _unwritable = write(records, Edge::Failed, &id);
            Err(error)
        }
    }
}

fn write(records: &Mutex<Records>, edge: Edge, id: &str) -> Result<(), Error> {
    records.lock().unwrap_or_else(PoisonError::into_inner).journal.write(edge, Some(id))
}

/// Nobody listening is no reason to stop.
fn tell(events: &Events, event: Event) {
    let _nobody_listens = events.send(event);
}
