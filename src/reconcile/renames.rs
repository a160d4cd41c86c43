//! What is renamed in tenants, and what they are then: decided once per shape.

use std::sync::Arc;

use super::context::{Context, for_manifest};
use super::error::ReconcileError;
use super::old_names::{Found, Renamed};
use crate::catalog::{self, Catalog, Desired, Object, Rename};
use crate::checksum::Checksum;
use crate::consent::{Class, Consent};
use crate::elaborate::with_old_names;
use crate::kinds;
use crate::manifest::RenameDecl;
use crate::name::Ident;
use crate::pg::Session;

impl Context {
    /// Finds out what is to be renamed in a tenant, to be called once it was read and before it is compared.
    ///
    /// # Errors
    /// When objects exist under both names, or the server cannot be asked.
    pub(crate) async fn find_renames(
        &self,
        (fingerprint, live): (Option<Checksum>, Option<&Catalog>),
    ) -> Result<(), ReconcileError> {
        let (Some(fingerprint), Some(live), Some(desired)) =
            (fingerprint, live, self.known_desired())
        else {
            return Ok(());
        };
        let declared = self.declared_renames();
        let has_none = declared.is_empty() && self.consent.is_empty();
        if has_none || self.renames.of(fingerprint).is_some() {
            return Ok(());
        }
        let declared: Vec<(Object, Ident)> =
            declared.iter().map(|decl| (decl.object.clone(), decl.from.clone())).collect();
        let renames = catalog::pending(&declared, desired, live, Ident::for_serial)?;
        let old = match renames.as_slice() {
            [] => None,
            renames => Some(self.with_old_names(desired, renames).await?),
        };
        let other = renamed(live, old.as_deref(), desired, renames, &self.consent);
        let found = other.map_or(Found::AsDeclared, |renamed| Found::Renamed(Arc::new(renamed)));
        self.renames.insert(fingerprint, found);
        Ok(())
    }

    /// The tenant with this fingerprint, if something is to be renamed in it.
    pub(crate) fn renamed(&self, fingerprint: Option<Checksum>) -> Option<Arc<Renamed>> {
        match self.renames.of(fingerprint?)? {
            Found::AsDeclared => None,
            Found::Renamed(renamed) => Some(renamed),
        }
    }

    /// The declared renames that the tenant with this fingerprint needs: it has the old name, and not the new one.
    pub(crate) fn renames_needed(&self, fingerprint: Checksum) -> Vec<&RenameDecl> {
        let renamed = self.renamed(Some(fingerprint));
        let made = renamed.iter().flat_map(|renamed| &renamed.renames);
        let needed = made.filter_map(|rename| {
            let is_it = |decl: &&RenameDecl| {
                decl.object == rename.to && rename.from.name() == Some(&decl.from)
            };
            self.declared_renames().iter().find(is_it)
        });
        needed.collect()
    }

    async fn with_old_names(
        &self,
        desired: &Desired,
        renames: &[Rename],
    ) -> Result<Arc<Catalog>, ReconcileError> {
        let mut known = self.renames.old.lock().await;
        if let Some(old) = known.get(renames) {
            return Ok(Arc::clone(old));
        }
        let target = self.elaborate_on.as_ref().unwrap_or(&self.target);
        let mut session = Session::open(&for_manifest(target.clone(), &self.manifest)).await?;
        let old =
            with_old_names(&mut session, &self.manifest, self.limits, desired, renames).await?;
        session.close().await;
        let old = Arc::new(old);
        known.insert(renames.to_vec(), Arc::clone(&old));
        Ok(old)
    }
}

/// With what follows from what is declared, constraints and indexes without declared names being called as in a new tenant; and with
/// those that are as declared but for their names, if a person consents. `None`: everything has its name.
fn renamed(
    live: &Catalog,
    old: Option<&Catalog>,
    desired: &Desired,
    mut renames: Vec<Rename>,
    consent: &Consent,
) -> Option<Renamed> {
    let moved = old.map(|old| catalog::renamed(live, old, desired, &renames));
    let catalog = moved.as_ref().unwrap_or(live);
    let matching = kinds::matching(desired, catalog);
    let following = catalog::following(&renames, desired, catalog, |object| matching.live(object));
    let misnamed = matching.counterparts.iter().filter(|one| one.is_only_misnamed());
    let misnamed = misnamed.map(|one| (&one.live.object, &one.desired.object));
    let is_allowed =
        |(from, to): &(&Object, &Object)| consent.allows_any(Class::Alter, [*from, *to]);
    let misnamed = misnamed.filter(is_allowed).filter(|(_, to)| !catalog::is_taken(catalog, to));
    let misnamed = misnamed.map(|(from, to)| Rename {
        from: from.clone(),
        to: to.clone(),
        because: to.clone(),
    });
    let others: Vec<Rename> = following.into_iter().chain(misnamed).collect();
    if renames.is_empty() && others.is_empty() {
        return None;
    }
    let catalog = catalog::with_names(catalog, &catalog::Names::of(&others));
    renames.extend(others);
    Some(Renamed { renames, catalog })
}
