//! Where in the manifest an object is declared.

use crate::catalog::{Kind, Object, Part};
use crate::manifest::{
    ColumnDecl, ColumnValue, ConstraintDecl, ConstraintDef, Fragment, IndexKey, IndexTerm,
    Manifest, Position,
};
use crate::name::Ident;

/// The declaration of an object, or of the expression in it.
pub(super) fn position(manifest: &Manifest, object: &Object) -> Option<Position> {
    let Object::Part(Part { kind, of, name, .. }) = object else {
        let name = object.name()?;
        let routine = || manifest.routines.iter().find(|decl| decl.name == *name);
        let aggregate = || manifest.aggregates.iter().find(|decl| decl.name == *name);
        let declared = of_name(manifest, name)
            .or_else(|| routine().map(|decl| &decl.position))
            .or_else(|| aggregate().map(|decl| &decl.position));
        return declared.or_else(|| manifest.sql.position(name.as_str())).cloned();
    };
    let Some(table) = manifest.tables.iter().find(|decl| decl.name == *of) else {
        let declared = of_name(manifest, of).or_else(|| manifest.sql.position(of.as_str()));
        return declared.cloned();
    };
    match kind {
        Kind::Column | Kind::Default => {
            table.columns.iter().find(|decl| decl.name == *name).map(value_position)
        }
        Kind::Constraint => {
            let mut all = table.constraints.iter();
            all.find(|decl| decl.name.ident == *name).map(constraint_position)
        }
        Kind::Index => {
            let mut all = table.indexes.iter();
            all.find(|decl| decl.name.ident == *name).map(|decl| decl.position.clone())
        }
        Kind::Statistics => {
            let mut all = table.statistics.iter();
            all.find(|decl| decl.name == *name).map(|decl| decl.position.clone())
        }
        Kind::Policy => {
            let mut all = table.policies.iter();
            all.find(|decl| decl.name == *name).map(|decl| decl.position.clone())
        }
        Kind::Trigger => {
            let mut all = table.triggers.iter();
            all.find(|decl| decl.name == *name).map(|decl| decl.position.clone())
        }
        Kind::Rule => {
            let mut all = table.rules.iter();
            all.find(|decl| decl.name == *name).map(|decl| decl.position.clone())
        }
        _ => None,
    }
}

/// The declaration of the relation or type of this name.
fn of_name<'m>(manifest: &'m Manifest, name: &Ident) -> Option<&'m Position> {
    let tables = manifest.tables.iter().map(|decl| (&decl.name, &decl.position));
    let views = manifest.views.iter().map(|decl| (&decl.name, &decl.position));
    let filled = manifest.materialized_views.iter().map(|decl| (&decl.name, &decl.position));
    let types = manifest.types.iter().map(|decl| (&decl.name, &decl.position));
    let partitions = manifest.partitions.iter().map(|decl| (&decl.name, &decl.position));
    let tables = tables.chain(partitions);
    let mut all = tables.chain(views).chain(filled).chain(types);
    all.find(|(known, _)| *known == name).map(|(_, position)| position)
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

pub(super) fn key_position(key: &IndexKey, whole: &Position) -> Position {
    match &key.term {
        IndexTerm::Expression(sql) => position_of(sql, whole),
        IndexTerm::Column(_) => whole.clone(),
    }
}

pub(super) fn position_of(sql: &Fragment, whole: &Position) -> Position {
    sql.position().unwrap_or(whole).clone()
}
