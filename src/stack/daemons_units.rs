//! What systemd reads of a daemon: the drop-in of its service, and its timer.

use super::daemons_catalogue::{Daemon, Kind, Need};
use super::part::PartError;
use super::template::render;
use super::{daemons_venv, environment, postgresql, powerdns, rabbitmq, redis};
use crate::config::{Component, Config};
use minijinja::context;

/// How much a calendar's run is put off at random.
const RANDOM_DELAY: &str = "15min";

/// Where the timer of `daemon` stands, if it has one.
pub fn timer_path(daemon: &Daemon) -> Option<String> {
    daemon.timer().map(|timer| format!("/etc/systemd/system/{timer}"))
}

/// The units of this host that `daemon` is started after. It wants them and no more: it must come back by itself when
/// one of them was stopped for a while.
pub fn needs(daemon: &Daemon, config: &Config) -> Result<Vec<String>, PartError> {
    let mut units = Vec::new();
    for need in &daemon.needs {
        let (component, unit) = match need {
            Need::Postgresql => (Component::Postgresql, String::new()),
            Need::Redis => (Component::Redis, redis::UNIT.to_owned()),
            Need::Rabbitmq => (Component::Rabbitmq, rabbitmq::UNIT.to_owned()),
            Need::Powerdns => (Component::Powerdns, powerdns::UNIT.to_owned()),
        };
        if config.has(component) {
            units.push(if unit.is_empty() { postgresql::cluster(config)?.unit() } else { unit });
        }
    }
    Ok(units)
}

/// The drop-in that makes an instance of hams-daemon@.service this daemon.
pub fn drop_in(daemon: &Daemon, config: &Config) -> Result<String, PartError> {
    let source = config.daemons.source.display().to_string();
    let mut command = format!("{} {source}/{}", daemons_venv::python(&daemon.name), daemon.entry);
    for argument in &daemon.arguments {
        // `$` is systemd's own in a command, and is doubled there.
        command = format!("{command} {}", quoted(argument).replace('$', "$$"));
    }
    let mut variables = vec![quoted(&format!("PYTHONPATH={source}"))];
    variables.extend(daemon.key_file.iter().map(|path| quoted(&format!("ODOO_KEY_FILE={path}"))));
    variables.extend(daemon.set.iter().map(|(name, value)| quoted(&format!("{name}={value}"))));
    let text = |key: &str, value: &Option<String>| value.as_ref().map(|value| format!("{key}={value}"));
    let number = |key: &str, value: Option<u32>| value.map(|value| format!("{key}={value}"));
    let limits: Vec<String> = [
        text("MemoryMax", &daemon.memory_max),
        number("TasksMax", daemon.tasks_max),
        number("LimitNOFILE", daemon.files_max),
        text("RestartSec", &daemon.restart_after),
        text("TimeoutStartSec", &daemon.start_timeout),
    ]
    .into_iter()
    .flatten()
    .collect();
    let files: Vec<_> = daemon.env.iter().map(|group| environment::path(*group)).collect();
    Ok(render(
        "daemons/50-hams.conf.j2",
        include_str!("../../deploy/daemons/50-hams.conf.j2"),
        context! {
            description => specifiers(&daemon.description),
            units => needs(daemon, config)?,
            account => daemon.family,
            command,
            is_timer => daemon.kind == Some(Kind::Timer),
            environment_files => files,
            variables,
            writes => daemon.writes,
            limits,
        },
    )?)
}

/// The timer of a daemon that has times.
pub fn timer(daemon: &Daemon) -> Result<String, PartError> {
    Ok(render(
        "daemons/timer.j2",
        include_str!("../../deploy/daemons/timer.j2"),
        context! {
            description => specifiers(&daemon.description),
            calendars => daemon.calendar,
            every => daemon.every,
            persistent => daemon.persistent.unwrap_or(true),
            random_delay => daemon.random_delay.as_deref().unwrap_or(RANDOM_DELAY),
        },
    )?)
}

/// A word that systemd takes for just this text (systemd.syntax(7)).
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", specifiers(&escaped))
}

fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::super::daemons_catalogue::parse;
    use super::*;
    use crate::config::{Overrides, load};

    fn config(components: &str) -> Config {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("domain = \"hams.test\"\ncomponents = [{components}]\n"))
            .unwrap();
        load(file.path(), true, &Overrides::default()).unwrap()
    }

    fn daemon(more: &str) -> Daemon {
        let text = format!(
            "version = 1\n[[daemon]]\nname = \"x.y\"\ndescription = \"100 % of x\"\nfamily = \"hamsd_x\"\n\
             entry = \"x/main.py\"\n{more}"
        );
        parse(&text, "x").unwrap().remove(0)
    }

    #[test]
    fn an_instance_has_its_own_groups_folders_and_needs() {
        let daemon = daemon(
            "kind = \"service\"\nenv = [\"common\", \"redis\"]\nneeds = [\"redis\", \"rabbitmq\"]\n\
             writes = [\"/opt/hams/spool/x\"]\nset = { A = 'b \"c\" 5% $d' }\narguments = [\"$x y\"]\ntasks_max = 9\n",
        );
        let text = drop_in(&daemon, &config("\"redis\", \"daemons\"")).unwrap();
        assert_eq!(
            text,
            "# Written by hams-install from the catalogue of daemons.\n[Unit]\nDescription=100 %% of x\n\
             After=redis-server.service\n\n[Service]\nUser=hamsd_x\nGroup=hamsd_x\n\
             ExecStart=\nExecStart=/var/lib/hams-daemons/x.y/current/bin/python /opt/hams/daemons/x/main.py \
             \"$$x y\"\nEnvironmentFile=/etc/hams/env/common.env\nEnvironmentFile=/etc/hams/env/redis.env\n\
             Environment=\"PYTHONPATH=/opt/hams/daemons\"\nEnvironment=\"A=b \\\"c\\\" 5%% $d\"\n\
             ReadWritePaths=/opt/hams/spool/x\nTasksMax=9\n"
        );
    }

    #[test]
    fn a_timer_has_its_times() {
        let daily = daemon("kind = \"timer\"\ncalendar = [\"daily\"]\n");
        let text = timer(&daily).unwrap();
        assert!(text.contains("OnCalendar=daily\nPersistent=yes\nRandomizedDelaySec=15min\n"), "{text}");
        assert!(text.contains("PartOf=hams.target") && text.ends_with("WantedBy=hams.target\n"), "{text}");
        assert!(drop_in(&daily, &config("\"daemons\"")).unwrap().contains("Type=oneshot\nRestart=no\n"));
        let often = timer(&daemon("kind = \"timer\"\nevery = \"2min\"\n")).unwrap();
        assert!(often.contains("OnBootSec=2min\nOnUnitInactiveSec=2min\n"), "{often}");
        assert!(!often.contains("Persistent"), "{often}");
    }
}
