//! The arguments of `hams-install`, each option with its environment twin.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};

use crate::config::Overrides;
use crate::host::paths::CONFIG;

/// What the exit code tells: the number and its meaning.
pub const EXIT_STATUS: &[(u8, &str)] = &[
    (0, "done, or nothing to do"),
    (1, "a fault in hams-install itself: please report it"),
    (2, "wrong usage or configuration; nothing was touched"),
    (3, "a check before the run failed; nothing was touched"),
    (4, "a step failed; run `hams-install` again to go on from there"),
    (5, "applied, but the verification failed"),
    (10, "`plan` only: changes are pending"),
];

/// The exit codes as `--help` ends with them.
pub(super) fn exit_status_help(codes: &[(u8, &str)]) -> String {
    let lines: String = codes.iter().map(|(code, text)| format!("\n  {code:<4}{text}")).collect();
    format!("Exit status:{lines}")
}

/// Makes this Debian host the node that /etc/hams/hams.toml describes.
#[derive(Debug, Parser)]
#[command(
    name = "hams-install",
    version,
    about = "Make this Debian host the node that /etc/hams/hams.toml describes",
    long_about = "Make this Debian host the node that /etc/hams/hams.toml describes.\n\n\
        Without a command, hams-install compares the host with the configuration, shows the plan, asks, \
        applies it and verifies the result. It needs root. A second run finds nothing to do; a run that \
        was cut off goes on where it stopped.",
    after_help = exit_status_help(EXIT_STATUS),
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct InstallArgs {
    /// The options that every command takes.
    #[command(flatten)]
    pub options: Options,

    /// What to do; none: install.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The options that every command takes, before or behind its name.
#[derive(Debug, Args)]
pub struct Options {
    /// The configuration [default: /etc/hams/hams.toml]
    ///
    /// The default file may be missing; a file that is named here may not.
    #[arg(long, global = true, value_name = "FILE", env = "HAMS_CONFIG")]
    pub config: Option<PathBuf>,

    /// The node's domain, over the one in the file
    #[arg(long, global = true, value_name = "DOMAIN", env = "HAMS_DOMAIN")]
    pub domain: Option<String>,

    /// The components that this host runs, over those in the file: a list with commas
    #[arg(long, global = true, value_name = "LIST", env = "HAMS_COMPONENTS", value_delimiter = ',')]
    pub components: Option<Vec<String>>,

    /// Do not ask before anything is changed
    ///
    /// Without a terminal this is required, as nobody could answer.
    #[arg(long, global = true, env = "HAMS_YES", value_parser = BoolishValueParser::new())]
    pub yes: bool,

    /// Use no network: take apt's lists and downloaded packages as they are
    #[arg(long, global = true, env = "HAMS_OFFLINE", value_parser = BoolishValueParser::new())]
    pub offline: bool,

    /// How long to wait for another program that holds apt's lock, over the file's value
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "HAMS_APT_LOCK_TIMEOUT",
        value_parser = seconds
    )]
    pub apt_lock_timeout: Option<Duration>,
}

impl Options {
    /// The configuration's path, and whether the operator named it.
    pub fn config(&self) -> (&Path, bool) {
        match &self.config {
            Some(path) => (path, true),
            None => (Path::new(CONFIG), false),
        }
    }

    /// What these options say over the file.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            domain: self.domain.clone(),
            components: self.components.clone(),
            apt_lock_timeout: self.apt_lock_timeout,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a run would change, with the differences in files
    ///
    /// Changes nothing. Secrets are masked. Exits with 0 when the host is as described, with 10 when
    /// changes are pending.
    Plan {
        /// Print the plan as JSON
        #[arg(long)]
        json: bool,
    },

    /// Inspect everything and ask every component real questions
    ///
    /// Changes nothing. Exits with 0 when all is as described and answers, else with 5.
    Verify {
        /// Print the results as JSON
        #[arg(long)]
        json: bool,
    },

    /// Take back what hams-install did on this host
    ///
    /// What was there before the first run is left as it is. Data stay, unless --purge-data is given.
    Uninstall {
        /// Delete the data as well: zones, queues, secrets
        #[arg(long)]
        purge_data: bool,

        /// Leave the packages installed
        #[arg(long)]
        keep_packages: bool,
    },

    /// Keep the hash of a password for Odoo's user admin
    ///
    /// On a terminal it asks twice, without showing what is typed; without one it reads one line from
    /// standard input. At least 12 characters. A hash that begins with `$pbkdf2-sha512$` and has 600,000
    /// rounds or more is kept as it is. The password itself is stored nowhere.
    HashAdminPassword,

    /// List, show, import and rotate the secrets of this node
    Secrets {
        /// What to do with them.
        #[command(subcommand)]
        command: SecretsCommand,
    },
}

/// What to do with the secrets.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// List the names, what each opens and who reads it; no values
    List,

    /// Print one value on standard output
    Show {
        /// The secret's name, such as RMQ_PASS
        name: String,
    },

    /// Take the secrets of a Docker deployment's .env over into the vault
    ///
    /// Names that this version does not know are left out. A value that differs from the vault's is kept
    /// out unless --replace is given or a question on the terminal is answered with yes. The next run
    /// brings the values to all that use them. A file with a line that cannot be read changes nothing.
    Import {
        /// The file, in the form that Docker Compose reads
        file: PathBuf,

        /// Replace values of the vault that differ
        #[arg(long, env = "HAMS_REPLACE", value_parser = BoolishValueParser::new())]
        replace: bool,
    },

    /// Replace a secret by a new one and bring it to all that use it
    Rotate {
        /// The secret's name, such as RMQ_PASS
        name: String,
    },
}

fn seconds(text: &str) -> Result<Duration, String> {
    let whole = text.parse().map_err(|_| "give a whole number of seconds".to_owned());
    whole.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> InstallArgs {
        InstallArgs::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        InstallArgs::command().debug_assert();
    }

    #[test]
    fn options_stand_before_or_behind_the_command() {
        for line in [
            "hams-install --yes --domain hams.test --components rabbitmq,powerdns plan --json",
            "hams-install plan --json --yes --domain=hams.test --components=rabbitmq,powerdns",
        ] {
            let args = parsed(line);
            assert!(matches!(args.command, Some(Command::Plan { json: true })));
            assert!(args.options.yes && !args.options.offline);
            let overrides = args.options.overrides();
            assert_eq!(overrides.domain.as_deref(), Some("hams.test"));
            assert_eq!(overrides.components.unwrap(), ["rabbitmq", "powerdns"]);
        }
    }

    #[test]
    fn no_command_installs() {
        let args = parsed("hams-install --apt-lock-timeout 7");
        assert!(args.command.is_none());
        assert_eq!(args.options.overrides().apt_lock_timeout, Some(Duration::from_secs(7)));
        assert_eq!(args.options.config(), (Path::new(CONFIG), false));
        let named = parsed("hams-install --config /tmp/x.toml");
        assert_eq!(named.options.config(), (Path::new("/tmp/x.toml"), true));
    }

    #[test]
    fn every_option_has_its_twin() {
        for option in InstallArgs::command().get_arguments().filter(|option| option.get_long().is_some()) {
            let long = option.get_long().unwrap_or_default();
            if ["help", "version"].contains(&long) {
                continue;
            }
            let twin = format!("HAMS_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(option.get_env().and_then(|name| name.to_str()), Some(twin.as_str()));
        }
    }

    #[test]
    fn help_tells_the_exit_codes() {
        let help = InstallArgs::command().render_help().to_string();
        for (code, text) in EXIT_STATUS {
            assert!(help.contains(&format!("  {code:<4}{text}")), "{help}");
        }
        assert!(InstallArgs::try_parse_from(["hams-install", "hash-admin-password", "typed"]).is_err());
        assert!(InstallArgs::try_parse_from(["hams-install", "--apt-lock-timeout", "soon"]).is_err());
    }
}
