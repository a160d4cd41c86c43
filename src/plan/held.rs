//! Steps that are held back: they would make the server run code of somebody who is not trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::step::{Action, Step};
use crate::diff::{Held, Object};
use crate::manifest::{
    Cell, ColumnDecl, ConstraintDecl, ConstraintDef, Manifest, TableRef, TypeDecl,
};
use crate::name::Ident;
use crate::words::counted;

/// Something that statements on an object of a tenant's schema can make the server run, and that
/// nobody who is trusted answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untrusted {
    pub on: Subject,
    /// What leads to it, such as "index `t_idx` on t".
    pub via: String,
    pub what: Code,
    /// Whether a mere SELECT on the subject may run it, or fail because of it.
    pub is_run_by_reading: bool,
    pub owner: String,
    /// Whether the owner also owns the tenant's schema.
    pub is_schemas_owner: bool,
    /// What the names of objects in the tenant's schema begin with in `via` and `what`.
    pub prefix: String,
}

/// By name, as in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Relation(String),
    Type(String),
}

/// What would be run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// With its schema and the types of its arguments.
    Function(String),
    /// To which its owner may add constraints and casts at any time.
    Type(String),
    /// What leads to it is itself the trouble: a rule, a view, a child table.
    Itself,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { via, owner, .. } = self;
        match &self.what {
            Code::Function(name) => write!(f, "{via} runs {name}, which belongs to {owner}"),
            Code::Type(name) => write!(f, "{via} has type {name}, which belongs to {owner}"),
            Code::Itself => write!(f, "{via} belongs to {owner}"),
        }
    }
}

impl Untrusted {
    /// The same in words that hold for all tenants that are alike.
    #[must_use]
    pub fn in_general(&self) -> String {
        let owner = if self.is_schemas_owner { "the schema's owner" } else { &self.owner };
        let general = Self { owner: owner.to_owned(), ..self.clone() };
        general.to_string().replace(&self.prefix, "")
    }
}

/// Why a subject must not be touched.
pub type Reasons = BTreeMap<Subject, BTreeSet<String>>;

/// Parts the steps, which are in order, into those that may be run and those that are held back:
/// because of what they touch, or because they need something that is held back.
pub(super) fn part<'m>(
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
        let (tables, types) = touched(step);
        let mut why = BTreeSet::new();
        for table in &tables {
            let subject = Subject::Relation(table.as_str().to_owned());
            why.extend(self.reasons.get(&subject).into_iter().flatten().cloned());
            if self.tables.contains(table) {
                why.insert(format!("table {table} is held back"));
            }
            // Which of its columns the step needs, an expression does not tell.
            if self.incomplete.contains(table) {
                why.insert(format!("a column of {table} is held back"));
            }
        }
        for name in types {
            let subject = Subject::Type(name.as_str().to_owned());
            why.extend(self.reasons.get(&subject).into_iter().flatten().cloned());
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

/// The tables, as far as they are there already, and the types that a step makes the server look at.
fn touched<'m>(step: &Step<'m>) -> (Vec<&'m Ident>, Vec<&'m Ident>) {
    match step {
        Step::CreateSchema
        | Step::CreateEnum(_)
        | Step::AddLabel { .. }
        | Step::CreateSequence(_)
        | Step::Comment { .. } => (Vec::new(), Vec::new()),
        Step::CreateTable { decl, constraints } => (
            constraints.iter().filter_map(|constraint| target(constraint.decl)).collect(),
            decl.columns.iter().filter_map(enum_of).collect(),
        ),
        Step::AddColumn { table, decl } => (vec![*table], enum_of(decl).into_iter().collect()),
        Step::AddConstraint { table, constraint } => {
            (std::iter::once(*table).chain(target(constraint.decl)).collect(), Vec::new())
        }
        Step::CreateIndex { table, .. } => (vec![*table], Vec::new()),
        Step::InsertRow { seed, row } => {
            let mut tables = vec![&seed.table];
            for (_, cell) in &row.cells {
                looked_up(cell, &mut tables);
            }
            (tables, Vec::new())
        }
    }
}

fn enum_of(column: &ColumnDecl) -> Option<&Ident> {
    match &column.data_type {
        TypeDecl::Declared { name, .. } => Some(name),
        TypeDecl::Sql(_) => None,
    }
}

fn target(constraint: &ConstraintDecl) -> Option<&Ident> {
    match &constraint.definition {
        ConstraintDef::ForeignKey(key) => match &key.references {
            TableRef::Tenant(name) => Some(name),
            TableRef::External { .. } => None,
        },
        _ => None,
    }
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
