//! What can happen to the daemons of tests/daemons.

use super::fault::Fault;

pub fn all() -> Vec<Fault> {
    const DAEMON: &str = "hams-daemon@sample.consumer.service";
    const OF_DAEMON: &str = "unit hams-daemon@sample.consumer";
    const TIMER: &str = "hams-daemon@sample.timer.timer";
    const OF_TIMER: &str = "timer hams-daemon@sample.timer";
    const RUN: &str = "hams-daemon@sample.timer.service";
    let fault = |what, begin: String, end: String, cause, state, words| Fault {
        is_aside: true,
        ..Fault::new("daemons", what, [begin, end], (cause, state, &[words]))
    };
    let drop_in = format!("/etc/systemd/system/{RUN}.d");
    vec![
        fault(
            "a daemon stopped",
            format!("systemctl stop {DAEMON}"),
            format!("systemctl start {DAEMON}"),
            OF_DAEMON,
            "failing",
            "inactive (dead)",
        ),
        fault(
            "a daemon killed",
            format!("systemctl kill --signal=KILL {DAEMON}"),
            "true".into(),
            OF_DAEMON,
            "degraded",
            "it ended by itself",
        ),
        fault(
            "a timer stopped",
            format!("systemctl stop {TIMER}"),
            format!("systemctl start {TIMER}"),
            OF_TIMER,
            "failing",
            "it never runs",
        ),
        fault(
            "a timer's run failed",
            format!(
                "mkdir -p {drop_in}; printf '[Service]\nExecStart=\nExecStart=/bin/false\n' >{drop_in}/99-fault.conf
                systemctl daemon-reload; systemctl start {RUN} || true"
            ),
            format!("rm {drop_in}/99-fault.conf; systemctl daemon-reload; systemctl start {RUN}"),
            OF_TIMER,
            "degraded",
            "its last run failed",
        ),
    ]
}
