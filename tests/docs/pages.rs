//! The pages: what no argument and no key tells.

use clap::CommandFactory;
use clap_mangen::roff::{Roff, bold, italic, roman};
use hams::agent::MESSAGE_IDS;
use hams::cli::agent_args::AgentArgs;
use hams::cli::args::{EXIT_STATUS, InstallArgs};
use hams::config::KEYS;

use crate::manual::{Manual, render};
use crate::roff_text::{entry, example, paragraphs, see_also, title};

/// hams-install(8).
pub fn hams_install() -> String {
    render(Manual {
        command: InstallArgs::command(),
        exit_status: EXIT_STATUS,
        environment: "Each option has a twin in the environment; the command line wins. \
            Those of options without a value take `1`, `true` or `yes`, and `0`, `false` or `no`.",
        variables: &[("NO_COLOR", "When set and not empty, the output has no colours.")],
        files: &[
            ("/etc/hams/hams.toml", "What this node is: see `hams.toml`(5)."),
            (
                "/etc/hams/secrets.env",
                "The vault: every password and key of this node, made at the first run. Root only, mode 0600. \
                 Of Odoo's admin password it has the hash alone.",
            ),
            ("/etc/hams/credentials/", "Single secrets for the units that read them, taken from the vault."),
            (
                "/etc/hams/env/",
                "The daemons' variables in groups, taken from hams.toml and the vault, read by systemd.",
            ),
            ("/etc/hams/agent.toml", "The agent's settings, derived from hams.toml. Not to be edited."),
            ("/var/lib/hams-daemons/", "The daemons' own Pythons, a folder each."),
            (
                "/var/lib/hams/journal",
                "Each step of the current run: a run that was cut off goes on from here.",
            ),
            ("/var/lib/hams/receipt.json", "What hams-install changed on this host, for `uninstall`."),
        ],
        journal: &[],
        examples: &[
            ("Make a fresh host a node:", "hams-install --domain example.org"),
            ("The same from a script, without a question:", "hams-install --yes --domain example.org"),
            ("See what a change of hams.toml would do:", "hams-install plan"),
            (
                "Hand a password to another program, without showing it:",
                "hams-install secrets show RMQ_PASS | other-program",
            ),
            (
                "Take the secrets of a Docker deployment over:",
                "hams-install secrets import deploy/.env && hams-install",
            ),
            (
                "Set Odoo's admin password from a script that has it in a file:",
                "hams-install hash-admin-password < file",
            ),
        ],
        see_also: &[("hams.toml", "5"), ("hams-agent", "8"), ("apt", "8"), ("systemctl", "1")],
    })
}

/// hams-agent(8).
pub fn hams_agent() -> String {
    render(Manual {
        command: AgentArgs::command(),
        exit_status: &[
            (
                0,
                "`run`: stopped because it was asked to. `status`: everything is ok. `sync`: done, or nothing to do. \
                 `dead-letters`: done; there may be no letter at all.",
            ),
            (
                1,
                "`run`: its state folder or its socket cannot be used. `status`: something is degraded or unknown. \
                 `sync`: something could not be applied, or is held back. \
                 `dead-letters`: not all was done, as RabbitMQ is away, a letter stays or is gone, or the answer was no.",
            ),
            (
                2,
                "`run`: wrong usage, configuration or credentials, so a restart does not help. \
                 `status`: something is failing, or the agent cannot be reached. \
                 `sync`: wrong usage, or the agent cannot be reached. \
                 `dead-letters`: wrong usage, no such letter, not root, or wrong configuration or credentials; nothing was \
                 done.",
            ),
            (10, "`sync --dry-run`: changes are pending."),
        ],
        environment: "Each option has a twin in the environment; the command line wins.",
        variables: &[(
            "CREDENTIALS_DIRECTORY",
            "Where systemd puts the credentials of the unit; among them `odoo-key`, the key to Odoo in `odoo.key_file`, and \
             `webhook-url` and `heartbeat-url`, from `health.webhook_file` and `health.heartbeat_file`.",
        )],
        files: &[
            ("/etc/hams/agent.toml", "The agent's settings, which hams-install derives from hams.toml."),
            (
                "/etc/hams/credentials/rabbitmq-letters-password",
                "What `hams-agent dead-letters` logs in to RabbitMQ with. Root only; the agent itself is not given it.",
            ),
            (
                "/etc/hams/repair.toml",
                "What root restarts for the agent, and how often: there while `health.restart` of hams.toml names something.",
            ),
            (
                "/run/hams-repair/socket",
                "Where the agent asks for it. For each question systemd starts hams-repair@.service.",
            ),
            ("/var/lib/hams-repair/", "When each component was restarted."),
            ("/run/hams-agent/agent.sock", "The control socket that `hams-agent status` and `sync` ask."),
            ("/var/lib/hams-agent/", "What the agent has applied, across restarts."),
            (
                "/var/lib/hams-agent/odoo-key",
                "The key to Odoo that the agent has had made before the one in `odoo.key_file` ended. Another one in that \
                 file is used instead of it.",
            ),
            (
                "/var/lib/hams-agent/webhook-told, command-told",
                "The states that the webhook and the command were last told, so that a start tells nothing twice.",
            ),
        ],
        journal: &MESSAGE_IDS,
        examples: &[
            ("See how this node is:", "hams-agent status"),
            ("The same for a program:", "hams-agent status --json"),
            (
                "See what could never be applied, and one of it whole:",
                "hams-agent dead-letters list\nhams-agent dead-letters show 3f2a",
            ),
            (
                "See what has failed since yesterday:",
                "journalctl -u hams-agent --since yesterday STATE=failing",
            ),
            ("See what was restarted as root for the agent:", "journalctl -t hams-repair"),
            ("After its cause is removed, apply it:", "hams-agent dead-letters replay 3f2a"),
            (
                "Let all go that was not for this node:",
                "hams-agent dead-letters drop --all --reason forbidden-zone",
            ),
            (
                "See what differs from Odoo, and put it right:",
                "hams-agent sync --all --dry-run\nhams-agent sync --all",
            ),
        ],
        see_also: &[("hams-install", "8"), ("hams.toml", "5"), ("systemctl", "1"), ("journalctl", "1")],
    })
}

/// hams.toml(5), from the table of keys.
pub fn hams_toml() -> String {
    let mut page = Roff::new();
    page.control("SH", ["NAME"]).text([roman("hams.toml - what a Hams.com node is")]);
    page.control("SH", ["SYNOPSIS"]).text([italic("/etc/hams/hams.toml")]);
    page.control("SH", ["DESCRIPTION"]);
    paragraphs(
        &mut page,
        "`hams-install`(8) makes the host match this file, which is written in TOML. Only `domain` must be set; \
         every other key has a default. A key that is not listed here is an error, as is a value of another type.\n\
         Where there is no such file, the first run writes one. \
         A commented sample with every key is /usr/share/doc/hams/examples/hams.toml.",
        "PP",
    );
    let mut table = None;
    for key in KEYS {
        let (home, name) = key.parts();
        if table != Some(home) {
            let heading = if home.is_empty() { "KEYS AT THE TOP".into() } else { format!("TABLE [{home}]") };
            page.control("SH", [heading.as_str()]);
            table = Some(home);
        }
        entry(&mut page, vec![bold(name), roman(" = "), italic(key.kind.words())], key.doc);
        page.control("IP", []);
        match key.default {
            Some(default) => page.text([roman("Default: "), bold(default)]),
            None => page.text([roman("No default. Example: "), bold(key.example)]),
        };
    }
    page.control("SH", ["FILES"]);
    entry(&mut page, vec![italic("/etc/hams/hams.toml")], "The file that is read without `--config`.");
    page.control("SH", ["EXAMPLES"])
        .text([roman("A name server with two addresses, whose broker is elsewhere:")]);
    example(&mut page, EXAMPLE);
    see_also(&mut page, &[("hams-install", "8"), ("hams-agent", "8")]);
    title("hams.toml", "5", "File formats") + &page.render()
}

const EXAMPLE: &str = r#"domain = "example.org"
components = ["powerdns", "agent"]

[rabbitmq]
host = "mq.example.org"

[powerdns]
listen = ["192.0.2.53", "2001:db8::53"]"#;

#[test]
fn the_example_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hams.toml");
    std::fs::write(&file, EXAMPLE).unwrap();
    let config = hams::config::load(&file, true, &hams::config::Overrides::default()).unwrap();
    assert_eq!(config.powerdns.listen.len(), 2);
    assert_eq!(config.rabbitmq.host.as_deref(), Some("mq.example.org"));
}
