//! The SQL of declared views of both kinds, and which of them are to be filled.

use std::collections::BTreeSet;

use super::ElaborateError;
use super::positions;
use super::words::with;
use crate::catalog::{Catalog, Fact, Kind, Object};
use crate::manifest::{Manifest, MaterializedViewDecl, ViewDecl};
use crate::name::{Ident, SchemaName};

pub(super) fn create(schema: &SchemaName, decl: &ViewDecl) -> String {
    let options = match decl.options.as_slice() {
        [] => String::new(),
        options => format!(" WITH ({})", options.join(", ")),
    };
    let (name, query) = (schema.qualify(&decl.name), decl.query.sql(schema));
    format!("CREATE VIEW {name}{}{options} AS\n{query}", columns(&decl.columns))
}

/// Its query is not run.
pub(super) fn create_materialized(schema: &SchemaName, decl: &MaterializedViewDecl) -> String {
    let (name, query) = (schema.qualify(&decl.name), decl.query.sql(schema));
    let query = query.trim_end().trim_end_matches(';');
    format!(
        "CREATE MATERIALIZED VIEW {name}{}{} AS\n{query}\nWITH NO DATA",
        columns(&decl.columns),
        with(&decl.with)
    )
}

fn columns(names: &[Ident]) -> String {
    match names {
        [] => String::new(),
        names => format!(" ({})", names.iter().map(Ident::quoted).collect::<Vec<_>>().join(", ")),
    }
}

/// Adds to the catalog that materialized views have been filled, which they never are in a scratch schema.
///
/// # Errors
/// [`ElaborateError::NotPopulated`].
pub(super) fn populate(manifest: &Manifest, catalog: &mut Catalog) -> Result<(), ElaborateError> {
    let is_filled = |name: &Ident| {
        let mut declared = manifest.materialized_views.iter();
        let declared = declared.find(|decl| decl.name == *name).map(|decl| decl.is_populated);
        declared.unwrap_or_else(|| manifest.sql.is_populated(name))
    };
    let population =
        |name: &Ident| Object::part(Kind::MaterializedView, name, Kind::Population, name);
    let mut filled = Vec::new();
    for view in catalog.of_kind(Kind::MaterializedView) {
        let Some(name) = view.object.name().filter(|name| is_filled(name)) else { continue };
        let mut fact = Fact { position: view.position, ..Fact::new(population(name), []) };
        for read in read_by(catalog, &view.object) {
            let Some(other) = read.name().filter(|_| read.kind() == Kind::MaterializedView) else {
                continue;
            };
            if !is_filled(other) {
                let at = positions::position(manifest, &view.object);
                let (view, other) = (name.clone(), other.clone());
                return Err(ElaborateError::NotPopulated { at, view, other });
            }
            fact.dependencies.insert(population(other));
        }
        filled.push(fact);
    }
    for fact in filled {
        catalog.insert(fact);
    }
    Ok(())
}

/// All that an object needs, directly or not.
fn read_by(catalog: &Catalog, object: &Object) -> BTreeSet<Object> {
    let mut found = BTreeSet::new();
    let mut open = vec![object.clone()];
    while let Some(object) = open.pop() {
        let needed = catalog.get(&object).into_iter().flat_map(|fact| &fact.dependencies);
        for other in needed {
            // A part of it says nothing about it.
            let other = other.group();
            if other != object && found.insert(other.clone()) {
                open.push(other);
            }
        }
    }
    found.remove(object);
    found
}
