//! How large tables are according to the server's statistics, which takes no lock on them.

use super::answers::{array, column};
use super::error::PgError;
use super::session::{Access, Limits, Session, begin};
use crate::name::SchemaName;

const DOING: &str = "estimating how large tables are";

/// Schemas that are asked about in one query.
const PER_QUERY: usize = 500;

/// How large a table or a materialized view is, with its partitions or child tables and their indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSize {
    pub schema: SchemaName,
    pub name: String,
    /// `None`: it was never analysed.
    pub rows: Option<u64>,
    pub bytes: u64,
}

/// Of those of `names` that exist in each of `schemas`.
///
/// # Errors
/// When a query fails.
pub async fn sizes(
    session: &mut Session,
    schemas: &[&SchemaName],
    names: &[&str],
    limits: Limits,
) -> Result<Vec<TableSize>, PgError> {
    let mut all = Vec::new();
    if names.is_empty() {
        return Ok(all);
    }
    session.run(DOING, &begin(Access::Read, limits)).await?;
    for some in schemas.chunks(PER_QUERY) {
        let query = format!(
            "SELECT n.nspname::text AS schema, c.relname::text AS name, \
                    (sum(t.reltuples) FILTER (WHERE t.reltuples >= 0 AND t.relkind <> 'p'))::int8 AS rows, \
                    (sum(t.relpages + coalesce(o.relpages, 0) + coalesce(x.pages, 0)) \
                     * current_setting('block_size')::int8)::int8 AS bytes \
             FROM pg_namespace n \
             JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = ANY ({}) \
                            AND c.relkind IN ('r', 'p', 'm') \
             CROSS JOIN LATERAL ( \
                 WITH RECURSIVE d(oid) AS ( \
                     SELECT c.oid UNION \
                     SELECT i.inhrelid FROM d JOIN pg_inherits i ON i.inhparent = d.oid) \
                 SELECT d.oid FROM d) d \
             JOIN pg_class t ON t.oid = d.oid \
             LEFT JOIN pg_class o ON o.oid = t.reltoastrelid \
             LEFT JOIN LATERAL ( \
                 SELECT sum(ic.relpages) AS pages FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid \
                 WHERE i.indrelid = t.oid) x ON true \
             WHERE n.nspname = ANY ({}) GROUP BY 1, 2",
            array("name", names),
            array("name", some.iter().map(|schema| schema.as_str())),
        );
        for row in session.run(DOING, &query).await?.iter().flatten() {
            let name: &str = column(row, "schema", DOING)?;
            let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
            if let Some(schema) = some.iter().find(|schema| schema.as_str() == name) {
                all.push(TableSize {
                    schema: (*schema).clone(),
                    name: column(row, "name", DOING)?,
                    rows: count(column(row, "rows", DOING)?),
                    bytes: count(column(row, "bytes", DOING)?).unwrap_or_default(),
                });
            }
        }
    }
    session.rollback().await?;
    Ok(all)
}
