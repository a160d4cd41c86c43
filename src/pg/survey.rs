//! A look at many tenants in a few statements: their fingerprints, the models behind those that
//! are new, and their declared rows.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::PgError;
use super::fingerprint::{self, Glance, Shapes};
use super::introspect::{self, IntrospectError};
use super::placement::{Placement, is_distributed, placements};
use super::rowcheck::{self, Row, SharedCheck};
use super::session::{Access, Limits, Session, begin, column};
use crate::checksum::Checksum;
use crate::manifest::Manifest;
use crate::name::{SchemaName, TenantId};
use crate::schema::Schema;

/// What was seen of one tenant.
#[derive(Debug)]
pub struct Sighting<'m> {
    /// `None`: there is no such schema.
    pub present: Option<Present>,
    /// Whether its tables are distributed, or will be when the schema is made.
    pub is_distributed: bool,
    /// Declared rows whose keys were not found.
    pub absent_rows: Vec<Row<'m>>,
}

/// What was seen of a schema that exists.
#[derive(Debug, Clone)]
pub struct Present {
    pub fingerprint: Checksum,
    /// The same value for all tenants of the same shape.
    pub schema: Arc<Schema>,
    /// What its record's comment says; see [`super::note`].
    pub note: Option<String>,
    /// Where Citus keeps it; `None` if it lies on the server itself, and should.
    pub placement: Option<Placement>,
}

/// A tenant's id and schema.
pub type Subject<'t> = (&'t TenantId, &'t SchemaName);

/// Looks at all of `subjects`, in one transaction that sees one moment. The answers come in their
/// order. The number of statements depends on the number of shapes and seeds, not of tenants.
///
/// # Errors
/// When the look as a whole fails, be it because of one tenant: look at fewer.
pub async fn survey<'m>(
    session: &mut Session,
    manifest: &'m Manifest,
    shapes: &Shapes,
    subjects: &[Subject<'_>],
    limits: Limits,
) -> Result<Vec<Result<Sighting<'m>, IntrospectError>>, PgError> {
    let result = look(session, manifest, shapes, subjects, limits).await;
    let rolled_back = session.rollback().await;
    let found = result?;
    rolled_back?;
    Ok(found)
}

async fn look<'m>(
    session: &mut Session,
    manifest: &'m Manifest,
    shapes: &Shapes,
    subjects: &[Subject<'_>],
    limits: Limits,
) -> Result<Vec<Result<Sighting<'m>, IntrospectError>>, PgError> {
    let doing = "taking fingerprints";
    let script = begin(Access::Read, limits)
        + &format!("SELECT {}::text AS is_prepared;\n", session.glance.is_prepared_condition());
    let answers = session.run(doing, &script).await?;
    session.is_prepared = match answers.last().and_then(|rows| rows.first()) {
        Some(row) => column::<&str>(row, "is_prepared", doing)? == "true",
        None => false,
    };
    let schemas: Vec<&SchemaName> = subjects.iter().map(|(_, schema)| *schema).collect();
    let (script, _) = fingerprint::script(session, &schemas);
    let answers = session.run(doing, &script).await?;
    session.is_prepared = true;
    let mut glances = fingerprint::glances(&session.server, &schemas, &answers)?;
    let mut placements = placements(session, &schemas).await?;

    let mut found: Vec<Result<Option<Present>, IntrospectError>> = Vec::new();
    for schema in schemas {
        found.push(match glances.remove(schema) {
            None => Ok(None),
            Some(Err(error)) => Err(error),
            Some(Ok(glance)) => match model(session, shapes, schema, &glance).await {
                Ok(model) => Ok(Some(Present {
                    fingerprint: glance.fingerprint,
                    schema: model,
                    note: glance.note,
                    placement: placements.remove(schema),
                })),
                // The transaction is over; another look, at fewer, tells whom it concerns.
                Err(IntrospectError::Pg(error)) => return Err(error),
                Err(error) => Err(error),
            },
        });
    }
    let absent = absent_rows(session, manifest, subjects, &found).await?;
    let sightings = found.into_iter().zip(absent).map(|(present, absent_rows)| {
        present.map(|present| {
            let placement = present.as_ref().and_then(|present| present.placement.as_ref());
            let is_distributed = is_distributed(&session.server, present.is_some(), placement);
            Sighting { present, is_distributed, absent_rows }
        })
    });
    Ok(sightings.collect())
}

/// The model behind the fingerprint, read from this schema if it is a new one.
async fn model(
    session: &mut Session,
    shapes: &Shapes,
    schema: &SchemaName,
    glance: &Glance,
) -> Result<Arc<Schema>, IntrospectError> {
    if glance.has_hidden {
        introspect::check_visible(session, schema).await?;
    }
    if let Some(known) = shapes.get(glance.fingerprint) {
        return Ok(known);
    }
    let model = introspect::introspect(session, schema).await?;
    let (script, _) = fingerprint::script(session, &[schema]);
    let answers = session.run("taking fingerprints", &script).await?;
    let again = fingerprint::glance(&session.server, schema, &answers)?;
    if again.is_none_or(|again| again.fingerprint != glance.fingerprint) {
        let reason = "it changed while it was read".to_owned();
        return Err(PgError::Answer { doing: format!("reading schema {schema}"), reason }.into());
    }
    Ok(shapes.insert(glance.fingerprint, model))
}

/// The absent rows of each subject; tenants of one shape are asked for together.
async fn absent_rows<'m>(
    session: &mut Session,
    manifest: &'m Manifest,
    subjects: &[Subject<'_>],
    found: &[Result<Option<Present>, IntrospectError>],
) -> Result<Vec<Vec<Row<'m>>>, PgError> {
    let mut absent: Vec<Vec<Row<'m>>> = vec![Vec::new(); subjects.len()];
    let mut groups: HashMap<Checksum, (Arc<Schema>, Vec<usize>)> = HashMap::new();
    for (at, (present, rows)) in found.iter().zip(&mut absent).enumerate() {
        match present {
            Ok(Some(present)) => {
                let group = groups.entry(present.fingerprint);
                let schema = || (Arc::clone(&present.schema), Vec::new());
                group.or_insert_with(schema).1.push(at);
            }
            Ok(None) => *rows = rowcheck::all(manifest),
            Err(_) => {}
        }
    }
    for (schema, members) in groups.into_values() {
        let of_group: Vec<Subject<'_>> =
            members.iter().filter_map(|at| subjects.get(*at).copied()).collect();
        let check = SharedCheck::new(manifest, &of_group, &schema);
        for rows in check.run(session).await?.into_iter().zip(&members) {
            if let (found, Some(absent)) = (rows.0, absent.get_mut(*rows.1)) {
                *absent = found;
            }
        }
    }
    Ok(absent)
}
