//! PowerDNS and RabbitMQ are away for an hour of the agent's own: its clock goes sixty times as fast, systemd's does not.

use super::looks::{Looks, PATIENCE};
use serde_json::Value;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// libfaketime makes each clock and each wait of the agent's sixty times as fast. The watchdog and the limits of starts are
/// systemd's, which counts as ever.
const FAST: &str = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
         -o Acquire::Retries=3 libfaketime >&2
     mkdir -p /etc/systemd/system/hams-agent.service.d
     cat >/etc/systemd/system/hams-agent.service.d/99-hour.conf <<'CONF'
[Service]
Environment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 \"FAKETIME=+0 x60\"
CONF
     systemctl daemon-reload
     systemctl restart hams-agent";
const AS_EVER: &str = "rm /etc/systemd/system/hams-agent.service.d/99-hour.conf
     systemctl daemon-reload
     systemctl restart hams-agent";
/// What is named as the cause, in the order of the names.
const STOPPED: [&str; 2] = ["unit pdns.service", "unit rabbitmq-server.service"];
const CHECK: &str = "powerdns api";

/// The agent stays the one that it is, says all the time what is away, and applies afterwards what waited. Gives a row of
/// the table.
#[track_caller]
pub fn of_an_outage_starts_no_agent(looks: &Looks<'_>) -> String {
    looks.host.ok(FAST);
    let agent = looks.agent();
    looks.host.ok("systemctl stop pdns");
    let waits = Looks::message("hour.u.hams.test.", 60);
    looks.publish(&[waits]);
    looks.host.ok("systemctl stop rabbitmq-server");
    let begun = Instant::now();
    let lasted = loop {
        let (check, troubles) = (failing(looks), looks.troubles());
        let names_both = Looks::roots(&troubles).into_iter().eq(STOPPED);
        if let Some(lasted) = check.filter(|lasted| *lasted >= HOUR && names_both) {
            break lasted;
        }
        assert!(begun.elapsed() < PATIENCE, "no hour passes: {check:?}, {troubles:#?}");
        std::thread::sleep(Duration::from_secs(1));
    };
    let real = begun.elapsed();
    assert!(real > Duration::from_secs(30), "shorter than the watchdog: {real:?}");
    for unit in STOPPED.map(|check| check.trim_start_matches("unit ")) {
        let state = looks.host.run(&["systemctl", "is-active", unit]).stdout;
        assert_eq!(state.trim(), "inactive", "{unit} was started by something else");
    }
    looks.host.ok("systemctl start rabbitmq-server pdns");
    looks.answers("www.hour.u.hams.test", 60, PATIENCE);
    assert_eq!(looks.agent(), agent, "the agent was started anew");
    looks.host.ok(AS_EVER);
    let well = looks.are_well();
    format!(
        "| agent | PowerDNS and RabbitMQ away for {} min of its clock, {:.0} s of systemd's | | | not started anew; what waited \
         is applied | | {:.0} s |",
        lasted.as_secs() / 60,
        real.as_secs_f64(),
        well.as_secs_f64()
    )
}

/// For how long PowerDNS has been failing by the agent's clock; `None`: it is not.
fn failing(looks: &Looks<'_>) -> Option<Duration> {
    let status = looks.status();
    let check = status["checks"].as_array()?.iter().find(|check| check["name"] == CHECK)?;
    let time = |value: &Value| humantime::parse_rfc3339(value.as_str()?).ok();
    if check["state"] != "failing" {
        return None;
    }
    time(&check["checked"])?.duration_since(time(&check["since"])?).ok()
}
