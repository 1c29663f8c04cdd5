//! `hams-install` itself, `plan`, `verify` and `secrets rotate`: all look at the same plan.

use super::args::Options;
use super::context::{agree, check_needs, host, must_be_able_to_ask, read_config, stand_on_ground};
use super::exit::Failure;
use super::screen::Screen;
use super::{ask_admin_password, show_plan, show_run, show_verify};
use crate::config::Component;
use crate::host::Host;
use crate::host::lock::RunLock;
use crate::plan::journal::Journal;
use crate::plan::{Assessment, Plan, Receipt, engine};
use crate::secrets::Vault;
use crate::stack::Node;
use crate::stack::node::read_vault;
use crate::stack::verify::Verification;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};

/// Makes the host match its configuration.
pub async fn install(screen: Screen, options: &Options) -> Result<(), Failure> {
    change(screen, options, Ok).await
}

/// Replaces a secret and brings it to all that use it.
pub async fn rotate(screen: Screen, options: &Options, name: &str) -> Result<(), Failure> {
    change(screen, options, |mut vault| {
        vault.rotate(name).map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(vault)
    })
    .await
}

/// Shows what a run would change.
pub async fn plan(screen: Screen, options: &Options, json: bool) -> Result<(), Failure> {
    stand_on_ground()?;
    let config = read_config(screen, options)?;
    let host = host(&config, options);
    let node = Node::new(&config, read_vault()?)?;
    let assessment = Assessment::of(&node.plan, &host).await?;
    if json {
        screen.data(&show_plan::json(&node.plan, &assessment, &node.notes));
    } else {
        show_plan::show(screen, &node.plan, &assessment);
        show_plan::notes(screen, &node.notes);
    }
    match assessment.count() {
        0 => {
            screen.say("nothing to do");
            Ok(())
        }
        count => Err(Failure::Pending(count)),
    }
}

/// Inspects everything and asks every component real questions.
pub async fn verify(screen: Screen, options: &Options, json: bool) -> Result<(), Failure> {
    stand_on_ground()?;
    let config = read_config(screen, options)?;
    let host = host(&config, options);
    let node = Node::new(&config, read_vault()?)?;
    let verification = Verification::of(&node, &host).await?;
    if json {
        screen.data(&show_verify::json(&node.plan, &verification, &node.notes));
    } else {
        show_plan::notes(screen, &node.notes);
        show_verify::show(screen, &node.plan, &verification);
    }
    end(&verification)
}

async fn change(
    screen: Screen,
    options: &Options,
    prepare: impl FnOnce(Vault) -> Result<Vault, Failure>,
) -> Result<(), Failure> {
    stand_on_ground()?;
    let config = read_config(screen, options)?;
    must_be_able_to_ask(screen, options)?;
    let _lock = RunLock::take()?;
    let host = host(&config, options);
    let mut vault = prepare(read_vault()?)?;
    if config.has(Component::Odoo) && !options.yes {
        ask_admin_password::fill(screen, &mut vault).await?;
    }
    let node = Node::new(&config, vault)?;
    let assessment = Assessment::of(&node.plan, &host).await?;
    check_needs(screen, &node.needs(&assessment), &host).await?;
    let verification = if assessment.is_clean() {
        screen.say("nothing to do: the host is as its configuration wants it");
        Verification::of_clean(&node).await?
    } else {
        show_plan::show(screen, &node.plan, &assessment);
        if !agree(screen, options, &format!("Make these {} changes?", assessment.count()))? {
            screen.say("nothing was changed");
            return Err(Failure::Pending(assessment.count()));
        }
        apply(screen, &node.plan, &assessment, &host).await?;
        Verification::of(&node, &host).await?
    };
    show_plan::notes(screen, &node.notes);
    show_verify::show(screen, &node.plan, &verification);
    end(&verification)
}

/// Does what is pending of `plan`, with its progress on the screen.
pub(super) async fn apply(
    screen: Screen,
    plan: &Plan,
    assessment: &Assessment,
    host: &Arc<Host>,
) -> Result<(), Failure> {
    let (journal, interrupted) = Journal::begin()?;
    if let Some(step) = interrupted {
        screen.say(&format!("the run before was cut short at {step}: going on from there"));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let listening = tokio::spawn(stop_on_signal(screen, stop.clone()));
    let (events, incoming) = tokio::sync::mpsc::unbounded_channel();
    let run = engine::run(plan, assessment, host.clone(), journal, Receipt::load()?, events, &stop);
    let (ran, ()) = tokio::join!(run, show_run::show(screen, plan, incoming));
    listening.abort();
    let summary = ran?;
    screen.say(&format!("{} steps done", summary.done));
    Ok(())
}

/// Ctrl-C, a lost terminal or a stop by the system ends the run between two steps.
async fn stop_on_signal(screen: Screen, stop: Arc<AtomicBool>) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        stop.store(true, Ordering::Relaxed);
        screen.say("stopping after the steps that are under way; run again to go on");
    }
}

fn end(verification: &Verification) -> Result<(), Failure> {
    match verification.faults() {
        0 => Ok(()),
        count => Err(Failure::Verify(count)),
    }
}
