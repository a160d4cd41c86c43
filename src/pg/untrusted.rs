//! Code in tenants' schemas that belongs to roles who are not trusted with it; see `untrusted.sql`.

mod graph;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use graph::Graph;

use super::error::PgError;
use super::introspect::stripped;
use super::session::{Session, column};
use crate::name::{SchemaName, Text};
use crate::plan::{Code, Obstacle};
use crate::render::TRUSTED_ROLES;

const DOING: &str = "asking whose code statements would run";

/// A query: whether there is, in the whole database, anything that [`untrusted`] could find. It costs
/// next to nothing, where that may take as long as all else that is asked of a schema.
pub(super) fn is_there_query() -> String {
    format!(
        "SELECT (EXISTS (SELECT FROM pg_proc p WHERE p.oid >= 16384 AND p.proowner <> ALL (t.roles)) \
         OR EXISTS (SELECT FROM pg_type y LEFT JOIN pg_class c ON c.oid = y.typrelid \
                    WHERE y.oid >= 16384 AND y.typowner <> ALL (t.roles) AND y.typelem = 0 \
                      AND (y.typtype IN ('b', 'd', 'e', 'r') \
                           OR y.typtype = 'c' AND c.relkind = 'c')) \
         OR EXISTS (SELECT FROM pg_rewrite ru JOIN pg_class c ON c.oid = ru.ev_class \
                    WHERE ru.oid >= 16384 AND ru.ev_type <> '1' AND c.relowner <> ALL (t.roles)) \
         OR EXISTS (SELECT FROM pg_attrdef ad JOIN pg_class c ON c.oid = ad.adrelid \
                    WHERE c.relowner <> ALL (t.roles)) \
         OR EXISTS (SELECT FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
                    WHERE k.contype = 'c' AND c.relowner <> ALL (t.roles)) \
         OR EXISTS (SELECT FROM pg_trigger tg JOIN pg_class c ON c.oid = tg.tgrelid \
                    WHERE tg.tgqual IS NOT NULL AND c.relowner <> ALL (t.roles)) \
         OR EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
                    WHERE c.relowner <> ALL (t.roles)))::text AS is_there \
         FROM (SELECT {TRUSTED_ROLES} AS roles) t"
    )
}

/// What statements on the tables of each of `schemas`, and on `externals` to which keys are to point
/// (each as `"schema"."table"`), could run that nobody who is trusted answers for, within the current
/// transaction. Of the tables there is nothing but what `but_for` has none of. A schema in which there is none has
/// no entry.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn untrusted(
    session: &mut Session,
    schemas: &[&SchemaName],
    asked: &Asked<'_>,
) -> Result<HashMap<SchemaName, Vec<Obstacle>>, PgError> {
    if schemas.is_empty() || !is_there(session, DOING, "").await? {
        return Ok(HashMap::new());
    }
    let graph = graph(session, schemas, asked.externals, false).await?;
    let trust = Arc::clone(&session.trust);
    Ok(graph.obstacles(schemas, &|owner, code| !trust.covers(owner) && !is_meant(asked, code)))
}

/// What [`untrusted`] is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The tables outside of the tenants' schemas that declared keys point to, quoted.
    pub externals: &'a [String],
    /// What the manifest's own declarations run is meant to be run.
    pub used: Option<&'a BTreeSet<Code>>,
}

fn is_meant(asked: &Asked<'_>, code: &Code) -> bool {
    asked.used.is_some_and(|used| match code {
        Code::Chosen(name) => used.contains(code) || used.contains(&Code::Function(name.clone())),
        _ => used.contains(code),
    })
}

/// Runs `before`, and tells whether there is, in the whole database, anything that [`untrusted`] could
/// find.
///
/// # Errors
/// When the server refuses `before`, or cannot be asked.
pub(super) async fn is_there(
    session: &mut Session,
    doing: &str,
    before: &str,
) -> Result<bool, PgError> {
    let answers = session.run(doing, &format!("{before}{};\n", is_there_query())).await?;
    match answers.last().and_then(|rows| rows.first()) {
        Some(row) => Ok(column::<&str>(row, "is_there", DOING)? == "true"),
        None => Ok(false),
    }
}

/// The functions and types outside of the schema that what is in it runs, whoever owns them.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn used(
    session: &mut Session,
    schema: &SchemaName,
) -> Result<BTreeSet<Code>, PgError> {
    let graph = graph(session, &[schema], &[], true).await?;
    Ok(graph.into_code())
}

async fn graph(
    session: &mut Session,
    schemas: &[&SchemaName],
    externals: &[String],
    anybody: bool,
) -> Result<Graph, PgError> {
    let array = |texts: Vec<String>, of: &str| format!("ARRAY[{}]::{of}[]", texts.join(", "));
    let names = schemas.iter().map(|schema| Text::from(schema.ident()).literal()).collect();
    let externals = externals.iter().filter_map(|name| Text::new(name.clone()).ok());
    let externals = externals.map(|name| name.literal()).collect();
    let script = stripped(include_str!("untrusted.sql"))
        .replace(":edges", &stripped(include_str!("untrusted_edges.sql")))
        .replace(":schemas", &array(names, "name"))
        .replace(":externals", &array(externals, "text"))
        .replace(":trusted_roles", TRUSTED_ROLES)
        .replace(":anybody", if anybody { "true" } else { "false" });
    let answers = session.run(DOING, &script).await?;
    let mut graph = Graph::default();
    for row in answers.iter().flatten() {
        graph.add(row)?;
    }
    Ok(graph)
}
