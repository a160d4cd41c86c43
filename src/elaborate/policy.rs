//! Policies → the statements that create them in the scratch schema.

use crate::manifest::PolicyDecl;
use crate::name::{Ident, SchemaName};

pub(super) fn create(schema: &SchemaName, table: &Ident, decl: &PolicyDecl) -> String {
    let mut sql = format!("CREATE POLICY {} ON {}", decl.name.quoted(), schema.qualify(table));
    if decl.restrictive {
        sql.push_str(" AS RESTRICTIVE");
    }
    if let Some(command) = &decl.command {
        sql.push_str(&format!(" FOR {command}"));
    }
    if !decl.roles.is_empty() {
        let roles: Vec<String> = decl.roles.iter().map(Ident::quoted).collect();
        sql.push_str(&format!(" TO {}", roles.join(", ")));
    }
    for (words, condition) in [("USING", &decl.using), ("WITH CHECK", &decl.check)] {
        if let Some(condition) = condition {
            sql.push_str(&format!(" {words} ({})", condition.sql(schema)));
        }
    }
    sql
}
