//! Why a tenant could not be planned or applied.

use uuid::Uuid;

use crate::catalog::{BothExist, Object};
use crate::elaborate::ElaborateError;
use crate::explain::Explain;
use crate::hold::{Hold, HoldError};
use crate::locks::TableLock;
use crate::name::{NameError, SchemaName, TenantId, printable};
use crate::pg::{Holder, IntrospectError, PgError, StepFailed};
use crate::precondition::{InTheWay, NotCounted};
use crate::words::counted;

/// Anything that can keep a tenant from being planned or applied.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("tenant {tenant} is not in the registry of the manifest")]
    Unregistered { tenant: TenantId },
    #[error("the schema of tenant {tenant} has vanished since it was read")]
    Vanished { tenant: TenantId },
    #[error("tenant {tenant} is {hold}")]
    Held { tenant: TenantId, hold: Box<Hold> },
    #[error("tenant {tenant} cannot be held: {reason}")]
    NothingToHold { tenant: TenantId, reason: String },
    #[error(transparent)]
    Hold(#[from] HoldError),
    #[error("the manifest declares nothing that --allow or [[allow]] names with {}", patterns.join(", "))]
    NothingAllowed { patterns: Vec<String> },
    #[error(transparent)]
    BothNames(#[from] BothExist),
    #[error("tenant {tenant} is refused: {reason}")]
    Misplaced { tenant: TenantId, reason: String },
    #[error("cannot tell which server tenant {tenant} lives on: server {server}: {reason}")]
    HomeUnknown { tenant: TenantId, server: String, reason: String },
    #[error(transparent)]
    Elaborate(#[from] ElaborateError),
    #[error(transparent)]
    Introspect(#[from] IntrospectError),
    #[error(transparent)]
    Pg(#[from] PgError),
    #[error("foreign keys point to what is not on this server: {}", tables.join(", "))]
    ExternalMissing { tables: Vec<String> },
    #[error(
        "Citus would refuse this in schema {schema}, whose tables are distributed: {}",
        reasons.join("; ")
    )]
    Undistributable { schema: SchemaName, reasons: Vec<String> },
    #[error(
        "the plan for schema {schema} takes stronger locks than {most}, and nothing of it was done: {}", steps.join("; ")
    )]
    LockTooStrong { schema: SchemaName, most: TableLock, steps: Vec<String> },
    #[error("apply failed; schema {schema} was rolled back")]
    Step {
        schema: SchemaName,
        #[source]
        source: StepFailed,
    },
    #[error(
        "apply failed; schema {schema} was rolled back: after all statements had run, this was still to do: \
         {}", remaining.join("; ")
    )]
    NotConverged { schema: SchemaName, remaining: Vec<String> },
    #[error(
        "schema {schema} has a name that stands in double quotes in the body of {object}, or in its search path, where \
         it could not be told from the schema"
    )]
    NameInBody { schema: SchemaName, object: Object },
    /// New labels have to be committed before what uses them can be tried.
    #[error("only this was committed to schema {schema}: {}", labels.join("; "))]
    LabelsOnly {
        schema: SchemaName,
        labels: Vec<String>,
        #[source]
        source: Box<ReconcileError>,
    },
    #[error("rows are in the way in schema {schema}, and nothing was tried: {}", words(rows))]
    RowsInTheWay { schema: SchemaName, rows: Vec<InTheWay> },
    #[error("nothing was tried in schema {schema}, since rows were not counted: {}", words(rows))]
    RowsNotCounted { schema: SchemaName, rows: Vec<NotCounted> },
    #[error("the plan is stale: {what} since it was made")]
    Stale { what: String },
    #[error("schema {schema} is in use; gave up after {}; {}", counted(*attempts, "attempt"), list(holders))]
    Busy {
        schema: SchemaName,
        attempts: u32,
        holders: Vec<Holder>,
        #[source]
        source: Box<ReconcileError>,
    },
    #[error(
        "it is unknown whether schema {schema} was changed: the connection was lost at COMMIT, and \
         the server could not be queried for apply {apply_id}"
    )]
    CommitUnknown {
        schema: SchemaName,
        apply_id: Uuid,
        #[source]
        source: PgError,
    },
}

fn words(rows: &[impl ToString]) -> String {
    rows.iter().map(|row| printable(&row.to_string())).collect::<Vec<_>>().join("; ")
}

fn list(holders: &[Holder]) -> String {
    if holders.is_empty() {
        return "the session that held the lock has ended".into();
    }
    holders.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Explain for ReconcileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Name(_) => "bad-tenant-id",
            Self::Unregistered { .. } => "unregistered",
            Self::Vanished { .. } => "vanished",
            Self::Held { .. } => "held",
            Self::NothingToHold { .. } => "not-provisioned",
            Self::Hold(_) => "bad-hold",
            Self::NothingAllowed { .. } => "nothing-allowed",
            Self::BothNames(_) => "both-names",
            Self::Misplaced { .. } => "misplaced",
            Self::HomeUnknown { .. } => "home-unknown",
            Self::Elaborate(error) => error.code(),
            Self::Introspect(error) => error.code(),
            Self::Pg(error) => error.code(),
            Self::ExternalMissing { .. } => "external-missing",
            Self::Undistributable { .. } => "citus-refuses",
            Self::LockTooStrong { .. } => "lock-too-strong",
            Self::Step { source, .. } if source.source.is_lost() => "connection-lost",
            Self::Step { .. } => "step-failed",
            Self::NotConverged { .. } => "not-converged",
            Self::NameInBody { .. } => "name-in-body",
            Self::LabelsOnly { source, .. } => source.code(),
            Self::RowsInTheWay { .. } => "rows-in-the-way",
            Self::RowsNotCounted { .. } => "rows-not-counted",
            Self::Stale { .. } => "stale-plan",
            Self::Busy { .. } => "busy",
            Self::CommitUnknown { .. } => "commit-unknown",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unregistered { .. } => Some("add it to the registry first".into()),
            Self::BothNames(_) => Some(
                "find out which of them the application uses, and rename or remove the other in this tenant by hand; without \
                 \"renamed_from\", they are two objects"
                    .into(),
            ),
            Self::Held { tenant, .. } => Some(format!(
                "nothing was done; talk to the one who holds it, and end the hold with: provision release {tenant}"
            )),
            Self::NothingToHold { .. } => {
                Some("a hold is recorded in the tenant's schema: provision the tenant first".into())
            }
            Self::NothingAllowed { .. } => Some(
                "write an object as plans name it, such as \"alter:column invoices.day\"; * is any text"
                    .into(),
            ),
            Self::Vanished { .. } => Some(
                "it is not created again, since the registry does not list the tenant; to create it on \
                 purpose, apply it by its id"
                    .into(),
            ),
            Self::Elaborate(error) => error.hint(),
            Self::Introspect(error) => error.hint(),
            Self::Pg(error) => error.hint(),
            Self::ExternalMissing { .. } => Some("create these tables first".into()),
            Self::Undistributable { .. } => Some(
                "nothing was tried; a schema that is created while citus.enable_schema_based_sharding is \
                 off is not distributed, and none of this holds for it"
                    .into(),
            ),
            Self::LockTooStrong { .. } => Some(
                "run it with a higher --max-lock, when the application can wait; \"plan\" without --max-lock shows what each \
                 step does meanwhile"
                    .into(),
            ),
            Self::Step { source, .. } if source.is_row => source.source.hint_for_row(),
            Self::Step { source, .. } => source.source.hint(),
            Self::NotConverged { .. } => Some(
                "something on the server undoes or alters what is created (an event trigger, a \
                 trigger, a lookup that finds no row), or other rows would go with one that is to be deleted \
                 (a foreign key with ON DELETE)"
                    .into(),
            ),
            Self::NameInBody { .. } => {
                Some("write it without double quotes in the body, or give the tenants' schemas a prefix".into())
            }
            Self::LabelsOnly { source, .. } => source.hint(),
            Self::RowsInTheWay { .. } => Some(
                "plan shows a query that finds them; repair them, or declare \"backfill\" or \"using\" where \
                 that is what they need"
                    .into(),
            ),
            Self::RowsNotCounted { .. } => Some(
                "without --require-clean they are not needed to be counted; --check-rows gives more time".into(),
            ),
            Self::Stale { .. } => Some("make a new plan and review it".into()),
            Self::Busy { .. } => Some(
                "wait for that session or end it with pg_terminate_backend; --lock-timeout and \
                 --attempts make the tool wait longer"
                    .into(),
            ),
            Self::CommitUnknown { .. } => {
                Some("run apply again: it finds out, and does what is still to do".into())
            }
            Self::HomeUnknown { .. } => Some("bring that server back, or try again".into()),
            Self::Misplaced { .. } => Some(
                "the tenant must have one schema, on the server that the registry names".into(),
            ),
            Self::Name(_) | Self::Hold(_) => None,
        }
    }

    fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Step { source, .. } => source.source.sqlstate(),
            Self::LabelsOnly { source, .. } => source.sqlstate(),
            _ => self.pg().and_then(PgError::sqlstate),
        }
    }
}

impl ReconcileError {
    /// How many statements were committed before it.
    #[must_use]
    pub fn committed(&self) -> usize {
        match self {
            Self::LabelsOnly { labels, .. } => labels.len(),
            _ => 0,
        }
    }

    fn pg(&self) -> Option<&PgError> {
        match self {
            Self::Pg(error) | Self::Introspect(IntrospectError::Pg(error)) => Some(error),
            Self::Elaborate(error) => error.pg(),
            _ => None,
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        match self {
            Self::Step { source, .. } => source.source.is_lost(),
            _ => self.pg().is_some_and(PgError::is_lost),
        }
    }

    /// Whether a retry may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            // Somebody has created what did not exist when the schema was read: read it again.
            Self::Step { source, .. }
                if matches!(source.source.sqlstate(), Some("42P06" | "42P07" | "42723")) =>
            {
                true
            }
            Self::Step { source, .. } => source.source.is_transient(),
            _ => self.pg().is_some_and(PgError::is_transient),
        }
    }

    /// "unsafe use of new value of enum type": the label is too new to be used.
    pub(super) fn is_unsafe_label(&self) -> bool {
        self.sqlstate() == Some("55P04")
    }
}
