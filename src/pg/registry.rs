//! Questions about what lies outside of the tenants' schemas: the registry of tenants, and the
//! tables that foreign keys point to.

use super::error::PgError;
use super::session::{Access, Limits, Session, begin, column};
use crate::manifest::{ConstraintDef, Manifest, Registry, TableRef};
use crate::name::{TenantId, Text};

/// Whether the registry lists `tenant`.
///
/// # Errors
/// When the query of the registry fails.
pub async fn lists(
    session: &mut Session,
    registry: &Registry,
    tenant: &TenantId,
    limits: Limits,
) -> Result<bool, PgError> {
    let query = match registry {
        Registry::List(ids) => return Ok(ids.contains(tenant)),
        Registry::Query(query) => query.trim().trim_end_matches(';'),
    };
    let doing = "asking the registry of tenants";
    let start = begin(Access::Read, limits, session.server.version_number);
    session.run(doing, &start).await?;
    // Alone in its message, by the protocol that refuses a second statement. The id may be spelled
    // in capitals there, so what comes back is read as ids.
    let sql = format!(
        "SELECT q.id::text AS id FROM ({query}\n) AS q(id) WHERE lower(q.id::text) = {}",
        Text::from(tenant).literal()
    );
    let rows = session.fetch(doing, &sql).await;
    session.rollback().await?;
    for row in rows? {
        let id: &str = column(&row, "id", doing)?;
        if TenantId::new(id).is_ok_and(|id| id == *tenant) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The tables outside of the tenants' schemas that foreign keys point to and that are not there,
/// as `schema.table`.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn missing_externals(
    session: &mut Session,
    manifest: &Manifest,
) -> Result<Vec<String>, PgError> {
    let mut names: Vec<String> = Vec::new();
    for constraint in manifest.tables.iter().flat_map(|table| &table.constraints) {
        if let ConstraintDef::ForeignKey(key) = &constraint.definition
            && let TableRef::External { schema, table } = &key.references
        {
            names.push(format!("{}.{}", schema.quoted(), table.quoted()));
        }
    }
    names.sort();
    names.dedup();
    let mut missing = Vec::new();
    for name in names {
        let doing = format!("looking for table {name}");
        let literal = Text::new(name.clone()).map(|text| text.literal()).unwrap_or_default();
        let sql = format!("SELECT (pg_catalog.to_regclass({literal}) IS NOT NULL)::text AS found");
        let answers = session.run(&doing, &sql).await?;
        for row in answers.iter().flatten() {
            if column::<&str>(row, "found", &doing)? == "false" {
                missing.push(name.clone());
            }
        }
    }
    Ok(missing)
}
