//! The indexes that a table uses for more than queries.

use crate::manifest::checking::Checking;
use crate::manifest::model::{
    ConstraintDecl, ConstraintDef, IndexDecl, ObjectName, ReplicaIdentity,
};
use crate::manifest::raw::{Name, ReplicaIndex, Short, Spanned};
use crate::name::Ident;

/// What a table or a materialized view has indexes by.
#[derive(Clone, Copy)]
pub(super) struct Indexed<'a> {
    pub(super) constraints: &'a [ConstraintDecl],
    pub(super) indexes: &'a [IndexDecl],
}

pub(super) fn replica_identity(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: Option<&Spanned<Short<ReplicaIndex>>>,
    indexed: Indexed<'_>,
) -> Option<ReplicaIdentity> {
    let raw = raw?;
    match &raw.value {
        Short::Text(text) if text == "full" => Some(ReplicaIdentity::Full),
        Short::Text(text) if text == "nothing" => Some(ReplicaIdentity::Nothing),
        Short::Text(text) => {
            let name = Spanned { span: raw.span.clone(), value: text.clone() };
            index(checking, table, &name, indexed).map(ReplicaIdentity::Index)
        }
        Short::Full(full) => {
            index(checking, table, &full.index, indexed).map(ReplicaIdentity::Index)
        }
    }
}

/// The index, or the constraint that has one, of this name. In a tenant, one that is unnamed here may have another name.
pub(super) fn index(
    checking: &mut Checking<'_>,
    table: &Name,
    name: &Name,
    indexed: Indexed<'_>,
) -> Option<Ident> {
    let ident = checking.ident(name)?;
    let has_index = |decl: &&ConstraintDecl| {
        !matches!(decl.definition, ConstraintDef::Check { .. } | ConstraintDef::ForeignKey(_))
    };
    let constraints = indexed.constraints.iter().filter(has_index).map(|decl| &decl.name);
    let mut all = constraints.chain(indexed.indexes.iter().map(|decl| &decl.name));
    match all.find(|known| known.ident == ident) {
        Some(ObjectName { explicit: true, .. }) => {}
        Some(_) => {
            let message =
                format!("give the index its name where it is declared: name = {:?}", name.value);
            checking.note(&name.span, message);
        }
        // It may be one of an SQL file.
        None if checking.has_sql => {}
        None => {
            let message = format!("{:?} has no index {:?}", table.value, name.value);
            checking.note(&name.span, message);
        }
    }
    Some(ident)
}
