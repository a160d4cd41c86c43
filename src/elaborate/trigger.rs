//! Triggers → the statements that create them in the scratch schema.

use super::words::qualified;
use crate::manifest::TriggerDecl;
use crate::name::{Ident, SchemaName, Text};

pub(super) fn create(schema: &SchemaName, table: &Ident, decl: &TriggerDecl) -> String {
    let constraint = if decl.is_constraint { "CONSTRAINT " } else { "" };
    let mut sql = format!("CREATE {constraint}TRIGGER {} {}", decl.name.quoted(), decl.when);
    if !decl.columns.is_empty() {
        let columns: Vec<String> = decl.columns.iter().map(Ident::quoted).collect();
        sql.push_str(&format!(" OF {}", columns.join(", ")));
    }
    sql.push_str(&format!(" ON {}", schema.qualify(table)));
    if let Some(deferrable) = &decl.deferrable {
        sql.push_str(&format!(" {deferrable}"));
    }
    let transition = [("OLD", &decl.old_table), ("NEW", &decl.new_table)];
    let transition = transition.into_iter().filter_map(|(which, name)| {
        name.as_ref().map(|name| format!(" {which} TABLE AS {}", name.quoted()))
    });
    let transition: String = transition.collect();
    if !transition.is_empty() {
        sql.push_str(&format!(" REFERENCING{transition}"));
    }
    sql.push_str(if decl.for_each_row { " FOR EACH ROW" } else { " FOR EACH STATEMENT" });
    if let Some(condition) = &decl.condition {
        sql.push_str(&format!(" WHEN ({})", condition.sql(schema)));
    }
    let function = match &decl.function.schema {
        Some(_) => qualified(&decl.function),
        None => schema.qualify(&decl.function.name),
    };
    let arguments: Vec<String> = decl.arguments.iter().map(Text::literal).collect();
    sql.push_str(&format!(" EXECUTE FUNCTION {function}({})", arguments.join(", ")));
    sql
}
