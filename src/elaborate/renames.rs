//! Which desired objects had other names before.

use super::ElaborateError;
use crate::catalog::{Catalog, Kind, Object, Part};
use crate::manifest::{Manifest, RenameDecl, SqlRename};
use crate::words::suggestion;

/// The declared renames, wholes before their parts; of functions, one for each that has the name.
///
/// # Errors
/// [`ElaborateError::Rename`], if one is of nothing that the SQL files declare, or cannot be.
pub(super) fn declared(
    manifest: &Manifest,
    catalog: &Catalog,
) -> Result<Vec<RenameDecl>, ElaborateError> {
    let mut renames: Vec<RenameDecl> = Vec::new();
    for decl in &manifest.renames {
        let meant = meant(&decl.object, catalog).into_iter();
        renames.extend(meant.map(|object| RenameDecl { object, ..decl.clone() }));
    }
    for decl in &manifest.sql.renames {
        let refused = |reason| ElaborateError::Rename { at: decl.position.clone(), reason };
        for object in in_sql(decl, catalog).map_err(refused)? {
            if renames.iter().any(|known| known.object == object) {
                return Err(refused(format!("what {object} was called before is said twice")));
            }
            let old = object.named(&decl.from);
            let is_claimed = |known: &&RenameDecl| {
                let known = known.object.named(&known.from);
                known == old || is_in_the_way(&known, &old)
            };
            if let Some(other) = renames.iter().find(is_claimed) {
                let (from, other) = (decl.from.quoted(), &other.object);
                return Err(refused(format!("{from} is already the old name of {other}")));
            }
            let (position, from) = (decl.position.clone(), decl.from.clone());
            renames.push(RenameDecl { position, object, from });
        }
    }
    // Functions are known by types under their new names.
    renames.sort_by_key(|decl| match decl.object {
        Object::Part(_) => 2,
        Object::Routine { .. } => 1,
        _ => 0,
    });
    Ok(renames)
}

/// The desired objects that a declaration means.
fn meant(object: &Object, catalog: &Catalog) -> Vec<Object> {
    match object {
        Object::Routine { kind, name, .. } => {
            let all = catalog.of_kind(*kind).map(|fact| &fact.object);
            all.filter(|known| known.name() == Some(name)).cloned().collect()
        }
        _ if catalog.has(object) => vec![object.clone()],
        _ => Vec::new(),
    }
}

/// The objects that are named for SQL files.
///
/// # Errors
/// Why they cannot have been renamed.
fn in_sql(decl: &SqlRename, catalog: &Catalog) -> Result<Vec<Object>, String> {
    let SqlRename { object: name, from, .. } = decl;
    let names = |object: &Object| match object {
        Object::Routine { kind, name, .. } => vec![object.to_string(), format!("{kind} {name}")],
        _ => vec![object.to_string()],
    };
    let all = || catalog.facts().map(|fact| &fact.object).filter(|object| is_renamable(object));
    let found: Vec<Object> = all().filter(|object| names(object).contains(name)).cloned().collect();
    if found.is_empty() {
        let known: Vec<String> = all().flat_map(names).collect();
        let close = suggestion(name, known.iter().map(String::as_str));
        return Err(format!("the SQL files declare no {name}, as plans name objects{close}"));
    }
    let are_overloaded = found.iter().all(|object| object.kind().is_routine());
    if found.len() > 1 && !are_overloaded {
        return Err(format!("{name} is the name of more than one object"));
    }
    for object in &found {
        if object.name() == Some(from) {
            return Err(format!("{} is the name that {object} has", from.quoted()));
        }
        let old = object.named(from);
        if all().any(|other| *other == old || is_in_the_way(other, &old)) {
            return Err(format!(
                "{} is declared, too; names are exchanged, or used again, in two steps, each in all tenants",
                from.quoted()
            ));
        }
    }
    Ok(found)
}

/// Objects of views that are known by comments on them alone have no renames of their own.
fn is_renamable(object: &Object) -> bool {
    match object {
        Object::Member(..) | Object::Routine { .. } => true,
        Object::Part(Part { kind: Kind::Column, whole, .. }) => *whole == Kind::Table,
        Object::Part(Part { kind, .. }) => kind.has_name(),
        _ => false,
    }
}

/// Whether two objects, which may be of several kinds, cannot have one name.
fn is_in_the_way(other: &Object, old: &Object) -> bool {
    match (other, old) {
        (Object::Member(kind, name), Object::Member(of, old)) => {
            name == old && kind.is_type() == of.is_type()
        }
        _ => false,
    }
}
