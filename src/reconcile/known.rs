//! Tenants like one that was brought up to date before. What the plan touches must be, under the lock, as
//! it was in that tenant, and must become what it became there; the rest is as it was read before the lock.

use uuid::Uuid;

use super::checks::{check_locks, check_not_held};
use super::commit::commit;
use super::compare::{live_checksum, make_plan};
use super::context::Context;
use super::error::ReconcileError;
use super::execution::{Attempted, entry, refused, statements};
use super::options::ApplyOptions;
use super::outcome::{Outcome, Tenant};
use super::outcomes::Known;
use crate::absent::Absent;
use crate::checksum::Checksum;
use crate::grants::AbsentGrant;
use crate::manifest::{Manifest, Privilege, SeedDecl, SeedMode, SeedRow};
use crate::obstacle::Reasons;
use crate::pg::{self, Observed, PartialTransaction, Session, Site, Transaction};
use crate::plan::{self, Plan};

/// Remembers the result of running `plan`, if only the objects that it touches were changed by it. `before` is
/// what it was derived from; no untrusted code was involved.
pub(super) fn note(context: &Context, plan: &Plan, before: &Observed<'_>, after: &Observed<'_>) {
    let (Some(first), Some(last)) = (before.fingerprint, after.fingerprint) else { return };
    let Some(touched) = plan::touched(plan, &context.manifest) else { return };
    let (Some(old), Some(new)) = (context.shapes.get(first), context.shapes.get(last)) else {
        return;
    };
    // Tables elsewhere are checked only where the whole schema is read.
    if !plan.locks.externals.is_empty() || !old.objects.differ_only_in(&new.objects, &touched) {
        return;
    }
    let manifest = &context.manifest;
    // Rows of a new table that are inserted once are searched for where the whole schema is read.
    let is_once = |(seed, _): &(&SeedDecl, &SeedRow)| seed.mode == SeedMode::Once;
    if before.absent.has_other_rows() || before.absent.rows.iter().any(is_once) {
        return;
    }
    let Some(absent_grants) = grantable(context, &before.absent) else { return };
    let known = Known {
        fingerprints: (first, last),
        objects: (old.objects.among(&touched), new.objects.among(&touched)),
        touched,
        absent_rows: before.absent.rows.iter().filter_map(|row| place(manifest, *row)).collect(),
        absent_grants,
        untouched: plan.untouched(),
    };
    context.outcomes.insert(plan.live_checksum, known);
}

fn place(manifest: &Manifest, (seed, row): (&SeedDecl, &SeedRow)) -> Option<(usize, usize)> {
    let of_seed = manifest.seeds.iter().position(|known| std::ptr::eq(known, seed))?;
    Some((of_seed, seed.rows.iter().position(|known| std::ptr::eq(known, row))?))
}

/// The absent privileges by the positions of the grants, if all can be granted: which roles exist may differ from tenant to
/// tenant, and so may what is held back.
fn grantable(context: &Context, absent: &Absent<'_>) -> Option<Vec<(usize, Vec<Privilege>)>> {
    let grants = context.declared().grants;
    let places = absent.grants.iter().map(|absent| {
        let place = grants.iter().position(|known| std::ptr::eq(known, absent.grant))?;
        absent.obstacle.is_none().then(|| (place, absent.privileges.clone()))
    });
    places.collect()
}

/// Reads the tenant, and returns the checksum of what was found if a tenant like it was brought up to date before.
///
/// # Errors
/// When something cannot be read.
pub(super) async fn find(
    transaction: &mut Transaction<'_>,
    context: &Context,
) -> Result<Option<Checksum>, ReconcileError> {
    let fingerprint = transaction.last_digest().map(|digest| digest.fingerprint);
    if !transaction.is_plain() || !fingerprint.is_some_and(|f| context.outcomes.begins_with(f)) {
        return Ok(None);
    }
    let (declared, shapes) = (context.declared(), &context.shapes);
    let observed = transaction.observe(declared, shapes, 0, None, &Reasons::new()).await?;
    let checksum = live_checksum(observed.fingerprint, &observed.absent);
    Ok(context.outcomes.get(checksum).map(|_| checksum))
}

/// Brings the tenant up to date if it was read as being like one that was, and if that still holds for what
/// the plan touches. `None`: that is not so, nothing was done, and the session is in no transaction.
///
/// # Errors
/// As an attempt in the usual way; leaves the session in whatever state the error found it in.
pub(super) async fn attempt(
    session: &mut Session,
    context: &Context,
    tenant: &Tenant,
    (checksum, options): (Checksum, &ApplyOptions),
    apply_id: Uuid,
) -> Result<Option<Attempted>, ReconcileError> {
    let Some(known) = context.outcomes.get(checksum) else { return Ok(None) };
    let Some(plan) = planned(context, tenant, &known) else { return Ok(None) };
    check_locks(context, tenant, &plan)?;
    if context.row_checks.are_due(&plan) && options.checked != Some(plan.digest()) {
        return Ok(None);
    }
    let site = Site {
        tenant: &tenant.id,
        schema: &tenant.schema,
        limits: context.limits,
        locks: &plan.locks,
        touched: &known.touched,
    };
    let Some(mut transaction) = PartialTransaction::open(session, site).await? else {
        return Ok(None);
    };
    check_not_held(tenant, transaction.hold())?;
    let complete = known.untouched.is_empty();
    let note = pg::note(context.manifest_checksum, complete);
    // Another runner was faster, or what is recorded no longer exists: the whole schema has to be read.
    let is_done = transaction.note() == Some(note.as_str());
    let (before, after) = &known.objects;
    if is_done || transaction.objects() != before {
        transaction.rollback().await?;
        return Ok(None);
    }
    let record = entry(context, &plan, apply_id, complete, transaction.actor(&context.actor));
    let statements = statements(&plan.steps);
    let executed =
        transaction.execute(context.declared(), statements, &record, known.fingerprints.1).await;
    let (objects, absent) = executed.map_err(|error| refused(tenant, error))?;
    if objects != *after || !absent.is_empty() {
        // Reading the whole schema shows what differs.
        transaction.rollback().await?;
        return Ok(None);
    }
    commit(transaction.commit(), context, tenant, apply_id).await?;
    let plan = plan.leaving(known.untouched.clone());
    let outcome = Outcome::Done { apply_id, created: false };
    Ok(Some(Attempted { outcome, plan, placement: None }))
}

/// The plan that follows from what was read; `None`: the shape is no longer known.
fn planned(context: &Context, tenant: &Tenant, known: &Known) -> Option<Plan> {
    let (fingerprint, _) = known.fingerprints;
    let (shape, desired) = (context.shapes.get(fingerprint)?, context.known_desired()?);
    let row = |(seed, row): &(usize, usize)| {
        let seed = context.manifest.seeds.get(*seed)?;
        Some((seed, seed.rows.get(*row)?))
    };
    let grants = context.declared().grants;
    let grant = |(at, privileges): &(usize, Vec<Privilege>)| {
        let privileges = privileges.clone();
        Some(AbsentGrant { grant: grants.get(*at)?, privileges, obstacle: None })
    };
    let observed = Observed {
        schema: Some(shape.schema),
        fingerprint: Some(fingerprint),
        absent: Absent {
            rows: known.absent_rows.iter().filter_map(row).collect(),
            grants: known.absent_grants.iter().filter_map(grant).collect(),
            ..Absent::default()
        },
        state: Vec::new(),
    };
    Some(make_plan(context, tenant, desired, &observed, &Reasons::new()))
}
