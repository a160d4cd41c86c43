//! Which desired objects had other names before.

use crate::catalog::{Catalog, Object};
use crate::manifest::{Manifest, RenameDecl};

/// The declared renames, wholes before their parts; of functions, one for each that has the name.
pub(super) fn declared(manifest: &Manifest, catalog: &Catalog) -> Vec<RenameDecl> {
    let renames = manifest.renames.iter().flat_map(|decl| {
        let meant = meant(&decl.object, catalog).into_iter();
        meant.map(|object| RenameDecl { object, ..decl.clone() })
    });
    renames.collect()
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
