//! What counts as drift.

use globset::GlobMatcher;
use jiff::civil::Date;

use crate::name::TenantId;

/// What counts as drift, besides what is missing or changed.
#[derive(Debug, Clone, Default)]
pub struct DriftRules {
    /// Match the names of extra and unmodelled objects that do not count.
    pub ignore: Vec<GlobMatcher>,
    pub exceptions: Vec<Exception>,
}

/// Drift that is accepted for a while: of a tenant, of objects in all tenants, or of objects in one.
#[derive(Debug, Clone)]
pub struct Exception {
    /// `None`: all tenants; then there are `objects`.
    pub tenant: Option<TenantId>,
    /// Match the names of the objects; none: all that differs, the absence of the tenant included.
    pub objects: Vec<GlobMatcher>,
    pub reason: String,
    /// The last day, in UTC.
    pub until: Date,
}

impl DriftRules {
    /// Whether an extra or unmodelled object of this name does not count.
    #[must_use]
    pub fn ignores(&self, name: &str) -> bool {
        self.ignore.iter().any(|pattern| pattern.is_match(name))
    }

    /// The exceptions that are for this tenant today, by their positions.
    #[must_use]
    pub fn valid(&self, tenant: &TenantId, today: Date) -> Vec<usize> {
        let is_valid = |exception: &Exception| {
            today <= exception.until && exception.tenant.as_ref().is_none_or(|only| only == tenant)
        };
        let valid = self.exceptions.iter().enumerate().filter(|(_, exception)| is_valid(exception));
        valid.map(|(at, _)| at).collect()
    }
}

impl Exception {
    /// Whether it is for an object of this kind and name, as reports name it.
    #[must_use]
    pub fn covers(&self, object: &str) -> bool {
        self.objects.is_empty() || self.objects.iter().any(|pattern| pattern.is_match(object))
    }

    /// Why, and until when, such as "ticket 417 (until 2027-01-31)".
    #[must_use]
    pub fn why(&self) -> String {
        format!("{} (until {})", self.reason, self.until)
    }
}
