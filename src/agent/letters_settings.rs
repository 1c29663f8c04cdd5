//! Where the dead letters are, for the command that root runs beside the agent.

use std::io;
use std::path::{Path, PathBuf};

use super::credentials::{self, CredentialError};
use crate::config::agent::{AgentConfig, AgentConfigError};
use crate::sync::{BrokerLogin, LettersSettings};

/// One of `/etc/hams/credentials/`; the unit of the agent is not given it.
const CREDENTIAL: &str = "rabbitmq-letters-password";

/// It is not known where the letters are, or not to whom.
#[derive(Debug, thiserror::Error)]
pub enum LettersSettingsError {
    /// agent.toml.
    #[error(transparent)]
    Config(#[from] AgentConfigError),
    /// An older hams-install wrote it.
    #[error("{0} does not say where dead letters lie\n\nhint: `sudo hams-install` writes it anew")]
    NoLetters(PathBuf),
    /// The password.
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

/// Reads agent.toml and the password, which is root's.
pub fn letters_settings(config: &Path, credentials: &Path) -> Result<LettersSettings, LettersSettingsError> {
    let AgentConfig { broker, dead_letters, .. } = AgentConfig::load(config)?;
    let letters = dead_letters.ok_or_else(|| LettersSettingsError::NoLetters(config.to_owned()))?;
    let password = credentials::read(credentials, CREDENTIAL).map_err(|error| match error {
        CredentialError::Read { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
            CredentialError::Denied(path)
        }
        other => other,
    })?;
    let (user, queue) = (letters.user, letters.queue);
    let login = BrokerLogin { host: broker.host, port: broker.port, vhost: broker.vhost, user, password };
    Ok(LettersSettings { login, queue, events: broker.queue })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::agent::tests::TEXT;

    #[test]
    fn they_are_another_users_than_the_agents() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.toml");
        std::fs::write(&file, TEXT).unwrap();
        let error = letters_settings(&file, folder.path()).unwrap_err();
        assert!(matches!(error, LettersSettingsError::NoLetters(_)), "{error}");
        let table = "[dead_letters]\nuser = \"hams_letters\"\nqueue = \"q.dlq\"\n";
        std::fs::write(&file, format!("{TEXT}\n{table}")).unwrap();
        let error = letters_settings(&file, folder.path()).unwrap_err().to_string();
        assert!(error.contains(CREDENTIAL) && error.contains("`sudo hams-install`"), "{error}");
        std::fs::write(folder.path().join(CREDENTIAL), "s3cret\n").unwrap();
        let settings = letters_settings(&file, folder.path()).unwrap();
        assert_eq!((settings.queue.as_str(), settings.events.as_str()), ("q.dlq", "dns_zone_updates"));
        assert_eq!(
            (settings.login.user.as_str(), settings.login.password.expose()),
            ("hams_letters", "s3cret")
        );
    }
}
