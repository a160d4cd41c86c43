//! Which tenants differ in the same way, and which of them the manifest excepts.

use indexmap::IndexMap;

use super::lists::{name, some};
use super::style::printable;
use crate::fleet::TenantDrift;
use crate::plan::Excepted;

/// Tenants that differ in the same way.
#[derive(Default)]
pub(super) struct Members {
    drifted: Vec<String>,
    /// By why they are excepted, and until when.
    excepted: IndexMap<String, Vec<String>>,
}

impl Members {
    pub(super) fn add(&mut self, tenant: &TenantDrift) {
        self.add_for(tenant, tenant.exception.clone());
    }

    /// The same, of tenants that have an undeclared object.
    pub(super) fn add_with(&mut self, tenant: &TenantDrift, object: &str) {
        let own = tenant.excepted.iter().find(|excepted| excepted.object == object);
        self.add_for(tenant, own.map(Excepted::why).or_else(|| tenant.exception.clone()));
    }

    fn add_for(&mut self, tenant: &TenantDrift, exception: Option<String>) {
        match exception {
            None => self.drifted.push(name(tenant)),
            Some(why) => self.excepted.entry(why).or_default().push(name(tenant)),
        }
    }

    /// Whether the manifest excepts all of them.
    pub(super) fn are_excepted(&self) -> bool {
        self.drifted.is_empty()
    }

    /// Such as "t01, t02" and "excepted, wide names (until 2027-01-31): t04".
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let drifted = (!self.drifted.is_empty()).then(|| some(&self.drifted));
        let excepted = self.excepted.iter();
        let excepted =
            excepted.map(|(why, names)| format!("excepted, {}: {}", printable(why), some(names)));
        drifted.into_iter().chain(excepted)
    }

    /// The same in one line.
    pub(super) fn in_short(&self) -> String {
        self.lines().collect::<Vec<_>>().join("; ")
    }
}
