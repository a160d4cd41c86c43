//! Baseline rows.

use crate::manifest::{Cell, SeedDecl, SeedRow};
use crate::name::{Ident, SchemaName, TenantId, Text};

/// A cell as an SQL expression. A literal has no type of its own: it takes that of the column
/// that it is compared with or goes into, so the server converts it as it converts input, and
/// refuses what does not fit instead of cutting it off.
#[must_use]
pub fn cell(cell: &Cell, schema: &SchemaName, tenant: &TenantId) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Value(text) => text.literal(),
        Cell::Sql(expression) => format!("({})", expression.sql(schema)),
        Cell::Tenant => tenant_literal(tenant),
        Cell::Lookup { table, column, matching } => {
            let conditions: Vec<String> = matching
                .iter()
                .map(|(name, value)| {
                    format!("l.{} = {}", name.quoted(), self::cell(value, schema, tenant))
                })
                .collect();
            format!(
                "(SELECT l.{} FROM {} AS l WHERE {})",
                column.quoted(),
                schema.qualify(table),
                conditions.join(" AND ")
            )
        }
    }
}

/// Inserts the row unless one with its key is there. A lookup that finds nothing inserts nothing,
/// which the verification after the last statement reports; it never inserts NULL instead.
pub(super) fn insert(
    schema: &SchemaName,
    tenant: &TenantId,
    seed: &SeedDecl,
    row: &SeedRow,
) -> String {
    let table = schema.qualify(&seed.table);
    let names: Vec<String> = row.cells.iter().map(|(name, _)| name.quoted()).collect();
    let (mut values, mut found, mut present) = (Vec::new(), Vec::new(), Vec::new());
    let mut conditions = Vec::new();
    for (at, (name, value)) in row.cells.iter().enumerate() {
        let mut sql = cell(value, schema, tenant);
        if let Cell::Lookup { .. } = value {
            found.push(format!("{sql} AS v{at}"));
            sql = format!("f.v{at}");
            conditions.push(format!("{sql} IS NOT NULL"));
        }
        if seed.key.contains(name) {
            present.push(format!("t.{} = {sql}", name.quoted()));
        }
        values.push(sql);
    }
    conditions
        .push(format!("NOT EXISTS (SELECT FROM {table} AS t WHERE {})", present.join(" AND ")));
    let from = if found.is_empty() {
        String::new()
    } else {
        format!(" FROM (SELECT {}) AS f", found.join(", "))
    };
    format!(
        "INSERT INTO {table} ({}) SELECT {}{from} WHERE {}",
        names.join(", "),
        values.join(", "),
        conditions.join(" AND ")
    )
}

fn tenant_literal(tenant: &TenantId) -> String {
    Text::from(tenant).literal()
}

impl SeedRow {
    /// The key as people read it, such as `grupo = "Funcao", nome = "Peão"`.
    #[must_use]
    pub fn key_text(&self, key: &[Ident]) -> String {
        let part = |name: &Ident| {
            let cell = self.cells.iter().find(|(column, _)| column == name);
            let value = cell.map_or_else(String::new, |(_, cell)| cell_text(cell));
            format!("{name} = {value}")
        };
        key.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}

fn cell_text(cell: &Cell) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Value(text) => format!("{:?}", text.as_str()),
        Cell::Sql(expression) => expression.as_written().to_owned(),
        Cell::Tenant => "the tenant's id".to_owned(),
        Cell::Lookup { table, matching, .. } => {
            let conditions: Vec<String> = matching
                .iter()
                .map(|(name, value)| format!("{name} = {}", cell_text(value)))
                .collect();
            format!("the {table} with {}", conditions.join(", "))
        }
    }
}
