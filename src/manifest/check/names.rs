//! Names of objects: unique where the server requires it, and composed where none is given.

use std::ops::Range;

use super::super::model::ObjectName;
use super::super::raw::{self, KeyForm, Name, Short, Spanned};
use crate::manifest::checking::Checking;
use crate::name::Ident;

/// Names that the tool reserves in a tenant's schema.
pub(in crate::manifest) const RESERVED: &str = "_provision_";

/// Collects all names that are given, and notes those that are given twice.
pub(super) fn reserve(checking: &mut Checking<'_>, raw: &raw::Manifest) {
    for (name, decl) in &raw.types {
        checking.ident(name);
        take_type(checking, name, "type");
        if decl.attributes.is_some() {
            take_relation(checking, name, "composite type");
        }
        if let Some(multirange) = &decl.multirange {
            checking.ident(multirange);
            take_type(checking, multirange, "multirange type");
        }
        let checks = decl.checks.iter().flat_map(|checks| &checks.value);
        let named = checks.filter_map(|check| match &check.value {
            Short::Full(full) => full.name.clone(),
            Short::Text(_) => None,
        });
        for constraint in named {
            checking.ident(&constraint);
            take_constraint(checking, name, &constraint, "constraint of the domain");
        }
    }
    for name in raw.sequences.keys() {
        checking.ident(name);
        take_relation(checking, name, "sequence");
    }
    for name in raw.tables.keys() {
        checking.ident(name);
        take_relation(checking, name, "table");
        take_type(checking, name, "table");
    }
    for name in
        raw.tables.values().flat_map(|table| raw::partition_names(table.partitions.as_ref()))
    {
        checking.ident(name);
        take_relation(checking, name, "table");
        take_type(checking, name, "table");
    }
    for name in raw.views.keys() {
        checking.ident(name);
        take_relation(checking, name, "view");
        take_type(checking, name, "view");
    }
    for (name, decl) in &raw.materialized_views {
        checking.ident(name);
        take_relation(checking, name, "materialized view");
        take_type(checking, name, "materialized view");
        take_indexes(checking, &decl.indexes);
    }
    for (table, decl) in &raw.tables {
        let key_name = |key: &Spanned<KeyForm>| match &key.value {
            KeyForm::Full(full) => full.name.clone(),
            _ => None,
        };
        let keys = decl.primary_key.iter().chain(&decl.unique).filter_map(key_name);
        let exclusions = decl.exclusions.iter().filter_map(|e| e.name.clone());
        for name in keys.chain(exclusions) {
            checking.ident(&name);
            take_relation(checking, &name, "constraint");
            take_constraint(checking, table, &name, "constraint of the table");
        }
        let checks = decl.checks.iter().filter_map(|check| match &check.value {
            Short::Full(full) => full.name.clone(),
            Short::Text(_) => None,
        });
        let references = decl.foreign_keys.iter().filter_map(|key| key.name.clone());
        for name in checks.chain(references) {
            checking.ident(&name);
            take_constraint(checking, table, &name, "constraint of the table");
        }
        take_indexes(checking, &decl.indexes);
        for statistics in &decl.statistics {
            let name = &statistics.name;
            refuse_reserved(checking, name);
            if !checking.names.statistics.insert(name.value.clone()) {
                taken(checking, &name.span, &name.value, "statistics object");
            }
        }
    }
}

fn take_indexes(checking: &mut Checking<'_>, indexes: &[Spanned<raw::Index>]) {
    for name in indexes.iter().filter_map(|index| index.name.as_ref()) {
        checking.ident(name);
        take_relation(checking, name, "index");
    }
}

fn take_relation(checking: &mut Checking<'_>, name: &Name, kind: &'static str) {
    refuse_reserved(checking, name);
    if let Some(other) = checking.names.relations.insert(name.value.clone(), kind) {
        taken(checking, &name.span, &name.value, other);
    }
}

fn take_type(checking: &mut Checking<'_>, name: &Name, kind: &'static str) {
    refuse_reserved(checking, name);
    if let Some(other) = checking.names.types.insert(name.value.clone(), kind) {
        taken(checking, &name.span, &name.value, other);
    }
}

fn take_constraint(checking: &mut Checking<'_>, whole: &Name, name: &Name, what: &'static str) {
    if !checking.names.constraints.insert((whole.value.clone(), name.value.clone())) {
        taken(checking, &name.span, &name.value, what);
    }
}

fn taken(checking: &mut Checking<'_>, span: &Range<usize>, name: &str, other: &str) {
    checking.note(span, format!("the name {name:?} is already that of another {other}"));
}

fn refuse_reserved(checking: &mut Checking<'_>, name: &Name) {
    if name.starts_with(RESERVED) {
        checking.note(&name.span, format!("names with {RESERVED:?} in front are the tool's own"));
    }
}

/// Whether the object has an index of its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Constraint,
    IndexedConstraint,
    Index,
}

/// The given name, or one made of the table, the columns and a suffix, as the server would.
pub(super) fn object_name(
    checking: &mut Checking<'_>,
    table: &str,
    given: Option<&Name>,
    columns: &[String],
    suffix: &str,
    space: Space,
) -> Option<ObjectName> {
    if let Some(name) = given {
        return Ident::new(name.value.clone())
            .ok()
            .map(|ident| ObjectName { ident, explicit: true });
    }
    let parts: Vec<&str> =
        std::iter::once(table).chain(columns.iter().map(String::as_str)).collect();
    let parts = parts.join("_");
    let names = &mut checking.names;
    let is_free = |name: &Ident| {
        let constraint = (table.to_owned(), name.as_str().to_owned());
        (space == Space::Index || !names.constraints.contains(&constraint))
            && (space == Space::Constraint || !names.relations.contains_key(name.as_str()))
    };
    let numbers = std::iter::once(String::new()).chain((1_u32..).map(|n| n.to_string()));
    let ident = numbers
        .map(|number| Ident::composed(&parts, &format!("_{suffix}{number}")))
        .find(is_free)?;
    if space != Space::Constraint {
        names.relations.insert(ident.as_str().to_owned(), "object that has no name of its own");
    }
    if space != Space::Index {
        names.constraints.insert((table.to_owned(), ident.as_str().to_owned()));
    }
    Some(ObjectName { ident, explicit: false })
}
