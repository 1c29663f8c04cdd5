//! `hams-agent repair`: what hams-repair@.service runs as root for one connection of the agent's. It reads the name of a
//! component, restarts its unit if root's own list has it and its limits allow, and says so, also in the journal.
//!
//! Whoever asks has no more than the choice among what root has listed: no unit, no verb, no argument comes from them.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream as PlainStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::message_ids;
use super::repair_answer::{Answer, LONGEST, plain};
use crate::config::repair::RepairTable;
use crate::health::{Attempt, Limits};
use crate::host::units::{Job, Systemd};
use crate::host::write::{self, Access};
use crate::host::{BoxFuture, account};

/// Who asks says at once what they want.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);
/// What the journal calls this: it is gone too soon for journald to see whose it is.
const IDENTIFIER: &str = "hams-repair";
/// Who may ask beside root.
const AGENT: &str = "hams-agent";

/// Where everything lies.
#[derive(Debug, Clone)]
pub struct RepairOptions {
    /// Root's list.
    pub table: PathBuf,
    /// The folder of the times of the restarts.
    pub state: PathBuf,
}

/// Answers the one question of the connection on standard input, and gives the exit code.
pub async fn repair(options: &RepairOptions) -> u8 {
    let (stream, uid) = match connection() {
        Ok(connection) => connection,
        Err(error) => {
            error!(
                "standard input is no connection ({error})\nhint: hams-repair.socket has systemd start this"
            );
            return 2;
        }
    };
    let agent = account::find_user(AGENT).ok().flatten().map(|user| user.uid.as_raw());
    let who = match uid {
        0 => Some("root"),
        uid if agent == Some(uid) => Some(AGENT),
        _ => None,
    };
    match answer(stream, who, options, &Bus).await {
        Ok(()) => 0,
        Err(error) => {
            // The work is done, and nobody hears of it: the one who asked has gone.
            warn!("the answer did not get through: {error}");
            1
        }
    }
}

/// Standard input as the connection that it is, and who is at its other end.
fn connection() -> std::io::Result<(UnixStream, u32)> {
    let stream = PlainStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    let stream = UnixStream::from_std(stream)?;
    let uid = stream.peer_cred()?.uid();
    Ok((stream, uid))
}

/// Restarts a unit.
trait Restart: Sync {
    /// Only if it is active; says what it is where it is not.
    fn restart<'a>(&'a self, unit: &'a str) -> BoxFuture<'a, Result<(), (Attempt, String)>>;
    /// Why it cannot be restarted.
    fn obstacle<'a>(&'a self, unit: &'a str) -> BoxFuture<'a, Option<(Attempt, String)>>;
}

/// systemd.
struct Bus;

impl Restart for Bus {
    fn obstacle<'a>(&'a self, unit: &'a str) -> BoxFuture<'a, Option<(Attempt, String)>> {
        Box::pin(async move {
            let asked = async { Systemd::connect().await?.state(unit).await };
            match asked.await {
                Ok(state) if state.active == "active" => None,
                Ok(state) => Some((Attempt::Refused, format!("{unit} is {}", state.words()))),
                Err(error) => Some((Attempt::Failed, error.to_string())),
            }
        })
    }

    fn restart<'a>(&'a self, unit: &'a str) -> BoxFuture<'a, Result<(), (Attempt, String)>> {
        Box::pin(async move {
            let failed = |error: crate::host::Error| (Attempt::Failed, error.to_string());
            let systemd = Systemd::connect().await.map_err(failed)?;
            // One that somebody stops at this very moment stays stopped.
            systemd.run(Job::TryRestart, unit).await.map_err(failed)?;
            let state = systemd.state(unit).await.map_err(failed)?;
            match state.is_running() {
                true => Ok(()),
                false => Err((Attempt::Failed, format!("{unit} is {}", state.words()))),
            }
        })
    }
}

/// Reads the question, does what it may, tells the journal, and answers. `who`: who asks, if they may.
async fn answer(
    stream: UnixStream,
    who: Option<&str>,
    options: &RepairOptions,
    units: &dyn Restart,
) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader).take(LONGEST);
    let read = timeout(QUESTION_LIMIT, reader.read_line(&mut line)).await;
    let component = plain(&line);
    let (unit, answer) = match (who, read) {
        (None, _) => (None, Answer::new(Attempt::Refused, "only root and hams-agent may ask")),
        (_, Ok(Ok(_))) if line.ends_with('\n') => decide(&component, options, units).await,
        _ => (None, Answer::new(Attempt::Refused, "no question came: the name of a component, in one line")),
    };
    tell(who.unwrap_or("somebody else"), &component, unit.as_deref(), &answer);
    writer.write_all(format!("{answer}\n").as_bytes()).await?;
    writer.shutdown().await
}

/// The unit, if it is known, and what became of it.
async fn decide(component: &str, options: &RepairOptions, units: &dyn Restart) -> (Option<String>, Answer) {
    let table = match RepairTable::load(&options.table) {
        Ok(table) => table,
        Err(error) => return (None, Answer::new(Attempt::Refused, error.to_string())),
    };
    let Some(unit) = table.units.get(component).cloned() else {
        let why = format!("`{component}` is not among what hams.toml has restarted (`health.restart`)");
        return (None, Answer::new(Attempt::Refused, why));
    };
    let done = restart(component, &unit, (&table).into(), options, units).await;
    let answer = match done {
        Ok(words) => Answer::new(Attempt::Restarted, words),
        Err((attempt, why)) => Answer::new(attempt, why),
    };
    (Some(unit), answer)
}

async fn restart(
    component: &str,
    unit: &str,
    limits: Limits,
    options: &RepairOptions,
    units: &dyn Restart,
) -> Result<String, (Attempt, String)> {
    let failed = |error: crate::host::Error| (Attempt::Failed, error.to_string());
    // Held until the end: one restart at a time.
    let _lock = lock(&options.state)?;
    let stamps = Stamps::of(&options.state, component);
    let now = SystemTime::now();
    let mut times = stamps.read(now).map_err(failed)?;
    let ages: Vec<Duration> =
        times.iter().map(|time| now.duration_since(*time).unwrap_or_default()).collect();
    if let Some(why) = limits.refusal(&ages) {
        return Err((Attempt::Refused, why));
    }
    if let Some(obstacle) = units.obstacle(unit).await {
        return Err(obstacle);
    }
    // On the disk before it is done: one that fails counts as well, and so does one that a power cut ends.
    times.retain(|time| now.duration_since(*time).unwrap_or_default() < limits.within);
    times.push(now);
    stamps.write(&times).map_err(failed)?;
    units.restart(unit).await?;
    Ok(limits.words(u32::try_from(times.len()).unwrap_or(u32::MAX)))
}

fn lock(folder: &Path) -> Result<Flock<File>, (Attempt, String)> {
    let path = folder.join("lock");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file =
        opened.map_err(|error| (Attempt::Failed, format!("cannot open {}: {error}", path.display())))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        Errno::EWOULDBLOCK => (Attempt::Refused, "another restart is under way".to_owned()),
        errno => (Attempt::Failed, format!("cannot lock {}: {errno}", path.display())),
    })
}

/// When a component was restarted: a file with a time a line, RFC 3339.
struct Stamps {
    path: PathBuf,
}

impl Stamps {
    fn of(folder: &Path, component: &str) -> Self {
        Self { path: folder.join(format!("{component}.times")) }
    }

    /// The times up to `now`: where the clock was set back they are later, and count from now on, once.
    fn read(&self, now: SystemTime) -> Result<Vec<SystemTime>, crate::host::Error> {
        let text = crate::host::file::read_if_there(&self.path)?.unwrap_or_default();
        let times: Vec<SystemTime> =
            text.lines().filter_map(|line| humantime::parse_rfc3339(line).ok()).collect();
        if times.iter().all(|time| *time <= now) {
            return Ok(times);
        }
        let times: Vec<SystemTime> = times.into_iter().map(|time| time.min(now)).collect();
        self.write(&times)?;
        Ok(times)
    }

    fn write(&self, times: &[SystemTime]) -> Result<(), crate::host::Error> {
        let lines: String =
            times.iter().map(|time| format!("{}\n", humantime::format_rfc3339_millis(*time))).collect();
        let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        write::atomically(&self.path, lines.as_bytes(), Access { uid, gid, ..write::PRIVATE })
    }
}

/// The journal's entry of a question: who was restarted by whom is root's own word there.
fn tell(who: &str, component: &str, unit: Option<&str>, answer: &Answer) {
    let (result, words) = (answer.attempt.as_str(), answer.words.as_str());
    let (what, syslog_identifier) = (unit.unwrap_or(component), IDENTIFIER);
    match answer.attempt {
        Attempt::Restarted => info!(
            message_id = message_ids::RESTARTED,
            syslog_identifier,
            component,
            unit,
            result,
            "{what} is restarted for {who} ({component}): {words}"
        ),
        _ => warn!(
            message_id = message_ids::NOT_RESTARTED,
            syslog_identifier, component, unit, result, "{what} is not restarted for {who}: {words}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Mutex;

    /// systemd in a test: what is not active, and what was restarted.
    #[derive(Default)]
    struct Units {
        stopped: Option<&'static str>,
        broken: bool,
        restarted: Mutex<Vec<String>>,
    }

    impl Restart for Units {
        fn obstacle<'a>(&'a self, unit: &'a str) -> BoxFuture<'a, Option<(Attempt, String)>> {
            Box::pin(async move {
                (self.stopped == Some(unit)).then(|| (Attempt::Refused, format!("{unit} is inactive (dead)")))
            })
        }
        fn restart<'a>(&'a self, unit: &'a str) -> BoxFuture<'a, Result<(), (Attempt, String)>> {
            Box::pin(async move {
                self.restarted.lock().unwrap().push(unit.to_owned());
                if self.broken { Err((Attempt::Failed, "it does not come up".into())) } else { Ok(()) }
            })
        }
    }

    /// A folder with a list of root's; `None` where this is not root, whose files alone count.
    fn folder(apart: u64) -> Option<(tempfile::TempDir, RepairOptions)> {
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("repair.toml");
        let text = format!(
            "at_most = 3\nwithin_seconds = 3600\napart_seconds = {apart}\n[units]\npowerdns = \"pdns.service\"\n"
        );
        std::fs::write(&table, text).unwrap();
        std::fs::set_permissions(&table, Permissions::from_mode(0o644)).unwrap();
        let options = RepairOptions { table, state: folder.path().to_owned() };
        Some((folder, options))
    }

    async fn ask(question: &str, who: Option<&str>, options: &RepairOptions, units: &Units) -> String {
        let (mut here, there) = UnixStream::pair().unwrap();
        here.write_all(question.as_bytes()).await.unwrap();
        here.shutdown().await.unwrap();
        answer(there, who, options, units).await.unwrap();
        let mut said = String::new();
        here.read_to_string(&mut said).await.unwrap();
        said
    }

    #[tokio::test]
    async fn only_what_is_listed_and_only_so_often() {
        let Some((_folder, options)) = folder(0) else { return };
        let units = Units::default();
        for (question, who, expected) in [
            ("powerdns\n", None, "refused: only root and hams-agent may ask\n"),
            ("", Some("root"), "refused: no question came: the name of a component, in one line\n"),
            ("powerdns", Some("root"), "refused: no question came: the name of a component, in one line\n"),
            (
                "rabbitmq\n",
                Some("root"),
                "refused: `rabbitmq` is not among what hams.toml has restarted (`health.restart`)\n",
            ),
            (
                "../pdns.service\x1b\n",
                Some("root"),
                "refused: `../pdns.service ` is not among what hams.toml has restarted (`health.restart`)\n",
            ),
        ] {
            assert_eq!(ask(question, who, &options, &units).await, expected);
        }
        assert!(units.restarted.lock().unwrap().is_empty());
        for count in 1..=3 {
            let said = ask("powerdns\n", Some("root"), &options, &units).await;
            assert_eq!(said, format!("restarted: {count} of 3 within 60 min\n"));
        }
        let said = ask("powerdns\n", Some("root"), &options, &units).await;
        assert_eq!(said, "refused: 3 of 3 within 60 min are used up: restarts do not cure it\n");
        assert_eq!(*units.restarted.lock().unwrap(), ["pdns.service"; 3]);
    }

    #[tokio::test]
    async fn what_is_stopped_stays_so_and_what_fails_counts() {
        let Some((folder, options)) = folder(600) else { return };
        let stopped = Units { stopped: Some("pdns.service"), ..Units::default() };
        assert_eq!(
            ask("powerdns\n", Some("root"), &options, &stopped).await,
            "refused: pdns.service is inactive (dead)\n"
        );
        assert!(stopped.restarted.lock().unwrap().is_empty());
        let broken = Units { broken: true, ..Units::default() };
        assert_eq!(ask("powerdns\n", Some("root"), &options, &broken).await, "failed: it does not come up\n");
        let said = ask("powerdns\n", Some("root"), &options, &Units::default()).await;
        assert!(
            said.starts_with("refused: the last restart was 0 s ago, and two are at least 10 min"),
            "{said}"
        );
        let held = lock(folder.path()).unwrap();
        let said = ask("powerdns\n", Some("root"), &options, &Units::default()).await;
        assert_eq!(said, "refused: another restart is under way\n");
        drop(held);
        std::fs::remove_file(&options.table).unwrap();
        let said = ask("powerdns\n", Some("root"), &options, &Units::default()).await;
        assert!(said.starts_with("refused: cannot read /"), "{said}");
    }

    #[test]
    fn a_clock_that_is_set_back_ends_no_limit_and_makes_none_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let stamps = Stamps::of(folder.path(), "powerdns");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert!(stamps.read(now).unwrap().is_empty());
        let hour = Duration::from_secs(3600);
        stamps.write(&[now - hour, now, now + hour * 1000]).unwrap();
        assert_eq!(stamps.read(now).unwrap(), [now - hour, now, now]);
        assert_eq!(stamps.read(now + hour).unwrap(), [now - hour, now, now], "it counts from then on");
    }
}
