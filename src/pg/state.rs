//! `_provision_state`: the record in each tenant's schema. Append-only; the newest row is
//! the current one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::checksum::Checksum;
use crate::hold::Hold;
use crate::kinds::DIGEST_VERSION;
use crate::name::{SchemaName, Text, literal};

/// The columns of the table, in order, with their types as the server spells them; all are NOT
/// NULL, and the first is an identity column. `fingerprint/checks.sql` reports anything else that one has.
pub(super) const COLUMNS: [(&str, &str); 11] = [
    ("seq", "bigint identity"),
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

/// Its only index, which `CREATE TABLE` creates.
pub(super) const PRIMARY_KEY: &str = "primary key on seq";

/// One row of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRow {
    pub apply_id: Uuid,
    /// Of the manifest that was applied.
    pub manifest_checksum: Checksum,
    /// Of the schema as it was left; computed by the server.
    pub fingerprint: Checksum,
    /// Of the statements that were run.
    pub plan_digest: Checksum,
    pub statements: u32,
    /// Whether nothing was left: nothing changed, extra or of a kind that is not compared.
    pub complete: bool,
    pub tool_version: String,
    pub actor: String,
    /// The server's clock, UTC, RFC 3339.
    #[serde(default)]
    pub applied_at: String,
    /// From the start of the transaction; computed by the server.
    pub duration_ms: u64,
}

/// Separates the version of the tool from that of its digests, in the column `tool_version`. The first
/// version of the digests is not written. So the columns stay the same, and each version of the tool can read
/// the records of all others.
const DIGEST: &str = "+digest.";

impl StateRow {
    /// Whether the schema had this fingerprint when the row was written; `None`: that is unknown, since
    /// it was written with another version of the digests.
    #[must_use]
    pub fn has_fingerprint(&self, fingerprint: Checksum) -> Option<bool> {
        let version = match self.tool_version.rsplit_once(DIGEST) {
            Some((_, version)) => version.parse().ok()?,
            None => 1,
        };
        (version == DIGEST_VERSION).then_some(self.fingerprint == fingerprint)
    }
}

/// What an apply records of itself; the server fills in the rest of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub apply_id: Uuid,
    pub manifest_checksum: Checksum,
    pub plan_digest: Checksum,
    pub statements: u32,
    pub complete: bool,
    pub tool_version: String,
    pub actor: String,
}

/// A query for the newest rows of the record, newest first; it returns none if its columns have other types
/// by now, since printing such values might run functions of these types.
pub(super) fn select_script(schema: &SchemaName, limit: u32) -> String {
    format!(
        "SELECT 'state' AS section, coalesce(CASE WHEN {} THEN (SELECT json_agg(r)::text FROM (\
         SELECT apply_id, manifest_checksum, fingerprint, plan_digest, statements, complete, \
         tool_version, actor, duration_ms, \
         to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS applied_at \
         FROM ONLY {} ORDER BY seq DESC LIMIT {limit}) r) END, '[]') AS rows;\n",
        is_plain(schema),
        table(schema)
    )
}

/// A condition: all columns have built-in types. The server determines the types when it parses the
/// statement, and from then on holds a lock on the table, so that they stay the same.
fn is_plain(schema: &SchemaName) -> String {
    let is_plain =
        |(column, _)| format!("pg_typeof((NULL::{}).{column})::oid < 16384", table(schema));
    COLUMNS.map(is_plain).join(" AND ")
}

/// Statements that add a row, after creating the table unless it `exists`, within the current transaction, and
/// how many statements these are. Without a fingerprint, the row gets that of the [`fingerprint::script`] before
/// it. A table that somebody else has created meanwhile is an error, and is not written to.
///
/// The table's comment repeats the part of the newest row that is read for whole fleets: it is in the
/// catalog, so that no table has to be opened to read it.
///
/// [`fingerprint::script`]: super::fingerprint::script
pub(super) fn append_script(
    schema: &SchemaName,
    row: &Entry,
    fingerprint: Option<Checksum>,
    exists: bool,
) -> (String, usize) {
    let table = table(schema);
    let text = |value: &str| {
        Text::new(value.replace('\0', "")).map(|text| text.literal()).unwrap_or_default()
    };
    let create = format!(
        "CREATE TABLE {table} (\
         seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, apply_id uuid NOT NULL, \
         manifest_checksum text NOT NULL, fingerprint text NOT NULL, plan_digest text NOT NULL, \
         statements integer NOT NULL, complete boolean NOT NULL, tool_version text NOT NULL, \
         actor text NOT NULL, applied_at timestamptz NOT NULL, duration_ms bigint NOT NULL);\n"
    );
    let script = format!(
        "{}INSERT INTO {table} (apply_id, manifest_checksum, fingerprint, plan_digest, statements, \
         complete, tool_version, actor, applied_at, duration_ms) \
         VALUES ('{}', '{}', {}, '{}', {}, {}, {}, {}, \
         clock_timestamp(), \
         extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000);\n{}",
        if exists { "" } else { &create },
        row.apply_id,
        row.manifest_checksum,
        match fingerprint {
            Some(fingerprint) => format!("'{fingerprint}'"),
            None => "current_setting('provision.fingerprint')".to_owned(),
        },
        row.plan_digest,
        row.statements,
        row.complete,
        text(&format!("{}{DIGEST}{}", row.tool_version, DIGEST_VERSION)),
        text(&row.actor),
        note_script(schema, row),
    );
    (script, if exists { 2 } else { 3 })
}

/// Corrects the newest row, in the transaction that wrote it.
pub(super) fn amend_script(schema: &SchemaName, row: &Entry) -> String {
    format!(
        "UPDATE {} SET complete = {} WHERE apply_id = '{}';\n{}",
        table(schema),
        row.complete,
        row.apply_id,
        note_script(schema, row)
    )
}

fn note_script(schema: &SchemaName, row: &Entry) -> String {
    let note = note(row.manifest_checksum, row.complete);
    let literal = Text::new(note).map(|text| text.literal()).unwrap_or_default();
    format!("COMMENT ON TABLE {} IS {literal};\n", table(schema))
}

/// The record's comment when its newest row is of this manifest, and of this version of the
/// digests.
#[must_use]
pub fn note(manifest_checksum: Checksum, complete: bool) -> String {
    // Not the wording of earlier versions, which called a tenant with extra objects complete.
    let rest = if complete { "nothing left" } else { "some left as it was" };
    let digest = DIGEST_VERSION;
    format!(
        "The record of provision. Newest apply: manifest {manifest_checksum}, digest {digest}, {rest}"
    )
}

/// The statement that records that the tenant is held, or no longer is. It is the comment of the first column,
/// beside that of the table, so that it is read with it, and neither an apply nor an earlier version of the tool changes it.
pub(super) fn hold_script(schema: &SchemaName, hold: Option<&Hold>) -> String {
    let literal = match hold {
        Some(hold) => literal(&hold.recorded()),
        None => "NULL".to_owned(),
    };
    let [(column, _), ..] = COLUMNS;
    format!("COMMENT ON COLUMN {}.{column} IS {literal};\n", table(schema))
}

/// A query for one apply by its id.
pub(super) fn find_script(schema: &SchemaName, apply_id: Uuid) -> String {
    format!(
        "SELECT 'found' AS section, coalesce(CASE WHEN {} THEN (SELECT json_agg(r)::text FROM (\
         SELECT apply_id FROM ONLY {} WHERE apply_id = '{apply_id}') r) END, '[]') AS rows;\n",
        is_plain(schema),
        table(schema)
    )
}

/// The tool's own table is not part of the model; see [`TABLE`].
pub(super) fn table(schema: &SchemaName) -> String {
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

    #[test]
    fn rows_of_other_digests_have_no_known_fingerprint() {
        let (then, other) = (crate::checksum::of("test", &1), crate::checksum::of("test", &2));
        let has = |tool_version: &str, fingerprint| {
            let row = StateRow {
                apply_id: Uuid::nil(),
                manifest_checksum: then,
                fingerprint: then,
                plan_digest: then,
                statements: 1,
                complete: true,
                tool_version: tool_version.into(),
                actor: String::new(),
                applied_at: String::new(),
                duration_ms: 1,
            };
            row.has_fingerprint(fingerprint)
        };
        let now = format!("7.8.9{DIGEST}{DIGEST_VERSION}");
        assert_eq!(has(&now, then), Some(true));
        assert_eq!(has(&now, other), Some(false));
        for version in ["0.1.0", "7.8.9+digest.77", "7.8.9+digest.", "7.8.9+digest.x"] {
            assert_eq!(has(version, then), None, "{version}");
        }
    }
}
