//! Which tenants differ in the same way, and which of them the manifest excepts.

use indexmap::IndexMap;

use super::lists::{name, some};
use super::style::printable;
use crate::fleet::TenantDrift;

/// Tenants that differ in the same way.
#[derive(Default)]
pub(super) struct Members<'d> {
    drifted: Vec<String>,
    /// By why they are excepted, and until when.
    excepted: IndexMap<&'d str, Vec<String>>,
}

impl<'d> Members<'d> {
    pub(super) fn add(&mut self, tenant: &'d TenantDrift) {
        match &tenant.exception {
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
