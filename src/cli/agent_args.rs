//! The arguments of `hams-agent`, each option with its environment twin.

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, PossibleValuesParser};
use clap::{Parser, Subcommand};

use super::args::exit_status_help;
use crate::host::paths::{AGENT_CONFIG, CREDENTIALS, REPAIR_STATE, REPAIR_TABLE};
use crate::sync::Reason;

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

/// What the exit code of `hams-agent dead-letters` tells.
pub const DEAD_LETTERS_EXIT: &[(u8, &str)] = &[
    (0, "done; there may be no letter at all"),
    (1, "not all was done: RabbitMQ is away, a letter stays or is gone, or the answer was no"),
    (2, "wrong usage, no such letter, not root, or wrong configuration or credentials: nothing was done"),
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
    /// See and settle what could never be applied; for root
    #[command(after_help = exit_status_help(DEAD_LETTERS_EXIT), disable_help_subcommand = true)]
    DeadLetters {
        /// What to do with them.
        #[command(subcommand)]
        command: DeadLettersCommand,
    },
    /// Compare zones with Odoo now, and repair what differs
    ///
    /// The agent does this by itself: for all zones at its start and once a night, for those that were written every few
    /// minutes. It reads Odoo and PowerDNS, shows each zone that is not as it should be with its differences, and puts it
    /// right. It only ever touches zones of its own below the managed suffixes.
    #[command(after_help = exit_status_help(SYNC_EXIT))]
    Sync(SyncArgs),
    /// Restart what the agent asks for on standard input; hams-repair@.service does this
    #[command(hide = true)]
    Repair(RepairArgs),
}

/// `hams-agent run`
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The configuration that hams-install derives from hams.toml
    #[arg(long, value_name = "FILE", env = "HAMS_AGENT_CONFIG", default_value = AGENT_CONFIG)]
    pub config: PathBuf,
    /// The folder with the credentials `rabbitmq-password` and `pdns-api-key`
    #[arg(long, value_name = "DIR", env = "CREDENTIALS_DIRECTORY", default_value = CREDENTIALS)]
    pub credentials: PathBuf,
    /// The folder for what the agent remembers across restarts
    #[arg(long, value_name = "DIR", env = "STATE_DIRECTORY", default_value = "/var/lib/hams-agent")]
    pub state: PathBuf,
    /// The control socket to listen on
    #[arg(long, value_name = "PATH", env = "HAMS_AGENT_SOCKET", default_value = DEFAULT_SOCKET)]
    pub socket: PathBuf,
}

/// `hams-agent repair`
#[derive(Debug, clap::Args)]
pub struct RepairArgs {
    /// What may be restarted, and how often
    #[arg(long, value_name = "FILE", default_value = REPAIR_TABLE)]
    pub table: PathBuf,
    /// The folder for when it was
    #[arg(long, value_name = "DIR", env = "STATE_DIRECTORY", default_value = REPAIR_STATE)]
    pub state: PathBuf,
}

/// `hams-agent status`
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Print the whole status as JSON
    #[arg(long)]
    pub json: bool,
    /// Go on showing it, every two seconds, until Ctrl-C; with `--json` a line each
    #[arg(long)]
    pub watch: bool,
    /// The control socket to ask
    #[arg(long, value_name = "PATH", env = "HAMS_AGENT_SOCKET", default_value = DEFAULT_SOCKET)]
    pub socket: PathBuf,
}

/// The commands of `hams-agent dead-letters`.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List the dead letters, the oldest first
    ///
    /// A line each: id, age, how many are equal, reason, zone, the first words of the reason. None is taken away; while one
    /// looks, another that looks sees fewer.
    #[command(after_help = exit_status_help(DEAD_LETTERS_EXIT))]
    List {
        /// Print the list as JSON, with all headers
        #[arg(long)]
        json: bool,
        /// Where the letters are.
        #[command(flatten)]
        at: LettersAt,
    },
    /// Show one: its headers with the reason, and its body
    ///
    /// JSON is indented and otherwise as it was sent; a body that is no printable text is shown in base64.
    #[command(after_help = exit_status_help(DEAD_LETTERS_EXIT))]
    Show {
        /// The id that `list` shows, or its first digits
        #[arg(value_name = "ID")]
        id: String,
        /// Print it as JSON: `body` if it is text, else `body_base64`
        #[arg(long)]
        json: bool,
        /// Where the letters are.
        #[command(flatten)]
        at: LettersAt,
    },
    /// Send letters to the agent again, as they were, once what was wrong is right
    ///
    /// A letter is taken away when the queue of events has it; what still cannot be applied comes back as a new letter. An
    /// event with `rrsets` and no `version` brings its zone to where it was then: look at it with `show` before.
    #[command(after_help = exit_status_help(DEAD_LETTERS_EXIT))]
    Replay {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Where the letters are.
        #[command(flatten)]
        at: LettersAt,
    },
    /// Delete letters for good
    ///
    /// Asks before it does.
    #[command(after_help = exit_status_help(DEAD_LETTERS_EXIT))]
    Drop {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Do not ask; without a terminal this is required, as nobody could answer
        #[arg(long, env = "HAMS_YES", value_parser = BoolishValueParser::new())]
        yes: bool,
        /// Where the letters are.
        #[command(flatten)]
        at: LettersAt,
    },
}

/// Which letters are meant.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The ids that `list` shows, or their first digits; equal letters have one id
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub ids: Vec<String>,
    /// All letters
    #[arg(long)]
    pub all: bool,
    /// With `--all`: only those with this reason
    // Both: clap takes what is required for met where it conflicts with what was given.
    #[arg(
        long,
        value_name = "CODE",
        requires = "all",
        conflicts_with = "ids",
        value_parser = PossibleValuesParser::new(Reason::ALL.map(Reason::as_str))
    )]
    pub reason: Option<String>,
}

/// Where the letters are.
#[derive(Debug, clap::Args)]
pub struct LettersAt {
    /// The configuration that hams-install derives from hams.toml
    #[arg(long, value_name = "FILE", env = "HAMS_AGENT_CONFIG", default_value = AGENT_CONFIG)]
    pub config: PathBuf,
    /// The folder with the credential `rabbitmq-letters-password`
    #[arg(long, value_name = "DIR", env = "CREDENTIALS_DIRECTORY", default_value = CREDENTIALS)]
    pub credentials: PathBuf,
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
    fn letters_are_named_or_all_are_meant() {
        let parsed = |line: &str| AgentArgs::try_parse_from(line.split(' ')).is_ok();
        for right in ["drop 1f --yes", "replay 1f 2e", "replay --all", "drop --all --reason bad-rrset"] {
            assert!(parsed(&format!("hams-agent dead-letters {right}")), "{right}");
        }
        for wrong in
            ["drop", "replay --all 1f", "replay 1f --reason bad-rrset", "drop --all --reason bad", "show"]
        {
            assert!(!parsed(&format!("hams-agent dead-letters {wrong}")), "{wrong}");
        }
    }

    #[test]
    fn a_sync_is_for_one_zone_or_for_all() {
        let parse =
            |words: &[&str]| AgentArgs::try_parse_from([&["hams-agent", "sync"], words].concat()).is_ok();
        assert!(parse(&["a.u.hams.test"]) && parse(&["--all"]) && parse(&["--all", "--force", "--dry-run"]));
        assert!(!parse(&[]) && !parse(&["a.u.hams.test", "--all"]) && !parse(&["a.u.hams.test", "--force"]));
    }
}
