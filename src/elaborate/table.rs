//! The SQL of declared tables.

use super::constraint;
use super::words::{qualified, type_name, with};
use crate::kinds::sequence_option_words;
use crate::manifest::{ColumnDecl, ColumnValue, ConstraintDecl, TableDecl};
use crate::name::SchemaName;

/// With these of its constraints.
pub(super) fn create(
    schema: &SchemaName,
    decl: &TableDecl,
    constraints: &[&ConstraintDecl],
) -> String {
    let columns = decl.columns.iter().map(|column| self::column(schema, column));
    let constraints = constraints.iter().map(|decl| constraint::clause(schema, decl));
    let clauses: Vec<String> = columns.chain(constraints).collect();
    let unlogged = if decl.unlogged { "UNLOGGED " } else { "" };
    format!(
        "CREATE {unlogged}TABLE {} ({}){}",
        schema.qualify(&decl.name),
        clauses.join(", "),
        with(&decl.with)
    )
}

fn column(schema: &SchemaName, decl: &ColumnDecl) -> String {
    let mut sql = format!("{} {}", decl.name.quoted(), type_name(schema, &decl.data_type));
    if let Some(collation) = &decl.collation {
        sql.push_str(&format!(" COLLATE {}", qualified(collation)));
    }
    match &decl.value {
        ColumnValue::None => {}
        ColumnValue::Default(expression) => {
            sql.push_str(&format!(" DEFAULT ({})", expression.sql(schema)));
        }
        ColumnValue::Identity { always, options } => {
            let when = if *always { "ALWAYS" } else { "BY DEFAULT" };
            sql.push_str(&format!(" GENERATED {when} AS IDENTITY"));
            let options = sequence_option_words(options);
            if !options.is_empty() {
                sql.push_str(&format!(" ({})", options.trim_start()));
            }
        }
        ColumnValue::Generated(expression) => {
            sql.push_str(&format!(" GENERATED ALWAYS AS ({}) STORED", expression.sql(schema)));
        }
    }
    if !decl.nullable {
        sql.push_str(" NOT NULL");
    }
    sql
}
