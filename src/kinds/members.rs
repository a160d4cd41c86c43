//! Which objects there are in a schema.

use serde::Deserialize;

use super::inheritance::is_unmanaged;
use super::rules::Needs;
use super::script::stripped;
use crate::name::{Ident, SchemaName, Text};

/// Which objects there are in a schema, by OID.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Members {
    /// The schema's own.
    pub(super) namespace: i64,
    /// Ordinary and partitioned ones.
    pub(super) tables: Vec<i64>,
    pub(super) sequences: Vec<i64>,
    pub(super) views: Vec<i64>,
    pub(super) materialized_views: Vec<i64>,
    /// Functions, procedures and aggregates.
    pub(super) routines: Vec<i64>,
    /// All that have a row in `pg_class`.
    pub(super) relations: Vec<i64>,
    pub(super) types: Vec<i64>,
    /// Of all other classes, and the routines.
    pub(super) others: Vec<i64>,
}

impl Members {
    /// Whether there can be objects with these needs.
    pub(super) fn have(&self, needs: Needs) -> bool {
        match needs {
            Needs::Tables => !self.tables.is_empty(),
            Needs::Types => !self.types.is_empty(),
            Needs::Sequences => !self.sequences.is_empty(),
            Needs::Views => !self.views.is_empty(),
            Needs::MaterializedViews => !self.materialized_views.is_empty(),
            Needs::Triggered => !(self.tables.is_empty() && self.views.is_empty()),
            Needs::Indexed => !(self.tables.is_empty() && self.materialized_views.is_empty()),
            Needs::Routines => !self.routines.is_empty(),
            Needs::Nothing => false,
        }
    }
}

const MEMBERS: &str = "\
SELECT 'members' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT n.oid::int8 AS namespace,
           coalesce(array_agg(c.oid::int8) FILTER (WHERE c.relkind IN ('r', 'p')), '{}') AS tables,
           coalesce(array_agg(c.oid::int8) FILTER (WHERE c.relkind = 'S'), '{}') AS sequences,
           coalesce(array_agg(c.oid::int8) FILTER (WHERE c.relkind = 'v'), '{}') AS views,
           coalesce(array_agg(c.oid::int8) FILTER (WHERE c.relkind = 'm'), '{}')
               AS materialized_views,
           coalesce(array_agg(c.oid::int8) FILTER (WHERE c.oid IS NOT NULL), '{}') AS relations,
           coalesce(array_agg(d.objid::int8) FILTER (WHERE d.classid = 'pg_type'::regclass), '{}')
               AS types,
           coalesce(array_agg(d.objid::int8) FILTER (WHERE d.classid = 'pg_proc'::regclass), '{}')
               AS routines,
           -- Default privileges describe no object of the schema.
           coalesce(array_agg(d.objid::int8) FILTER (WHERE d.classid NOT IN (
               'pg_class'::regclass, 'pg_type'::regclass, 'pg_default_acl'::regclass)), '{}')
               AS others
    FROM pg_namespace n
    LEFT JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
    LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        AND c.relname <> ':record'
        AND NOT (:is_unmanaged)
    WHERE n.nspname = :schema
    GROUP BY n.oid
) r;
";

/// The statement that lists the members of `schema`, except the tool's own table, `record`, and the partitions of
/// the tables `unmanaged`.
#[must_use]
pub fn members_script(schema: &SchemaName, record: &str, unmanaged: &[Ident]) -> String {
    let schema = Text::from(schema.ident()).literal();
    stripped(MEMBERS)
        .replace(":record", record)
        .replace(":schema", &schema)
        .replace(":is_unmanaged", &is_unmanaged(unmanaged))
}
