//! Whether the database has the extensions that the manifest requires.

use super::error::ElaborateError;
use crate::manifest::Manifest;
use crate::pg::Scratch;

/// # Errors
/// The first that is missing, or in another schema than required.
pub(super) async fn check(
    scratch: &mut Scratch<'_>,
    manifest: &Manifest,
) -> Result<(), ElaborateError> {
    if manifest.requires.is_empty() {
        return Ok(());
    }
    let installed = scratch.extensions().await.map_err(ElaborateError::Server)?;
    for required in &manifest.requires {
        let found = installed.get(required.name.as_str());
        let is_there = found.is_some_and(|schema| {
            required.schema.as_ref().is_none_or(|wanted| wanted.as_str() == schema)
        });
        if !is_there {
            return Err(ElaborateError::Extension {
                at: required.position.clone(),
                name: required.name.clone(),
                wanted: required.schema.clone(),
                found: found.cloned(),
            });
        }
    }
    Ok(())
}
