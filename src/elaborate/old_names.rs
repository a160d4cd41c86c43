//! What is declared, under the names that objects had before: as the server prints it.

use std::collections::BTreeMap;

use super::{ElaborateError, create_declared, not_begun};
use crate::catalog::{Catalog, Desired, Fact, Kind, Names, Object, Rename};
use crate::kinds::{self, Reading};
use crate::manifest::Manifest;
use crate::pg::{Limits, Scratch, Session};

/// The desired state, in which what `renames` rename still has its old name. Read in a scratch schema, which is rolled back.
///
/// # Errors
/// When the server refuses something.
pub async fn with_old_names(
    session: &mut Session,
    manifest: &Manifest,
    limits: Limits,
    desired: &Desired,
    renames: &[Rename],
) -> Result<Catalog, ElaborateError> {
    let result = read(session, manifest, limits, desired, renames).await;
    let rolled_back = session.rollback().await;
    let catalog = result?;
    rolled_back.map_err(ElaborateError::Server)?;
    Ok(catalog)
}

async fn read(
    session: &mut Session,
    manifest: &Manifest,
    limits: Limits,
    desired: &Desired,
    renames: &[Rename],
) -> Result<Catalog, ElaborateError> {
    let mut scratch = Scratch::begin(session, limits).await.map_err(not_begun)?;
    create_declared(&mut scratch, manifest).await?;
    let new = scratch.read(Reading::Comparing).await.map_err(ElaborateError::Server)?;
    let by_position: BTreeMap<(Kind, i64), &Fact> =
        new.facts().map(|fact| ((fact.object.kind(), fact.position), fact)).collect();
    // Parts before the wholes, which have their new names until then.
    for rename in renames.iter().rev() {
        let statement = new.get(&rename.to).zip(rename.from.name());
        let statement =
            statement.and_then(|(fact, name)| kinds::rename(fact, name, &scratch.schema));
        if let Some(sql) = statement {
            scratch.run(&sql).await.map_err(ElaborateError::Server)?;
        }
    }
    let mut old = scratch.read(Reading::Comparing).await.map_err(ElaborateError::Server)?;
    // Their arguments may have types with other names: functions are known by their position, which in the desired state is
    // another one.
    let routines: Vec<Object> = old
        .facts()
        .map(|fact| &fact.object)
        .filter(|object| object.kind().is_routine())
        .cloned()
        .collect();
    for object in routines {
        if let Some(fact) = old.get_mut(&object)
            && let Some(same) = by_position.get(&(object.kind(), fact.position))
            && let Some(known) = desired.catalog.get(&same.object)
        {
            fact.position = known.position;
        }
    }
    // What is not read in the scratch schema, such as keys to tables elsewhere.
    let names = Names::of(&reversed(renames));
    for fact in desired.catalog.facts().filter(|fact| !new.has(&fact.object)) {
        old.insert(Fact { object: names.new_of(&fact.object), ..fact.clone() });
    }
    Ok(old)
}

/// The renames that lead back, wholes before their parts.
fn reversed(renames: &[Rename]) -> Vec<Rename> {
    let names = Names::of(renames);
    let all = renames.iter().map(|rename| Rename {
        from: names.with_old_whole(&rename.to),
        to: names.with_old_whole(&rename.from),
        because: rename.because.clone(),
    });
    all.collect()
}
