//! Where the broker is and who the agent is there, for a command that runs beside the agent.

use std::path::Path;

use super::credentials::{self, CredentialError};
use crate::config::agent::{AgentConfig, AgentConfigError};
use crate::sync::BrokerSettings;

/// The broker is not known.
#[derive(Debug, thiserror::Error)]
pub enum BrokerSettingsError {
    /// agent.toml.
    #[error(transparent)]
    Config(#[from] AgentConfigError),
    /// The password.
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

/// Reads agent.toml and the password; both are root's.
pub fn broker_settings(config: &Path, credentials: &Path) -> Result<BrokerSettings, BrokerSettingsError> {
    let broker = AgentConfig::load(config)?.broker;
    Ok(BrokerSettings {
        host: broker.host,
        port: broker.port,
        vhost: broker.vhost,
        user: broker.user,
        password: credentials::read(credentials, "rabbitmq-password")?,
        queue: broker.queue,
        dead_letter_exchange: broker.dead_letter_exchange,
        prefetch: 1,
    })
}
