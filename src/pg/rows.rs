//! From the rows of `introspect.sql` to the model. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::manifest::{Deferral, ReferentialAction};
use crate::name::{Ident, SchemaName};
use crate::schema::{
    Column, Constraint, Enum, ForeignKey, Generated, Identity, Index, Key, MatchType, Rule, Schema,
    Sequence, SequenceSettings, Table, Unmodelled,
};

/// The sections of one schema, as the server answered them.
pub(super) struct Rows {
    pub(super) relations: Vec<RelationRow>,
    pub(super) columns: Vec<ColumnRow>,
    pub(super) constraints: Vec<ConstraintRow>,
    pub(super) indexes: Vec<IndexRow>,
    pub(super) enums: Vec<EnumRow>,
    pub(super) sequences: Vec<SequenceRow>,
    pub(super) unmodelled: Vec<Unmodelled>,
}

#[derive(Deserialize)]
pub(super) struct RelationRow {
    pub(super) name: Ident,
    pub(super) kind: char,
    unlogged: bool,
    comment: Option<String>,
    pub(super) visible: bool,
    row_security: bool,
    options: Option<Vec<String>>,
    has_tablespace: bool,
    has_replica_identity: bool,
    has_access_method: Option<bool>,
    inherits: bool,
}

#[derive(Deserialize)]
pub(super) struct ColumnRow {
    pub(super) table: Ident,
    pub(super) name: Ident,
    pub(super) visible: bool,
    data_type: String,
    nullable: bool,
    /// `ALWAYS` or `BY DEFAULT`.
    identity: Option<String>,
    is_generated: bool,
    expression: Option<String>,
    stored: bool,
    collation: Option<String>,
    comment: Option<String>,
    has_storage: bool,
    has_compression: bool,
    has_options: bool,
}

#[derive(Deserialize)]
pub(super) struct ConstraintRow {
    table: Ident,
    name: Ident,
    kind: char,
    deferrable: bool,
    deferred: bool,
    validated: bool,
    no_inherit: bool,
    comment: Option<String>,
    columns: Vec<Ident>,
    expression: Option<String>,
    foreign_schema: Option<Ident>,
    foreign_table: Option<Ident>,
    foreign_columns: Vec<Ident>,
    match_type: char,
    on_update: char,
    on_delete: char,
    on_delete_columns: Vec<Ident>,
    operators: Option<Vec<String>>,
    has_period: bool,
}

#[derive(Deserialize)]
pub(super) struct IndexRow {
    table: Ident,
    name: Ident,
    constraint: Option<Ident>,
    method: String,
    unique: bool,
    nulls_not_distinct: bool,
    valid: bool,
    options: Option<Vec<String>>,
    has_tablespace: bool,
    comment: Option<String>,
    predicate: Option<String>,
    include: Vec<Ident>,
    keys: Vec<Key>,
}

#[derive(Deserialize)]
pub(super) struct EnumRow {
    name: Ident,
    comment: Option<String>,
    labels: Vec<Ident>,
}

#[derive(Deserialize)]
pub(super) struct SequenceRow {
    name: Ident,
    unlogged: bool,
    data_type: String,
    options: SequenceSettings,
    comment: Option<String>,
    is_identity: Option<bool>,
    owner_table: Option<Ident>,
    owner_column: Option<Ident>,
    /// Whether it belongs to the tool's own table.
    is_own: Option<bool>,
}

/// Notes what the model does not hold: its kind and name.
type Note<'n> = dyn FnMut(&str, String) + 'n;

/// # Errors
/// A sentence, when the rows do not fit together.
pub(super) fn assemble(schema: &SchemaName, rows: Rows) -> Result<Schema, String> {
    let mut unmodelled: Vec<Unmodelled> = rows.unmodelled;
    let mut note = |kind: &str, name: String| {
        unmodelled.push(Unmodelled { kind: kind.to_owned(), name });
    };
    let mut tables = tables(rows.relations, &mut note);
    let (sequences, identities) = sequences(rows.sequences);
    add_columns(&mut tables, rows.columns, identities, &mut note)?;
    let backing = add_indexes(&mut tables, rows.indexes, &mut note)?;
    add_constraints(&mut tables, schema, rows.constraints, backing, &mut note)?;
    let enums = rows
        .enums
        .into_iter()
        .map(|row| (row.name, Enum { labels: row.labels, comment: row.comment }))
        .collect();
    Ok(Schema { enums, sequences, tables, unmodelled: unmodelled.into_iter().collect() })
}

type Tables = BTreeMap<Ident, Table>;
/// By table and column.
type Identities = BTreeMap<(Ident, Ident), SequenceSettings>;
/// Indexes that back a constraint, by table and constraint.
type Backing = BTreeMap<(Ident, Ident), IndexRow>;

fn tables(rows: Vec<RelationRow>, note: &mut Note<'_>) -> Tables {
    let mut tables = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.kind == 'r') {
        note_table_properties(&row, note);
        let table = Table {
            unlogged: row.unlogged,
            comment: row.comment,
            columns: BTreeMap::new(),
            constraints: BTreeMap::new(),
            indexes: BTreeMap::new(),
        };
        tables.insert(row.name, table);
    }
    tables
}

fn sequences(rows: Vec<SequenceRow>) -> (BTreeMap<Ident, Sequence>, Identities) {
    let (mut sequences, mut identities) = (BTreeMap::new(), BTreeMap::new());
    for row in rows.into_iter().filter(|row| row.is_own != Some(true)) {
        match row.owner_table.zip(row.owner_column) {
            Some(owner) if row.is_identity == Some(true) => {
                identities.insert(owner, row.options);
            }
            owned_by => {
                let sequence = Sequence {
                    data_type: row.data_type,
                    options: row.options,
                    owned_by,
                    comment: row.comment,
                    unlogged: row.unlogged,
                };
                sequences.insert(row.name, sequence);
            }
        }
    }
    (sequences, identities)
}

fn add_columns(
    tables: &mut Tables,
    rows: Vec<ColumnRow>,
    mut identities: Identities,
    note: &mut Note<'_>,
) -> Result<(), String> {
    for row in rows {
        note_column_properties(&row, note);
        let table = tables.get_mut(&row.table).ok_or_else(|| orphan("column", &row.name))?;
        let owner = (row.table, row.name);
        let options = identities.remove(&owner);
        let (_, name) = owner;
        let identity = match (row.identity, options) {
            (Some(when), Some(options)) => Some(Identity { always: when == "ALWAYS", options }),
            (None, None) => None,
            _ => return Err(orphan("identity sequence of column", &name)),
        };
        let (default, generated) = match row.expression {
            Some(expression) if row.is_generated => {
                (None, Some(Generated { expression, stored: row.stored }))
            }
            default => (default, None),
        };
        let column = Column {
            data_type: row.data_type,
            nullable: row.nullable,
            default,
            identity,
            generated,
            collation: row.collation,
            comment: row.comment,
        };
        table.columns.insert(name, column);
    }
    Ok(())
}

fn add_indexes(
    tables: &mut Tables,
    rows: Vec<IndexRow>,
    note: &mut Note<'_>,
) -> Result<Backing, String> {
    let mut backing = BTreeMap::new();
    for row in rows {
        let table = tables.get_mut(&row.table).ok_or_else(|| orphan("index", &row.name))?;
        if row.has_tablespace {
            note("tablespace of index", row.name.to_string());
        }
        if let Some(constraint) = row.constraint.clone() {
            if row.options.is_some() {
                note("storage parameters of index", row.name.to_string());
            }
            backing.insert((row.table.clone(), constraint), row);
            continue;
        }
        let mut with = row.options.unwrap_or_default();
        with.sort();
        let index = Index {
            method: row.method,
            unique: row.unique,
            nulls_distinct: !row.nulls_not_distinct,
            keys: row.keys,
            include: row.include,
            predicate: row.predicate,
            with,
            valid: row.valid,
            comment: row.comment,
        };
        table.indexes.insert(row.name, index);
    }
    Ok(backing)
}

fn add_constraints(
    tables: &mut Tables,
    schema: &SchemaName,
    rows: Vec<ConstraintRow>,
    mut backing: Backing,
    note: &mut Note<'_>,
) -> Result<(), String> {
    for row in rows {
        let index = backing.remove(&(row.table.clone(), row.name.clone()));
        if row.has_period {
            note("period of constraint", row.name.to_string());
        }
        let table = tables.get_mut(&row.table).ok_or_else(|| orphan("constraint", &row.name))?;
        let deferral = match (row.deferrable, row.deferred) {
            (false, _) => Deferral::NotDeferrable,
            (true, false) => Deferral::Deferrable,
            (true, true) => Deferral::InitiallyDeferred,
        };
        let name = row.name.clone();
        let (validated, comment) = (row.validated, row.comment.clone());
        let rule = rule(schema, row, index).ok_or_else(|| orphan("constraint", &name))?;
        table.constraints.insert(name, Constraint { rule, deferral, validated, comment });
    }
    Ok(())
}

fn orphan(kind: &str, name: &Ident) -> String {
    format!("{kind} {name} changed while it was read")
}

fn note_table_properties(row: &RelationRow, note: &mut Note<'_>) {
    let mut noted = |present: bool, kind: &str| {
        if present {
            note(kind, row.name.to_string());
        }
    };
    noted(row.row_security, "row security of table");
    noted(row.options.is_some(), "storage parameters of table");
    noted(row.has_tablespace, "tablespace of table");
    noted(row.has_replica_identity, "replica identity of table");
    noted(row.has_access_method == Some(true), "access method of table");
    noted(row.inherits, "inheritance of table");
}

fn note_column_properties(row: &ColumnRow, note: &mut Note<'_>) {
    let mut noted = |present: bool, kind: &str| {
        if present {
            note(kind, format!("{}.{}", row.table, row.name));
        }
    };
    noted(row.has_storage, "storage of column");
    noted(row.has_compression, "compression of column");
    noted(row.has_options, "options of column");
}

fn rule(schema: &SchemaName, row: ConstraintRow, index: Option<IndexRow>) -> Option<Rule> {
    Some(match row.kind {
        'p' => Rule::PrimaryKey { columns: row.columns, include: index?.include },
        'u' => {
            let index = index?;
            Rule::Unique {
                columns: row.columns,
                include: index.include,
                nulls_distinct: !index.nulls_not_distinct,
            }
        }
        'c' => Rule::Check { expression: row.expression?, no_inherit: row.no_inherit },
        'x' => {
            let index = index?;
            Rule::Exclusion {
                method: index.method,
                elements: index.keys.into_iter().zip(row.operators?).collect(),
                predicate: index.predicate,
            }
        }
        'f' => Rule::ForeignKey(ForeignKey {
            columns: row.columns,
            schema: row.foreign_schema.filter(|name| name != schema.ident()),
            table: row.foreign_table?,
            referenced_columns: row.foreign_columns,
            match_type: match row.match_type {
                'f' => MatchType::Full,
                'p' => MatchType::Partial,
                _ => MatchType::Simple,
            },
            on_update: action(row.on_update),
            on_delete: action(row.on_delete),
            on_delete_columns: row.on_delete_columns,
        }),
        _ => return None,
    })
}

fn action(code: char) -> ReferentialAction {
    match code {
        'r' => ReferentialAction::Restrict,
        'c' => ReferentialAction::Cascade,
        'n' => ReferentialAction::SetNull,
        'd' => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}
