//! Steps that are held back: they would make the server run code of somebody who is not trusted.

use std::collections::BTreeSet;

use super::PlannedStep;
use super::obstacle::{Reasons, Subject};
use crate::diff::{Held, Object};
use crate::manifest::{
    Cell, ColumnDecl, ColumnValue, ConstraintDecl, ConstraintDef, Fragment, IndexKey, IndexTerm,
    Manifest, SCHEMA_PLACEHOLDER, SeedDecl, TableRef, TypeDecl,
};
use crate::name::Ident;
use crate::schema::Schema;
use crate::step::{Action, Step};
use crate::words::counted;

/// Parts the steps, which are in order, into those that may be run and those that are held back:
/// because of what they touch, or because they need something that is held back.
#[must_use]
pub fn part<'m>(
    manifest: &'m Manifest,
    steps: Vec<Step<'m>>,
    reasons: &Reasons,
) -> (Vec<Step<'m>>, Vec<Held>) {
    if reasons.is_empty() {
        return (steps, Vec::new());
    }
    let mut parting = Parting {
        manifest,
        reasons,
        tables: BTreeSet::new(),
        incomplete: BTreeSet::new(),
        rows: BTreeSet::new(),
        held: Vec::new(),
    };
    let kept = steps.into_iter().filter(|step| !parting.holds(step)).collect();
    (kept, told(&parting.held))
}

/// The tables of rows of which a key cannot be read even after the steps, since a table or a column that it
/// needs is held back.
#[must_use]
pub fn unreadable(manifest: &Manifest, steps: &[PlannedStep], live: Option<&Schema>) -> Reasons {
    let makes = |object: Object| steps.iter().any(|step| step.object == object);
    let is_there = |table: &Ident, column: &Ident| {
        let live = live.and_then(|live| live.tables.get(table));
        live.is_some_and(|live| live.columns.contains_key(column))
            || makes(Object::Table { name: table.clone() })
            || makes(Object::Column { table: table.clone(), name: column.clone() })
    };
    let columns = manifest.seeds.iter().flat_map(SeedDecl::columns_read);
    let absent =
        columns.filter(|(table, column)| !is_there(table, column)).map(|(table, column)| {
            let why = BTreeSet::from([format!("column {table}.{column} is held back")]);
            (Subject::Relation(table.as_str().to_owned()), why)
        });
    absent.collect()
}

struct Parting<'m, 'r> {
    manifest: &'m Manifest,
    reasons: &'r Reasons,
    /// New tables that are not made.
    tables: BTreeSet<&'m Ident>,
    /// Tables to which a column is not added.
    incomplete: BTreeSet<&'m Ident>,
    /// Tables into which rows are not inserted.
    rows: BTreeSet<&'m Ident>,
    held: Vec<(Action, Object, BTreeSet<String>)>,
}

impl<'m> Parting<'m, '_> {
    fn holds(&mut self, step: &Step<'m>) -> bool {
        let why = self.why(step);
        if why.is_empty() {
            return false;
        }
        match step {
            Step::CreateTable { decl, .. } => _ = self.tables.insert(&decl.name),
            Step::AddColumn { table, .. } => _ = self.incomplete.insert(table),
            Step::InsertRow { seed, .. } => _ = self.rows.insert(&seed.table),
            _ => {}
        }
        self.held.push((step.action(), step.object(), why));
        true
    }

    fn why(&self, step: &Step<'m>) -> BTreeSet<String> {
        let expressions = expressions(self.manifest, step);
        let (tables, subjects) = touched(self.manifest, step, &expressions);
        let mut why = BTreeSet::new();
        for subject in &subjects {
            why.extend(self.reasons.get(subject).into_iter().flatten().cloned());
        }
        for (subject, reasons) in self.reasons {
            if let Subject::Column { table, name } = subject
                && tables.iter().any(|touched| touched.as_str() == table)
                && expressions.iter().any(|text| mentions(text, name) || mentions(text, table))
            {
                why.extend(reasons.iter().cloned());
            }
        }
        for table in &tables {
            if self.tables.contains(table) {
                why.insert(format!("table {table} is held back"));
            }
            // Which of its columns the step needs, an expression does not tell.
            if self.incomplete.contains(table) {
                why.insert(format!("a column of {table} is held back"));
            }
        }
        match step {
            Step::InsertRow { seed, .. } => {
                let parents = self.parents(&seed.table).chain(tables);
                let needed =
                    parents.filter(|table| **table != seed.table && self.rows.contains(table));
                why.extend(needed.map(|table| format!("rows of {table} are held back")));
            }
            Step::Comment { on, .. } => {
                let of_table =
                    matches!(on.group(), Object::Table { name } if self.tables.contains(&name));
                if of_table || self.held.iter().any(|(_, object, _)| object == on) {
                    why.insert(format!("{on} is held back"));
                }
            }
            _ => {}
        }
        why
    }

    /// The tables that the foreign keys of a table point to.
    fn parents(&self, table: &Ident) -> impl Iterator<Item = &'m Ident> {
        let decl = self.manifest.tables.iter().find(|decl| decl.name == *table);
        decl.into_iter().flat_map(|decl| &decl.constraints).filter_map(target)
    }
}

/// The tables, as far as they are there already, that a step makes the server look at, and all that
/// could be in its way.
fn touched<'m>(
    manifest: &'m Manifest,
    step: &Step<'m>,
    expressions: &[String],
) -> (Vec<&'m Ident>, BTreeSet<Subject>) {
    let (mut tables, mut subjects) = (Vec::new(), BTreeSet::new());
    match step {
        Step::CreateSchema
        | Step::CreateEnum(_)
        | Step::AddLabel { .. }
        | Step::CreateSequence(_)
        | Step::Comment { .. } => {}
        Step::CreateTable { decl, constraints } => {
            tables.extend(constraints.iter().filter_map(|constraint| target(constraint.decl)));
            subjects.extend(constraints.iter().filter_map(|c| external_target(c.decl)));
            subjects.extend(decl.columns.iter().filter_map(enum_of).map(type_of));
        }
        Step::AddColumn { table, decl } => {
            tables.push(table);
            subjects.extend(enum_of(decl).map(type_of));
        }
        Step::AddConstraint { table, constraint } => {
            tables.push(table);
            tables.extend(target(constraint.decl));
            subjects.extend(external_target(constraint.decl));
            // To validate a foreign key, the rows of both tables are read.
            if constraint.decl.references().is_some() {
                let rows = tables.iter().map(|table| Subject::Rows(table.as_str().to_owned()));
                subjects.extend(rows);
            }
        }
        Step::CreateIndex { table, .. } => tables.push(table),
        Step::InsertRow { seed, row } => {
            tables.push(&seed.table);
            for (_, cell) in &row.cells {
                looked_up(cell, &mut tables);
            }
            subjects.extend(tables.iter().map(|table| Subject::Rows(table.as_str().to_owned())));
        }
    }
    subjects.extend(tables.iter().map(|table| Subject::Relation(table.as_str().to_owned())));
    // Which of the schema's types an expression names, only the server can tell.
    if expressions.iter().any(|text| text.contains(SCHEMA_PLACEHOLDER)) {
        subjects.extend(manifest.enums.iter().map(|decl| type_of(&decl.name)));
    }
    (tables, subjects)
}

/// Whether an expression can name a column or, for its whole row, a table. Too many are found by that, none
/// too few.
fn mentions(expression: &str, name: &str) -> bool {
    let folded = |text: &str| text.to_lowercase().replace('"', " ");
    let (expression, name) = (format!(" {} ", folded(expression)), folded(name));
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut around = expression.split(name.as_str()).peekable();
    let mut is_named = false;
    while let (Some(before), Some(after)) = (around.next(), around.peek()) {
        is_named |= !before.ends_with(is_part) && !after.starts_with(is_part);
    }
    is_named || expression.contains("u& ")
}

/// The expressions that the server evaluates when it runs the step, as far as it could look for casts in
/// them. A literal that is inserted, or compared with an enum, takes its type from the other side; other
/// values have a type of their own, and other columns could have become one of an enum.
fn expressions(manifest: &Manifest, step: &Step<'_>) -> Vec<String> {
    if let Step::InsertRow { seed, row } = step {
        let mut texts = Vec::new();
        for (column, cell) in &row.cells {
            match cell {
                Cell::Sql(expression) => {
                    texts.push(format!("{column} {}", expression.as_written()));
                }
                Cell::Lookup { column: found, .. } => {
                    texts.push(format!("{column} {found}"));
                    compared(manifest, cell, &mut texts);
                }
                Cell::Null | Cell::Value(_) | Cell::Tenant => {}
            }
            if seed.key.contains(column) && !is_enum(manifest, &seed.table, column) {
                texts.push(column.as_str().to_owned());
            }
        }
        return texts;
    }
    fragments(step).into_iter().map(|fragment| fragment.as_written().to_owned()).collect()
}

fn fragments<'m>(step: &Step<'m>) -> Vec<&'m Fragment> {
    match step {
        Step::CreateSchema
        | Step::CreateEnum(_)
        | Step::AddLabel { .. }
        | Step::CreateSequence(_)
        | Step::Comment { .. }
        | Step::InsertRow { .. } => Vec::new(),
        Step::CreateTable { decl, constraints } => {
            let columns = decl.columns.iter().filter_map(of_column);
            columns.chain(constraints.iter().flat_map(|c| of_constraint(c.decl))).collect()
        }
        Step::AddColumn { decl, .. } => of_column(decl).into_iter().collect(),
        Step::AddConstraint { constraint, .. } => of_constraint(constraint.decl),
        Step::CreateIndex { index, .. } => {
            let keys = index.decl.keys.iter().filter_map(of_key);
            keys.chain(&index.decl.predicate).collect()
        }
    }
}

fn of_column(decl: &ColumnDecl) -> Option<&Fragment> {
    match &decl.value {
        ColumnValue::Default(expression) | ColumnValue::Generated(expression) => Some(expression),
        ColumnValue::None | ColumnValue::Identity { .. } => None,
    }
}

fn of_constraint(decl: &ConstraintDecl) -> Vec<&Fragment> {
    match &decl.definition {
        ConstraintDef::Check { expression, .. } => vec![expression],
        ConstraintDef::Exclusion { elements, predicate, .. } => {
            elements.iter().filter_map(|(key, _)| of_key(key)).chain(predicate).collect()
        }
        _ => Vec::new(),
    }
}

fn of_key(key: &IndexKey) -> Option<&Fragment> {
    match &key.term {
        IndexTerm::Expression(expression) => Some(expression),
        IndexTerm::Column(_) => None,
    }
}

/// What is compared to find the row that is looked up.
fn compared(manifest: &Manifest, cell: &Cell, texts: &mut Vec<String>) {
    let Cell::Lookup { table, matching, .. } = cell else { return };
    for (column, cell) in matching {
        match cell {
            Cell::Sql(expression) => texts.push(format!("{column} {}", expression.as_written())),
            Cell::Lookup { column: found, .. } => texts.push(format!("{column} {found}")),
            Cell::Null | Cell::Value(_) | Cell::Tenant if !is_enum(manifest, table, column) => {
                texts.push(column.as_str().to_owned());
            }
            Cell::Null | Cell::Value(_) | Cell::Tenant => {}
        }
        compared(manifest, cell, texts);
    }
}

fn is_enum(manifest: &Manifest, table: &Ident, column: &Ident) -> bool {
    let decl = manifest.tables.iter().find(|decl| decl.name == *table);
    let mut columns = decl.into_iter().flat_map(|decl| &decl.columns);
    columns.any(|decl| decl.name == *column && enum_of(decl).is_some())
}

fn type_of(name: &Ident) -> Subject {
    Subject::Type(name.as_str().to_owned())
}

fn enum_of(column: &ColumnDecl) -> Option<&Ident> {
    match &column.data_type {
        TypeDecl::Declared { name, .. } => Some(name),
        TypeDecl::Sql(_) => None,
    }
}

fn target(constraint: &ConstraintDecl) -> Option<&Ident> {
    constraint.references().and_then(TableRef::tenant)
}

fn external_target(constraint: &ConstraintDecl) -> Option<Subject> {
    constraint.references().and_then(TableRef::external).map(Subject::External)
}

fn looked_up<'m>(cell: &'m Cell, tables: &mut Vec<&'m Ident>) {
    if let Cell::Lookup { table, matching, .. } = cell {
        tables.push(table);
        for (_, cell) in matching {
            looked_up(cell, tables);
        }
    }
}

/// By table, with each reason once; rows are counted.
fn told(held: &[(Action, Object, BTreeSet<String>)]) -> Vec<Held> {
    let mut groups: Vec<(Object, Vec<String>, usize, BTreeSet<String>)> = Vec::new();
    for (action, object, why) in held {
        let of = object.group();
        let at = groups.iter().position(|(group, ..)| *group == of).unwrap_or(groups.len());
        if at == groups.len() {
            groups.push((of, Vec::new(), 0, BTreeSet::new()));
        }
        if let Some((_, steps, rows, reasons)) = groups.get_mut(at) {
            match action {
                Action::Insert => *rows += 1,
                _ => steps.push(format!("{action} {object}")),
            }
            reasons.extend(why.iter().cloned());
        }
    }
    let told = groups.into_iter().map(|(on, mut steps, rows, reasons)| {
        if rows > 0 {
            steps.push(format!("insert {} into {on}", counted(rows, "row")));
        }
        Held { on, steps, reasons: reasons.into_iter().collect() }
    });
    told.collect()
}
