//! Enum types. Their labels are objects of their own; see `label`.
//!
//! The server adds labels and renames them, and can do nothing else with them. A type that loses labels, or gets another order,
//! is made anew, and the columns of the old one are converted.

use super::alteration::{Alteration, Remade};
use super::column;
use super::creation::{Creation, Guard};
use super::inheritance::has_children;
use super::kept;
use super::rules::{Needs, Rules, drop_member, qualified, type_exists, whole_of};
use super::type_members::members;
use crate::catalog::{Catalog, Fact, Kind, Object, Slot};
use crate::name::{Ident, SchemaName, Text, literal};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Types,
    source: "t.tableoid::int8, t.oid::int8, 0, NULL, t.typname, t.oid::int8, :attributes \
             FROM path CROSS JOIN pg_type t WHERE t.oid = ANY (:types) AND t.typtype = 'e'",
    occupies: |fact| fact.object.name().map(|name| Slot::Type(name.clone())).into_iter().collect(),
    create,
    alter,
    drop: |fact, schema| drop_member("TYPE", fact, schema),
    ..Rules::NONE
};

/// How an enum type that both catalogs have is made anew; `None`: it has the desired labels, but for those that can be added.
#[must_use]
pub fn remade<'a>(name: &Ident, desired: &'a Catalog, live: &'a Catalog) -> Option<Remade<'a>> {
    let (labels, there) = (members(desired, Kind::Label, name), members(live, Kind::Label, name));
    let (kept, lost): (Vec<&Ident>, Vec<&Ident>) =
        there.into_iter().partition(|label| labels.contains(label));
    let in_order = labels.iter().filter(|label| kept.contains(label));
    if lost.is_empty() && in_order.eq(&kept) {
        return None;
    }
    let object = Object::Member(Kind::Enum, name.clone());
    let columns = live
        .of_kind(Kind::Column)
        .filter(|fact| fact.dependencies.contains(&object) && is_convertible(fact, name, live));
    Some(Remade { labels, lost, columns: columns.collect() })
}

/// Whether a column is one of a table without children, and of the type or of arrays of it: what is generated depends on the type, too.
fn is_convertible(column: &Fact, name: &Ident, live: &Catalog) -> bool {
    let Some(table) = column.object.table_name() else { return false };
    let data_type = column.text("type").unwrap_or_default();
    let data_type = data_type.strip_suffix("[]").unwrap_or(data_type);
    let is_of_type = data_type == name.as_str() || data_type == name.quoted();
    is_of_type && !column::is_generated(column) && !has_children(live, &table)
}

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let labels = creation.parts.iter().filter_map(|(label, _)| label.name());
    let name = qualified(&creation.object, schema);
    let labels = literals(labels).join(", ");
    guard.unless(&type_exists(&name), &format!("CREATE TYPE {name} AS ENUM ({labels})"))
}

/// Makes the type anew under its name, with the comment, the privileges and the owner that it had.
fn alter(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    let Remade { labels, columns, .. } = alteration.remade.as_ref()?;
    let name = qualified(alteration.object(), schema);
    let labels = literals(labels.iter().copied()).join(", ");
    let old = format!("provision_old_{}", kept::digits(alteration.object()));
    let (quoted, full) = (format!("\"{old}\""), format!("{}.\"{old}\"", schema.quoted()));
    let kept = kept::target(alteration.live, schema)?;
    let mut statements = vec![
        kept.keep(),
        format!("ALTER TYPE {name} RENAME TO {quoted}"),
        format!("CREATE TYPE {name} AS ENUM ({labels})"),
    ];
    statements.extend(conversions(columns, &name, schema));
    statements.push(format!(
        "EXECUTE pg_catalog.format('COMMENT ON TYPE %s IS %L', {}, \
         pg_catalog.obj_description({}::pg_catalog.regtype, 'pg_type'))",
        literal(&name),
        literal(&full)
    ));
    statements.push(format!("DROP TYPE {full}"));
    statements.push(kept.restore());
    let is_as_desired = format!(
        "ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e \
         WHERE e.enumtypid = {}::pg_catalog.regtype ORDER BY e.enumsortorder) = ARRAY[{labels}]::text[]",
        literal(&name)
    );
    Some(Guard::IfNotExists.unless(&is_as_desired, &statements.join(";\n        ")))
}

/// One statement for each table. Values become text and labels by the types' own functions, so that no cast of somebody else is run.
fn conversions(columns: &[&Fact], name: &str, schema: &SchemaName) -> Vec<String> {
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for column in columns {
        let table = whole_of(&column.object, schema);
        let own = column.object.name().map(Ident::quoted).unwrap_or_default();
        let (data_type, output) = if column::is_array(column) {
            (format!("{name}[]"), "array_out")
        } else {
            (name.to_owned(), "enum_out")
        };
        let mut actions = vec![format!(
            "ALTER COLUMN {own} TYPE {data_type} \
             USING pg_catalog.textin(pg_catalog.{output}({own}))::{data_type}"
        )];
        // With another type, a column gets that type's own.
        actions.extend(column::actions(&column.object, column));
        if let Some(method) = column.text("compression") {
            actions.push(format!("ALTER COLUMN {own} SET COMPRESSION {method}"));
        }
        match tables.iter_mut().find(|(known, _)| *known == table) {
            Some((_, known)) => known.extend(actions),
            None => tables.push((table, actions)),
        }
    }
    let statement = |(table, actions): (String, Vec<String>)| {
        format!("ALTER TABLE {table} {}", actions.join(", "))
    };
    tables.into_iter().map(statement).collect()
}

fn literals<'l>(labels: impl Iterator<Item = &'l Ident>) -> Vec<String> {
    labels.map(|label| Text::from(label).literal()).collect()
}
