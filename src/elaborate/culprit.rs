//! Which part of a declaration the server refuses, and where it is declared. A table is created by
//! one statement, whose error does not show the part: so smaller ones are tried, each with one part.

use super::any_order;
use super::positions::{constraint_position, key_position, position_of, value_position};
use super::statement::Statement;
use crate::catalog::{Kind, Object};
use crate::explain::Explain as _;
use crate::manifest::{
    ColumnDecl, ColumnStorage, ColumnValue, ConstraintDecl, ConstraintDef, IndexDecl, Position,
    TableDecl, TypeDecl,
};
use crate::name::Ident;
use crate::pg::{Cause, PgError, Scratch};

/// What is refused, where, and why.
pub(super) struct Culprit {
    pub(super) position: Option<Position>,
    pub(super) object: String,
    pub(super) source: PgError,
}

/// Finds the culprit after `step` was refused, which came after `before`. The transaction is
/// restarted; the state in which it is left does not matter.
pub(super) async fn find(
    scratch: &mut Scratch<'_>,
    before: &[Statement<'_>],
    step: &Statement<'_>,
    refusal: PgError,
) -> Culprit {
    // A table that exists already is refused as a whole.
    let is_verdict = matches!(refusal.cause(), Some(Cause::Server(_)))
        && !refusal.is_transient()
        && refusal.sqlstate() != Some("42P07");
    let parts = if is_verdict { parts(step) } else { Vec::new() };
    if !parts.is_empty()
        && let Ok(Some(culprit)) = first_refused(scratch, before, parts).await
    {
        return culprit;
    }
    Culprit { position: step.position(), object: step.what(), source: refusal }
}

/// # Errors
/// When a statement that was accepted before is refused now.
async fn first_refused(
    scratch: &mut Scratch<'_>,
    before: &[Statement<'_>],
    parts: Vec<Part>,
) -> Result<Option<Culprit>, PgError> {
    scratch.restart().await?;
    for statement in before {
        any_order::run(scratch, statement).await?;
    }
    scratch.savepoint().await?;
    for Part { position, object, trial } in parts {
        let sql = trial.statement().sql(&scratch.schema);
        if let Err(source) = scratch.run(&sql).await {
            let object = object.to_string();
            return Ok(Some(Culprit { position: Some(position), object, source }));
        }
        scratch.rollback_to_savepoint().await?;
    }
    Ok(None)
}

/// A part of a declaration, and the object that is refused if this part is the cause.
struct Part {
    position: Position,
    object: Object,
    trial: Trial,
}

enum Trial {
    Table(Box<TableDecl>, Option<ConstraintDecl>),
    Index(Ident, IndexDecl),
}

impl Trial {
    fn statement(&self) -> Statement<'_> {
        match self {
            Self::Table(decl, constraint) => {
                Statement::Table { decl, constraints: constraint.iter().collect() }
            }
            Self::Index(on, decl) => Statement::Index { whole: Kind::Table, on, decl },
        }
    }
}

/// In an order in which the first that is refused is the cause.
fn parts(step: &Statement<'_>) -> Vec<Part> {
    match step {
        Statement::Table { decl, constraints } => {
            let columns = columns(decl);
            columns
                .into_iter()
                .chain(constraints.iter().flat_map(|c| constraint(decl, c)))
                .collect()
        }
        Statement::Index { on, decl, .. } => index(on, decl),
        _ => Vec::new(),
    }
}

/// Each column's type alone, then its collation, and then its value together with all other columns.
fn columns(table: &TableDecl) -> Vec<Part> {
    let bare = |column: &ColumnDecl| ColumnDecl {
        nullable: true,
        value: ColumnValue::None,
        collation: None,
        storage: ColumnStorage::default(),
        ..column.clone()
    };
    let part = |column: &ColumnDecl, position: Position, columns: Vec<ColumnDecl>| Part {
        position,
        object: Object::column(&table.name, &column.name),
        trial: Trial::Table(Box::new(TableDecl { columns, ..table.clone() }), None),
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
        if column.storage.compression.is_some() {
            let compressed = ColumnDecl { storage: column.storage.clone(), ..bare(column) };
            parts.push(part(column, column.position.clone(), vec![compressed]));
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

fn constraint(table: &TableDecl, decl: &ConstraintDecl) -> Vec<Part> {
    let part = |position: Position, definition: ConstraintDef| {
        let decl = ConstraintDecl { definition, ..decl.clone() };
        Part {
            position,
            object: Object::on_table(Kind::Constraint, &table.name, &decl.name.ident),
            trial: Trial::Table(Box::new(table.clone()), Some(decl)),
        }
    };
    let mut parts = Vec::new();
    let definition = &decl.definition;
    if let ConstraintDef::Exclusion { method, elements, deferral, .. } = definition {
        let exclusion = |elements| ConstraintDef::Exclusion {
            method: method.clone(),
            elements,
            predicate: None,
            deferral: *deferral,
        };
        for element in elements {
            let position = key_position(&element.0, &decl.position);
            parts.push(part(position, exclusion(vec![element.clone()])));
        }
        parts.push(part(decl.position.clone(), exclusion(elements.clone())));
    }
    parts.push(part(constraint_position(decl), definition.clone()));
    parts
}

fn index(table: &Ident, decl: &IndexDecl) -> Vec<Part> {
    let part = |position: Position, decl: IndexDecl| Part {
        position,
        object: Object::on_table(Kind::Index, table, &decl.name.ident),
        trial: Trial::Index(table.clone(), decl),
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
