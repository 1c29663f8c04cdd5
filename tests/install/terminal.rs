//! What an operator sees on a terminal: progress, colours, and Ctrl-C.

use super::lab::Host;
use super::lab::package::INSTALL;
use super::node::{NODE, Node};

const CTRL_C: &str = "\\x03";
/// A colour or another rendition (ECMA-48, SGR): ESC [ … m.
fn has_colour(text: &str) -> bool {
    text.split("\x1b[").skip(1).any(|rest| {
        rest.trim_start_matches(|char: char| char.is_ascii_digit() || char == ';').starts_with('m')
    })
}

/// Ctrl-C while apt unpacks: the step under way is finished, the run ends with 4, dpkg is in order.
pub fn interrupted(host: &Host) {
    let unpacking =
        "pgrep --exact dpkg && dpkg-query --show --showformat='${db:Status-Abbrev}' rabbitmq-server";
    let ended =
        host.run(&[&["python3", "/root/terminal.py", unpacking, CTRL_C], &INSTALL[..]].concat()).expect(4);
    let shown = &ended.stdout;
    assert!(shown.contains("stopping after the steps that are under way"), "{}", ended.text());
    assert!(
        shown.contains("stopped between two steps") && shown.contains("run the same command again"),
        "{}",
        ended.text()
    );
    assert!(has_colour(shown), "no colour on a terminal: {shown:?}");
    let bars = shown.matches('%').count();
    assert!(bars > 10 && shown.contains("\x1b[2K"), "no bars on a terminal ({bars}): {shown:?}");
    assert_eq!(host.ok("dpkg --audit"), "", "dpkg is left in the middle of something");
    let policy = host.run(&["test", "-e", "/usr/sbin/policy-rc.d"]);
    assert_eq!(policy.code, 1, "policy-rc.d is left behind");
}

/// Colours on a terminal, none with NO_COLOR.
pub fn shows(node: &Node) {
    node.host.ok("chmod 0600 /etc/rabbitmq/conf.d/50-hams.conf");
    let on_terminal = |environment: &[&str]| {
        let command = [
            &["python3", "/root/terminal.py", "true", "", "env"],
            environment,
            &["hams-install"],
            NODE,
            &["plan"],
        ];
        node.host.run(&command.concat()).expect(10).stdout
    };
    let (coloured, plain) = (on_terminal(&[]), on_terminal(&["NO_COLOR=1"]));
    assert!(has_colour(&coloured), "no colour on a terminal: {coloured:?}");
    assert!(!has_colour(&plain) && plain.contains("0600"), "NO_COLOR is not obeyed: {plain:?}");
    let run = [&["python3", "/root/terminal.py", "true", "", "env", "NO_COLOR=1"], &INSTALL[..]].concat();
    let run = node.host.run(&run).expect(0).stdout;
    assert!(!has_colour(&run) && run.contains("done"), "NO_COLOR is not obeyed: {run:?}");
}
