//! Which part of a declaration the server refuses, and where it is declared. A table is made by
//! one statement, whose refusal does not tell: so smaller ones are tried, each with one part.

use super::error::{Cause, PgError};
use super::session::{Access, Limits, Session, begin};
use crate::diff::{Named, Object};
use crate::manifest::{
    ColumnDecl, ColumnValue, ConstraintDecl, ConstraintDef, Fragment, IndexDecl, IndexKey,
    IndexTerm, Manifest, Position, TableDecl, TypeDecl,
};
use crate::name::{Ident, SchemaName, TenantId};
use crate::render;
use crate::step::Step;

/// Where statements are tried.
#[derive(Clone, Copy)]
pub(super) struct Scratch<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) schema: &'a SchemaName,
    pub(super) tenant: &'a TenantId,
    pub(super) limits: Limits,
}

impl Scratch<'_> {
    /// One statement a message, in the protocol that refuses a second one: whatever a manifest's
    /// SQL holds, it cannot end this transaction.
    pub(super) async fn run(&self, session: &mut Session, step: &Step<'_>) -> Result<(), PgError> {
        let sql = render::statement(self.manifest, step, self.schema, self.tenant);
        session.single("trying it in a scratch schema", &sql).await
    }
}

/// What is refused, where, and why.
pub(super) struct Culprit {
    pub(super) position: Option<Position>,
    pub(super) object: Object,
    pub(super) source: PgError,
}

/// Finds it out after `step` was refused, which followed on `before`. The transaction is begun
/// anew; how it is left does not matter.
pub(super) async fn find(
    session: &mut Session,
    scratch: Scratch<'_>,
    before: &[Step<'_>],
    step: &Step<'_>,
    refusal: PgError,
) -> Culprit {
    let is_judged = matches!(refusal.cause(), Some(Cause::Server(_))) && !refusal.is_transient();
    let parts = if is_judged { parts(step) } else { Vec::new() };
    if !parts.is_empty()
        && let Ok(Some(culprit)) = first_refused(session, scratch, before, parts).await
    {
        return culprit;
    }
    Culprit { position: position(step), object: step.object(), source: refusal }
}

/// # Errors
/// When what was taken before is not taken again.
async fn first_refused(
    session: &mut Session,
    scratch: Scratch<'_>,
    before: &[Step<'_>],
    parts: Vec<Part>,
) -> Result<Option<Culprit>, PgError> {
    let doing = "looking for what is refused";
    session.rollback().await?;
    session.run(doing, &begin(Access::Write, scratch.limits)).await?;
    for step in before {
        scratch.run(session, step).await?;
    }
    session.run(doing, "SAVEPOINT part").await?;
    for Part { position, object, trial } in parts {
        if let Err(source) = scratch.run(session, &trial.step()).await {
            return Ok(Some(Culprit { position: Some(position), object, source }));
        }
        session.run(doing, "ROLLBACK TO SAVEPOINT part").await?;
    }
    Ok(None)
}

/// A part of a declaration, and what is refused if it is the one to blame.
struct Part {
    position: Position,
    object: Object,
    trial: Trial,
}

enum Trial {
    Table(TableDecl, Option<(ConstraintDecl, Ident)>),
    Index(Ident, IndexDecl, Ident),
}

impl Trial {
    fn step(&self) -> Step<'_> {
        match self {
            Self::Table(decl, constraint) => {
                let constraints = constraint.iter();
                let constraints =
                    constraints.map(|(decl, name)| Named { decl, name: name.clone() }).collect();
                Step::CreateTable { decl, constraints }
            }
            Self::Index(table, decl, name) => {
                Step::CreateIndex { table, index: Named { decl, name: name.clone() } }
            }
        }
    }
}

/// In an order in which the first that is refused is the one to blame.
fn parts(step: &Step<'_>) -> Vec<Part> {
    match step {
        Step::CreateTable { decl, constraints } => {
            let columns = columns(decl);
            columns
                .into_iter()
                .chain(constraints.iter().flat_map(|c| constraint(decl, c)))
                .collect()
        }
        Step::CreateIndex { table, index } => self::index(table, index),
        _ => Vec::new(),
    }
}

/// Each column's type alone, then its collation, and then its value beside all other columns.
fn columns(table: &TableDecl) -> Vec<Part> {
    let bare = |column: &ColumnDecl| ColumnDecl {
        nullable: true,
        value: ColumnValue::None,
        collation: None,
        ..column.clone()
    };
    let part = |column: &ColumnDecl, position: Position, columns: Vec<ColumnDecl>| Part {
        position,
        object: Object::Column { table: table.name.clone(), name: column.name.clone() },
        trial: Trial::Table(TableDecl { columns, ..table.clone() }, None),
    };
    let mut parts = Vec::new();
    for column in &table.columns {
        let position = match &column.data_type {
            TypeDecl::Sql(name) => position_of(name, &column.position),
            TypeDecl::Declared { .. } => column.position.clone(),
        };
        parts.push(part(column, position, vec![bare(column)]));
        if column.collation.is_some() {
            let collated = ColumnDecl { collation: column.collation.clone(), ..bare(column) };
            parts.push(part(column, column.position.clone(), vec![collated]));
        }
    }
    for column in &table.columns {
        if !matches!(column.value, ColumnValue::None) {
            let beside = |other: &ColumnDecl| {
                if other.name == column.name { column.clone() } else { bare(other) }
            };
            let columns = table.columns.iter().map(beside).collect();
            parts.push(part(column, value_position(column), columns));
        }
    }
    parts
}

fn constraint(table: &TableDecl, constraint: &Named<'_, ConstraintDecl>) -> Vec<Part> {
    let part = |position: Position, definition: ConstraintDef| {
        let decl = ConstraintDecl { definition, ..constraint.decl.clone() };
        Part {
            position,
            object: Object::Constraint { table: table.name.clone(), name: constraint.name.clone() },
            trial: Trial::Table(table.clone(), Some((decl, constraint.name.clone()))),
        }
    };
    let mut parts = Vec::new();
    let definition = &constraint.decl.definition;
    if let ConstraintDef::Exclusion { method, elements, deferral, .. } = definition {
        let exclusion = |elements| ConstraintDef::Exclusion {
            method: method.clone(),
            elements,
            predicate: None,
            deferral: *deferral,
        };
        for element in elements {
            let position = key_position(&element.0, &constraint.decl.position);
            parts.push(part(position, exclusion(vec![element.clone()])));
        }
        parts.push(part(constraint.decl.position.clone(), exclusion(elements.clone())));
    }
    parts.push(part(constraint_position(constraint.decl), definition.clone()));
    parts
}

fn index(table: &Ident, index: &Named<'_, IndexDecl>) -> Vec<Part> {
    let decl = index.decl;
    let part = |position: Position, decl: IndexDecl| Part {
        position,
        object: Object::Index { table: table.clone(), name: index.name.clone() },
        trial: Trial::Index(table.clone(), decl, index.name.clone()),
    };
    let mut parts = Vec::new();
    for key in &decl.keys {
        let alone = IndexDecl {
            keys: vec![key.clone()],
            include: Vec::new(),
            predicate: None,
            with: Vec::new(),
            ..decl.clone()
        };
        parts.push(part(key_position(key, &decl.position), alone));
    }
    parts.push(part(decl.position.clone(), IndexDecl { predicate: None, ..decl.clone() }));
    if let Some(predicate) = &decl.predicate {
        parts.push(part(position_of(predicate, &decl.position), decl.clone()));
    }
    parts
}

/// Where the object that a step makes is declared.
fn position(step: &Step<'_>) -> Option<Position> {
    let position = match step {
        Step::CreateEnum(decl) => &decl.position,
        Step::CreateSequence(decl) => &decl.position,
        Step::CreateTable { decl, .. } => &decl.position,
        Step::AddColumn { decl, .. } => &decl.position,
        Step::AddConstraint { constraint, .. } => &constraint.decl.position,
        Step::CreateIndex { index, .. } => &index.decl.position,
        Step::CreateSchema
        | Step::AddLabel { .. }
        | Step::Comment { .. }
        | Step::InsertRow { .. } => return None,
    };
    Some(position.clone())
}

/// Where a column's value is declared, or else the column.
pub(super) fn value_position(column: &ColumnDecl) -> Position {
    match &column.value {
        ColumnValue::Default(sql) | ColumnValue::Generated(sql) => {
            position_of(sql, &column.position)
        }
        ColumnValue::None | ColumnValue::Identity { .. } => column.position.clone(),
    }
}

/// Where the condition of a constraint is declared, or else the constraint.
pub(super) fn constraint_position(decl: &ConstraintDecl) -> Position {
    match &decl.definition {
        ConstraintDef::Check { expression: sql, .. }
        | ConstraintDef::Exclusion { predicate: Some(sql), .. } => position_of(sql, &decl.position),
        _ => decl.position.clone(),
    }
}

fn key_position(key: &IndexKey, whole: &Position) -> Position {
    match &key.term {
        IndexTerm::Expression(sql) => position_of(sql, whole),
        IndexTerm::Column(_) => whole.clone(),
    }
}

fn position_of(sql: &Fragment, whole: &Position) -> Position {
    sql.position().unwrap_or(whole).clone()
}
