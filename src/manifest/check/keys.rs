//! Checks that need all tables: what foreign keys point to, and what is declared twice.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use indexmap::IndexMap;

use super::super::model::{ConstraintDef, IndexTerm, TableDecl, TableRef};
use super::super::raw::{self, Name};
use crate::checksum;
use crate::manifest::checking::Checking;
use crate::name::Ident;

pub(super) fn check_references(
    checking: &mut Checking<'_>,
    raw: &IndexMap<Name, raw::Table>,
    tables: &[TableDecl],
) {
    let tables: HashMap<&str, &TableDecl> =
        tables.iter().map(|table| (table.name.as_str(), table)).collect();
    for (name, raw) in raw {
        if checking.damage.touches(&["tables", &name.value]) {
            continue;
        }
        let Some(table) = tables.get(name.value.as_str()) else {
            continue;
        };
        for key in &raw.foreign_keys {
            if key.references.schema.is_none() {
                check_target(checking, &tables, &key.references);
            }
        }
        check_doubles(checking, name, raw, table);
    }
}

/// The referenced columns must be a key: primary, unique, or a whole unique index (PostgreSQL
/// manual, CREATE TABLE, REFERENCES).
fn check_target(
    checking: &mut Checking<'_>,
    tables: &HashMap<&str, &TableDecl>,
    target: &raw::References,
) {
    if checking.damage.touches(&["tables", &target.table.value]) {
        return;
    }
    let Some(table) = tables.get(target.table.value.as_str()) else {
        return;
    };
    let wanted: BTreeSet<&str> = target.columns.iter().map(|name| name.value.as_str()).collect();
    let Some(known) = checking.tables.get(&target.table.value) else {
        return;
    };
    if !wanted.iter().all(|column| known.contains(*column)) {
        return;
    }
    let is_wanted = |columns: &mut dyn Iterator<Item = &Ident>| {
        columns.map(Ident::as_str).collect::<BTreeSet<_>>() == wanted
    };
    let by_constraint = table.constraints.iter().any(|c| match &c.definition {
        ConstraintDef::PrimaryKey(key) | ConstraintDef::Unique(key) => {
            is_wanted(&mut key.columns.iter())
        }
        _ => false,
    });
    let by_index = table.indexes.iter().filter(|i| i.unique && i.predicate.is_none()).any(|i| {
        let column = |term: &'_ IndexTerm| match term {
            IndexTerm::Column(name) => Some(name.clone()),
            IndexTerm::Expression(_) => None,
        };
        let columns: Option<Vec<Ident>> = i.keys.iter().map(|key| column(&key.term)).collect();
        columns.is_some_and(|columns| is_wanted(&mut columns.iter()))
    });
    if !by_constraint && !by_index {
        let message = format!(
            "no primary key, unique constraint or unique index of table {:?} is on exactly these \
             columns",
            target.table.value
        );
        checking.note(&target.columns.span, message);
    }
}

/// Unnamed objects are found by their structure, so equal ones could not be told apart; named
/// ones would be redundant.
fn check_doubles(checking: &mut Checking<'_>, name: &Name, raw: &raw::Table, table: &TableDecl) {
    let constraint_spans = constraint_spans(raw);
    if constraint_spans.len() == table.constraints.len() {
        let bodies: Vec<String> = table
            .constraints
            .iter()
            .map(|c| match &c.definition {
                // A unique key on the columns of the primary key is redundant.
                ConstraintDef::PrimaryKey(key) | ConstraintDef::Unique(key) => {
                    checksum::of("key", &key.columns).to_string()
                }
                ConstraintDef::ForeignKey(key) => {
                    let target = match &key.references {
                        TableRef::Tenant(table) => table.quoted(),
                        TableRef::External { schema, table } => {
                            format!("{}.{}", schema.quoted(), table.quoted())
                        }
                    };
                    checksum::of("fk", &(&key.columns, target, &key.referenced_columns)).to_string()
                }
                other => checksum::of("constraint", other).to_string(),
            })
            .collect();
        note_doubles(checking, name, &bodies, &constraint_spans, "constraint");
    }
    let index_spans: Vec<Range<usize>> = raw.indexes.iter().map(|i| i.span.clone()).collect();
    if index_spans.len() == table.indexes.len() {
        let bodies: Vec<String> = table
            .indexes
            .iter()
            .map(|i| {
                let body = (i.unique, &i.method, &i.keys, &i.include, &i.predicate, &i.with);
                checksum::of("index", &body).to_string()
            })
            .collect();
        note_doubles(checking, name, &bodies, &index_spans, "index");
    }
}

/// In the order of the model.
fn constraint_spans(raw: &raw::Table) -> Vec<Range<usize>> {
    let in_columns = raw.columns.values().filter_map(|column| match &column.value {
        raw::Short::Full(column) => column.primary_key.as_ref().filter(|flag| flag.value),
        raw::Short::Text(_) => None,
    });
    let primary = match &raw.primary_key {
        Some(key) => Some(key.span.clone()),
        None => in_columns.map(|flag| flag.span.clone()).next(),
    };
    primary
        .into_iter()
        .chain(raw.unique.iter().map(|key| key.span.clone()))
        .chain(raw.checks.iter().map(|check| check.span.clone()))
        .chain(raw.exclusions.iter().map(|exclusion| exclusion.span.clone()))
        .chain(raw.foreign_keys.iter().map(|key| key.span.clone()))
        .collect()
}

fn note_doubles(
    checking: &mut Checking<'_>,
    table: &Name,
    bodies: &[String],
    spans: &[Range<usize>],
    kind: &str,
) {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (body, span) in bodies.iter().zip(spans) {
        let line = checking.source.line(span.start);
        match first.entry(body) {
            Entry::Vacant(free) => {
                free.insert(line);
            }
            Entry::Occupied(taken) => {
                let line = taken.get();
                let message =
                    format!("table {:?} has the same {kind} already, on line {line}", table.value);
                checking.note(span, message);
            }
        }
    }
}
