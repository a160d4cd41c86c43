//! Reads many tenants in a few statements: their fingerprints, the models behind those that
//! are new, and their declared rows.

use std::collections::HashMap;
use std::sync::Arc;

use super::dependents::dependents;
use super::error::{Cause, PgError};
use super::fingerprint::{self, SchemaDigest, Shapes};
use super::grantcheck::{self, Subject};
use super::introspect::{self, IntrospectError};
use super::pin;
use super::placement::{Placement, is_distributed, placements};
use super::rowcheck::{self, FoundRows, SharedCheck};
use super::session::{Access, Limits, Session, begin};
use super::untrusted::{UntrustedQuery, untrusted};
use crate::absent::Absent;
use crate::catalog::Catalog;
use crate::checksum::Checksum;
use crate::hold::Hold;
use crate::kinds::Reading;
use crate::name::{Ident, SchemaName};
use crate::obstacle::{Obstacle, Reasons};
use crate::rows::Declared;

/// What was found of one tenant.
#[derive(Debug)]
pub struct TenantSnapshot<'m> {
    /// `None`: there is no such schema.
    pub present: Option<Present>,
    /// Whether its tables are distributed, or will be when the schema is created.
    pub is_distributed: bool,
    /// Whether there can be code of untrusted owners on its tables, now or a moment later.
    pub is_exposed: bool,
    /// What is declared and was not found, beside facts.
    pub absent: Absent<'m>,
    /// What is in the way of statements: see [`Transaction::obstacles`](super::Transaction::obstacles).
    pub obstacles: Vec<Obstacle>,
}

/// What was found of a schema that exists.
#[derive(Debug, Clone)]
pub struct Present {
    pub fingerprint: Checksum,
    /// The same value for all tenants of the same shape.
    pub schema: Arc<Catalog>,
    /// The comment of its record; see [`super::note`].
    pub note: Option<String>,
    /// The hold that is in force.
    pub hold: Option<Hold>,
    /// Where Citus places it; `None` if it is on the server itself, and should be.
    pub placement: Option<Placement>,
}

/// What was found of the rows of one tenant, or why they could not be determined.
type Rows<'m> = Result<FoundRows<'m>, PgError>;

/// Reads all of `subjects`, in one transaction; rows of tables that `avoid` returns are
/// not read, and count as absent. The results are in the order of the subjects. The number of
/// statements depends on the number of shapes and seeds, not of tenants.
///
/// # Errors
/// When the survey as a whole fails, even if because of a single tenant: retry with fewer.
pub async fn survey<'m>(
    session: &mut Session,
    declared: Declared<'m>,
    shapes: &Shapes,
    subjects: &[Subject<'_>],
    limits: Limits,
    query: &UntrustedQuery<'_>,
    avoid: &(dyn Fn(&[Obstacle]) -> Reasons + Sync),
) -> Result<Vec<Result<TenantSnapshot<'m>, IntrospectError>>, PgError> {
    let result = read(session, declared, shapes, subjects, limits, query, avoid).await;
    let rolled_back = session.rollback().await;
    let found = result?;
    rolled_back?;
    Ok(found)
}

async fn read<'m>(
    session: &mut Session,
    declared: Declared<'m>,
    shapes: &Shapes,
    subjects: &[Subject<'_>],
    limits: Limits,
    query: &UntrustedQuery<'_>,
    avoid: &(dyn Fn(&[Obstacle]) -> Reasons + Sync),
) -> Result<Vec<Result<TenantSnapshot<'m>, IntrospectError>>, PgError> {
    let doing = "taking fingerprints";
    let schemas: Vec<&SchemaName> = subjects.iter().map(|(_, schema)| *schema).collect();
    let tables: Vec<&str> =
        declared.manifest.tables_read().into_iter().map(Ident::as_str).collect();
    let script = begin(Access::Read, limits)
        + &format!("SELECT {};\n", session.digests.are_prepared_columns());
    let answers = session.run(doing, &script).await?;
    session.digests.note(answers.last().and_then(|rows| rows.first()), doing)?;
    let (script, _) = fingerprint::script(session, &schemas);
    let answers = session.run(doing, &script).await?;
    session.digests.note_whole();
    let mut digests = fingerprint::digests(session, &schemas, &answers)?;
    let is = |schema: &SchemaName, what: fn(&SchemaDigest) -> bool| {
        digests.get(schema).is_some_and(|digest| digest.as_ref().is_ok_and(what))
    };
    let open: Vec<&SchemaName> = schemas
        .iter()
        .copied()
        .filter(|schema| is(schema, |digest| digest.checks.is_open))
        .collect();
    let exposed: Vec<&SchemaName> = schemas
        .iter()
        .copied()
        .filter(|schema| is(schema, |digest| digest.checks.is_exposed()))
        .collect();
    let mut pins = HashMap::new();
    if !open.is_empty() {
        pins = pin::pins(session, doing, &open, &tables).await?;
        let locks = pin::script(&pins, &open, &tables);
        let (script, _) = fingerprint::script(session, &open);
        let answers = session.run(doing, &(locks + &script)).await?;
        let again = fingerprint::digests(session, &open, &answers)?;
        digests.retain(|schema, _| !open.contains(&schema));
        digests.extend(again);
    }
    let mut placements = placements(session, &schemas).await?;

    let mut obstacles = untrusted(session, &exposed, query).await?;
    if query.drops {
        let present: Vec<&SchemaName> =
            schemas.iter().copied().filter(|schema| digests.contains_key(*schema)).collect();
        for (schema, found) in dependents(session, &present).await? {
            obstacles.entry(schema).or_default().extend(found);
        }
    }
    for (schema, pins) in &pins {
        let of_pins: Vec<Obstacle> = pins.obstacles(&session.server.role).collect();
        if !of_pins.is_empty() {
            obstacles.entry(schema.clone()).or_default().splice(0..0, of_pins);
        }
    }
    let to_avoid: Vec<Reasons> = schemas
        .iter()
        .map(|schema| obstacles.get(*schema).map(|found| avoid(found)).unwrap_or_default())
        .collect();

    let mut found: Vec<Result<Option<Present>, IntrospectError>> = Vec::new();
    for schema in schemas {
        found.push(match digests.remove(schema) {
            None => Ok(None),
            Some(Err(error)) => Err(error),
            Some(Ok(digest)) => match model(session, shapes, schema, &digest).await {
                Ok(model) if pins.get(schema).is_some_and(|pins| pins.lacks(&tables, &model)) => {
                    let reason = "a table was created while it was read".to_owned();
                    return Err(PgError::Answer {
                        doing: format!("reading schema {schema}"),
                        reason,
                    });
                }
                Ok(model) => Ok(Some(Present {
                    fingerprint: digest.fingerprint,
                    schema: model,
                    note: digest.checks.note,
                    hold: digest.checks.hold,
                    placement: placements.remove(schema),
                })),
                // The transaction is over; a retry with fewer tenants shows which one it concerns.
                Err(IntrospectError::Pg(error)) => return Err(error),
                Err(error) => Err(error),
            },
        });
    }
    let rows = found_rows(session, declared, subjects, &found, &to_avoid).await?;
    let grants = grantcheck::absent(session, declared.grants, subjects).await?;
    let absent = rows.into_iter().zip(grants);
    let snapshots =
        found.into_iter().zip(absent).zip(subjects).map(|((present, (rows, grants)), subject)| {
            let (present, absent) = (present?, rows?.with(grants));
            let obstacles = obstacles.remove(subject.1).unwrap_or_default();
            let placement = present.as_ref().and_then(|present| present.placement.as_ref());
            let is_distributed = is_distributed(&session.server, present.is_some(), placement);
            let is_exposed = exposed.contains(&subject.1);
            Ok(TenantSnapshot { present, is_distributed, is_exposed, absent, obstacles })
        });
    Ok(snapshots.collect())
}

/// The model behind the fingerprint, read from this schema if the fingerprint is new.
async fn model(
    session: &mut Session,
    shapes: &Shapes,
    schema: &SchemaName,
    digest: &SchemaDigest,
) -> Result<Arc<Catalog>, IntrospectError> {
    if digest.checks.has_hidden {
        introspect::check_visible(session, schema).await?;
    }
    if let Some(known) = shapes.get(digest.fingerprint) {
        return Ok(known.schema);
    }
    let model = introspect::introspect(session, schema, Reading::Comparing).await?;
    let (script, _) = fingerprint::objects_script(session, &[schema]);
    let answers = session.run("taking fingerprints", &script).await?;
    match fingerprint::digest(session, schema, &answers)? {
        Some(again) if again.fingerprint == digest.fingerprint => {
            Ok(shapes.insert(digest.fingerprint, model, again.objects.unwrap_or_default()))
        }
        _ => {
            let reason = "it changed while it was read".to_owned();
            let doing = format!("reading schema {schema}");
            Err(PgError::Answer { doing, reason }.into())
        }
    }
}

/// What is found of the rows of each subject; tenants of one shape on one worker are checked together.
async fn found_rows<'m>(
    session: &mut Session,
    declared: Declared<'m>,
    subjects: &[Subject<'_>],
    found: &[Result<Option<Present>, IntrospectError>],
    to_avoid: &[Reasons],
) -> Result<Vec<Rows<'m>>, PgError> {
    let mut all: Vec<_> = subjects.iter().map(|_| Ok(FoundRows::default())).collect();
    let mut groups: HashMap<_, (&Catalog, Vec<usize>)> = HashMap::new();
    for (at, ((present, rows), avoid)) in found.iter().zip(&mut all).zip(to_avoid).enumerate() {
        match present {
            Ok(Some(present)) => {
                let worker = present.placement.as_ref().and_then(Placement::worker);
                let group = groups.entry((present.fingerprint, worker, avoid));
                group.or_insert_with(|| (&present.schema, Vec::new())).1.push(at);
            }
            Ok(None) => *rows = Ok(rowcheck::all(declared.manifest)),
            Err(_) => {}
        }
    }
    for ((_, worker, avoid), (schema, members)) in groups {
        let of_group: Vec<Subject<'_>> =
            members.iter().filter_map(|at| subjects.get(*at).copied()).collect();
        let check = SharedCheck::new(declared, &of_group, schema, avoid);
        let rows = match worker {
            None => check.run(session).await?.into_iter().map(Ok).collect(),
            Some(_) => on_worker(session, &check, members.len()).await?,
        };
        for (found, at) in rows.into_iter().zip(members) {
            if let Some(of_one) = all.get_mut(at) {
                *of_one = found;
            }
        }
    }
    Ok(all)
}

/// Checks the rows of tenants that are all on one Citus worker. When the coordinator reports that
/// it cannot reach the worker, each of them gets that error, and the transaction continues.
async fn on_worker<'m>(
    session: &mut Session,
    check: &SharedCheck<'m, '_>,
    members: usize,
) -> Result<Vec<Rows<'m>>, PgError> {
    let doing = "reading the tenants of one worker";
    session.run(doing, "SAVEPOINT worker").await?;
    match check.run(session).await {
        Ok(rows) => {
            session.run(doing, "RELEASE SAVEPOINT worker").await?;
            Ok(rows.into_iter().map(Ok).collect())
        }
        Err(PgError::Query { doing, source: Cause::Server(error) })
            if error.is_connection_error() =>
        {
            session.run(&doing, "ROLLBACK TO SAVEPOINT worker; RELEASE SAVEPOINT worker").await?;
            let unreachable = || PgError::Query {
                doing: doing.clone(),
                source: Cause::Server(Box::clone(&error)),
            };
            Ok((0..members).map(|_| Err(unreachable())).collect())
        }
        Err(error) => Err(error),
    }
}
