//! What is renamed in tenants, and what they are then: decided once per shape.

use std::sync::Arc;

use super::context::Context;
use super::error::ReconcileError;
use super::old_names::{Found, Renamed};
use crate::catalog::{self, BothExist, Catalog, Desired, Rename};
use crate::checksum::Checksum;
use crate::elaborate::with_old_names;
use crate::kinds;
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
        if self.manifest.renames.is_empty() || self.renames.of(fingerprint).is_some() {
            return Ok(());
        }
        let declared: Vec<(catalog::Object, Ident)> = self
            .manifest
            .renames
            .iter()
            .map(|decl| (decl.object.clone(), decl.from.clone()))
            .collect();
        let renames = catalog::pending(&declared, desired, live, Ident::for_serial)
            .map_err(|BothExist { from, to }| ReconcileError::BothNames { from, to })?;
        let found = if renames.is_empty() {
            Found::AsDeclared
        } else {
            let old = self.with_old_names(desired, &renames).await?;
            Found::Renamed(Arc::new(renamed(live, &old, desired, renames)))
        };
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
        let mut session = Session::open(target).await?;
        let old =
            with_old_names(&mut session, &self.manifest, self.limits, desired, renames).await?;
        session.close().await;
        let old = Arc::new(old);
        known.insert(renames.to_vec(), Arc::clone(&old));
        Ok(old)
    }
}

/// With what follows from what is declared: constraints and indexes without declared names are called as in a new tenant.
fn renamed(live: &Catalog, old: &Catalog, desired: &Desired, renames: Vec<Rename>) -> Renamed {
    let catalog = catalog::renamed(live, old, desired, &renames);
    let matching = catalog::matching(desired, &catalog, kinds::is_structural);
    let following = catalog::following(&renames, desired, &catalog, |object| matching.live(object));
    let catalog = catalog::with_names(&catalog, &catalog::Names::of(&following));
    Renamed { renames: [renames, following].concat(), catalog }
}
