//! Why a manifest could not be elaborated.

use crate::explain::Explain;
use crate::manifest::Position;
use crate::name::{Ident, printable};
use crate::pg::{IntrospectError, PgError};

/// Why a manifest could not be elaborated.
#[derive(Debug, thiserror::Error)]
pub enum ElaborateError {
    #[error("{}the server refuses what the manifest declares: {object}", place(.at.as_ref()))]
    Refused {
        at: Option<Position>,
        object: String,
        #[source]
        source: PgError,
    },
    #[error("the manifest's desired state cannot be elaborated on this server")]
    Server(#[source] PgError),
    #[error("the manifest's desired state cannot be elaborated on this server, which is read-only")]
    ReadOnly(#[source] PgError),
    #[error(transparent)]
    Introspect(#[from] IntrospectError),
    #[error(
        "{}the manifest declares {object}, but the server makes something else of it: {reason}",
        place(.at.as_ref())
    )]
    Unfaithful { at: Option<Position>, object: String, reason: String },
    #[error(
        "{}{object} stands in the SQL files, and cannot be declared: it is not modelled, so no tenant could be compared \
         with it",
        place(.at.as_ref())
    )]
    Unmodelled { at: Option<Position>, object: String },
    #[error(
        "what the SQL files declare uses {object}, which is not the tenant's: with schema = {:?} under [sql], that \
         schema's name stands for the tenant's",
        schema.as_str()
    )]
    Stray { schema: Ident, object: String },
    #[error(
        "{}materialized view {view} is to be filled, but reads {other}, which is not: populated = false",
        place(.at.as_ref())
    )]
    NotPopulated { at: Option<Position>, view: Ident, other: Ident },
    #[error("{at}: extension {name} is required{}", missing(.wanted.as_ref(), .found.as_deref()))]
    Extension { at: Position, name: Ident, wanted: Option<Ident>, found: Option<String> },
    #[error(
        "{at}: the name of type {name} is also that of one of the server's own types, which would \
         hide it"
    )]
    Hidden { at: Position, name: Ident },
    #[error(
        "{}the schema's name stands in a text constant of {object}, where it is no name any more",
        place(.at.as_ref())
    )]
    NameAsText { at: Option<Position>, object: String },
    #[error("{at}: {reason}")]
    Grant { at: Position, reason: String },
    #[error("{at}: {reason}")]
    Rename { at: Position, reason: String },
    #[error(
        "{at}: {object} of table {table} uses {feature}, which came with PostgreSQL {since}; this \
         server is {version}"
    )]
    TooOld {
        at: Position,
        table: Ident,
        object: Ident,
        feature: &'static str,
        since: i32,
        version: String,
    },
}

/// What to do where no schema can be created.
const ELSEWHERE: &str = "let another server of the same version and extensions elaborate the manifest: \
                         --elaborate-url or PROVISION_ELABORATE_URL";

/// Where an extension is not.
fn missing(wanted: Option<&Ident>, found: Option<&str>) -> String {
    match (wanted, found) {
        (Some(wanted), Some(found)) => {
            format!(" in schema {wanted}, and this database has it in schema {}", printable(found))
        }
        _ => ", and this database does not have it".to_owned(),
    }
}

/// The position in front of a message, where it is known.
fn place(at: Option<&Position>) -> String {
    at.map(|at| format!("{at}: ")).unwrap_or_default()
}

impl Explain for ElaborateError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused { source, .. } if source.is_lost() => "connection-lost",
            Self::Refused { .. }
            | Self::Hidden { .. }
            | Self::Unmodelled { .. }
            | Self::Stray { .. }
            | Self::NotPopulated { .. }
            | Self::NameAsText { .. }
            | Self::Grant { .. }
            | Self::Rename { .. }
            | Self::TooOld { .. } => "manifest-refused",
            Self::Server(source) | Self::ReadOnly(source) => source.code(),
            Self::Introspect(source) => source.code(),
            Self::Unfaithful { .. } => "manifest-unfaithful",
            Self::Extension { .. } => "extension-missing",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::ReadOnly(_) => {
                Some(format!("it is a standby, or somebody has made it read-only; {ELSEWHERE}"))
            }
            Self::Server(source) if source.sqlstate() == Some("42501") => {
                Some(format!("this role may not create a schema here; {ELSEWHERE}"))
            }
            Self::Refused { at: Some(at), source, .. } if at.file.ends_with(".sql") => match source
                .sqlstate()
            {
                Some("42704" | "42P01" | "42883") => Some(
                    "names without a schema are those of the tenant's schema and of the server; \
                         write the schema before any other, and create roles first"
                        .into(),
                ),
                _ => source.hint(),
            },
            Self::Refused { source, .. } | Self::Server(source) => source.hint(),
            Self::Introspect(source) => source.hint(),
            Self::Unfaithful { .. } => {
                Some("give each property its own key; a type or expression stands alone".into())
            }
            Self::NameAsText { .. } => Some(
                "it would be another value in each tenant, which cannot be compared; to name an \
                 object, write {schema}.name, or '{schema}.name'::regclass"
                    .into(),
            ),
            Self::Unmodelled { .. } => {
                Some("take it out of the files; docs/manifest.md lists what can be declared".into())
            }
            Self::Extension { found: Some(_), .. } => {
                Some("require it in the schema that it is in".into())
            }
            Self::Extension { name, wanted, .. } => {
                let schema =
                    wanted.as_ref().map(|wanted| format!(" WITH SCHEMA {}", wanted.quoted()));
                Some(format!(
                    "run there, once for all tenants: CREATE EXTENSION {}{};",
                    name.quoted(),
                    schema.unwrap_or_default()
                ))
            }
            Self::Stray { .. } => Some(
                "write the name in a form in which it is recognized, such as {schema}.name or \
                 '{schema}.name'::regclass"
                    .into(),
            ),
            Self::NotPopulated { .. } => Some("fill both, or give both populated = false".into()),
            Self::Hidden { .. } => Some("give the type another name".into()),
            Self::Grant { .. } | Self::Rename { .. } => None,
            Self::TooOld { .. } => Some("declare it without, or upgrade the server".into()),
        }
    }
}

impl ElaborateError {
    /// The error of the server, if there is one.
    #[must_use]
    pub fn pg(&self) -> Option<&PgError> {
        match self {
            Self::Refused { source, .. }
            | Self::Server(source)
            | Self::ReadOnly(source)
            | Self::Introspect(IntrospectError::Pg(source)) => Some(source),
            _ => None,
        }
    }
}
