//! Writing the vault alone, as a run of its own: in the journal and in the receipt as any other change.

use super::exit::Failure;
use super::install::apply;
use super::screen::Screen;
use crate::host::Host;
use crate::plan::{Assessment, Plan};
use crate::secrets::Vault;
use crate::stack::{NodeError, base};
use std::sync::Arc;
use std::time::Duration;

/// Writes `vault`; whether it was another one before. The run lock must be held.
pub async fn write(screen: Screen, vault: &Vault) -> Result<bool, Failure> {
    let plan = Plan::new(base::vault(vault).to_vec()).map_err(NodeError::Plan)?;
    // No step here uses apt or the network.
    let host = Arc::new(Host::new(Duration::ZERO, true));
    let assessment = Assessment::of(&plan, &host).await?;
    if assessment.is_clean() {
        return Ok(false);
    }
    apply(screen, &plan, &assessment, &host).await?;
    Ok(true)
}
