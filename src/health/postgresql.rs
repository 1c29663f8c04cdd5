//! PostgreSQL as a daemon sees it: the login with a password over TCP, and an answer from the database.

use std::time::Duration;

use tokio_postgres::{Config, Error, NoTls};

use super::check::{Check, Outcome};
use crate::host::BoxFuture;
use crate::host::cause::last_cause;
use crate::secrets::Secret;

const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// Logs in and asks for the version.
#[derive(Debug, Clone)]
pub struct PostgresqlCheck {
    host: String,
    port: u16,
    database: String,
    role: String,
    password: Secret,
}

impl PostgresqlCheck {
    /// The server, the database and the login.
    pub fn new(host: &str, port: u16, database: &str, role: &str, password: Secret) -> Self {
        Self { host: host.into(), port, database: database.into(), role: role.into(), password }
    }

    async fn ask(&self) -> Result<Outcome, tokio_postgres::Error> {
        let mut login = Config::new();
        login.host(&self.host).port(self.port).dbname(&self.database).user(&self.role);
        login.password(self.password.expose()).application_name("hams-check").connect_timeout(CONNECT_LIMIT);
        let (client, connection) = login.connect(NoTls).await?;
        let ask = async move {
            client.query_one("SELECT current_setting('server_version'), pg_is_in_recovery()", &[]).await
        };
        // The connection ends with the client, or with an error that the question has too.
        let (row, _ended) = tokio::join!(ask, connection);
        let row = row?;
        let (version, is_standby): (&str, bool) = (row.try_get(0)?, row.try_get(1)?);
        let seen = format!("version {version}, database {}", self.database);
        Ok(if is_standby {
            Outcome::degraded(format!("{seen} is read-only"))
        } else {
            Outcome::ok_with(seen)
        })
    }
}

/// Whether the server has answered that the login is wrong, or that there is no such database: the classes 28 and 3D of
/// https://www.postgresql.org/docs/current/errcodes-appendix.html.
fn is_refused(error: &Error) -> bool {
    error.code().is_some_and(|code| code.code().starts_with("28") || code.code().starts_with("3D"))
}

impl Check for PostgresqlCheck {
    fn name(&self) -> &str {
        "postgresql sql"
    }

    fn component(&self) -> &str {
        "postgresql"
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async {
            self.ask().await.unwrap_or_else(|error| {
                // What the server says is more than the library's own words.
                let reason =
                    error.as_db_error().map_or_else(|| last_cause(&error), |said| said.message().to_owned());
                let reason = format!("{}:{}: {reason}", self.host, self.port);
                match is_refused(&error) {
                    true => Outcome::failing(format!("{reason}; run `hams-install` to put the login right"))
                        .lasting(),
                    false => Outcome::failing(reason),
                }
            })
        })
    }
}
