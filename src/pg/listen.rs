//! Word from the database that a tenant wants to be provisioned.
//!
//! `LISTEN` belongs to a session: behind a pooler in transaction mode nothing is ever heard, and
//! the next pass over all tenants has to find what is missing.

use sqlx::postgres::{PgListener, PgPoolOptions};

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

const DOING: &str = "listening for notifications";

impl Notifications {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub async fn open(target: &Target) -> Result<Self, PgError> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(target.timeout())
            .connect_lazy_with(target.options().clone());
        let failed = |error: sqlx::Error| PgError::Connect {
            target: target.to_string(),
            source: error.into(),
        };
        let mut listener = PgListener::connect_with(&pool).await.map_err(failed)?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await.map_err(failed)?;
        Ok(Self { listener })
    }

    /// Waits for the next notification, and returns what it carries: an id, as somebody wrote it.
    /// `None`: the connection was lost, and with it what was said since; open a new one.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn next(&mut self) -> Result<Option<String>, PgError> {
        let heard = self.listener.try_recv().await;
        let heard = heard.map_err(|error| query_error(DOING, error.into()))?;
        Ok(heard.map(|notification| notification.payload().to_owned()))
    }
}
