//! What a caller requires of an apply, and knows of the tenant beforehand.

use crate::checksum::Checksum;
use crate::plan::Plan;

/// What an apply must find, when a plan was reviewed before.
#[derive(Debug, Clone, Copy)]
pub struct Reviewed {
    pub manifest_checksum: Checksum,
    pub live_checksum: Checksum,
    pub digest: Checksum,
}

impl From<&Plan> for Reviewed {
    fn from(plan: &Plan) -> Self {
        Self {
            manifest_checksum: plan.manifest_checksum,
            live_checksum: plan.live_checksum,
            digest: plan.digest(),
        }
    }
}

/// The options with which a tenant is applied.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApplyOptions {
    /// Apply only if everything is still as it was reviewed.
    pub reviewed: Option<Reviewed>,
    /// The tenant was read before, and there is something to do.
    pub has_work: bool,
    /// The fingerprint with which all declared rows were found. While it is the same, the rows are searched
    /// for only after the work, which is before COMMIT.
    pub rows_found: Option<Checksum>,
    /// What was found when the tenant was read before, as [`Plan::live_checksum`] identifies it.
    pub live_checksum: Option<Checksum>,
    /// The registry was read already, and lists the tenant.
    pub is_listed: bool,
    /// It is one of many: reasons to hold steps back are described in words that hold for all that are alike.
    pub is_of_many: bool,
    /// The schema existed before. If it is missing, somebody has dropped it: it is created again only
    /// if the registry still lists the tenant.
    pub was_present: bool,
    /// The digest of a plan in whose way no rows were found.
    pub checked: Option<Checksum>,
}
