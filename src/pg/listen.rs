//! Notifications from the database that a tenant is to be provisioned.
//!
//! `LISTEN` belongs to a session: behind a pooler in transaction mode no notification ever arrives, and
//! the next pass over all tenants has to find what is missing.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::timeout;

use super::connect::Target;
use super::error::PgError;
use super::session::query_error;

/// `NOTIFY provision_tenant, '<id>'`
pub const CHANNEL: &str = "provision_tenant";

/// A connection that listens.
#[derive(Debug)]
pub struct Notifications {
    listener: PgListener,
}

/// After this much silence, it is checked whether the server still answers.
const QUIET: Duration = Duration::from_secs(30);

/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

const DOING: &str = "listening for notifications";

impl Notifications {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub async fn open(target: &Target) -> Result<Self, PgError> {
        let listener = target.connect(async |options| {
            let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok(listener)
        });
        Ok(Self { listener: listener.await? })
    }

    /// Waits for the next notification, and returns its payload: an id, as somebody wrote it.
    /// `None`: the connection was lost, and with it any notifications since; open a new one.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn next(&mut self) -> Result<Option<String>, PgError> {
        loop {
            if let Ok(heard) = timeout(QUIET, self.listener.try_recv()).await {
                let heard = heard.map_err(|error| query_error(DOING, error.into()))?;
                return Ok(heard.map(|notification| notification.payload().to_owned()));
            }
            // A session that only listens does not notice a network that drops packets.
            let answer = timeout(ANSWER, sqlx::raw_sql("SELECT 1").execute(&mut self.listener));
            if !matches!(answer.await, Ok(Ok(_))) {
                return Ok(None);
            }
        }
    }
}
