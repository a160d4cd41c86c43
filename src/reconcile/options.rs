//! What a caller demands of an apply, and knows of the tenant beforehand.

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

/// On which options a tenant is applied.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApplyOptions {
    /// Only if all is still as it was reviewed.
    pub reviewed: Option<Reviewed>,
    /// A look has shown that there is something to do.
    pub has_work: bool,
    /// The fingerprint with which all declared rows were found. While it is the same, they are looked
    /// for only after the work, which is before COMMIT.
    pub rows_found: Option<Checksum>,
    /// What a look at the tenant has found, as [`Plan::live_checksum`] identifies it.
    pub seen: Option<Checksum>,
    /// The registry was asked already, and lists the tenant.
    pub is_listed: bool,
    /// It is one of many: what keeps steps back is told in words that hold for all that are alike.
    pub is_of_many: bool,
    /// The schema was there before. If it is gone, somebody has dropped it: it is made again only
    /// if the registry still lists the tenant.
    pub was_present: bool,
}
