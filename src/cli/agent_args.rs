//! The arguments of `hams-agent`, each option with its environment twin.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::args::exit_status_help;

/// Where the control socket lies, unless an option says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/hams-agent/agent.sock";

/// What the exit code of `hams-agent status` tells.
pub const STATUS_EXIT: &[(u8, &str)] = &[
    (0, "everything is ok"),
    (1, "something is degraded, or not known yet"),
    (2, "something is failing, or the agent cannot be reached"),
];

/// What the exit code of `hams-agent sync` tells.
pub const SYNC_EXIT: &[(u8, &str)] = &[
    (0, "done, or nothing to do"),
    (1, "something could not be applied, or is held back"),
    (2, "wrong usage, or the agent cannot be reached"),
    (10, "with `--dry-run`: changes are pending"),
];

/// What the exit code of `hams-agent run` tells.
pub const RUN_EXIT: &[(u8, &str)] = &[
    (0, "stopped because it was asked to"),
    (1, "it cannot go on: its state folder or its socket cannot be used"),
    (2, "wrong usage, configuration or credentials: a restart does not help"),
];

/// Applies DNS changes from the broker to PowerDNS, and watches this node.
#[derive(Debug, Parser)]
#[command(
    name = "hams-agent",
    version,
    about = "Apply DNS changes from RabbitMQ to PowerDNS, and watch this node",
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct AgentArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AgentCommand,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Run until SIGTERM; hams-agent.service does this
    #[command(after_help = exit_status_help(RUN_EXIT))]
    Run(RunArgs),
    /// Ask the running agent how everything is
    #[command(after_help = exit_status_help(STATUS_EXIT))]
    Status(StatusArgs),
    /// Compare zones with Odoo now, and repair what differs
    ///
    /// The agent does this by itself: for all zones at its start and once a night, for those that were written every few
    /// minutes. It reads Odoo and PowerDNS, shows each zone that is not as it should be with its differences, and puts it
    /// right. It only ever touches zones of its own below the managed suffixes.
    #[command(after_help = exit_status_help(SYNC_EXIT))]
    Sync(SyncArgs),
}

/// `hams-agent run`
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The configuration that hams-install derives from hams.toml
    #[arg(long, value_name = "FILE", env = "HAMS_AGENT_CONFIG", default_value = "/etc/hams/agent.toml")]
    pub config: PathBuf,
    /// The folder with the credentials `rabbitmq-password` and `pdns-api-key`
    #[arg(long, value_name = "DIR", env = "CREDENTIALS_DIRECTORY", default_value = "/etc/hams/credentials")]
    pub credentials: PathBuf,
    /// The folder for what the agent remembers across restarts
    #[arg(long, value_name = "DIR", env = "STATE_DIRECTORY", default_value = "/var/lib/hams-agent")]
    pub state: PathBuf,
    /// The control socket to listen on
    #[arg(long, value_name = "PATH", env = "HAMS_AGENT_SOCKET", default_value = DEFAULT_SOCKET)]
    pub socket: PathBuf,
}

/// `hams-agent status`
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Print the whole status as JSON
    #[arg(long)]
    pub json: bool,
    /// The control socket to ask
    #[arg(long, value_name = "PATH", env = "HAMS_AGENT_SOCKET", default_value = DEFAULT_SOCKET)]
    pub socket: PathBuf,
}

/// `hams-agent sync`
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["zone", "all"]))]
pub struct SyncArgs {
    /// The zone to compare
    pub zone: Option<String>,
    /// Compare all zones, and remove those that Odoo no longer has
    #[arg(long)]
    pub all: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Remove however many zones Odoo no longer has: lifts the caps `max_removals` and `max_removals_percent`
    #[arg(long, conflicts_with = "zone")]
    pub force: bool,
    /// The control socket of the agent
    #[arg(long, value_name = "PATH", env = "HAMS_AGENT_SOCKET", default_value = DEFAULT_SOCKET)]
    pub socket: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        AgentArgs::command().debug_assert();
    }

    #[test]
    fn a_sync_is_for_one_zone_or_for_all() {
        let parse =
            |words: &[&str]| AgentArgs::try_parse_from([&["hams-agent", "sync"], words].concat()).is_ok();
        assert!(parse(&["a.u.hams.test"]) && parse(&["--all"]) && parse(&["--all", "--force", "--dry-run"]));
        assert!(!parse(&[]) && !parse(&["a.u.hams.test", "--all"]) && !parse(&["a.u.hams.test", "--force"]));
    }
}
