//! The SQL of declared extended statistics.

use crate::manifest::{IndexTerm, StatisticsDecl};
use crate::name::{Ident, SchemaName};

pub(super) fn create(schema: &SchemaName, table: &Ident, decl: &StatisticsDecl) -> String {
    let kinds = match decl.kinds.as_slice() {
        [] => String::new(),
        kinds => format!(" ({})", kinds.join(", ")),
    };
    let keys: Vec<String> = decl
        .keys
        .iter()
        .map(|key| match key {
            IndexTerm::Column(name) => name.quoted(),
            IndexTerm::Expression(expression) => format!("({})", expression.sql(schema)),
        })
        .collect();
    format!(
        "CREATE STATISTICS {}{kinds} ON {} FROM {}",
        schema.qualify(&decl.name),
        keys.join(", "),
        schema.qualify(table)
    )
}

/// Sets how much is sampled.
pub(super) fn set_target(schema: &SchemaName, name: &Ident, target: i64) -> String {
    format!("ALTER STATISTICS {} SET STATISTICS {target}", schema.qualify(name))
}
