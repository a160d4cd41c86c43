//! `_provision_state`: the record inside of each tenant's schema. Append-only; the newest row is
//! the current one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::PgError;
use super::session::Session;
use crate::checksum::Checksum;
use crate::name::{SchemaName, Text};

/// The columns of the table, and their types as the server spells them.
pub(super) const COLUMNS: [(&str, &str); 11] = [
    ("seq", "bigint"),
    ("apply_id", "uuid"),
    ("manifest_checksum", "text"),
    ("fingerprint", "text"),
    ("plan_digest", "text"),
    ("statements", "integer"),
    ("complete", "boolean"),
    ("tool_version", "text"),
    ("actor", "text"),
    ("applied_at", "timestamp with time zone"),
    ("duration_ms", "bigint"),
];

/// One row of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRow {
    pub apply_id: Uuid,
    /// Of the manifest that was applied.
    pub manifest_checksum: Checksum,
    /// Of the schema as it was left.
    pub fingerprint: Checksum,
    /// Of the statements that were run.
    pub plan_digest: Checksum,
    pub statements: u32,
    /// Whether nothing remained: nothing missing, nothing changed.
    pub complete: bool,
    pub tool_version: String,
    pub actor: String,
    /// The server's clock, UTC, RFC 3339.
    #[serde(default)]
    pub applied_at: String,
    pub duration_ms: u64,
}

/// A query for the newest rows of the record, newest first.
pub(super) fn select_script(schema: &SchemaName, limit: u32) -> String {
    format!(
        "SELECT 'state' AS section, coalesce(json_agg(r), '[]')::text AS rows FROM (\
         SELECT apply_id, manifest_checksum, fingerprint, plan_digest, statements, complete, \
         tool_version, actor, duration_ms, \
         to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS applied_at \
         FROM ONLY {} ORDER BY seq DESC LIMIT {limit}) r;\n",
        table(schema)
    )
}

/// Adds a row, and the table before it where there is none; within the current transaction.
pub(super) async fn append(
    session: &mut Session,
    schema: &SchemaName,
    row: &StateRow,
) -> Result<(), PgError> {
    session.run("recording what was done", &append_script(schema, row)).await.map(drop)
}

/// The statements of [`append`].
pub(super) fn append_script(schema: &SchemaName, row: &StateRow) -> String {
    let table = table(schema);
    let text = |value: &str| {
        Text::new(value.replace('\0', "")).map(|text| text.literal()).unwrap_or_default()
    };
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (\
         seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, apply_id uuid NOT NULL, \
         manifest_checksum text NOT NULL, fingerprint text NOT NULL, plan_digest text NOT NULL, \
         statements integer NOT NULL, complete boolean NOT NULL, tool_version text NOT NULL, \
         actor text NOT NULL, applied_at timestamptz NOT NULL, duration_ms bigint NOT NULL);\n\
         INSERT INTO {table} (apply_id, manifest_checksum, fingerprint, plan_digest, statements, \
         complete, tool_version, actor, applied_at, duration_ms) \
         VALUES ('{}', '{}', '{}', '{}', {}, {}, {}, {}, clock_timestamp(), {});",
        row.apply_id,
        row.manifest_checksum,
        row.fingerprint,
        row.plan_digest,
        row.statements,
        row.complete,
        text(&row.tool_version),
        text(&row.actor),
        row.duration_ms,
    )
}

/// A query for one apply by its id.
pub(super) fn find_script(schema: &SchemaName, apply_id: Uuid) -> String {
    format!(
        "SELECT 'found' AS section, coalesce(json_agg(r), '[]')::text AS rows FROM (\
         SELECT apply_id FROM ONLY {} WHERE apply_id = '{apply_id}') r;\n",
        table(schema)
    )
}

/// The tool's own table is no part of the model; see [`TABLE`].
fn table(schema: &SchemaName) -> String {
    format!("{}.\"{TABLE}\"", schema.quoted())
}

/// Its name; the manifest may not use it.
pub const TABLE: &str = "_provision_state";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Ident;

    #[test]
    fn the_name_is_one_that_needs_no_quoting() {
        assert_eq!(Ident::new(TABLE).unwrap().quoted(), format!("\"{TABLE}\""));
    }
}
