//! Applies DNS changes and watches the node: `hams-agent run` stays, the other commands ask, act and exit.

use std::process::ExitCode;

use clap::Parser;
use hams::agent::{Options, RepairOptions, repair, run, start_logging};
use hams::cli::agent_args::{AgentArgs, AgentCommand};
use hams::cli::dead_letters::dead_letters;
use hams::cli::status::status;
use hams::cli::sync::sync;

fn main() -> anyhow::Result<ExitCode> {
    let args = AgentArgs::parse();
    // One thread: the agent waits for others most of the time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = match args.command {
        AgentCommand::Status(args) => runtime.block_on(status(&args)),
        AgentCommand::DeadLetters { command } => runtime.block_on(dead_letters(&command)),
        AgentCommand::Sync(args) => runtime.block_on(sync(&args)),
        AgentCommand::Repair(args) => {
            start_logging();
            runtime.block_on(repair(&RepairOptions { table: args.table, state: args.state }))
        }
        AgentCommand::Run(args) => {
            start_logging();
            let options = Options {
                config: args.config,
                credentials: args.credentials,
                state: args.state,
                socket: args.socket,
            };
            match runtime.block_on(run(options)) {
                Ok(()) => 0,
                Err(error) => {
                    tracing::error!("{error}");
                    if error.is_configuration() { 2 } else { 1 }
                }
            }
        }
    };
    // Not waited for: a blocking call that hangs must not hold up the end.
    runtime.shutdown_background();
    Ok(ExitCode::from(code))
}
