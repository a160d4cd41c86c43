//! The order of steps, from what depends on what.

use std::collections::BTreeSet;

use super::obstacle::{Reasons, Subject};
use crate::diff::{Missing, Named, NewTable, Object};
use crate::manifest::{
    ColumnValue, ConstraintDecl, ConstraintDef, ForeignKeyDecl, Manifest, TableDecl, TableRef,
};
use crate::name::Ident;
use crate::step::Step;

/// Orders what is missing: schema, enums, sequences, tables, columns, constraints, indexes,
/// foreign keys, comments, rows. A new table comes with its constraints, and after the tables
/// that it references; where tables reference each other in a circle, or where the referenced key
/// is itself still to come, the foreign key follows as a step of its own.
#[must_use]
pub fn steps<'m>(manifest: &'m Manifest, missing: &[Missing<'m>]) -> Vec<Step<'m>> {
    steps_around(manifest, missing, &Reasons::new())
}

/// The same; a foreign key to a table that must not be touched is a step of its own.
#[must_use]
pub fn steps_around<'m>(
    manifest: &'m Manifest,
    missing: &[Missing<'m>],
    reasons: &Reasons,
) -> Vec<Step<'m>> {
    let mut stages = Stages::default();
    let is_avoided =
        |name: &Ident| reasons.contains_key(&Subject::Relation(name.as_str().to_owned()));
    let avoided = manifest.tables.iter().map(|decl| &decl.name).filter(|name| is_avoided(name));
    let incomplete: BTreeSet<&Ident> = missing
        .iter()
        .filter_map(|entry| match entry {
            Missing::Column(table, _)
            | Missing::Constraint(table, _)
            | Missing::Index(table, _) => Some(&table.name),
            _ => None,
        })
        .chain(avoided)
        .collect();
    let new_tables: Vec<&NewTable<'m>> = missing
        .iter()
        .filter_map(|entry| match entry {
            Missing::Table(table) => Some(table),
            _ => None,
        })
        .collect();
    for entry in missing {
        stages.place(entry);
    }
    create_tables(manifest, new_tables, &incomplete, &mut stages);
    stages.in_order()
}

#[derive(Default)]
struct Stages<'m> {
    schema: Vec<Step<'m>>,
    types: Vec<Step<'m>>,
    sequences: Vec<Step<'m>>,
    tables: Vec<Step<'m>>,
    columns: Vec<Step<'m>>,
    generated_columns: Vec<Step<'m>>,
    constraints: Vec<Step<'m>>,
    indexes: Vec<Step<'m>>,
    foreign_keys: Vec<Step<'m>>,
    comments: Vec<Step<'m>>,
    rows: Vec<Step<'m>>,
}

impl<'m> Stages<'m> {
    fn place(&mut self, entry: &Missing<'m>) {
        match entry {
            Missing::Schema => self.schema.push(Step::CreateSchema),
            Missing::Enum(decl) => {
                self.types.push(Step::CreateEnum(decl));
                self.comment(Object::Enum { name: decl.name.clone() }, decl.comment.as_ref());
            }
            Missing::Label { decl, label, place } => {
                self.types.push(Step::AddLabel { of: &decl.name, label, place: *place });
            }
            Missing::Sequence(decl) => {
                self.sequences.push(Step::CreateSequence(decl));
                self.comment(Object::Sequence { name: decl.name.clone() }, decl.comment.as_ref());
            }
            // Their order needs a look at all of them; see `create_tables`.
            Missing::Table(_) => {}
            Missing::Column(table, decl) => {
                let step = Step::AddColumn { table: &table.name, decl };
                match decl.value {
                    ColumnValue::Generated(_) => self.generated_columns.push(step),
                    _ => self.columns.push(step),
                }
                let object = Object::Column { table: table.name.clone(), name: decl.name.clone() };
                self.comment(object, decl.comment.as_ref());
            }
            Missing::Constraint(table, constraint) => self.constraint(table, constraint),
            Missing::Index(table, index) => {
                self.indexes.push(Step::CreateIndex { table: &table.name, index: index.clone() });
                let object = Object::Index { table: table.name.clone(), name: index.name.clone() };
                self.comment(object, index.decl.comment.as_ref());
            }
            Missing::Comment(on, text) => {
                self.comments.push(Step::Comment { on: on.clone(), text });
            }
            Missing::Row(seed, row) => self.rows.push(Step::InsertRow { seed, row }),
        }
    }

    fn constraint(&mut self, table: &'m TableDecl, constraint: &Named<'m, ConstraintDecl>) {
        let step = Step::AddConstraint { table: &table.name, constraint: constraint.clone() };
        match constraint.decl.definition {
            ConstraintDef::ForeignKey(_) => self.foreign_keys.push(step),
            _ => self.constraints.push(step),
        }
        self.constraint_comment(table, constraint);
    }

    fn constraint_comment(&mut self, table: &'m TableDecl, constraint: &Named<'m, ConstraintDecl>) {
        let object =
            Object::Constraint { table: table.name.clone(), name: constraint.name.clone() };
        self.comment(object, constraint.decl.comment.as_ref());
    }

    fn comment(&mut self, on: Object, text: Option<&'m crate::name::Text>) {
        if let Some(text) = text {
            self.comments.push(Step::Comment { on, text });
        }
    }

    fn in_order(self) -> Vec<Step<'m>> {
        [
            self.schema,
            self.types,
            self.sequences,
            self.tables,
            self.columns,
            self.generated_columns,
            self.constraints,
            self.indexes,
            self.foreign_keys,
            self.comments,
            self.rows,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn create_tables<'m>(
    manifest: &'m Manifest,
    mut waiting: Vec<&NewTable<'m>>,
    incomplete: &BTreeSet<&Ident>,
    stages: &mut Stages<'m>,
) {
    while !waiting.is_empty() {
        let is_waiting = |name: &Ident| waiting.iter().any(|table| table.decl.name == *name);
        let is_free = |table: &&NewTable<'m>| {
            foreign_keys(table).all(|(_, key)| match &key.references {
                TableRef::Tenant(name) => *name == table.decl.name || !is_waiting(name),
                TableRef::External { .. } => true,
            })
        };
        // In a circle, any table may be first; the one declared first is.
        let next = waiting.iter().position(is_free).unwrap_or(0);
        let table = waiting.remove(next);
        let still_waiting: BTreeSet<&Ident> = waiting.iter().map(|t| &t.decl.name).collect();
        let (inline, later) = table.constraints.iter().cloned().partition(|constraint| {
            let ConstraintDef::ForeignKey(key) = &constraint.decl.definition else {
                return true;
            };
            match &key.references {
                TableRef::External { .. } => true,
                TableRef::Tenant(name) => {
                    !still_waiting.contains(name)
                        && !incomplete.contains(name)
                        && has_key_constraint(manifest, name, key)
                }
            }
        });
        stages.tables.push(Step::CreateTable { decl: table.decl, constraints: inline });
        let later: Vec<Named<'m, ConstraintDecl>> = later;
        for constraint in &later {
            stages.foreign_keys.push(Step::AddConstraint {
                table: &table.decl.name,
                constraint: constraint.clone(),
            });
        }
        let object = Object::Table { name: table.decl.name.clone() };
        stages.comment(object, table.decl.comment.as_ref());
        for column in &table.decl.columns {
            let object =
                Object::Column { table: table.decl.name.clone(), name: column.name.clone() };
            stages.comment(object, column.comment.as_ref());
        }
        for constraint in &table.constraints {
            stages.constraint_comment(table.decl, constraint);
        }
        for index in &table.indexes {
            stages.place(&Missing::Index(table.decl, index.clone()));
        }
    }
}

fn foreign_keys<'t, 'm>(
    table: &'t NewTable<'m>,
) -> impl Iterator<Item = (&'t Named<'m, ConstraintDecl>, &'m ForeignKeyDecl)> {
    table.constraints.iter().filter_map(|constraint| match &constraint.decl.definition {
        ConstraintDef::ForeignKey(key) => Some((constraint, key)),
        _ => None,
    })
}

/// Whether the referenced columns are a key by a constraint, which is there as soon as the table
/// is. A unique index comes later.
fn has_key_constraint(manifest: &Manifest, table: &Ident, key: &ForeignKeyDecl) -> bool {
    let wanted: BTreeSet<&Ident> = key.referenced_columns.iter().collect();
    manifest.tables.iter().filter(|t| t.name == *table).flat_map(|t| &t.constraints).any(|c| {
        match &c.definition {
            ConstraintDef::PrimaryKey(k) | ConstraintDef::Unique(k) => {
                k.columns.iter().collect::<BTreeSet<_>>() == wanted
            }
            _ => false,
        }
    })
}
