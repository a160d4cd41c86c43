//! The status of a tenant: its current state, and its record.

use serde::Serialize;

use super::compare::{Room, compare};
use super::context::Context;
use super::error::ReconcileError;
use super::outcome::Tenant;
use super::plan::read;
use super::today::today;
use crate::checksum::Checksum;
use crate::grants::Whose;
use crate::hold::Hold;
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};
use crate::pg::{Placement, Session, StateRow};
use crate::plan::{Acceptance, Excepted, Step};

/// The status of a tenant.
#[derive(Debug, Serialize)]
pub struct Status {
    #[serde(flatten)]
    pub tenant: Tenant,
    /// Whether the registry lists the tenant, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_registered: Option<bool>,
    pub exists: bool,
    /// Whether the tenant is as the manifest declares: neither [`Status::differences`] nor
    /// [`Status::absent_rows`], now, whatever the record says.
    pub conforms: bool,
    /// Why the manifest accepts for now that it does not conform, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// The objects in which it differs for which the manifest has exceptions of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excepted: Vec<Excepted>,
    /// Who wants the tenant to be left alone: no apply touches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    pub differences: Differences,
    /// Declared rows whose keys are not found.
    pub absent_rows: usize,
    /// The owner of the record, if untrusted: the record proves nothing then, since anybody may
    /// have written its contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_owner: Option<Ident>,
    /// Whether the record was not read, since an untrusted role could change it meanwhile and this role cannot
    /// lock it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub record_unread: bool,
    /// Why baseline rows were not searched for; they count as absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows_unread: Vec<String>,
    /// Newest first.
    pub history: Vec<StateRow>,
    /// Whether the newest apply was of the manifest in its current form.
    pub manifest_is_current: bool,
    /// Whether the schema is as the newest apply left it; `None`: unknown, since the record was written
    /// with another version of the digests.
    pub live_is_recorded: Option<bool>,
    /// Of the schema as it is; none without one.
    pub fingerprint: Option<Checksum>,
    pub manifest_checksum: Checksum,
    /// Where Citus places the schema; `None` if it is on the server itself, and should be.
    #[serde(flatten)]
    pub placement: Option<Placement>,
}

/// In how many objects a tenant differs from the manifest. What the manifest ignores is not
/// counted, nor are rows that are absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Differences {
    /// An apply would add these.
    pub missing: usize,
    /// Missing, and not added: what they need is not as declared, or something is in the way. Of baseline rows,
    /// those of a table count once for each reason.
    pub held: usize,
    /// Present but different.
    pub changed: usize,
    /// Present but not declared.
    pub extra: usize,
    /// Of kinds that are not compared.
    pub unmodelled: usize,
}

impl Differences {
    /// Whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Why baseline rows were not searched for, by table.
fn rows_unread(context: &Context, avoid: &Reasons) -> Vec<String> {
    let read = context.manifest.tables_read();
    let is_read = |table: &str| read.iter().any(|read| read.as_str() == table);
    let of_tables = avoid.iter().filter_map(|(subject, reasons)| match subject {
        Subject::Relation(table) | Subject::Rows(table) if is_read(table) => {
            Some(reasons.iter().cloned())
        }
        _ => None,
    });
    of_tables.flatten().collect()
}

/// Reads the tenant, and `history` rows of its record.
///
/// # Errors
/// When the tenant cannot be read, or the server refuses the manifest.
pub async fn status(
    context: &Context,
    tenant: &Tenant,
    history: u32,
) -> Result<Status, ReconcileError> {
    let mut session = Session::open(&context.target).await?;
    let desired = context.desired(&mut session).await?;
    context.check_name(tenant)?;
    let mut transaction = read(&mut session, context, tenant).await?;
    let avoid =
        context.reasons_not_to_read(&transaction.obstacles(&context.untrusted_query()).await?);
    let (declared, shapes) = (context.declared(), &context.shapes);
    let observed = transaction.observe(declared, shapes, history.max(1), None, &avoid).await?;
    let placement = transaction.placement().await?;
    let record_unread = observed.schema.is_some() && !transaction.can_read_record();
    let hold = transaction.hold().cloned();
    let record_owner = transaction.foreign_record_owner().cloned();
    transaction.rollback().await?;
    context.find_renames(observed.identified()).await?;
    let whose = Whose::One(&tenant.id, &tenant.schema);
    let (reasons, room) = (Reasons::new(), Room::default());
    let difference = compare(context, desired, &observed, (&reasons, whose), &room);
    session.close().await;
    let untouched = difference.untouched.counted(&context.manifest.drift);
    let objects =
        |steps: &[Step<'_>]| steps.iter().filter(|step| !step.action().is_of_row()).count();
    let differences = Differences {
        missing: objects(&difference.steps),
        held: untouched.held.iter().map(|held| held.steps.len()).sum(),
        changed: untouched.changed.len(),
        extra: untouched.extra.len(),
        unmodelled: untouched.unmodelled.len(),
    };
    let newest = observed.state.first();
    let absent = &observed.absent;
    let conforms = differences.is_none() && absent.rows.is_empty() && absent.grants.is_empty();
    let missing = difference.steps.iter().map(|step| step.object().to_string());
    let objects: Vec<String> = missing.chain(untouched.objects()).collect();
    let objects = observed.schema.is_some().then_some(objects.as_slice());
    let rules = &context.manifest.drift;
    let Acceptance { exception, excepted } =
        Acceptance::new(rules, &rules.valid(&tenant.id, today()), objects);
    let fingerprint = observed.fingerprint;
    Ok(Status {
        tenant: tenant.clone(),
        is_registered: None,
        exists: observed.schema.is_some(),
        conforms,
        exception: exception.filter(|_| !conforms),
        excepted,
        hold,
        differences,
        absent_rows: observed.absent.rows.len(),
        manifest_is_current: newest
            .is_some_and(|row| row.manifest_checksum == context.manifest_checksum),
        live_is_recorded: match (newest, fingerprint) {
            (Some(row), Some(fingerprint)) => row.has_fingerprint(fingerprint),
            _ => Some(false),
        },
        fingerprint,
        manifest_checksum: context.manifest_checksum,
        record_owner,
        record_unread,
        rows_unread: rows_unread(context, &avoid),
        history: observed.state,
        placement,
    })
}
