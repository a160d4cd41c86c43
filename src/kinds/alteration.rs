//! Changes of objects in place.

use crate::catalog::{Altered, Fact, Object};
use crate::manifest::Fragment;
use crate::name::Ident;

/// An object that exists, and what it is to become.
#[derive(Debug, Clone)]
pub struct Alteration<'a> {
    pub desired: &'a Fact,
    pub live: &'a Fact,
    /// How values of a column become values of another type; otherwise by assignment.
    pub using: Option<&'a Fragment>,
    /// The values of a column in the rows in which it is NULL.
    pub backfill: Option<&'a Fragment>,
    /// Of an enum type.
    pub remade: Option<Remade<'a>>,
}

/// What has to be known to make an enum type anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remade<'a> {
    /// In order.
    pub labels: Vec<&'a Ident>,
    /// Those that the type has, and will not have.
    pub lost: Vec<&'a Ident>,
    /// The columns of the type, or of arrays of it, as they are in the tenant.
    pub columns: Vec<&'a Fact>,
}

impl<'a> Alteration<'a> {
    /// Of which nothing else is declared.
    #[must_use]
    pub fn new(desired: &'a Fact, live: &'a Fact) -> Self {
        Self { desired, live, using: None, backfill: None, remade: None }
    }

    /// Under the name that the object has in this tenant.
    #[must_use]
    pub fn object(&self) -> &'a Object {
        &self.live.object
    }

    /// Whether an attribute is other than desired.
    #[must_use]
    pub fn differs(&self, key: &str) -> bool {
        self.desired.attributes.get(key) != self.live.attributes.get(key)
    }

    /// Whether only some of these attributes are other than desired, beside those that others contain.
    #[must_use]
    pub fn is_only_in(&self, keys: &[&str]) -> bool {
        let (desired, live) = (self.desired, self.live);
        let altered = Altered { desired, live };
        altered.keys().all(|key| keys.contains(&key))
    }
}
