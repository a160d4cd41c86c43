//! How objects are renamed, in place. What depends on one follows: the server keeps numbers, not names.

use super::creation::Guard;
use super::routine::{exists, finding_types, signature};
use super::rules::{exists_on, qualified, relation_exists, type_exists, whole_of};
use crate::catalog::{Fact, Kind};
use crate::name::{Ident, SchemaName, Text, literal};

/// The statement that gives an object another name; the whole that it is a part of has its new name already. It may be run
/// again. `None`: such objects have no names of their own.
#[must_use]
pub fn rename(fact: &Fact, to: &Ident, schema: &SchemaName) -> Option<String> {
    let object = &fact.object;
    let (old, new) = (object.name()?.quoted(), to.quoted());
    let (name, whole) = (qualified(object, schema), whole_of(object, schema));
    let member = |word: &str| format!("ALTER {word} {name} RENAME TO {new}");
    let part = |word: &str| format!("ALTER {word} {old} ON {whole} RENAME TO {new}");
    let of_whole =
        |word: &str, of: &str| format!("ALTER {of} {whole} RENAME {word} {old} TO {new}");
    let statement = match object.kind() {
        Kind::Table => member("TABLE"),
        Kind::Sequence => member("SEQUENCE"),
        Kind::View => member("VIEW"),
        Kind::MaterializedView => member("MATERIALIZED VIEW"),
        Kind::Index => member("INDEX"),
        Kind::Statistics => member("STATISTICS"),
        Kind::Domain => member("DOMAIN"),
        Kind::Enum | Kind::CompositeType | Kind::RangeType => member("TYPE"),
        Kind::Column => of_whole("COLUMN", "TABLE"),
        Kind::Constraint => of_whole("CONSTRAINT", "TABLE"),
        Kind::DomainConstraint => of_whole("CONSTRAINT", "DOMAIN"),
        Kind::Attribute => of_whole("ATTRIBUTE", "TYPE"),
        Kind::Label => {
            let [old, new] = [object.name()?, to].map(|label| Text::from(label).literal());
            format!("ALTER TYPE {whole} RENAME VALUE {old} TO {new}")
        }
        Kind::Policy => part("POLICY"),
        Kind::Trigger => part("TRIGGER"),
        Kind::Rule => part("RULE"),
        Kind::Function | Kind::Procedure | Kind::Aggregate => {
            let statement =
                format!("ALTER ROUTINE {} RENAME TO {new}", signature(object, fact, schema));
            finding_types(statement, fact, schema)
        }
        Kind::Schema
        | Kind::Default
        | Kind::ReplicaIdentity
        | Kind::Clustering
        | Kind::RowSecurity
        | Kind::Population
        | Kind::Comment
        | Kind::Row
        | Kind::Grant
        | Kind::DefaultPrivilege
        | Kind::Owner => return None,
    };
    // A routine's types are found in the schema by a block of its own.
    let is_block = statement.starts_with("DO ");
    match renamed_exists(fact, to, schema).filter(|_| !is_block) {
        Some(there) => Some(Guard::IfNotExists.unless(&there, &statement)),
        None => Some(statement),
    }
}

/// A condition: there is an object of the new name.
fn renamed_exists(fact: &Fact, to: &Ident, schema: &SchemaName) -> Option<String> {
    let object = &fact.object;
    let new = object.named(to);
    let name = qualified(&new, schema);
    Some(match object.kind() {
        Kind::Table | Kind::Sequence | Kind::View | Kind::MaterializedView | Kind::Index => {
            relation_exists(&name)
        }
        kind if kind.is_type() => type_exists(&name),
        kind if kind.is_routine() => exists(&new, fact, schema),
        Kind::Column | Kind::Attribute => {
            exists_on("pg_attribute", ("attrelid", "attname"), &new, schema)
        }
        Kind::Constraint => exists_on("pg_constraint", ("conrelid", "conname"), &new, schema),
        Kind::Policy => exists_on("pg_policy", ("polrelid", "polname"), &new, schema),
        Kind::Trigger => exists_on("pg_trigger", ("tgrelid", "tgname"), &new, schema),
        Kind::Rule => exists_on("pg_rewrite", ("ev_class", "rulename"), &new, schema),
        Kind::DomainConstraint => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_constraint \
             WHERE contypid = {}::pg_catalog.regtype AND conname = {})",
            literal(&whole_of(object, schema)),
            Text::from(to).literal()
        ),
        Kind::Statistics => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_statistic_ext \
             WHERE stxnamespace = {}::pg_catalog.regnamespace AND stxname = {})",
            literal(&schema.quoted()),
            Text::from(to).literal()
        ),
        Kind::Label => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_enum \
             WHERE enumtypid = {}::pg_catalog.regtype AND enumlabel = {})",
            literal(&whole_of(object, schema)),
            Text::from(to).literal()
        ),
        _ => return None,
    })
}
