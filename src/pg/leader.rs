//! Which of several replicas works through the tenants. Being right never depends on it: the
//! tenants' locks see to that. It only saves work.
//!
//! The leader is who holds a transaction-scoped advisory lock, in a transaction that does nothing
//! else. Behind a pooler in transaction mode it keeps its server connection; when the leader or its
//! connection dies, the server lets go. Such a transaction has no snapshot between its statements,
//! so that it does not keep VACUUM from its work.

use std::time::Duration;

use super::connect::Target;
use super::error::PgError;
use super::session::{Access, Limits, Session, begin, column};
use crate::checksum;
use crate::manifest::Manifest;

/// So long the server may take to answer; afterwards it, or the way to it, is taken to be dead.
const ANSWER: Duration = Duration::from_secs(10);

/// Being the leader, as long as it is kept.
#[derive(Debug)]
pub struct Leadership {
    session: Session,
}

impl Leadership {
    /// Leads, unless another does: replicas whose manifests name tenants in the same way compete.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn take(target: &Target, manifest: &Manifest) -> Result<Option<Self>, PgError> {
        let mut session = Session::open(target).await?;
        let doing = "asking who leads";
        let key = checksum::of("leader", &manifest.tenants.schema.to_string()).as_i64();
        let script = format!(
            "{}SET LOCAL idle_in_transaction_session_timeout = 0;\n\
             SELECT pg_try_advisory_xact_lock({key})::text AS leads;\n",
            begin(Access::Write, Limits::default())
        );
        let answers = session.run(doing, &script).await?;
        let leads = match answers.last().and_then(|rows| rows.first()) {
            Some(row) => column::<&str>(row, "leads", doing)? == "true",
            None => false,
        };
        if leads {
            return Ok(Some(Self { session }));
        }
        session.rollback().await?;
        session.close().await;
        Ok(None)
    }

    /// Whether it still leads.
    pub async fn holds(&mut self) -> bool {
        let asked = self.session.run("asking whether it still leads", "SELECT 1");
        matches!(tokio::time::timeout(ANSWER, asked).await, Ok(Ok(_)))
    }

    /// Lets another lead.
    pub async fn release(mut self) {
        let released = async {
            let _ = self.session.rollback().await;
            self.session.close().await;
        };
        // Without an answer, closing the socket has to do.
        let _ = tokio::time::timeout(ANSWER, released).await;
    }
}
