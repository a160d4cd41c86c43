//! Which live constraint or index a declared one is.
//!
//! In this order, each live object being taken at most once:
//! 1. the one with the declared name;
//! 2. for an unnamed one, the one that is equal in structure;
//! 3. the one that plays its part: the primary key; the unique or foreign key on the same columns;
//!    the unique index in the place of a unique constraint, or the other way round; for an unnamed
//!    one, the one of its kind under the name that it would get; for a named one, an equal one
//!    under another name. These are *changed*: to make the declared one beside it would be to make it twice.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Conflict, Diff, Missing, Named, Object, describe, diff_comment};
use crate::manifest::{ConstraintDecl, ConstraintDef, IndexDecl, Manifest, ObjectName, TableDecl};
use crate::name::Ident;
use crate::schema::{Constraint, Index, Rule, Schema, Table};

/// The names that are in use in a tenant, as the plan will have made it.
pub(super) struct Names {
    relations: BTreeMap<Ident, String>,
    constraints: BTreeSet<(Ident, Ident)>,
    /// Names that the manifest has for something, there or not.
    declared: BTreeSet<Ident>,
}

impl Names {
    pub(super) fn new(manifest: &Manifest, live: &Schema) -> Self {
        let mut relations = BTreeMap::new();
        let mut constraints = BTreeSet::new();
        for (table_name, table) in &live.tables {
            for (name, constraint) in &table.constraints {
                constraints.insert((table_name.clone(), name.clone()));
                if constraint.rule.has_index() {
                    relations.insert(name.clone(), format!("constraint of table {table_name}"));
                }
            }
            for name in table.indexes.keys() {
                relations.insert(name.clone(), format!("index of table {table_name}"));
            }
            relations.insert(table_name.clone(), "table".to_owned());
        }
        for name in live.sequences.keys() {
            relations.insert(name.clone(), "sequence".to_owned());
        }
        for other in live.unmodelled_relations() {
            if let Ok(name) = Ident::new(other.name.clone()) {
                relations.entry(name).or_insert_with(|| other.kind.clone());
            }
        }
        let mut declared = BTreeSet::new();
        declared.extend(manifest.sequences.iter().map(|s| s.name.clone()));
        for table in &manifest.tables {
            declared.insert(table.name.clone());
            declared.extend(table.constraints.iter().map(|c| c.name.ident.clone()));
            declared.extend(table.indexes.iter().map(|i| i.name.ident.clone()));
        }
        Self { relations, constraints, declared }
    }

    /// Finds the name under which a missing constraint can be made, and takes it.
    pub(super) fn claim_constraint<'m>(
        &mut self,
        diff: &mut Diff<'m>,
        table: &TableDecl,
        decl: &'m ConstraintDecl,
    ) -> Option<Named<'m, ConstraintDecl>> {
        let has_index = matches!(
            decl.definition,
            ConstraintDef::PrimaryKey(_)
                | ConstraintDef::Unique(_)
                | ConstraintDef::Exclusion { .. }
        );
        let taken_by = |names: &Self, name: &Ident| {
            if names.constraints.contains(&(table.name.clone(), name.clone())) {
                return Some("another constraint of the table".to_owned());
            }
            if has_index { names.relations.get(name).cloned() } else { None }
        };
        let object = |name| Object::Constraint { table: table.name.clone(), name };
        let name = self.free_name(diff, &decl.name, taken_by, object)?;
        self.constraints.insert((table.name.clone(), name.clone()));
        if has_index {
            self.relations.insert(name.clone(), format!("constraint of table {}", table.name));
        }
        Some(Named { decl, name })
    }

    /// The same for an index.
    pub(super) fn claim_index<'m>(
        &mut self,
        diff: &mut Diff<'m>,
        table: &TableDecl,
        decl: &'m IndexDecl,
    ) -> Option<Named<'m, IndexDecl>> {
        let taken_by = |names: &Self, name: &Ident| names.relations.get(name).cloned();
        let object = |name| Object::Index { table: table.name.clone(), name };
        let name = self.free_name(diff, &decl.name, taken_by, object)?;
        self.relations.insert(name.clone(), format!("index of table {}", table.name));
        Some(Named { decl, name })
    }

    fn free_name(
        &self,
        diff: &mut Diff<'_>,
        wanted: &ObjectName,
        taken_by: impl Fn(&Self, &Ident) -> Option<String>,
        object: impl Fn(Ident) -> Object,
    ) -> Option<Ident> {
        let Some(holder) = taken_by(self, &wanted.ident) else {
            return Some(wanted.ident.clone());
        };
        if wanted.explicit {
            let object = object(wanted.ident.clone());
            diff.conflicts.push(Conflict { object, taken_by: holder });
            return None;
        }
        (1..=u32::MAX)
            .map(|n| Ident::composed(wanted.ident.as_str(), &n.to_string()))
            .find(|name| taken_by(self, name).is_none() && !self.declared.contains(name))
    }
}

/// What is there and belongs to no declaration yet.
struct Unclaimed<'l> {
    constraints: Vec<(&'l Ident, &'l Constraint)>,
    indexes: Vec<(&'l Ident, &'l Index)>,
}

pub(super) fn diff_constraints_and_indexes<'m>(
    diff: &mut Diff<'m>,
    decl: &'m TableDecl,
    desired: &Table,
    live: &Table,
    names: &mut Names,
) {
    let mut left = Unclaimed {
        constraints: live.constraints.iter().collect(),
        indexes: live.indexes.iter().collect(),
    };
    let (mut constraints, mut indexes) = (Vec::new(), Vec::new());
    for decl in &decl.constraints {
        if let Some(expected) = desired.constraints.get(&decl.name.ident) {
            constraints.push((decl, expected));
        }
    }
    for decl in &decl.indexes {
        if let Some(expected) = desired.indexes.get(&decl.name.ident) {
            indexes.push((decl, expected));
        }
    }
    // Each round goes over all declarations, so that a close match of one never takes away the
    // exact match of another.
    constraints.retain(|(c, expected)| !same_constraint(diff, decl, c, expected, &mut left));
    indexes.retain(|(i, expected)| !same_index(diff, decl, i, expected, &mut left));
    constraints.retain(|(c, expected)| !similar_constraint(diff, decl, c, expected, &mut left));
    indexes.retain(|(i, expected)| !similar_index(diff, decl, i, expected, &mut left));
    for (constraint, _) in constraints {
        if let Some(named) = names.claim_constraint(diff, decl, constraint) {
            diff.missing.push(Missing::Constraint(decl, named));
        }
    }
    for (index, _) in indexes {
        if let Some(named) = names.claim_index(diff, decl, index) {
            diff.missing.push(Missing::Index(decl, named));
        }
    }
    let table = || decl.name.clone();
    for (name, _) in left.constraints {
        diff.untouched.extra.push(Object::Constraint { table: table(), name: name.clone() });
    }
    for (name, _) in left.indexes {
        diff.untouched.extra.push(Object::Index { table: table(), name: name.clone() });
    }
}

/// Rules 1 and 2.
fn same_constraint<'m>(
    diff: &mut Diff<'m>,
    table: &'m TableDecl,
    decl: &'m ConstraintDecl,
    expected: &Constraint,
    left: &mut Unclaimed<'_>,
) -> bool {
    let equal =
        |actual: &Constraint| describe::constraint(actual) == describe::constraint(expected);
    let found = if decl.name.explicit {
        left.constraints.iter().position(|(name, _)| **name == decl.name.ident)
    } else {
        // Among equal ones, the one that also has the name.
        let by_name = left
            .constraints
            .iter()
            .position(|(name, actual)| **name == decl.name.ident && equal(actual));
        by_name.or_else(|| left.constraints.iter().position(|(_, actual)| equal(actual)))
    };
    let Some(found) = found else {
        return false;
    };
    let (name, actual) = left.constraints.remove(found);
    let object = Object::Constraint { table: table.name.clone(), name: name.clone() };
    if !equal(actual) {
        diff.untouched.changed.push(Change {
            object: object.clone(),
            actual: describe::constraint(actual),
            expected: describe::constraint(expected),
        });
    }
    diff_comment(diff, object, decl.comment.as_ref(), actual.comment.as_deref());
    true
}

fn same_index<'m>(
    diff: &mut Diff<'m>,
    table: &'m TableDecl,
    decl: &'m IndexDecl,
    expected: &Index,
    left: &mut Unclaimed<'_>,
) -> bool {
    let equal = |actual: &Index| describe::index(actual) == describe::index(expected);
    let found = if decl.name.explicit {
        left.indexes.iter().position(|(name, _)| **name == decl.name.ident)
    } else {
        let by_name = left
            .indexes
            .iter()
            .position(|(name, actual)| **name == decl.name.ident && equal(actual));
        by_name.or_else(|| left.indexes.iter().position(|(_, actual)| equal(actual)))
    };
    let Some(found) = found else {
        return false;
    };
    let (name, actual) = left.indexes.remove(found);
    let object = Object::Index { table: table.name.clone(), name: name.clone() };
    if !equal(actual) {
        diff.untouched.changed.push(Change {
            object: object.clone(),
            actual: describe::index(actual),
            expected: describe::index(expected),
        });
    }
    diff_comment(diff, object, decl.comment.as_ref(), actual.comment.as_deref());
    true
}

/// Rule 3.
fn similar_constraint(
    diff: &mut Diff<'_>,
    table: &TableDecl,
    decl: &ConstraintDecl,
    expected: &Constraint,
    left: &mut Unclaimed<'_>,
) -> bool {
    let explicit = decl.name.explicit;
    let plays_its_part = |name: &Ident, actual: &Constraint| {
        let has_its_name = !explicit && *name == decl.name.ident;
        same_part(&actual.rule, &expected.rule)
            || (has_its_name && actual.rule.kind() == expected.rule.kind())
    };
    let expected_text = named(explicit, &decl.name.ident, describe::constraint(expected));
    if let Some(at) =
        left.constraints.iter().position(|(name, actual)| plays_its_part(name, actual))
    {
        let (name, actual) = left.constraints.remove(at);
        diff.untouched.changed.push(Change {
            object: Object::Constraint { table: table.name.clone(), name: name.clone() },
            actual: named(explicit, name, describe::constraint(actual)),
            expected: expected_text,
        });
        return true;
    }
    let Rule::Unique { columns, .. } = &expected.rule else {
        return false;
    };
    let Some(at) = left.indexes.iter().position(|(_, actual)| is_unique_on(actual, columns)) else {
        return false;
    };
    let (name, actual) = left.indexes.remove(at);
    diff.untouched.changed.push(Change {
        object: Object::Index { table: table.name.clone(), name: name.clone() },
        actual: named(explicit, name, describe::index(actual)),
        expected: expected_text,
    });
    true
}

fn similar_index(
    diff: &mut Diff<'_>,
    table: &TableDecl,
    decl: &IndexDecl,
    expected: &Index,
    left: &mut Unclaimed<'_>,
) -> bool {
    let explicit = decl.name.explicit;
    let text = describe::index(expected);
    let expected_text = named(explicit, &decl.name.ident, text.clone());
    let plays_its_part = |name: &Ident, actual: &Index| {
        if explicit { describe::index(actual) == text } else { *name == decl.name.ident }
    };
    if let Some(at) = left.indexes.iter().position(|(name, actual)| plays_its_part(name, actual)) {
        let (name, actual) = left.indexes.remove(at);
        diff.untouched.changed.push(Change {
            object: Object::Index { table: table.name.clone(), name: name.clone() },
            actual: named(explicit, name, describe::index(actual)),
            expected: expected_text,
        });
        return true;
    }
    let at = left.constraints.iter().position(|(_, actual)| match &actual.rule {
        Rule::Unique { columns, .. } => is_unique_on(expected, columns),
        _ => false,
    });
    let Some(at) = at else {
        return false;
    };
    let (name, actual) = left.constraints.remove(at);
    diff.untouched.changed.push(Change {
        object: Object::Constraint { table: table.name.clone(), name: name.clone() },
        actual: named(explicit, name, describe::constraint(actual)),
        expected: expected_text,
    });
    true
}

/// Whether two rules are versions of one: making both would be one too many.
fn same_part(actual: &Rule, expected: &Rule) -> bool {
    match (actual, expected) {
        (Rule::PrimaryKey { .. }, Rule::PrimaryKey { .. }) => true,
        (Rule::Unique { columns: a, .. }, Rule::Unique { columns: b, .. }) => a == b,
        (Rule::Check { expression: a, .. }, Rule::Check { expression: b, .. }) => a == b,
        (Rule::Exclusion { elements: a, .. }, Rule::Exclusion { elements: b, .. }) => a == b,
        (Rule::ForeignKey(a), Rule::ForeignKey(b)) => {
            a.columns == b.columns
                && a.schema == b.schema
                && a.table == b.table
                && a.referenced_columns == b.referenced_columns
        }
        _ => false,
    }
}

fn is_unique_on(index: &Index, columns: &[Ident]) -> bool {
    index.unique
        && index.predicate.is_none()
        && index.keys.len() == columns.len()
        && index
            .keys
            .iter()
            .zip(columns)
            .all(|(key, column)| key.is_column && key.term == column.as_str())
}

/// Names are part of the comparison only where the manifest gives them.
fn named(explicit: bool, name: &Ident, text: String) -> String {
    if explicit { format!("name {}\n{text}", name.quoted()) } else { text }
}
