//! The tenants that are held: a run leaves them alone.

use serde::Serialize;

use super::{Fleet, Member, Stages};
use crate::hold::Hold;
use crate::name::TenantId;

/// A tenant that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldTenant {
    pub tenant: TenantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub hold: Hold,
}

/// The member, held in this way.
pub(super) fn held(fleet: &Fleet, member: &Member, hold: &Hold) -> HeldTenant {
    HeldTenant {
        tenant: member.tenant.id.clone(),
        server: fleet.name_of(member.server).map(str::to_owned),
        hold: hold.clone(),
    }
}

/// Why a run cannot begin, if a tenant that was chosen as its canary is held: without it, nothing would be tried first.
pub(super) fn held_canary(
    stages: &Stages,
    members: &[Member],
    held: &[HeldTenant],
) -> Option<String> {
    let is_held = |id: &TenantId| held.iter().find(|held| held.tenant == *id);
    let free: Vec<&TenantId> =
        members.iter().map(|m| &m.tenant.id).filter(|id| is_held(id).is_none()).collect();
    let canary = stages.absent_canaries(&free).into_iter().find_map(is_held)?;
    Some(format!("its canary {} is {}; choose another, or release it", canary.tenant, canary.hold))
}
