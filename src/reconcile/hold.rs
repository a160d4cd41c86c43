//! Holds a tenant, or releases it: recorded in its schema, so that every runner sees it.

use jiff::Timestamp;
use serde::Serialize;
use tracing::{info, warn};

use super::apply::explain;
use super::context::Context;
use super::error::ReconcileError;
use super::outcome::{Tenant, millis};
use crate::explain::Explain as _;
use crate::hold::{Hold, HoldError, HoldRequest};
use crate::pg::{Locking, Session, Transaction};

/// The result of [`hold`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    #[serde(flatten)]
    pub tenant: Tenant,
    pub hold: Hold,
    /// The hold that this one takes the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Hold>,
}

/// The result of [`release`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Released {
    #[serde(flatten)]
    pub tenant: Tenant,
    /// The hold that was ended; `None`: nobody held the tenant.
    pub released: Option<Hold>,
}

/// Holds the tenant from now on: no apply writes to it until it is released, or the hold has ended by itself.
/// An apply that is at work is waited for. Whoever holds it already is replaced.
///
/// # Errors
/// [`ReconcileError::NothingToHold`] when there is nothing that the hold could be recorded in; else as an apply.
pub async fn hold(
    context: &Context,
    tenant: &Tenant,
    request: &HoldRequest,
) -> Result<Held, ReconcileError> {
    let make = |actor: &str, now| Hold::new(request, actor, now);
    let Changed { before, after } = change(context, tenant, make, |hold| Some(hold)).await?;
    info!(tenant = %tenant.id, schema = %tenant.schema, hold = %after, "the tenant is held");
    Ok(Held { tenant: tenant.clone(), hold: after, replaced: before })
}

/// Releases the tenant. If nobody holds it, nothing is written.
///
/// # Errors
/// As [`hold`].
pub async fn release(context: &Context, tenant: &Tenant) -> Result<Released, ReconcileError> {
    let Changed { before, .. } = change(context, tenant, |_, _| Ok(()), |()| None).await?;
    if let Some(hold) = &before {
        let by = &context.actor;
        info!(tenant = %tenant.id, schema = %tenant.schema, by, was = %hold, "the tenant is released");
    }
    Ok(Released { tenant: tenant.clone(), released: before })
}

/// What was in force before, and what takes its place.
#[derive(Clone)]
struct Changed<R> {
    before: Option<Hold>,
    after: R,
}

/// Records what `make` returns for the actor and the server's time; `hold` is the hold in it, if any.
async fn change<R: Clone>(
    context: &Context,
    tenant: &Tenant,
    make: impl Fn(&str, Timestamp) -> Result<R, HoldError>,
    hold: fn(&R) -> Option<&Hold>,
) -> Result<Changed<R>, ReconcileError> {
    let mut connection = None;
    // What was to be committed when a connection was lost: it may have been.
    let mut sent = None;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let attempt = attempt(&mut connection, context, tenant, (&make, hold), &mut sent);
        let error = match attempt.await {
            Ok(changed) => {
                if let Some(session) = connection {
                    session.close().await;
                }
                return Ok(changed);
            }
            Err(error) => error,
        };
        // Whatever state the session is in, a new attempt starts with a clean one.
        connection = None;
        if !error.is_transient() || attempts >= context.retry.attempts {
            return Err(explain(context, tenant, error, attempts).await);
        }
        let pause = context.retry.pause_after(&error, attempts, context.limits);
        warn!(
            tenant = %tenant.id, attempt = attempts, code = error.code(),
            error = crate::causes::chain(&error), pause_ms = millis(pause), "trying again"
        );
        tokio::time::sleep(pause).await;
    }
}

/// One transaction, under the tenant's lock.
async fn attempt<R: Clone>(
    connection: &mut Option<Session>,
    context: &Context,
    tenant: &Tenant,
    (make, hold): (&impl Fn(&str, Timestamp) -> Result<R, HoldError>, fn(&R) -> Option<&Hold>),
    sent: &mut Option<Changed<R>>,
) -> Result<Changed<R>, ReconcileError> {
    let session = match connection {
        Some(session) => session,
        None => connection.insert(Session::open(&context.target).await?),
    };
    let Tenant { id, schema } = tenant;
    let (tables, limits) = (&context.tables, context.limits);
    let mut transaction =
        Transaction::write(session, id, schema, tables, limits, Locking::First).await?;
    check_provisioned(&transaction, tenant)?;
    transaction.lock().await?;
    let before = transaction.hold().cloned();
    if let Some(sent) = sent.take()
        && hold(&sent.after) == before.as_ref()
    {
        // The connection was lost after it was committed.
        transaction.rollback().await?;
        return Ok(sent);
    }
    let actor = transaction.actor(&context.actor);
    let changed = Changed { before, after: make(&actor, transaction.now().await?)? };
    let after = hold(&changed.after);
    if after.is_none() && changed.before.is_none() {
        transaction.rollback().await?;
        return Ok(changed);
    }
    transaction.set_hold(after).await?;
    *sent = Some(changed.clone());
    transaction.commit().await?;
    Ok(changed)
}

/// # Errors
/// [`ReconcileError::NothingToHold`].
fn check_provisioned(transaction: &Transaction<'_>, tenant: &Tenant) -> Result<(), ReconcileError> {
    let reason = match transaction.last_digest() {
        None => format!("there is no schema {}", tenant.schema),
        Some(_) if !transaction.has_record() => {
            format!("schema {} was never provisioned by this tool", tenant.schema)
        }
        Some(_) => return Ok(()),
    };
    Err(ReconcileError::NothingToHold { tenant: tenant.id.clone(), reason })
}
