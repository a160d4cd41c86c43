//! From the rows of `introspect.sql` to the model. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::introspect::is_known_option;
use super::rows::{
    ColumnRow, ConstraintRow, ExternalRow, IndexRow, Oid, RelationRow, Rows, SequenceRow,
};
use crate::manifest::{Deferral, ReferentialAction};
use crate::name::{Ident, SchemaName};
use crate::schema::{
    Column, Constraint, Enum, ForeignKey, Generated, Identity, Index, Key, MatchType, Rule, Schema,
    Sequence, SequenceSettings, Table, UNKNOWN_OPTION, Unmodelled,
};

/// The database's default collation, in all versions.
const DEFAULT_COLLATION: Oid = 100;

/// What the rows refer to.
struct Catalog {
    tables: BTreeMap<Oid, Ident>,
    /// Tables that are children or partitions of another.
    heirs: BTreeSet<Oid>,
    columns: BTreeMap<(Oid, i16), Ident>,
    column_collations: BTreeMap<(Oid, i16), Oid>,
    opclasses: BTreeMap<Oid, (String, bool)>,
    comments: BTreeMap<(Oid, i16), String>,
    /// By constraint.
    externals: BTreeMap<Oid, ExternalRow>,
    operators: BTreeMap<Oid, Vec<String>>,
}

impl Catalog {
    fn table(&self, oid: Oid) -> Result<Ident, String> {
        self.tables.get(&oid).cloned().ok_or_else(changed)
    }

    fn column(&self, table: Oid, number: i16) -> Result<Ident, String> {
        self.columns.get(&(table, number)).cloned().ok_or_else(changed)
    }

    fn columns(&self, table: Oid, numbers: Option<&Vec<i16>>) -> Result<Vec<Ident>, String> {
        numbers.into_iter().flatten().map(|number| self.column(table, *number)).collect()
    }

    fn comment(&self, oid: Oid, number: i16) -> Option<String> {
        self.comments.get(&(oid, number)).cloned()
    }
}

/// Statements see the catalog one after the other; somebody may change it in between.
fn changed() -> String {
    "an object changed while it was read".to_owned()
}

/// Notes what the model does not hold: its kind and name.
type Note<'n> = dyn FnMut(&str, String) + 'n;

type Tables = BTreeMap<Ident, Table>;

/// # Errors
/// A sentence, when the rows do not fit together.
pub(super) fn assemble(schema: &SchemaName, rows: Rows) -> Result<Schema, String> {
    let mut unmodelled = rows.unmodelled;
    let mut note = |kind: &str, name: String| {
        unmodelled.push(Unmodelled { kind: kind.to_owned(), name });
    };
    let is_table = |row: &&RelationRow| row.kind == 'r';
    let catalog = Catalog {
        tables: rows.relations.iter().filter(is_table).map(|r| (r.oid, r.name.clone())).collect(),
        heirs: rows.relations.iter().filter(|r| r.inherits).map(|r| r.oid).collect(),
        columns: rows.columns.iter().map(|c| ((c.table, c.number), c.name.clone())).collect(),
        column_collations: rows
            .columns
            .iter()
            .map(|c| ((c.table, c.number), c.collation))
            .collect(),
        opclasses: rows.opclasses.into_iter().map(|o| (o.oid, (o.name, o.is_default))).collect(),
        comments: rows.comments.into_iter().map(|c| ((c.oid, c.number), c.text)).collect(),
        externals: rows.externals.into_iter().map(|e| (e.constraint, e)).collect(),
        operators: rows.operators.into_iter().map(|o| (o.constraint, o.operators)).collect(),
    };
    for hook in rows.hooks {
        let on = rows.relations.iter().find(|r| r.oid == hook.relation).ok_or_else(changed)?;
        note(&hook.kind, format!("{} on {}", hook.name, on.name));
    }
    let mut tables = tables(&catalog, &rows.relations, &mut note);
    let (sequences, identities) = sequences(&catalog, &rows.relations, rows.sequences)?;
    add_columns(&mut tables, &catalog, rows.columns, identities, &mut note)?;
    let backing = add_indexes(&mut tables, &catalog, rows.indexes, &rows.constraints, &mut note)?;
    add_constraints(&mut tables, &catalog, schema, rows.constraints, backing, &mut note)?;
    let enums = rows
        .enums
        .into_iter()
        .map(|row| {
            let comment = catalog.comment(row.oid, 0);
            (row.name, Enum { labels: row.labels, comment })
        })
        .collect();
    Ok(Schema { enums, sequences, tables, unmodelled: unmodelled.into_iter().collect() })
}

fn tables(catalog: &Catalog, rows: &[RelationRow], note: &mut Note<'_>) -> Tables {
    let mut tables = BTreeMap::new();
    for row in rows {
        let kind = match row.kind {
            'r' => {
                note_table_properties(row, note);
                let table = Table {
                    unlogged: row.unlogged,
                    comment: catalog.comment(row.oid, 0),
                    columns: BTreeMap::new(),
                    constraints: BTreeMap::new(),
                    indexes: BTreeMap::new(),
                };
                tables.insert(row.name.clone(), table);
                continue;
            }
            'S' | 'i' => continue,
            'v' => "view",
            'm' => "materialized view",
            'f' => "foreign table",
            'p' => "partitioned table",
            'c' => "composite type",
            _ => "relation",
        };
        note(kind, row.name.as_str().to_owned());
    }
    tables
}

/// Settings of identity columns, by table and column.
type Identities = BTreeMap<(Oid, i16), SequenceSettings>;

fn sequences(
    catalog: &Catalog,
    relations: &[RelationRow],
    rows: Vec<SequenceRow>,
) -> Result<(BTreeMap<Ident, Sequence>, Identities), String> {
    let (mut sequences, mut identities) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        let owned_by = match row.owner {
            None => None,
            // Its table is the tool's own, and as little part of the model.
            Some(owner) if !catalog.tables.contains_key(&owner.table) => continue,
            Some(owner) if owner.is_identity => {
                identities.insert((owner.table, owner.column), row.options);
                continue;
            }
            Some(owner) => {
                Some((catalog.table(owner.table)?, catalog.column(owner.table, owner.column)?))
            }
        };
        let relation = relations.iter().find(|r| r.oid == row.oid).ok_or_else(changed)?;
        let sequence = Sequence {
            data_type: row.data_type,
            options: row.options,
            owned_by,
            comment: catalog.comment(row.oid, 0),
            unlogged: relation.unlogged,
        };
        sequences.insert(relation.name.clone(), sequence);
    }
    Ok((sequences, identities))
}

fn add_columns(
    tables: &mut Tables,
    catalog: &Catalog,
    rows: Vec<ColumnRow>,
    mut identities: Identities,
    note: &mut Note<'_>,
) -> Result<(), String> {
    for row in rows {
        let table_name = catalog.table(row.table)?;
        note_column_properties(&table_name, &row, note);
        let identity = match (&*row.identity, identities.remove(&(row.table, row.number))) {
            ("", None) => None,
            (when, Some(options)) => Some(Identity { always: when == "a", options }),
            // Since PostgreSQL 17, the column of a partition has that of the partitioned table.
            (_, None) if catalog.heirs.contains(&row.table) => {
                note("identity of column", format!("{table_name}.{}", row.name));
                None
            }
            (_, None) => return Err(changed()),
        };
        let (default, generated) = match (row.expression, &*row.generated) {
            (default, "") => (default, None),
            (Some(expression), how) => (None, Some(Generated { expression, stored: how == "s" })),
            (None, _) => return Err(changed()),
        };
        let column = Column {
            data_type: row.data_type,
            nullable: row.nullable,
            default,
            identity,
            generated,
            collation: row.own_collation,
            comment: catalog.comment(row.table, row.number),
        };
        tables.get_mut(&table_name).ok_or_else(changed)?.columns.insert(row.name, column);
    }
    Ok(())
}

/// Adds the indexes that stand for themselves; returns those that back a constraint, by OID.
fn add_indexes(
    tables: &mut Tables,
    catalog: &Catalog,
    rows: Vec<IndexRow>,
    constraints: &[ConstraintRow],
    note: &mut Note<'_>,
) -> Result<BTreeMap<Oid, Index>, String> {
    let mut backing = BTreeMap::new();
    for row in rows {
        if row.has_tablespace {
            note("tablespace of index", row.name.as_str().to_owned());
        }
        let backs = |c: &ConstraintRow| c.index == row.oid && matches!(c.kind, 'p' | 'u' | 'x');
        let is_backing = constraints.iter().any(backs);
        if is_backing && row.options.is_some() {
            note("storage parameters of index", row.name.as_str().to_owned());
        }
        let (oid, table, name) = (row.oid, catalog.table(row.table)?, row.name.clone());
        let index = index(catalog, row)?;
        if is_backing {
            backing.insert(oid, index);
        } else {
            tables.get_mut(&table).ok_or_else(changed)?.indexes.insert(name, index);
        }
    }
    Ok(backing)
}

fn index(catalog: &Catalog, row: IndexRow) -> Result<Index, String> {
    let mut keys = Vec::new();
    let parts = row.columns.iter().zip(&row.opclasses).zip(&row.collations);
    let parts = parts.zip(&row.collation_names).zip(&row.options_of_keys).take(row.keys);
    for (at, ((((column, opclass), collation), collation_name), option)) in parts.enumerate() {
        let (mut opclass, is_default) =
            catalog.opclasses.get(opclass).cloned().ok_or_else(changed)?;
        let number = (at + 1).to_string();
        let options = row.opclass_options.as_ref().and_then(|options| options.get(&number));
        if let Some(options) = options {
            opclass = format!("{opclass} ({})", options.join(", "));
        }
        let (term, usual_collation) = match column {
            0 => {
                let term = row.terms.as_ref().and_then(|terms| terms.get(at));
                (term.cloned().ok_or_else(changed)?, DEFAULT_COLLATION)
            }
            column => {
                let collation = catalog.column_collations.get(&(row.table, *column));
                let name = catalog.column(row.table, *column)?;
                (name.as_str().to_owned(), *collation.ok_or_else(changed)?)
            }
        };
        let is_usual = *collation == 0 || *collation == usual_collation;
        keys.push(Key {
            term,
            is_column: *column != 0,
            opclass,
            default_opclass: is_default && options.is_none(),
            collation: if is_usual { None } else { Some(collation_name.clone()) },
            descending: option & 1 == 1,
            nulls_first: option & 2 == 2,
        });
    }
    let included: Vec<i16> = row.columns.iter().skip(row.keys).copied().collect();
    let mut with = row.options.unwrap_or_default();
    with.sort();
    Ok(Index {
        method: row.method,
        unique: row.unique,
        nulls_distinct: !row.nulls_not_distinct,
        keys,
        include: catalog.columns(row.table, Some(&included))?,
        predicate: row.predicate,
        with,
        valid: row.valid,
        comment: catalog.comment(row.oid, 0),
    })
}

fn add_constraints(
    tables: &mut Tables,
    catalog: &Catalog,
    schema: &SchemaName,
    rows: Vec<ConstraintRow>,
    mut backing: BTreeMap<Oid, Index>,
    note: &mut Note<'_>,
) -> Result<(), String> {
    for row in rows {
        if row.has_period {
            note("period of constraint", row.name.as_str().to_owned());
        }
        let deferral = match (row.deferrable, row.deferred) {
            (false, _) => Deferral::NotDeferrable,
            (true, false) => Deferral::Deferrable,
            (true, true) => Deferral::InitiallyDeferred,
        };
        let table = tables.get_mut(&catalog.table(row.table)?).ok_or_else(changed)?;
        let (name, validated) = (row.name.clone(), row.validated);
        let comment = catalog.comment(row.oid, 0);
        // A foreign key names the index of the other table.
        let index = if row.kind == 'f' { None } else { backing.remove(&row.index) };
        let rule = rule(catalog, schema, row, index)?;
        table.constraints.insert(name, Constraint { rule, deferral, validated, comment });
    }
    Ok(())
}

fn rule(
    catalog: &Catalog,
    schema: &SchemaName,
    row: ConstraintRow,
    index: Option<Index>,
) -> Result<Rule, String> {
    let columns = catalog.columns(row.table, row.columns.as_ref());
    Ok(match (row.kind, index) {
        ('p', Some(index)) => Rule::PrimaryKey { columns: columns?, include: index.include },
        ('u', Some(index)) => Rule::Unique {
            columns: columns?,
            include: index.include,
            nulls_distinct: index.nulls_distinct,
        },
        ('x', Some(index)) => Rule::Exclusion {
            method: index.method,
            elements: index
                .keys
                .into_iter()
                .zip(catalog.operators.get(&row.oid).cloned().ok_or_else(changed)?)
                .collect(),
            include: index.include,
            predicate: index.predicate,
        },
        ('c', _) => Rule::Check {
            expression: row.expression.ok_or_else(changed)?,
            no_inherit: row.no_inherit,
        },
        ('f', _) => {
            let (foreign_schema, table, referenced_columns) =
                match catalog.externals.get(&row.oid).cloned() {
                    Some(external) => (
                        Some(external.schema).filter(|name| name != schema.ident()),
                        external.table,
                        external.columns,
                    ),
                    None => (
                        None,
                        catalog.table(row.foreign_table)?,
                        catalog.columns(row.foreign_table, row.foreign_columns.as_ref())?,
                    ),
                };
            let mut on_delete_columns =
                catalog.columns(row.table, row.on_delete_columns.as_ref())?;
            on_delete_columns.sort();
            Rule::ForeignKey(ForeignKey {
                columns: columns?,
                schema: foreign_schema,
                table,
                referenced_columns,
                match_type: match row.match_type {
                    'f' => MatchType::Full,
                    'p' => MatchType::Partial,
                    _ => MatchType::Simple,
                },
                on_update: action(row.on_update),
                on_delete: action(row.on_delete),
                on_delete_columns,
            })
        }
        _ => return Err(changed()),
    })
}

fn note_table_properties(row: &RelationRow, note: &mut Note<'_>) {
    let mut noted = |present: bool, kind: &str| {
        if present {
            note(kind, row.name.as_str().to_owned());
        }
    };
    noted(row.row_security, "row security of table");
    noted(row.options.is_some(), "storage parameters of table");
    noted(row.has_tablespace, "tablespace of table");
    noted(row.has_replica_identity, "replica identity of table");
    noted(row.has_access_method, "access method of table");
    noted(row.inherits, "inheritance of table");
    noted(row.has_children, "child tables of table");
    noted(row.is_typed, "type of table");
}

fn note_column_properties(table: &Ident, row: &ColumnRow, note: &mut Note<'_>) {
    let mut noted = |present: bool, kind: &str| {
        if present {
            note(kind, format!("{table}.{}", row.name));
        }
    };
    noted(row.has_storage, "storage of column");
    noted(row.has_compression, "compression of column");
    noted(row.has_statistics_target, "statistics target of column");
    noted(row.options.iter().any(|name| is_known_option(name)), "options of column");
    for option in row.options.iter().filter(|name| !is_known_option(name)) {
        note(UNKNOWN_OPTION, format!("{table}.{}: {option}", row.name));
    }
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
