//! Makes a Debian host a Hams.com node, and exits.

use clap::Parser;
use hams::cli::args::InstallArgs;
use hams::cli::run::run;
use hams::host::nss;
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    // Before any thread and any lookup: see host/nss.rs.
    nss::pin().map_err(|database| anyhow::anyhow!("glibc refused to pin its lookups of {database}"))?;
    let args = InstallArgs::parse();
    // One thread: the steps that run side by side are other programs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(ExitCode::from(runtime.block_on(run(args))))
}
