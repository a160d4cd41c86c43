//! Queries for the tenants that exist: the registry of tenants, and the schemas that contain
//! this tool's record.

use sqlx::Row as _;

use super::answers::column;
use super::error::PgError;
use super::session::{Access, Limits, Session, begin};
use super::state::TABLE;
use crate::manifest::Registry;
use crate::name::{SchemaName, TenantId, Text};
use crate::settings::TRUSTED_ROLES;

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
        // A tenant that is given by name is meant to be created.
        Registry::Discovered => return Ok(true),
        Registry::Query(query) => query.trim().trim_end_matches(';'),
    };
    let doing = "querying the registry of tenants";
    let start = begin(Access::Read, limits);
    session.run(doing, &start).await?;
    // Alone in its message, by the protocol that refuses a second statement. The id may be spelled
    // in capitals there, so what is returned is parsed as ids.
    let sql = format!(
        "SELECT q.provision_id::text AS id FROM ({query}\n) AS q(provision_id) \
         WHERE lower(q.provision_id::text) = {}",
        Text::from(tenant).literal()
    );
    let rows = session.fetch(doing, &sql).await;
    session.rollback().await?;
    for row in rows.map_err(unreadable)? {
        let id: &str = column(&row, "id", doing)?;
        if TenantId::new(id).is_ok_and(|id| id == *tenant) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The query is the manifest's own, unlike all other queries.
fn unreadable(error: PgError) -> PgError {
    match error {
        PgError::Query { source, .. } => PgError::Registry { source },
        other => other,
    }
}

/// A row of the registry, as it is stored: an id and, if the query has a second column, the name
/// of a server.
pub type Listed = (String, Option<String>);

/// All rows of the registry's query, or those of `only` one tenant.
///
/// # Errors
/// When the query fails.
pub async fn listed(
    session: &mut Session,
    query: &str,
    only: Option<&TenantId>,
    limits: Limits,
) -> Result<Vec<Listed>, PgError> {
    let doing = "querying the registry of tenants";
    session.run(doing, &begin(Access::Read, limits)).await?;
    let query = query.trim().trim_end_matches(';');
    // The first column is the id, whatever its name; all as text, whatever their types.
    let mut sql = format!(
        "SELECT f.id, f.server FROM ({query}\n) AS provision_row \
         CROSS JOIN LATERAL (SELECT max(e.value) FILTER (WHERE e.n = 1) AS id, \
         max(e.value) FILTER (WHERE e.n > 1 AND e.key = 'server') AS server \
         FROM json_each_text(row_to_json(provision_row)) WITH ORDINALITY AS e(key, value, n)) AS f"
    );
    if let Some(tenant) = only {
        // The id may be spelled in capitals there.
        sql.push_str(&format!(" WHERE lower(f.id) = {}", Text::from(tenant).literal()));
    }
    let rows = session.fetch(doing, &sql).await;
    session.rollback().await?;
    let mut listed = Vec::new();
    for row in rows.map_err(unreadable)? {
        let id: Option<String> = column(&row, "id", doing)?;
        listed.push((id.unwrap_or_default(), column(&row, "server", doing)?));
    }
    Ok(listed)
}

/// A schema that contains this tool's record.
#[derive(Debug)]
pub struct Provisioned {
    pub schema: String,
    /// The owner of the record, if untrusted: whoever may create a schema can create one that
    /// looks provisioned.
    pub foreign_owner: Option<String>,
}

/// The schemas that contain this tool's record, by name; or `only` this one, if it does.
///
/// # Errors
/// When the query fails.
pub async fn provisioned(
    session: &mut Session,
    only: Option<&SchemaName>,
    limits: Limits,
) -> Result<Vec<Provisioned>, PgError> {
    let doing = "looking for provisioned schemas";
    let is_meant = only.map_or_else(String::new, |schema| {
        format!("AND n.nspname = {} ", Text::from(schema.ident()).literal())
    });
    let script = format!(
        "{}SELECT n.nspname::text AS name, pg_get_userbyid(c.relowner)::text AS owner, \
         (c.relowner = ANY ({TRUSTED_ROLES}))::text AS is_trusted \
         FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = '{TABLE}' AND c.relkind = 'r' {is_meant}ORDER BY n.nspname;\nROLLBACK;",
        begin(Access::Read, limits)
    );
    let answers = session.run(doing, &script).await?;
    // The statements before it return other columns.
    let rows = answers.iter().flatten().filter(|row| row.try_get_raw("is_trusted").is_ok());
    let found = rows.map(|row| {
        let text = |name| column::<&str>(row, name, doing);
        let owner = text("owner")?;
        let is_trusted = text("is_trusted")? == "true" || session.trust.covers(owner);
        Ok(Provisioned {
            schema: text("name")?.to_owned(),
            foreign_owner: (!is_trusted).then(|| owner.to_owned()),
        })
    });
    found.collect()
}
