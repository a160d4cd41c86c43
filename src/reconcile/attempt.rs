//! One attempt at bringing a tenant up to date: one transaction.

use uuid::Uuid;

use super::checks::{
    check_distributable, check_externals, check_locks, check_not_held, check_registered,
};
use super::commit::commit;
use super::compare::{live_checksum, make_plan};
use super::context::Context;
use super::error::ReconcileError;
use super::execution::{Attempted, entry, refused, statements};
use super::known;
use super::options::{ApplyOptions, Reviewed};
use super::outcome::{Outcome, Tenant};
use super::plan::check_rows;
use crate::catalog::Desired;
use crate::locks::Locks;
use crate::manifest::Registry;
use crate::obstacle::{Obstacle, Reasons};
use crate::pg::{self, Entry, Locking, Observed, PgError, Session, Transaction};
use crate::plan::{self, Plan, PlannedStep};
use crate::rows::Columns;

/// # Errors
/// Leaves the session in whatever state the error found it in; the caller rolls back.
pub(super) async fn once(
    connection: &mut Option<Session>,
    context: &Context,
    tenant: &Tenant,
    options: &mut ApplyOptions,
    apply_id: Uuid,
) -> Result<Attempted, ReconcileError> {
    loop {
        if let Some(done) = unchecked(connection, context, tenant, *options, apply_id).await? {
            return Ok(done);
        }
        // No lock is held while the rows are counted.
        if let Some(session) = connection {
            options.checked = Some(check_rows(session, context, tenant).await?);
        }
    }
}

/// `None`: rows could be in the way of the plan, have not been counted, and nothing was done.
async fn unchecked(
    connection: &mut Option<Session>,
    context: &Context,
    tenant: &Tenant,
    options: ApplyOptions,
    apply_id: Uuid,
) -> Result<Option<Attempted>, ReconcileError> {
    let session = match connection {
        Some(session) => session,
        None => connection.insert(Session::open(&context.target).await?),
    };
    let reviewed = options.reviewed;
    if !options.is_listed {
        check_registered(context, session, tenant).await?;
    }
    if reviewed.is_none()
        && let Some(checksum) = options.live_checksum
        && let Some(done) =
            known::attempt(session, context, tenant, (checksum, &options), apply_id).await?
    {
        return Ok(Some(done));
    }
    let locking = if options.has_work { Locking::First } else { Locking::IfAbsent };
    let mut transaction = begin(session, context, tenant, locking).await?;
    // Before a lock is taken or the manifest elaborated: a tenant that is current needs neither.
    if reviewed.is_none()
        && !options.has_work
        && let Some(plan) = current(&mut transaction, context, tenant).await?
    {
        let placement = transaction.placement().await?;
        transaction.rollback().await?;
        return Ok(Some(Attempted { outcome: Outcome::Current, plan, placement }));
    }
    if reviewed.is_none()
        && !options.has_work
        && let Some(checksum) = known::find(&mut transaction, context).await?
    {
        transaction.rollback().await?;
        let known = (checksum, &options);
        if let Some(done) = known::attempt(session, context, tenant, known, apply_id).await? {
            return Ok(Some(done));
        }
        transaction = begin(session, context, tenant, Locking::First).await?;
    }
    if options.was_present && transaction.last_digest().is_none() {
        transaction.rollback().await?;
        check_still_listed(context, session, tenant).await?;
        transaction = begin(session, context, tenant, locking).await?;
    }
    let desired = if let Some(desired) = context.known_desired() {
        desired
    } else {
        transaction.rollback().await?;
        let desired = context.desired(session).await?;
        // With the lock taken first, what is read need not be read again.
        transaction = begin(session, context, tenant, Locking::First).await?;
        desired
    };
    context.check_name(tenant)?;
    let externals = transaction.externals(&context.manifest).await?;
    check_externals(&externals)?;
    lock(&mut transaction, tenant).await?;
    let LockedPlan { plan, before, reasons, avoid } =
        locked_plan(&mut transaction, context, tenant, desired, options).await?;
    if let Some(reviewed) = reviewed {
        check_reviewed(reviewed, context, &plan)?;
    }
    if context.row_checks.are_due(&plan) && options.checked != Some(plan.digest()) {
        transaction.rollback().await?;
        return Ok(None);
    }
    let mut placement = transaction.placement().await?;
    if transaction.is_distributed(placement.as_ref()) {
        check_distributable(context, tenant, desired, &plan, &externals)?;
    }
    let complete = plan.untouched().is_empty();
    if plan.is_empty() && is_noted(&transaction, context, complete) {
        transaction.rollback().await?;
        return Ok(Some(Attempted { outcome: Outcome::Current, plan, placement }));
    }
    let is_plain = transaction.is_plain();
    let actor = transaction.actor(&context.actor);
    let mut record = entry(context, &plan, apply_id, complete, actor);
    let live = before.schema.as_deref();
    let columns = Columns::of_tenant(context.declared(), live)
        .after(|table, column| plan::will_exist(&plan.steps, live, table, column));
    let after =
        execute(&mut transaction, context, tenant, &plan, &record, (&columns, &avoid)).await?;
    context.find_renames(after.identified()).await?;
    let plan = verified(context, tenant, desired, &after, plan, &reasons)?;
    let complete = plan.untouched().is_empty();
    if complete != record.complete {
        record.complete = complete;
        transaction.amend(&record).await?;
    }
    let created = plan.is_of_new_tenant();
    if created {
        placement = transaction.placement().await?;
    }
    let are_read = reasons.is_empty() && avoid.is_empty() && columns.are_as_declared();
    let is_plain = is_plain && are_read && transaction.is_plain();
    commit(transaction.commit(), context, tenant, apply_id).await?;
    if is_plain {
        known::note(context, &plan, &before, &after);
    }
    Ok(Some(Attempted { outcome: Outcome::Done { apply_id, created }, plan, placement }))
}

/// How often a schema is read that is changed before it can be locked.
const READS: u32 = 5;

pub(super) struct LockedPlan<'m> {
    pub(super) plan: Plan,
    /// What it is derived from.
    before: Observed<'m>,
    /// Why steps are held back.
    pub(super) reasons: Reasons,
    /// The tables whose rows must not be read.
    pub(super) avoid: Reasons,
}

/// The plan, derived from what was read after its locks were taken: what its statements run can no longer
/// be changed by others. What must not be run is held back.
pub(super) async fn locked_plan<'m>(
    transaction: &mut Transaction<'_>,
    context: &'m Context,
    tenant: &Tenant,
    desired: &Desired,
    options: ApplyOptions,
) -> Result<LockedPlan<'m>, ReconcileError> {
    let describe = if options.is_of_many { Obstacle::in_general } else { ToString::to_string };
    for _ in 0..READS {
        let obstacles = transaction.obstacles(&context.untrusted_query()).await?;
        let mut avoid = context.reasons_not_to_read(&obstacles);
        let (declared, shapes) = (context.declared(), &context.shapes);
        let before = transaction.observe(declared, shapes, 0, options.rows_found, &avoid).await?;
        context.find_renames(before.identified()).await?;
        let whole = make_plan(context, tenant, desired, &before, &Reasons::new());
        if whole.is_empty() && is_noted(transaction, context, whole.untouched().is_empty()) {
            return Ok(LockedPlan { plan: whole, before, reasons: Reasons::new(), avoid });
        }
        check_locks(context, tenant, &whole)?;
        if let Some(targets) = transaction.lock_plan(&whole.locks).await? {
            if transaction.obstacles(&context.untrusted_query()).await? != obstacles {
                continue;
            }
            let reasons = context.reasons(obstacles.iter().chain(&targets), describe);
            let plan = if reasons.is_empty() {
                whole
            } else {
                make_plan(context, tenant, desired, &before, &reasons)
            };
            if !plan.held.is_empty() {
                avoid.extend(plan::unreadable(
                    declared.manifest,
                    &plan.steps,
                    before.schema.as_deref(),
                ));
            }
            return Ok(LockedPlan { plan, before, reasons, avoid });
        }
    }
    let doing = format!("locking tables of schema {}", tenant.schema);
    let reason = "it changes faster than it can be read".to_owned();
    Err(PgError::Answer { doing, reason }.into())
}

/// A schema that existed and is missing was dropped by somebody; whoever drops one on purpose also
/// removes the tenant from the registry.
async fn check_still_listed(
    context: &Context,
    session: &mut Session,
    tenant: &Tenant,
) -> Result<(), ReconcileError> {
    let is_listed = match &context.manifest.tenants.registry {
        None | Some(Registry::Discovered) => false,
        Some(registry) => pg::lists(session, registry, &tenant.id, context.limits).await?,
    };
    if is_listed { Ok(()) } else { Err(ReconcileError::Vanished { tenant: tenant.id.clone() }) }
}

async fn execute<'m>(
    transaction: &mut Transaction<'_>,
    context: &'m Context,
    tenant: &Tenant,
    plan: &Plan,
    record: &Entry,
    (columns, avoid): (&Columns<'m>, &Reasons),
) -> Result<Observed<'m>, ReconcileError> {
    let statements = statements(&plan.steps);
    let declared = (columns, context.declared().grants);
    let executed = transaction.execute(declared, &context.shapes, statements, record, avoid).await;
    executed.map_err(|error| refused(tenant, error))
}

/// The plan that was executed, with what remains after it. A plan that left something to
/// do is an error.
fn verified(
    context: &Context,
    tenant: &Tenant,
    desired: &Desired,
    after: &Observed<'_>,
    plan: Plan,
    reasons: &Reasons,
) -> Result<Plan, ReconcileError> {
    if after.absent.is_empty()
        && let Some(known) = after.fingerprint.and_then(|found| context.settled.get(found))
    {
        return Ok(plan.leaving((*known).clone()));
    }
    let remaining = make_plan(context, tenant, desired, after, reasons);
    if remaining.is_empty() {
        return Ok(plan.leaving(remaining.untouched()));
    }
    Err(ReconcileError::NotConverged {
        schema: tenant.schema.clone(),
        remaining: remaining.steps.iter().map(PlannedStep::describe).collect(),
    })
}

pub(super) async fn begin<'s>(
    session: &'s mut Session,
    context: &'s Context,
    tenant: &'s Tenant,
    locking: Locking,
) -> Result<Transaction<'s>, ReconcileError> {
    let Tenant { id, schema } = tenant;
    let (tables, limits) = (&context.tables, context.limits);
    let transaction = Transaction::write(session, id, schema, tables, limits, locking).await?;
    check_not_held(tenant, transaction.hold())?;
    Ok(transaction)
}

/// Takes the tenant's lock. Somebody may have held the tenant until then; from then on, nobody can begin to.
pub(super) async fn lock(
    transaction: &mut Transaction<'_>,
    tenant: &Tenant,
) -> Result<(), ReconcileError> {
    transaction.lock().await?;
    check_not_held(tenant, transaction.hold())
}

/// The check that only reads: whether the schema is like one that this process has compared
/// and found complete, every declared row still exists, and the record says so. The record
/// alone would prove nothing. Then the plan is empty.
async fn current(
    transaction: &mut Transaction<'_>,
    context: &Context,
    tenant: &Tenant,
) -> Result<Option<Plan>, ReconcileError> {
    let digest = transaction.last_digest();
    let Some(untouched) = digest.and_then(|digest| context.settled.get(digest.fingerprint)) else {
        return Ok(None);
    };
    // Baseline rows may be in columns of other types than declared.
    if !untouched.changed.is_empty()
        || !is_noted(transaction, context, untouched.is_empty())
        || !context
            .reasons_not_to_read(&transaction.obstacles(&context.untrusted_query()).await?)
            .is_empty()
    {
        return Ok(None);
    }
    let Some((row, absent)) = transaction.recorded(context.declared()).await? else {
        return Ok(None);
    };
    if row.manifest_checksum != context.manifest_checksum || !absent.is_empty() {
        return Ok(None);
    }
    let plan = Plan {
        format_version: plan::FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        tenant: tenant.id.clone(),
        schema: tenant.schema.to_string(),
        manifest_checksum: context.manifest_checksum,
        live_checksum: live_checksum(Some(row.fingerprint), &absent),
        consent: context.consent.clone(),
        steps: Vec::new(),
        locks: Locks::default(),
        preconditions: Vec::new(),
        rows_in_the_way: Vec::new(),
        not_counted: Vec::new(),
        changed: Vec::new(),
        extra: Vec::new(),
        perhaps_renamed: Vec::new(),
        unmodelled: Vec::new(),
        held: Vec::new(),
    };
    Ok(Some(plan.leaving((*untouched).clone())))
}

/// Whether the newest row of the record is of this manifest, and says the same.
fn is_noted(transaction: &Transaction<'_>, context: &Context, complete: bool) -> bool {
    let expected = pg::note(context.manifest_checksum, complete);
    transaction.last_digest().is_some_and(|digest| digest.checks.note.as_ref() == Some(&expected))
}

pub(super) const OTHER_STATEMENTS: &str = "its statements are not those that would be planned now; the file \
     was edited, or the version of the tool has changed,";

pub(super) fn check_reviewed(
    reviewed: Reviewed,
    context: &Context,
    plan: &Plan,
) -> Result<(), ReconcileError> {
    let what = if reviewed.manifest_checksum != context.manifest_checksum {
        "the manifest has changed"
    } else if reviewed.live_checksum != plan.live_checksum {
        "the tenant's schema has changed"
    } else if reviewed.digest != plan.digest() {
        OTHER_STATEMENTS
    } else {
        return Ok(());
    };
    Err(ReconcileError::Stale { what: what.to_owned() })
}
