//! Daemons that cannot run, each for another reason: the reason is told, and nobody else is touched.

use super::lab::Host;
use super::node::{CACHE, CODE, CONSUMER, bring_wrong_ones, hams, property, wait};
use super::units::{restarted, starts};

/// A list that cannot be had, a package that nothing lists, a key that is not there or cannot be read.
pub fn what_is_wrong_with_one_is_told_and_stops_no_other(host: &Host) {
    bring_wrong_ones(host);
    let before = starts(host);
    let ended = hams(host, &[]).expect(5);
    for part in [
        "failing  daemon sample.list: not started: what it requires cannot be installed: ",
        "pika==0.0.0.1",
        "daemon sample.import: ",
        "ModuleNotFoundError: No module named 'pika'",
        "failing  daemon sample.keyed: not started: its key /opt/hams/etc/keys/sample/sample.key is not there",
        "ok       daemon sample.consumer",
        "ok       daemon sample.timer",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.text());
    }
    let others: Vec<_> = restarted(&before, &starts(host));
    assert!(!others.iter().any(|unit| unit == CONSUMER || unit == CACHE), "{others:?}");
    for unit in ["sample.list", "sample.keyed", "sample.opt-in", "sample.retired"] {
        let unit = format!("hams-daemon@{unit}.service");
        assert_eq!(property(host, &unit, "ActiveState"), "inactive", "{unit}");
    }
    // One that dies at once is not restarted for ever.
    wait("it is restarted for ever", || {
        let unit = "hams-daemon@sample.import.service";
        let seen = (property(host, unit, "ActiveState"), property(host, unit, "NRestarts"));
        if seen.0 == "failed" && seen.1.parse::<u32>().is_ok_and(|count| count <= 30) {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });

    host.ok("install -d /opt/hams/etc/keys/sample; touch /opt/hams/etc/keys/sample/sample.key");
    let verified = hams(host, &["verify"]).expect(5);
    let told = "daemon sample.keyed: not started: its key /opt/hams/etc/keys/sample/sample.key is empty";
    assert!(verified.stderr.contains(told), "{}", verified.text());
    host.ok(
        "echo key >/opt/hams/etc/keys/sample/sample.key; chmod 0600 /opt/hams/etc/keys/sample/sample.key",
    );
    let verified = hams(host, &["verify"]).expect(5);
    let told =
        "daemon sample.keyed: not started: its account hamsd_wrong cannot read its key: `chgrp hamsd_wrong ";
    assert!(verified.stderr.contains(told), "{}", verified.text());
    // What each said is what helps.
    host.ok(&format!(
        "chgrp hamsd_wrong /opt/hams/etc/keys/sample/sample.key; chmod 0640 /opt/hams/etc/keys/sample/sample.key
         echo 'pika==1.4.4' >{CODE}/sample_list/requirements.txt
         rm -r {CODE}/sample_import"
    ));
    hams(host, &[]).expect(0);
    for unit in ["sample.list", "sample.keyed"] {
        assert_eq!(property(host, &format!("hams-daemon@{unit}.service"), "ActiveState"), "active", "{unit}");
    }
    // Those whose code goes stop, and stay down.
    host.ok(&format!("rm -r /opt/hams/etc {CODE}/sample_list {CODE}/sample_keyed"));
    let ended = hams(host, &[]).expect(0);
    assert!(
        ended.stderr.contains("stop and disable hams-daemon@sample.list.service, which"),
        "{}",
        ended.text()
    );
    for unit in ["sample.list", "sample.keyed", "sample.import"] {
        let unit = format!("hams-daemon@{unit}.service");
        assert_eq!(property(host, &unit, "UnitFileState"), "disabled", "{unit}");
        assert_ne!(property(host, &unit, "ActiveState"), "active", "{unit}");
    }
}

/// Code that another account than root can change, be it only what a daemon imports.
pub fn code_of_others_is_not_run(host: &Host) {
    for (wrong, right) in [
        ("chown nobody {}/shared.py", "chown root {}/shared.py"),
        ("chmod 0775 {}/sample_cache", "chmod 0755 {}/sample_cache"),
    ] {
        host.ok(&wrong.replace("{}", CODE));
        let verified = hams(host, &["verify"]).expect(5);
        let told = verified.stderr.contains("failing  daemon sample.cache: not started: ")
            && verified.stderr.contains("change what the daemon does")
            && verified.stderr.contains("hint: `chown -R root:root /opt/hams/daemons/");
        assert!(told, "{}", verified.text());
        host.ok(&right.replace("{}", CODE));
    }
    hams(host, &["verify"]).expect(0);
}

/// Somebody else has the port that a daemon is to have.
pub fn a_port_that_is_taken_is_told(host: &Host) {
    host.ok(&format!("systemctl stop {CACHE}"));
    let script = "import socket, time\ns = socket.create_server(('127.0.0.1', 18765))\ntime.sleep(600)\n";
    host.write("/run/holder.py", script);
    host.ok("systemd-run --quiet --unit=holder python3 /run/holder.py");
    wait("nobody holds the port", || {
        let sockets = host.ok("ss --listening --numeric --tcp");
        if sockets.contains(":18765") { Ok(()) } else { Err(sockets) }
    });
    let refused = hams(host, &[]).expect(3);
    assert!(
        refused.stderr.contains("port 18765/tcp on 127.0.0.1 is held by python3 (pid "),
        "{}",
        refused.text()
    );
    // Started all the same, it says why it does not run.
    host.run(&["systemctl", "start", CACHE]);
    let verified = wait("it says nothing of the port", || {
        let verified = hams(host, &["verify"]);
        if verified.stderr.contains("its port 18765 is held by python3") {
            Ok(verified)
        } else {
            Err(verified.text())
        }
    });
    verified.expect(5);
    host.ok("systemctl stop holder; rm /run/holder.py");
    hams(host, &[]).expect(0);
}
