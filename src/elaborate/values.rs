//! What the server makes of the values of baseline rows that are kept at them.

use super::ElaborateError;
use crate::manifest::Manifest;
use crate::pg::Scratch;
use crate::rows::Values;

/// Stores them in columns like the declared ones.
///
/// # Errors
/// When the server refuses one of them.
pub(super) async fn stored(
    scratch: &mut Scratch<'_>,
    manifest: &Manifest,
) -> Result<Values, ElaborateError> {
    let mut values = Values::default();
    for of in Values::declared(manifest) {
        let stored = scratch.stored(of.table, of.column, &of.texts).await;
        let (stored, is_comparable) = stored.map_err(|source| ElaborateError::Refused {
            at: None,
            object: format!("the baseline rows of table {}, column {}", of.table, of.column),
            source,
        })?;
        values.note(&of, stored, is_comparable);
    }
    Ok(values)
}
