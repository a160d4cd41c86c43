//! Whether a transaction was committed whose connection was lost at COMMIT.

use uuid::Uuid;

use super::answers::Answers;
use super::connect::Target;
use super::fingerprint;
use super::introspect::{IntrospectError, Sections};
use super::lock;
use super::pin;
use super::session::{Access, Limits, Session, begin};
use super::state;
use crate::name::SchemaName;

/// Whether the apply with this id was committed, checked on a new connection. It waits for the
/// tenant's lock first: while the old session still holds it, the outcome is not decided yet.
///
/// # Errors
/// When the server cannot be reached, or the old session keeps the lock.
pub async fn committed(
    target: &Target,
    schema: &SchemaName,
    apply_id: Uuid,
    limits: Limits,
) -> Result<bool, IntrospectError> {
    let mut session = Session::open(target).await?;
    let doing = "checking whether a transaction was committed";
    let script = begin(Access::Write, limits) + &lock::script(schema);
    let mut found = false;
    let is_present = session.begin(schema, doing, script).await?.is_present;
    let answers = if is_present {
        let record = [state::TABLE];
        let pins = pin::pins(&mut session, doing, &[schema], &record).await?;
        let locks = pin::script(&pins, &[schema], &record);
        let (script, _) = fingerprint::script(&session, &[schema]);
        session.run(doing, &(locks + &script)).await?
    } else {
        Answers::new()
    };
    let digest = fingerprint::digest(&session, schema, &answers)?;
    if let Some(record) = digest.and_then(|digest| digest.checks.record) {
        record.check_readable(schema, &session.server.role)?;
        let answers = session.run(doing, &state::find_script(schema, apply_id)).await?;
        let rows: Vec<serde_json::Value> = Sections::new(schema, &answers).get("found")?;
        found = !rows.is_empty();
    }
    session.rollback().await?;
    session.close().await;
    Ok(found)
}
