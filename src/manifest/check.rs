//! raw → model: names are valid, references resolve, nothing is declared twice. Each check notes
//! what it finds and continues.

mod aggregates;
mod allow;
mod chosen_index;
pub(super) mod columns;
mod constraints;
mod drift;
mod fleet;
mod grants;
mod indexes;
mod keys;
pub(super) mod names;
mod partitions;
mod policies;
mod renames;
mod requires;
mod rewrite;
mod routines;
mod sql_renames;
mod statistics;
mod triggers;
mod types;
mod views;

use std::collections::BTreeSet;
use std::path::Path;

use indexmap::IndexMap;
use indexmap::map::Entry;

use self::chosen_index::Indexed;
use super::checking::Checking;
use super::decode::Damage;
use super::model::{
    ColumnDecl, ConstraintDecl, IntegerType, Manifest, RowSecurity, RowTable, SequenceDecl,
    SequenceOptions, TableDecl, TableRef,
};
use super::raw::{self, Name};
use super::report::Report;
use super::seeds;
use super::source::Source;
use super::sql;
use crate::name::Ident;

/// The manifest, valid only if nothing was reported.
pub(super) fn manifest(
    raw: raw::Manifest,
    source: &Source,
    folder: &Path,
    damage: &Damage,
    report: &mut Report,
) -> Manifest {
    let mut checking = Checking::new(&raw, source, damage, report);
    if raw.version.value != 1 {
        checking.note(
            &raw.version.span,
            format!("format version {} is not supported; use 1", raw.version.value),
        );
    }
    names::reserve(&mut checking, &raw);
    let (sql, in_sql) = sql::read(&mut checking, raw.sql.as_ref(), folder);
    let requires = requires::requires(&mut checking, &raw.requires);
    let servers = fleet::servers(&mut checking, &raw.servers);
    let renames = renames::renames(&mut checking, &raw);
    let tenants = raw.tenants.map(|tenants| fleet::tenants(&mut checking, tenants, &servers));
    let trust = fleet::trust(&mut checking, &raw.trust);
    let drift = drift::drift(&mut checking, &raw.drift);
    let allow = allow::allow(&mut checking, &raw.allow);
    let (enums, types) = types::types(&mut checking, &raw.types);
    let sequences = raw
        .sequences
        .iter()
        .filter_map(|(name, decl)| sequence(&mut checking, name, decl))
        .collect();
    let tables: Vec<TableDecl> = raw
        .tables
        .iter()
        .filter_map(|(name, decl)| table(&mut checking, &raw.tables, name, decl))
        .collect();
    let (partitions, mut unmanaged) = partitions::partitions(&mut checking, &raw.tables);
    unmanaged.extend(partitions::unmanaged_in_sql(&mut checking, raw.sql.as_ref()));
    let views = views::views(&mut checking, &raw.views, folder);
    let materialized_views =
        views::materialized_views(&mut checking, &raw.materialized_views, folder);
    let routines = routines::routines(&mut checking, &raw.functions, &raw.procedures, folder);
    let aggregates = aggregates::aggregates(&mut checking, &raw.aggregates);
    keys::check_references(&mut checking, &raw.tables, &tables);
    let grants = grants::grants(&mut checking, &raw.grants, raw.sql.is_none());
    let default_privileges = grants::default_privileges(&mut checking, &raw.default_privileges);
    let owners = grants::owners(&mut checking, &raw.owners, raw.sql.is_none());
    let row_tables = row_tables(&tables, in_sql);
    let seeds = seeds::read(&mut checking, &raw.seeds, &row_tables, folder);
    let tenants = tenants.unwrap_or_default();
    let mut manifest = Manifest {
        tenants,
        servers,
        drift,
        allow,
        trust,
        requires,
        enums,
        types,
        sequences,
        tables,
        partitions,
        unmanaged,
        views,
        materialized_views,
        routines,
        aggregates,
        grants,
        default_privileges,
        owners,
        sql,
        renames,
        row_tables,
        seeds,
    };
    manifest.sql.renames = sql_renames::renames(&mut checking, raw.sql.as_ref(), &manifest);
    manifest
}

/// The tables of the manifest and of SQL files; one of both has the columns of both.
fn row_tables(tables: &[TableDecl], in_sql: Vec<RowTable>) -> Vec<RowTable> {
    let mut all: IndexMap<Ident, RowTable> = IndexMap::new();
    let in_toml = tables.iter().map(|table| {
        let keys = table.constraints.iter().filter_map(ConstraintDecl::references);
        RowTable {
            name: table.name.clone(),
            is_partitioned: table.partition_by.is_some(),
            columns: table.columns.clone(),
            parents: keys.filter_map(TableRef::tenant).cloned().collect(),
        }
    });
    for table in in_toml.chain(in_sql) {
        match all.entry(table.name.clone()) {
            Entry::Occupied(mut known) => {
                known.get_mut().columns.extend(table.columns);
                known.get_mut().parents.extend(table.parents);
            }
            Entry::Vacant(free) => {
                free.insert(table);
            }
        }
    }
    let columns: Vec<(Ident, Vec<ColumnDecl>)> =
        tables.iter().map(|table| (table.name.clone(), inherited(tables, table))).collect();
    for (name, inherited) in columns {
        if let Some(table) = all.get_mut(&name) {
            table.columns.extend(inherited);
        }
    }
    all.into_values().collect()
}

/// The columns that a table has from others. Tables that inherit from each other in a circle were noted.
fn inherited(tables: &[TableDecl], table: &TableDecl) -> Vec<ColumnDecl> {
    let (mut seen, mut left) = (BTreeSet::from([&table.name]), table.inherits.clone());
    let mut columns: Vec<ColumnDecl> = Vec::new();
    while let Some(parent) = left.pop().and_then(|name| tables.iter().find(|t| t.name == name)) {
        if seen.insert(&parent.name) {
            left.extend(parent.inherits.iter().cloned());
            columns.extend(parent.columns.iter().cloned());
        }
    }
    columns.retain(|column| !table.columns.iter().any(|own| own.name == column.name));
    columns
}

fn sequence(checking: &mut Checking<'_>, name: &Name, raw: &raw::Sequence) -> Option<SequenceDecl> {
    let raw::Sequence { start, increment, min, max, cache, cycle, .. } = *raw;
    let data_type = raw.data_type.map(|data_type| match data_type {
        raw::IntegerType::Smallint => IntegerType::Smallint,
        raw::IntegerType::Integer => IntegerType::Integer,
        raw::IntegerType::Bigint => IntegerType::Bigint,
    });
    Some(SequenceDecl {
        position: checking.position(&name.span),
        name: Ident::new(name.value.clone()).ok()?,
        data_type,
        options: SequenceOptions { start, increment, min, max, cache, cycle },
        owned_by: raw.owned_by.as_ref().and_then(|column| owner(checking, column)),
        comment: checking.optional_text(raw.comment.as_ref()),
    })
}

/// A table and a column of it, as `table.column`; there may be dots in names.
fn owner(checking: &mut Checking<'_>, raw: &Name) -> Option<(Ident, Ident)> {
    let dots = raw.value.match_indices('.');
    let splits: Vec<(&str, &str)> =
        dots.filter_map(|(at, _)| Some((raw.value.get(..at)?, raw.value.get(at + 1..)?))).collect();
    let has = |(table, column): &&(&str, &str)| {
        checking.tables.get(*table).is_some_and(|columns| columns.contains(*column))
    };
    // What SQL files declare, only the server knows.
    let in_sql = splits.first().filter(|_| checking.has_sql);
    let Some(&(table, column)) = splits.iter().find(has).or(in_sql) else {
        if checking.damage.touches(&["tables"]) {
            return None;
        }
        let reason = format!("there is no column {:?}; write table.column", raw.value);
        checking.note(&raw.span, reason);
        return None;
    };
    Some((Ident::new(table).ok()?, Ident::new(column).ok()?))
}

fn table(
    checking: &mut Checking<'_>,
    tables: &IndexMap<Name, raw::Table>,
    name: &Name,
    raw: &raw::Table,
) -> Option<TableDecl> {
    let comment = checking.optional_text(raw.comment.as_ref());
    let with = indexes::storage_parameters(checking, &raw.with);
    let partition_by = raw.partition_by.as_ref();
    let partition_by = partition_by.and_then(|sql| partitions::strategy(checking, sql));
    let inherits = partitions::inherits(checking, tables, name, raw);
    let columns = columns::columns(checking, raw);
    let constraints = constraints::constraints(checking, name, raw, &columns);
    let indexes = indexes::indexes(checking, name, &raw.indexes);
    let statistics = statistics::statistics(checking, name, &raw.statistics);
    let triggers = triggers::triggers(checking, name, &raw.triggers);
    let rules = rewrite::rules(checking, &raw.rules);
    let policies = policies::policies(checking, raw);
    let row_security = raw.row_security.map(|security| match security {
        raw::RowSecurity::Enabled => RowSecurity::Enabled,
        raw::RowSecurity::Forced => RowSecurity::Forced,
    });
    let method = raw.using.as_ref().and_then(|name| checking.ident(name));
    let there = Indexed { constraints: &constraints, indexes: &indexes };
    let identity = raw.replica_identity.as_ref();
    let replica_identity = chosen_index::replica_identity(checking, name, identity, there);
    let cluster_on = raw.cluster_on.as_ref();
    let cluster_on = cluster_on.and_then(|index| chosen_index::index(checking, name, index, there));
    let position = checking.position(&name.span);
    let name = Ident::new(name.value.clone()).ok()?;
    Some(TableDecl {
        position,
        name,
        comment,
        unlogged: raw.unlogged,
        with,
        method,
        replica_identity,
        cluster_on,
        partition_by,
        inherits,
        columns,
        constraints,
        indexes,
        statistics,
        triggers,
        rules,
        row_security,
        policies,
    })
}
