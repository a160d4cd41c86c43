//! How large the tables are that the steps of plans are about: in the largest of the tenants that a plan is for.

use std::collections::{BTreeSet, HashMap};

use super::{Fleet, FleetPlan};
use crate::name::TenantId;
use crate::pg::{self, Session, TableSize};
use crate::plan::{self, KnownSize, Plan};
use crate::reconcile::{Context, ReconcileError, Tenant};

/// Adds the estimates to the plan of one tenant.
///
/// # Errors
/// When the server cannot be queried.
pub async fn estimate_one(
    context: &Context,
    tenant: &Tenant,
    plan: &mut Plan,
) -> Result<(), ReconcileError> {
    let names = plan::tables_locked(&plan.steps);
    let found = sizes(context, &[tenant], &names).await?;
    let sized: Vec<KnownSize<'_>> = found.iter().map(|size| of(&tenant.id, size)).collect();
    plan::estimate(&mut plan.steps, &sized);
    Ok(())
}

/// Adds the estimates to the plans of many tenants: those of the largest of each plan's tenants.
///
/// # Errors
/// When a server cannot be queried.
pub async fn estimate(fleet: &Fleet, plan: &mut FleetPlan) -> Result<(), ReconcileError> {
    let all = plan.plans.iter().flat_map(|shared| plan::tables_locked(&shared.steps));
    let names: BTreeSet<String> = all.collect();
    let mut found: Vec<(usize, TenantId, TableSize)> = Vec::new();
    for server in &fleet.servers {
        let mut tenants = Vec::new();
        for pinned in plan.tenants.iter().filter(|pinned| pinned.server == server.name) {
            tenants.push((pinned.plan, server.context.tenant(&pinned.tenant)?));
        }
        let of_server: Vec<&Tenant> = tenants.iter().map(|(_, tenant)| tenant).collect();
        let of_tenant: HashMap<&str, (usize, &TenantId)> = tenants
            .iter()
            .map(|(plan, tenant)| (tenant.schema.as_str(), (*plan, &tenant.id)))
            .collect();
        for size in sizes(&server.context, &of_server, &names).await? {
            if let Some((plan, id)) = of_tenant.get(size.schema.as_str()) {
                found.push((*plan, (*id).clone(), size));
            }
        }
    }
    for (number, shared) in plan.plans.iter_mut().enumerate() {
        let of_plan = found.iter().filter(|(plan, ..)| *plan == number);
        let sized: Vec<KnownSize<'_>> = of_plan.map(|(_, id, size)| of(id, size)).collect();
        plan::estimate(&mut shared.steps, &sized);
    }
    Ok(())
}

fn of<'a>(tenant: &'a TenantId, size: &'a TableSize) -> KnownSize<'a> {
    KnownSize { tenant, name: &size.name, rows: size.rows, bytes: size.bytes }
}

async fn sizes(
    context: &Context,
    tenants: &[&Tenant],
    names: &BTreeSet<String>,
) -> Result<Vec<TableSize>, ReconcileError> {
    if tenants.is_empty() || names.is_empty() {
        return Ok(Vec::new());
    }
    let schemas: Vec<_> = tenants.iter().map(|tenant| &tenant.schema).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut session = Session::open(&context.target).await?;
    let found = pg::sizes(&mut session, &schemas, &names, context.limits).await?;
    session.close().await;
    Ok(found)
}
