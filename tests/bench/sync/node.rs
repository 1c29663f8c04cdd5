//! The host with everything that is measured, and one run of a load on the agent or on its peer.

use super::agent::{Agent, output};
use super::api::Api;
use super::broker::Broker;
use super::fleet::Fleet;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the peer lies on the host.
pub const INCUMBENT: &str = "/root/incumbent.py";
/// A broker and an agent that were busy get this long to come to rest.
const REST: Duration = Duration::from_millis(300);
const POLL: Duration = Duration::from_millis(10);
/// More messages than the agent has in its hand at once.
const IN_HAND: usize = 5000;
/// Nothing that moves at all stands still for this long: only a loss ends a run.
const STUCK: Duration = Duration::from_secs(300);

/// One host, and how large everything is.
pub struct Node {
    pub agent: Agent,
    pub api: Api,
    pub broker: Broker,
    pub server: IpAddr,
    pub agent_password: String,
    scale: f64,
}

impl Node {
    pub fn open(server: IpAddr) -> Result<Self> {
        let secret = |name| output("hams-install", &["secrets", "show", name]);
        let scale = std::env::var("HAMS_BENCH_SCALE").ok();
        let scale = scale.map_or(Ok(1.0), |text| text.parse::<f64>()).context("HAMS_BENCH_SCALE")?;
        ensure!(scale > 0.0 && scale <= 1.0, "HAMS_BENCH_SCALE must be above 0 and at most 1");
        Ok(Self {
            agent: Agent::running()?,
            api: Api::new(&secret("PDNS_API_KEY")?),
            broker: Broker::open(&secret("RMQ_PASS")?)?,
            server,
            agent_password: secret("HAMS_AGENT_RMQ_PASS")?,
            scale,
        })
    }

    /// A size as this run has it.
    pub fn size(&self, whole: usize) -> usize {
        ((whole as f64 * self.scale) as usize).max(10)
    }

    /// The agent's zones, made by it; gives how long that took.
    pub fn create(&self, fleet: &mut Fleet) -> Result<Duration> {
        let events = (0..fleet.len()).map(|number| fleet.change(number)).collect();
        self.through_agent(fleet, events)
    }

    /// The time from the moment that a still agent moves until every zone is answered as it must be. All events wait in the
    /// broker by then, or in what it has sent on, so that neither publishing nor a start is part of it. The clock stands
    /// while zones are asked that were right at the first question, as the time that this takes is the questions' own.
    pub fn through_agent(&self, fleet: &mut Fleet, events: Vec<Vec<u8>>) -> Result<Duration> {
        self.agent.freeze()?;
        let published = self.broker.publish(events);
        std::thread::sleep(REST);
        let begun = Instant::now();
        self.agent.thaw()?;
        published?;
        let (mut waiting, mut moved) = (self.broker.waiting()?, Instant::now());
        while waiting > 0 {
            std::thread::sleep(POLL);
            let now = self.broker.waiting()?;
            if now < waiting {
                moved = Instant::now();
            }
            ensure!(moved.elapsed() < STUCK, "{now} messages wait, and the agent takes none");
            waiting = now;
        }
        // The last messages are in the agent's hand now, all others acknowledged: what those change tells when it is through.
        let mut took = begun.elapsed();
        for number in fleet.last_changed(IN_HAND) {
            if !fleet.is_answered(self.server, number) {
                fleet.wait_for(self.server, number, Instant::now() + STUCK)?;
                took = begun.elapsed();
            }
        }
        self.agent.is_the_same()?;
        self.is_drained()?;
        fleet.check(&self.api)?;
        Ok(took)
    }

    /// The peer's own time from its first message to its last acknowledgement; the agent does not run meanwhile.
    pub fn through_incumbent(&mut self, fleet: &mut Fleet, events: Vec<Vec<u8>>) -> Result<Duration> {
        self.agent.stop()?;
        let count = events.len().to_string();
        self.broker.publish(events)?;
        std::thread::sleep(REST);
        let mut peer = Command::new("python3");
        let mut child =
            peer.args([INCUMBENT, &count]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let secrets = format!("{}\n{}\n", self.agent_password, self.api.key());
        child.stdin.take().context("a pipe")?.write_all(secrets.as_bytes())?;
        let ended = child.wait_with_output()?;
        ensure!(ended.status.success(), "{INCUMBENT} failed");
        let said: Value = serde_json::from_slice(&ended.stdout)?;
        self.is_drained()?;
        fleet.check(&self.api)?;
        self.restart_agent()?;
        Ok(Duration::from_secs_f64(said["seconds"].as_f64().context("no seconds")?))
    }

    /// Starts the agent and lets it come to rest.
    pub fn restart_agent(&mut self) -> Result<()> {
        self.agent.start()?;
        std::thread::sleep(Duration::from_secs(1));
        Ok(())
    }

    /// Fails unless nothing waits, nobody has anything in hand, and nothing was set aside, within a few seconds.
    pub fn is_drained(&self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(10);
        let columns = ["name", "messages_ready", "messages_unacknowledged"];
        loop {
            let lists = output(
                "rabbitmqctl",
                &[&["--quiet", "list_queues", "--no-table-headers"][..], &columns].concat(),
            )?;
            let is_empty = |line: &str| line.split_whitespace().skip(1).all(|count| count == "0");
            if lists.lines().count() == 2 && lists.lines().all(is_empty) {
                return Ok(());
            }
            ensure!(Instant::now() < end, "messages are left ({}):\n{lists}", columns.join(", "));
        }
    }
}

/// Events a second.
pub fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
