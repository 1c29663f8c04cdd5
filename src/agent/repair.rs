//! Asks root's service to restart what stays failing, says in the report what became of it, and counts. It runs beside the
//! checks and the sync, and neither waits for it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::message_ids;
use super::repair_answer::{Answer, LONGEST};
use crate::config::agent::RepairConfig;
use crate::health::{Attempt, Limits, Need, Outcome, Repair, Report, need};
use crate::host::paths::REPAIR_SOCKET;

/// How often it is looked at what fails.
const TICK: Duration = Duration::from_secs(2);
/// What is said is said again, so that nobody takes it for stale.
const SAY_AGAIN: Duration = Duration::from_secs(60);
/// For the way there.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// For a restart; root's service gives systemd 180 s.
const ANSWER_LIMIT: Duration = Duration::from_secs(200);

/// What is restarted, and when.
pub(super) struct RepairSettings {
    after: Duration,
    limits: Limits,
    watched: Vec<Watched>,
    socket: PathBuf,
}

impl RepairSettings {
    /// What the configuration asks for.
    pub(super) fn new(config: &RepairConfig) -> Self {
        let table = &config.table;
        Self {
            after: Duration::from_secs(config.after_seconds),
            limits: table.into(),
            watched: table.units.iter().map(|(component, unit)| Watched::new(component, unit)).collect(),
            socket: REPAIR_SOCKET.into(),
        }
    }
}

/// One component.
struct Watched {
    /// What the report calls its repairs.
    name: String,
    /// What was done; also in the report.
    repair: Repair,
    /// When it was restarted by us.
    restarts: Vec<Instant>,
    /// What is to be told of the last restart.
    done: Option<String>,
    /// When it was last asked for, whatever came of it.
    asked: Option<Instant>,
    /// What is said in the report, and since when.
    told: Option<(Outcome, Instant)>,
}

impl Watched {
    fn new(component: &str, unit: &str) -> Self {
        Self {
            name: format!("repair {component}"),
            repair: Repair::new(component, unit),
            restarts: Vec::new(),
            done: None,
            asked: None,
            told: None,
        }
    }

    /// What to say where nothing is to be done.
    fn calm(&self, need: &Need) -> Option<Outcome> {
        let again = || self.told.as_ref().map(|(told, _)| told.clone());
        let before = || Outcome::ok_with(self.done.as_deref().unwrap_or("nothing to restart so far"));
        match need {
            Need::None => Some(before()),
            // After an attempt its result stays, as long as the component fails.
            Need::Wait if self.asked.is_some() => again(),
            Need::Wait => Some(before()),
            Need::Hopeless(why) => Some(Outcome::ok_with(format!("not restarted: {why}"))),
            Need::Restart(_) => None,
        }
    }

    /// What to say where it is not even asked for, though it is due.
    fn refusal(&self, limits: Limits, now: Instant) -> Option<Outcome> {
        let ages: Vec<Duration> = self.restarts.iter().map(|at| now.saturating_duration_since(*at)).collect();
        if let Some(why) = limits.refusal(&ages) {
            return Some(Outcome::degraded(format!("not restarted: {why}")));
        }
        // Also what came to nothing is not tried again at once.
        self.asked.filter(|at| now.saturating_duration_since(*at) < limits.apart)?;
        self.repair.said.clone().map(Outcome::degraded)
    }

    /// Takes note of an answer.
    fn note(&mut self, why: &str, answer: &Answer) -> Outcome {
        *self.repair.attempts.entry(answer.attempt).or_default() += 1;
        let (unit, words) = (&self.repair.unit, &answer.words);
        let said = match answer.attempt {
            Attempt::Restarted => {
                let now = SystemTime::now();
                self.restarts.push(Instant::now());
                self.repair.restarted = Some(now);
                let at = humantime::format_rfc3339_seconds(now);
                let said = format!("restarted {unit} at {at}, {words}; {why}");
                self.done = Some(said.clone());
                said
            }
            Attempt::Refused | Attempt::Failed | Attempt::Unanswered => {
                format!("not restarted: {words}; {why}")
            }
        };
        self.repair.said = Some(said.clone());
        Outcome::degraded(said)
    }

    /// Puts it into the report, if it is new.
    fn tell(&mut self, report: &watch::Sender<Report>, outcome: Outcome) {
        let is_told = |(told, at): &(Outcome, Instant)| *told == outcome && at.elapsed() < SAY_AGAIN;
        if self.told.as_ref().is_some_and(is_told) {
            return;
        }
        report.send_modify(|report| {
            report.add(&self.name, outcome.clone());
            match report.repairs.iter_mut().find(|one| one.component == self.repair.component) {
                Some(one) => *one = self.repair.clone(),
                None => report.repairs.push(self.repair.clone()),
            }
        });
        self.told = Some((outcome, Instant::now()));
    }
}

/// Looks at the report until the agent ends. Without settings nothing is ever restarted.
pub(super) async fn run(settings: Option<RepairSettings>, report: watch::Sender<Report>) {
    let Some(RepairSettings { after, limits, mut watched, socket }) = settings else {
        return std::future::pending().await;
    };
    loop {
        for one in &mut watched {
            look(one, after, limits, &socket, &report).await;
        }
        sleep(TICK).await;
    }
}

async fn look(
    one: &mut Watched,
    after: Duration,
    limits: Limits,
    socket: &Path,
    report: &watch::Sender<Report>,
) {
    let now = Instant::now();
    let begin = one.restarts.last().copied();
    let found = need(&report.borrow(), &one.repair.component, &one.repair.unit, after, begin, now);
    let Need::Restart(why) = &found else {
        if let Some(outcome) = one.calm(&found) {
            one.tell(report, outcome);
        }
        return;
    };
    if let Some(outcome) = one.refusal(limits, now) {
        one.tell(report, outcome);
        return;
    }
    let (component, unit) = (one.repair.component.clone(), one.repair.unit.clone());
    one.tell(report, Outcome::degraded(format!("asking for a restart of {unit}: {why}")));
    let answer = ask(socket, &component).await;
    // From its end: a slow restart is none that is to be tried again sooner.
    one.asked = Some(Instant::now());
    let outcome = one.note(why, &answer);
    journal(&component, &unit, &answer, outcome.reason.as_deref().unwrap_or_default());
    one.tell(report, outcome);
}

/// Asks root's service for the restart of one component.
async fn ask(socket: &Path, component: &str) -> Answer {
    let unanswered = |what: &str, error: &dyn std::fmt::Display| {
        let words = format!("hams-repair.socket {what}: {error}");
        Answer::new(Attempt::Unanswered, words)
    };
    let mut stream = match timeout(CONNECT_LIMIT, UnixStream::connect(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return unanswered("cannot be reached", &error),
        Err(error) => return unanswered("cannot be reached", &error),
    };
    let question = format!("{component}\n");
    match timeout(CONNECT_LIMIT, stream.write_all(question.as_bytes())).await {
        // It may have answered before it has read the question: then the answer says why.
        Ok(_) => {}
        Err(error) => return unanswered("takes no question", &error),
    }
    let mut line = String::new();
    match timeout(ANSWER_LIMIT, stream.take(LONGEST).read_to_string(&mut line)).await {
        Ok(Ok(_)) => Answer::parse(&line),
        Ok(Err(error)) => unanswered("gives no answer", &error),
        Err(error) => unanswered("gives no answer", &error),
    }
}

fn journal(component: &str, unit: &str, answer: &Answer, said: &str) {
    let result = answer.attempt.as_str();
    let message_id = message_ids::ASKED;
    match answer.attempt {
        Attempt::Restarted => info!(message_id, component, unit, result, "{component}: {said}"),
        _ => warn!(message_id, component, unit, result, "{component}: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::State;
    use crate::health::tests::{Named, report};
    use tokio::net::UnixListener;

    const LIMITS: Limits = Limits { at_most: 2, within: Duration::from_secs(3600), apart: Duration::ZERO };

    fn node() -> watch::Sender<Report> {
        let mut report = report(&[
            Named("unit pdns.service", "powerdns", Some("pdns.service")),
            Named("powerdns api", "powerdns", None),
        ]);
        report.note("unit pdns.service", Outcome::ok());
        report.note("powerdns api", Outcome::ok());
        watch::channel(report).0
    }

    fn note(report: &watch::Sender<Report>, check: &str, outcome: Outcome) {
        report.send_modify(|report| {
            report.note(check, outcome);
        });
    }

    /// What the report says of the repairs.
    fn told(report: &watch::Sender<Report>) -> (State, String) {
        let report = report.borrow();
        let entry = report.entry("repair powerdns").unwrap();
        (entry.state, entry.reason.clone().unwrap_or_default())
    }

    /// A service that answers so, a connection each; gives what it was asked.
    fn service(path: &Path, answers: &'static [&'static str]) -> tokio::task::JoinHandle<Vec<String>> {
        let listener = UnixListener::bind(path).unwrap();
        tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut question = [0; 64];
                let length = stream.read(&mut question).await.unwrap();
                asked.push(String::from_utf8_lossy(&question[..length]).into_owned());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        })
    }

    #[tokio::test]
    async fn what_stays_failing_is_asked_for_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let service = service(&path, &["restarted: 1 of 2 within 60 min\n", "failed: it does not come up\n"]);
        let (report, mut one) = (node(), Watched::new("powerdns", "pdns.service"));
        let turn = async |one: &mut Watched, limits| {
            look(one, Duration::ZERO, limits, &path, &report).await;
            told(&report)
        };
        assert_eq!(turn(&mut one, LIMITS).await, (State::Ok, "nothing to restart so far".into()));
        note(&report, "powerdns api", Outcome::failing("no answer"));
        let (state, said) = turn(&mut one, LIMITS).await;
        assert_eq!(state, State::Degraded);
        assert!(said.starts_with("restarted pdns.service at 2"), "{said}");
        assert!(said.ends_with(", 1 of 2 within 60 min; powerdns api fails: no answer"), "{said}");
        note(&report, "powerdns api", Outcome::ok());
        assert_eq!(turn(&mut one, LIMITS).await, (State::Ok, said.clone()), "it stays told");
        note(&report, "powerdns api", Outcome::failing("no answer"));
        // What came to nothing is not tried again at once.
        let (state, said) = turn(&mut one, LIMITS).await;
        let expected = "not restarted: it does not come up; powerdns api fails: no answer";
        assert_eq!((state, said.as_str()), (State::Degraded, expected));
        let apart = Limits { apart: Duration::from_secs(600), ..LIMITS };
        one.restarts.clear();
        assert_eq!(turn(&mut one, apart).await, (State::Degraded, expected.into()));
        assert_eq!(service.await.unwrap(), ["powerdns\n", "powerdns\n"]);
        note(&report, "powerdns api", Outcome::ok());
        let (_, said) = turn(&mut one, LIMITS).await;
        assert!(said.starts_with("restarted pdns.service at 2"), "the last one that was: {said}");
        note(&report, "powerdns api", Outcome::failing("no answer"));
        // Nobody is there any more.
        let (state, said) = turn(&mut one, LIMITS).await;
        assert!(state == State::Degraded && said.contains("hams-repair.socket cannot be reached"), "{said}");
        note(&report, "unit pdns.service", Outcome::failing("inactive (dead)"));
        let expected = (State::Ok, "not restarted: unit pdns.service is failing".to_owned());
        assert_eq!(turn(&mut one, LIMITS).await, expected);
        let counts: Vec<u64> = report.borrow().repairs[0].attempts.values().copied().collect();
        assert_eq!(counts, [1, 0, 1, 1]);
    }

    #[tokio::test]
    async fn the_limits_hold_before_anybody_is_asked() {
        let (report, mut one) = (node(), Watched::new("powerdns", "pdns.service"));
        one.restarts = vec![Instant::now(), Instant::now()];
        note(&report, "powerdns api", Outcome::failing("no answer"));
        look(&mut one, Duration::ZERO, LIMITS, Path::new("/nonexistent"), &report).await;
        let expected = "not restarted: 2 of 2 within 60 min are used up: restarts do not cure it";
        assert_eq!(told(&report), (State::Degraded, expected.into()));
        assert!(one.asked.is_none());
    }
}
