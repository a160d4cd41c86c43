//! Steps → SQL: the only composer of planned SQL.
//!
//! Names are qualified and quoted, expressions stand in parentheses, and every statement that people
//! are shown may be run again: by `IF NOT EXISTS` where the server has it, else by a guard of the same meaning;
//! rows are guarded by their key.

mod constraint;
mod row;

pub use row::{Comparison, cell};

use crate::diff::{Named, Object, Place};
use crate::manifest::{
    ColumnDecl, ColumnValue, ConstraintDecl, EnumDecl, Manifest, QualifiedName, SequenceDecl,
    SequenceOptions, TableDecl, TypeDecl,
};
use crate::name::{Ident, SchemaName, TenantId, Text};
use crate::step::Step;

/// An expression: the OIDs of the roles that are trusted without being named, which are superusers and
/// the role of the session.
pub const TRUSTED_ROLES: &str = "ARRAY(SELECT r.oid FROM pg_roles r \
     WHERE r.rolsuper OR r.rolname IN (current_user, session_user))";

/// The statement of a step, without a semicolon at the end.
#[must_use]
pub fn statement(
    manifest: &Manifest,
    step: &Step<'_>,
    schema: &SchemaName,
    tenant: &TenantId,
) -> String {
    match step {
        Step::CreateSchema => create_schema(schema, IF_NOT_EXISTS),
        Step::CreateEnum(decl) => {
            let there = format!(
                "pg_catalog.to_regtype({}) IS NOT NULL",
                literal(&schema.qualify(&decl.name))
            );
            unless(&there, &create_enum(schema, decl))
        }
        Step::AddLabel { of, label, place } => {
            let place = match place {
                Place::After(other) => format!(" AFTER {}", Text::from(*other).literal()),
                Place::Before(other) => format!(" BEFORE {}", Text::from(*other).literal()),
                Place::End => String::new(),
            };
            format!(
                "ALTER TYPE {} ADD VALUE IF NOT EXISTS {}{place}",
                schema.qualify(of),
                Text::from(*label).literal()
            )
        }
        Step::CreateSequence(decl) => create_sequence(schema, decl),
        Step::CreateTable { decl, constraints } => {
            create_table(schema, decl, constraints, IF_NOT_EXISTS)
        }
        Step::AddColumn { table, decl } => format!(
            "ALTER TABLE {} ADD COLUMN IF NOT EXISTS {}",
            schema.qualify(table),
            column(schema, decl)
        ),
        Step::AddConstraint { table, constraint } => constraint::add(schema, table, constraint),
        Step::CreateIndex { table, index } => constraint::create_index(schema, table, index),
        Step::Comment { on, text } => {
            format!("COMMENT ON {} IS {}", comment_target(schema, on), text.literal())
        }
        Step::InsertRow { seed, row } => row::insert(manifest, schema, tenant, seed, row),
    }
}

/// The statement of a step that makes a schema, a type or a table, for who has seen that it is not there:
/// one that is refused if somebody else has made it since. It could be anything, and what is written into it
/// would be his. `None`: the step makes nothing that others refer to.
#[must_use]
pub fn exclusive(step: &Step<'_>, schema: &SchemaName) -> Option<String> {
    match step {
        Step::CreateSchema => Some(create_schema(schema, "")),
        Step::CreateEnum(decl) => Some(create_enum(schema, decl)),
        Step::CreateTable { decl, constraints } => {
            Some(create_table(schema, decl, constraints, ""))
        }
        Step::AddLabel { .. }
        | Step::CreateSequence(_)
        | Step::AddColumn { .. }
        | Step::AddConstraint { .. }
        | Step::CreateIndex { .. }
        | Step::Comment { .. }
        | Step::InsertRow { .. } => None,
    }
}

const IF_NOT_EXISTS: &str = "IF NOT EXISTS ";

fn create_schema(schema: &SchemaName, guard: &str) -> String {
    format!("CREATE SCHEMA {guard}{}", schema.quoted())
}

fn create_enum(schema: &SchemaName, decl: &EnumDecl) -> String {
    let labels: Vec<String> = decl.labels.iter().map(|l| Text::from(l).literal()).collect();
    format!("CREATE TYPE {} AS ENUM ({})", schema.qualify(&decl.name), labels.join(", "))
}

fn create_sequence(schema: &SchemaName, decl: &SequenceDecl) -> String {
    let data_type = match decl.data_type {
        Some(data_type) => format!(" AS {}", data_type.sql()),
        None => String::new(),
    };
    format!(
        "CREATE SEQUENCE IF NOT EXISTS {}{data_type}{}",
        schema.qualify(&decl.name),
        sequence_options(&decl.options)
    )
}

/// The options that are given, each after a space.
fn sequence_options(options: &SequenceOptions) -> String {
    let mut sql = String::new();
    let mut option = |words: &str, value: Option<i64>| {
        if let Some(value) = value {
            sql.push_str(&format!(" {words} {value}"));
        }
    };
    option("INCREMENT BY", options.increment);
    option("MINVALUE", options.min);
    option("MAXVALUE", options.max);
    option("START WITH", options.start);
    option("CACHE", options.cache);
    if options.cycle {
        sql.push_str(" CYCLE");
    }
    sql
}

fn create_table(
    schema: &SchemaName,
    decl: &TableDecl,
    constraints: &[Named<'_, ConstraintDecl>],
    guard: &str,
) -> String {
    let columns = decl.columns.iter().map(|column| self::column(schema, column));
    let constraints = constraints.iter().map(|c| constraint::clause(schema, c));
    let clauses: Vec<String> = columns.chain(constraints).collect();
    let unlogged = if decl.unlogged { "UNLOGGED " } else { "" };
    format!(
        "CREATE {unlogged}TABLE {guard}{} (\n    {}\n)",
        schema.qualify(&decl.name),
        clauses.join(",\n    ")
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
            let options = sequence_options(options);
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

fn type_name(schema: &SchemaName, data_type: &TypeDecl) -> String {
    match data_type {
        TypeDecl::Declared { name, dimensions } => {
            format!("{}{}", schema.qualify(name), "[]".repeat(*dimensions))
        }
        TypeDecl::Sql(fragment) => fragment.sql(schema),
    }
}

fn comment_target(schema: &SchemaName, on: &Object) -> String {
    match on {
        Object::Schema => format!("SCHEMA {}", schema.quoted()),
        Object::Enum { name } | Object::Label { of: name, .. } => {
            format!("TYPE {}", schema.qualify(name))
        }
        Object::Sequence { name } => format!("SEQUENCE {}", schema.qualify(name)),
        Object::Table { name } | Object::Row { table: name, .. } => {
            format!("TABLE {}", schema.qualify(name))
        }
        Object::Column { table, name } => {
            format!("COLUMN {}.{}", schema.qualify(table), name.quoted())
        }
        Object::Constraint { table, name } => {
            format!("CONSTRAINT {} ON {}", name.quoted(), schema.qualify(table))
        }
        Object::Index { name, .. } => format!("INDEX {}", schema.qualify(name)),
        Object::Comment { on } => comment_target(schema, on),
    }
}

fn qualified(name: &QualifiedName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", schema.quoted(), name.name.quoted()),
        None => format!("pg_catalog.{}", name.name.quoted()),
    }
}

fn columns(names: &[Ident]) -> String {
    format!("({})", names.iter().map(Ident::quoted).collect::<Vec<_>>().join(", "))
}

/// Text made of quoted names as a literal; a name cannot hold a NUL, so neither does this.
#[must_use]
pub fn literal(sql: &str) -> String {
    Text::new(sql.replace('\0', "")).map(|text| text.literal()).unwrap_or_default()
}

/// Runs `statement` unless `condition` holds already.
fn unless(condition: &str, statement: &str) -> String {
    let body =
        format!("BEGIN\n    IF NOT ({condition}) THEN\n        {statement};\n    END IF;\nEND");
    // The delimiter must not stand in what it delimits.
    let mut tag = "$provision$".to_owned();
    let mut n = 0_u32;
    while body.contains(&tag) {
        n += 1;
        tag = format!("$provision{n}$");
    }
    format!("DO {tag}\n{body}\n{tag}")
}
