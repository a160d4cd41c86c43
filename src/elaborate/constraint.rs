//! The SQL of declared constraints and indexes.

use super::words::{self, columns, qualified};
use crate::manifest::{
    ConstraintDecl, ConstraintDef, Deferral, ForeignKeyDecl, IndexDecl, IndexKey, IndexTerm,
    KeyDecl, Operator, ReferentialAction, TableRef,
};
use crate::name::{Ident, SchemaName};

/// The clause `CONSTRAINT "name" …` of CREATE TABLE and ALTER TABLE.
pub(super) fn clause(schema: &SchemaName, decl: &ConstraintDecl) -> String {
    let definition = match &decl.definition {
        ConstraintDef::PrimaryKey(key) => self::key("PRIMARY KEY", key),
        ConstraintDef::Unique(key) if key.nulls_distinct => self::key("UNIQUE", key),
        ConstraintDef::Unique(key) => self::key("UNIQUE NULLS NOT DISTINCT", key),
        ConstraintDef::Check { expression, no_inherit } => {
            let no_inherit = if *no_inherit { " NO INHERIT" } else { "" };
            format!("CHECK ({}){no_inherit}", expression.sql(schema))
        }
        ConstraintDef::Exclusion { method, elements, predicate, deferral } => {
            let elements: Vec<String> = elements
                .iter()
                .map(|(key, operator)| {
                    format!("{} WITH {}", index_key(schema, key), self::operator(operator))
                })
                .collect();
            format!(
                "EXCLUDE{} ({}){}{}",
                using(method.as_ref()),
                elements.join(", "),
                condition(schema, predicate.as_ref()),
                self::deferral(*deferral)
            )
        }
        ConstraintDef::ForeignKey(key) => foreign_key(schema, key),
    };
    let not_valid = if decl.not_valid { " NOT VALID" } else { "" };
    format!("CONSTRAINT {} {definition}{not_valid}", decl.name.ident.quoted())
}

/// `CREATE INDEX`.
pub(super) fn create_index(schema: &SchemaName, table: &Ident, decl: &IndexDecl) -> String {
    let IndexDecl { unique, nulls_distinct, method, keys, include, predicate, with, .. } = decl;
    let keys: Vec<String> = keys.iter().map(|key| index_key(schema, key)).collect();
    let mut sql = format!(
        "CREATE {}INDEX {} ON {}{} ({}){}",
        if *unique { "UNIQUE " } else { "" },
        decl.name.ident.quoted(),
        schema.qualify(table),
        using(method.as_ref()),
        keys.join(", "),
        included(include)
    );
    if !nulls_distinct {
        sql.push_str(" NULLS NOT DISTINCT");
    }
    sql.push_str(&words::with(with));
    sql.push_str(&condition(schema, predicate.as_ref()));
    sql
}

fn key(words: &str, key: &KeyDecl) -> String {
    format!("{words} {}{}{}", columns(&key.columns), included(&key.include), deferral(key.deferral))
}

fn foreign_key(schema: &SchemaName, key: &ForeignKeyDecl) -> String {
    let references = match &key.references {
        TableRef::Tenant(table) => schema.qualify(table),
        TableRef::External { schema, table } => format!("{}.{}", schema.quoted(), table.quoted()),
    };
    format!(
        "FOREIGN KEY {} REFERENCES {references} {}{}{}",
        columns(&key.columns),
        columns(&key.referenced_columns),
        actions(key, columns),
        deferral(key.deferral)
    )
}

/// The SQL of a foreign key after what it points to, except its deferral; `columns` writes a list of columns.
pub(super) fn actions(key: &ForeignKeyDecl, columns: impl Fn(&[Ident]) -> String) -> String {
    let mut sql = String::new();
    if key.match_full {
        sql.push_str(" MATCH FULL");
    }
    if key.on_update != ReferentialAction::NoAction {
        sql.push_str(&format!(" ON UPDATE {}", action(key.on_update)));
    }
    if key.on_delete != ReferentialAction::NoAction {
        sql.push_str(&format!(" ON DELETE {}", action(key.on_delete)));
        if !key.on_delete_columns.is_empty() {
            sql.push_str(&format!(" {}", columns(&key.on_delete_columns)));
        }
    }
    sql
}

fn action(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "NO ACTION",
        ReferentialAction::Restrict => "RESTRICT",
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::SetNull => "SET NULL",
        ReferentialAction::SetDefault => "SET DEFAULT",
    }
}

pub(super) fn deferral(deferral: Deferral) -> &'static str {
    match deferral {
        Deferral::NotDeferrable => "",
        Deferral::Deferrable => " DEFERRABLE",
        Deferral::InitiallyDeferred => " DEFERRABLE INITIALLY DEFERRED",
    }
}

fn index_key(schema: &SchemaName, key: &IndexKey) -> String {
    let mut sql = match &key.term {
        IndexTerm::Column(name) => name.quoted(),
        IndexTerm::Expression(expression) => format!("({})", expression.sql(schema)),
    };
    if let Some(collation) = &key.collation {
        sql.push_str(&format!(" COLLATE {}", qualified(collation)));
    }
    if let Some(opclass) = &key.opclass {
        sql.push_str(&format!(" {}", qualified(opclass)));
    }
    if key.descending {
        sql.push_str(" DESC");
    }
    match key.nulls_first {
        Some(true) => sql.push_str(" NULLS FIRST"),
        Some(false) => sql.push_str(" NULLS LAST"),
        None => {}
    }
    sql
}

fn operator(operator: &Operator) -> String {
    match &operator.schema {
        Some(schema) => format!("OPERATOR({}.{})", schema.quoted(), operator.symbol),
        None => format!("OPERATOR(pg_catalog.{})", operator.symbol),
    }
}

fn using(method: Option<&Ident>) -> String {
    method.map(|method| format!(" USING {}", method.quoted())).unwrap_or_default()
}

fn included(names: &[Ident]) -> String {
    if names.is_empty() { String::new() } else { format!(" INCLUDE {}", columns(names)) }
}

fn condition(schema: &SchemaName, predicate: Option<&crate::manifest::Fragment>) -> String {
    predicate.map(|p| format!(" WHERE ({})", p.sql(schema))).unwrap_or_default()
}
