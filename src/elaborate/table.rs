//! The SQL of declared tables.

use super::constraint;
use super::words::{qualified, type_name, with};
use crate::kinds::{parameters, sequence_option_words};
use crate::manifest::{
    ColumnDecl, ColumnStorage, ColumnValue, ConstraintDecl, Fragment, Manifest, PartitionDecl,
    ReplicaIdentity, TableDecl,
};
use crate::name::{Ident, SchemaName};

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

/// How many tables are between a table and those that inherit from none: parents are created first.
pub(super) fn depth(manifest: &Manifest, decl: &TableDecl) -> usize {
    if decl.inherits.is_empty() {
        return 0;
    }
    let parents = manifest.tables.iter().filter(|table| decl.inherits.contains(&table.name));
    parents.map(|parent| depth(manifest, parent) + 1).max().unwrap_or_default()
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
