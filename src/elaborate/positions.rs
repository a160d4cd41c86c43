//! Where in the manifest an object is declared.

use crate::catalog::{Kind, Object, Part};
use crate::manifest::{
    ColumnDecl, ColumnValue, ConstraintDecl, ConstraintDef, Fragment, IndexKey, IndexTerm,
    Manifest, Position,
};

/// The declaration of an object, or of the expression in it.
pub(super) fn position(manifest: &Manifest, object: &Object) -> Option<Position> {
    let Object::Part(Part { kind, of, name, .. }) = object else {
        let tables = manifest.tables.iter().map(|decl| (&decl.name, &decl.position));
        let views = manifest.views.iter().map(|decl| (&decl.name, &decl.position));
        let filled = manifest.materialized_views.iter();
        let filled = filled.map(|decl| (&decl.name, &decl.position));
        let types = manifest.types.iter().map(|decl| (&decl.name, &decl.position));
        let routines = manifest.routines.iter().map(|decl| (&decl.name, &decl.position));
        let mut named = tables
            .chain(views)
            .chain(filled)
            .chain(types)
            .chain(routines)
            .filter(|(name, _)| Some(*name) == object.name());
        let declared = named.next().map(|(_, position)| position);
        let in_sql = || manifest.sql.position(object.name()?.as_str());
        return declared.or_else(in_sql).cloned();
    };
    let views = manifest.views.iter().map(|decl| (&decl.name, &decl.position));
    let filled = manifest.materialized_views.iter().map(|decl| (&decl.name, &decl.position));
    if let Some((_, position)) = views.chain(filled).find(|(name, _)| *name == of) {
        return Some(position.clone());
    }
    if let Some(decl) = manifest.types.iter().find(|decl| decl.name == *of) {
        return Some(decl.position.clone());
    }
    let Some(table) = manifest.tables.iter().find(|decl| decl.name == *of) else {
        return manifest.sql.position(of.as_str()).cloned();
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
        _ => None,
    }
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
