//! Code in tenants' schemas that belongs to roles who are not trusted with it; see `untrusted.sql`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::error::PgError;
use super::introspect::stripped;
use super::session::{Session, column};
use crate::name::{SchemaName, Text};
use crate::plan::{Code, Subject, Untrusted};

const DOING: &str = "asking whose code statements would run";

/// A query: whether there is, in the whole database, anything that [`untrusted`] could find. It costs
/// next to nothing, where that may take as long as all else that is asked of a schema.
pub(super) const IS_THERE: &str = "\
SELECT (EXISTS (SELECT FROM pg_proc p WHERE p.oid >= 16384 AND p.proowner <> ALL (t.roles)) \
     OR EXISTS (SELECT FROM pg_type y LEFT JOIN pg_class c ON c.oid = y.typrelid \
                WHERE y.oid >= 16384 AND y.typowner <> ALL (t.roles) AND y.typelem = 0 \
                  AND (y.typtype IN ('b', 'd', 'r') OR y.typtype = 'c' AND c.relkind = 'c')) \
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
FROM (SELECT array_agg(r.oid) AS roles FROM pg_roles r \
      WHERE r.rolsuper OR r.rolname IN (current_user, session_user)) t";

/// What statements on the tables of each of `schemas` could run that nobody who is trusted answers
/// for, within the current transaction. A schema in which there is none has no entry.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn untrusted(
    session: &mut Session,
    schemas: &[&SchemaName],
) -> Result<HashMap<SchemaName, Vec<Untrusted>>, PgError> {
    if schemas.is_empty() || !is_there(session, DOING, "").await? {
        return Ok(HashMap::new());
    }
    let mut found = everything(session, schemas, false).await?;
    let trust = Arc::clone(&session.trust);
    found.retain(|_, code| {
        code.retain(|one| !trust.covers(&one.owner));
        !code.is_empty()
    });
    Ok(found)
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
    let answers = session.run(doing, &format!("{before}{IS_THERE};\n")).await?;
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
    let found = everything(session, &[schema], true).await?.remove(schema).unwrap_or_default();
    // Of what is told for its own sake, there is nothing to name that could be meant.
    Ok(found.into_iter().map(|code| code.what).filter(|what| *what != Code::Itself).collect())
}

async fn everything(
    session: &mut Session,
    schemas: &[&SchemaName],
    anybody: bool,
) -> Result<HashMap<SchemaName, Vec<Untrusted>>, PgError> {
    let names: Vec<String> =
        schemas.iter().map(|schema| Text::from(schema.ident()).literal()).collect();
    let script = stripped(include_str!("untrusted.sql"))
        .replace(":schemas", &format!("ARRAY[{}]::name[]", names.join(", ")))
        .replace(":anybody", if anybody { "true" } else { "false" });
    let answers = session.run(DOING, &script).await?;
    let mut found: HashMap<SchemaName, Vec<Untrusted>> = HashMap::new();
    for row in answers.iter().flatten() {
        let text = |name| column::<&str>(row, name, DOING);
        let name = text("schema")?;
        let Some(schema) = schemas.iter().find(|schema| schema.as_str() == name) else {
            continue;
        };
        let subject = text("subject")?.to_owned();
        let code = Untrusted {
            on: match text("kind")? {
                "type" => Subject::Type(subject),
                _ => Subject::Relation(subject),
            },
            via: text("via")?.to_owned(),
            what: match text("what")? {
                "function" => Code::Function(text("runs")?.to_owned()),
                "type" => Code::Type(text("runs")?.to_owned()),
                _ => Code::Itself,
            },
            prefix: text("prefix")?.to_owned(),
            is_run_by_reading: text("reads")? == "true",
            owner: text("owner")?.to_owned(),
            is_schemas_owner: text("is_schemas_owner")? == "true",
        };
        found.entry((*schema).clone()).or_default().push(code);
    }
    Ok(found)
}
