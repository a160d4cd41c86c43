//! Rules → the statements that create them in the scratch schema.

use crate::manifest::RuleDecl;
use crate::name::{Ident, SchemaName};

pub(super) fn create(schema: &SchemaName, on: &Ident, decl: &RuleDecl) -> String {
    let mut sql = format!(
        "CREATE RULE {} AS ON {} TO {}",
        decl.name.quoted(),
        decl.event,
        schema.qualify(on)
    );
    if let Some(condition) = &decl.condition {
        sql.push_str(&format!(" WHERE ({})", condition.sql(schema)));
    }
    sql.push_str(if decl.is_instead { " DO INSTEAD " } else { " DO ALSO " });
    let commands: Vec<String> = decl.commands.iter().map(|command| command.sql(schema)).collect();
    match commands.as_slice() {
        [] => sql.push_str("NOTHING"),
        commands => sql.push_str(&format!("({})", commands.join("; "))),
    }
    sql
}
