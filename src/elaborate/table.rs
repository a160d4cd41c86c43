//! The SQL of declared tables.

use std::collections::BTreeSet;

use super::constraint;
use super::words::{qualified, type_name, with};
use crate::kinds::{parameters, sequence_option_words};
use crate::manifest::{
    ColumnDecl, ColumnStorage, ColumnValue, ConstraintDecl, Fragment, Manifest, PartitionDecl,
    ReplicaIdentity, TableDecl, TypeDecl,
};
use crate::name::{Ident, SCHEMA_PLACEHOLDER, SchemaName};

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
    let method = decl.method.as_ref().map(|name| format!(" USING {}", name.quoted()));
    format!(
        "CREATE {unlogged}TABLE {} ({}){}{}{}{}",
        schema.qualify(&decl.name),
        clauses.join(", "),
        match decl.inherits.as_slice() {
            [] => String::new(),
            parents => {
                let parents = parents.iter().map(|parent| schema.qualify(parent));
                format!(" INHERITS ({})", parents.collect::<Vec<_>>().join(", "))
            }
        },
        partition_by(schema, decl.partition_by.as_ref()),
        method.unwrap_or_default(),
        with(&decl.with)
    )
}

/// What a column clause cannot say; see [`ColumnStorage::is_in_clause`].
pub(super) fn set_storage(schema: &SchemaName, table: &Ident, decl: &ColumnDecl) -> String {
    let ColumnStorage { strategy, statistics_target, options, .. } = &decl.storage;
    let options = (!options.is_empty()).then(|| format!("SET {}", parameters(options)));
    let settings = [
        strategy.map(|strategy| format!("SET STORAGE {strategy}")),
        statistics_target.map(|target| format!("SET STATISTICS {target}")),
        options,
    ];
    let column = decl.name.quoted();
    let settings = settings.into_iter().flatten();
    let actions: Vec<String> =
        settings.map(|setting| format!("ALTER COLUMN {column} {setting}")).collect();
    format!("ALTER TABLE {} {}", schema.qualify(table), actions.join(", "))
}

/// What identifies a row for logical replication.
pub(super) fn set_replica_identity(
    schema: &SchemaName,
    table: &Ident,
    identity: &ReplicaIdentity,
) -> String {
    let identity = match identity {
        ReplicaIdentity::Full => "FULL".to_owned(),
        ReplicaIdentity::Nothing => "NOTHING".to_owned(),
        ReplicaIdentity::Index(name) => format!("USING INDEX {}", name.quoted()),
    };
    format!("ALTER TABLE {} REPLICA IDENTITY {identity}", schema.qualify(table))
}

/// The SQL of a declared partition.
pub(super) fn create_partition(schema: &SchemaName, decl: &PartitionDecl) -> String {
    let bound = match &decl.bound {
        Some(bound) => format!("FOR VALUES {}", bound.sql(schema)),
        None => "DEFAULT".to_owned(),
    };
    format!(
        "CREATE TABLE {} PARTITION OF {} {bound}{}{}",
        schema.qualify(&decl.name),
        schema.qualify(&decl.of),
        partition_by(schema, decl.partition_by.as_ref()),
        with(&decl.with)
    )
}

fn partition_by(schema: &SchemaName, strategy: Option<&Fragment>) -> String {
    strategy.map(|sql| format!(" PARTITION BY {}", sql.sql(schema))).unwrap_or_default()
}

/// The tables in an order in which they can be created: after those that they inherit from, and those whose row types
/// are types of their columns.
pub(super) fn in_order(manifest: &Manifest) -> Vec<&TableDecl> {
    let mut ordered = Vec::new();
    let mut seen = BTreeSet::new();
    for decl in &manifest.tables {
        add(manifest, decl, &mut seen, &mut ordered);
    }
    ordered
}

/// Adds what a table needs, and then it; in a circle, the server refuses one.
fn add<'m>(
    manifest: &'m Manifest,
    decl: &'m TableDecl,
    seen: &mut BTreeSet<&'m Ident>,
    ordered: &mut Vec<&'m TableDecl>,
) {
    if !seen.insert(&decl.name) {
        return;
    }
    let written: Vec<&str> = decl.columns.iter().filter_map(type_as_written).collect();
    let names = |name: &Ident| {
        let spellings = [name.as_str().to_owned(), name.quoted()];
        let spellings = spellings.map(|name| format!("{SCHEMA_PLACEHOLDER}.{name}"));
        written.iter().any(|text| spellings.iter().any(|spelling| text.contains(spelling)))
    };
    if !written.is_empty() || !decl.inherits.is_empty() {
        let is_needed =
            |other: &&TableDecl| decl.inherits.contains(&other.name) || names(&other.name);
        for other in manifest.tables.iter().filter(is_needed) {
            add(manifest, other, seen, ordered);
        }
    }
    ordered.push(decl);
}

/// The type of a column, if it may be one of the schema that is no declared type.
fn type_as_written(column: &ColumnDecl) -> Option<&str> {
    let TypeDecl::Sql(fragment) = &column.data_type else { return None };
    Some(fragment.as_written()).filter(|text| text.contains(SCHEMA_PLACEHOLDER))
}

fn column(schema: &SchemaName, decl: &ColumnDecl) -> String {
    let mut sql = format!("{} {}", decl.name.quoted(), type_name(schema, &decl.data_type));
    if let Some(method) = decl.storage.compression {
        sql.push_str(&format!(" COMPRESSION {method}"));
    }
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
