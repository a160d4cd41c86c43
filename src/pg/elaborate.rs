//! The desired state in the server's own words: the manifest is made in a scratch schema, read
//! there by the code that reads tenants, and rolled back. Equal things are thus spelled equally,
//! whoever wrote them and however.

use std::collections::BTreeSet;

use super::culprit::{self, Culprit, Scratch};
use super::error::PgError;
use super::introspect::{self, IntrospectError};
use super::session::{Access, Limits, ServerInfo, Session, begin};
use super::untrusted::used;
use crate::diff::Missing;
use crate::manifest::{
    ColumnValue, ConstraintDecl, ConstraintDef, ForeignKeyDecl, IndexDecl, Manifest, Position,
    TableDecl, TableRef,
};
use crate::name::{Ident, SchemaName, TenantId};
use crate::plan::{self, Code};
use crate::schema::{Constraint, ForeignKey, MatchType, Rule, Schema, Table, UNKNOWN_OPTION};
use crate::step::Step;

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
        "{at}: the name of enum {name} is also that of one of the server's own types, which would \
         hide it"
    )]
    Hidden { at: Position, name: Ident },
    #[error(
        "{}the schema's name stands in a text constant of {object}, where it is no name any more",
        place(.at.as_ref())
    )]
    NameAsText { at: Option<Position>, object: String },
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

/// What to do where no schema can be made.
const ELSEWHERE: &str = "let another server of the same version and extensions elaborate the manifest: \
                         --elaborate-url or PROVISION_ELABORATE_URL";

/// In front of a message, where it is known.
fn place(at: Option<&Position>) -> String {
    at.map(|at| format!("{at}: ")).unwrap_or_default()
}

impl ElaborateError {
    /// Stable identifier for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { source, .. } if source.is_lost() => "connection-lost",
            Self::Refused { .. }
            | Self::Hidden { .. }
            | Self::NameAsText { .. }
            | Self::TooOld { .. } => "manifest-refused",
            Self::Server(source) | Self::ReadOnly(source) => source.code(),
            Self::Introspect(source) => source.code(),
            Self::Unfaithful { .. } => "manifest-unfaithful",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ReadOnly(_) => {
                Some(format!("it is a standby, or somebody has made it read-only; {ELSEWHERE}"))
            }
            Self::Server(source) if source.sqlstate() == Some("42501") => {
                Some(format!("this role may not create a schema here; {ELSEWHERE}"))
            }
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
            Self::Hidden { .. } => Some("give the type another name".into()),
            Self::TooOld { .. } => Some("declare it without, or upgrade the server".into()),
        }
    }

    /// What the server said, if it did.
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

/// What a manifest comes to on a server.
#[derive(Debug)]
pub struct Elaborated {
    pub schema: Schema,
    /// Functions and types outside of the schema that what is declared runs.
    pub used: BTreeSet<Code>,
}

/// Elaborates `manifest`. Nothing outside the scratch schema is locked, and nothing remains.
///
/// # Errors
/// When the server refuses a declaration, or the role may not create a schema.
pub async fn elaborate(
    session: &mut Session,
    manifest: &Manifest,
    limits: Limits,
) -> Result<Elaborated, ElaborateError> {
    check_version(manifest, &session.server)?;
    let scratch = SchemaName::scratch();
    let result = elaborate_in(session, manifest, &scratch, limits).await;
    let rolled_back = session.rollback().await;
    let (mut schema, used) = result?;
    rolled_back.map_err(ElaborateError::Server)?;
    add_external_keys(manifest, &mut schema);
    check_faithful(manifest, &schema)?;
    Ok(Elaborated { schema, used })
}

/// What older servers would call a syntax error, or find only when a tenant is made.
fn check_version(manifest: &Manifest, server: &ServerInfo) -> Result<(), ElaborateError> {
    if server.version_number >= 150_000 {
        return Ok(());
    }
    for table in &manifest.tables {
        let of_constraint = |decl: &ConstraintDecl| match &decl.definition {
            ConstraintDef::Unique(key) if !key.nulls_distinct => Some("NULLS NOT DISTINCT"),
            ConstraintDef::ForeignKey(key) if !key.on_delete_columns.is_empty() => {
                Some("ON DELETE with a list of columns")
            }
            _ => None,
        };
        let of_index = |decl: &IndexDecl| (!decl.nulls_distinct).then_some("NULLS NOT DISTINCT");
        let constraints = table.constraints.iter();
        let constraints = constraints.map(|c| (&c.position, &c.name, of_constraint(c)));
        let indexes = table.indexes.iter().map(|i| (&i.position, &i.name, of_index(i)));
        let mut all = constraints.chain(indexes);
        if let Some((at, name, feature)) = all.find_map(|(at, name, f)| Some((at, name, f?))) {
            return Err(ElaborateError::TooOld {
                at: at.clone(),
                table: table.name.clone(),
                object: name.ident.clone(),
                feature,
                since: 15,
                version: server.version.clone(),
            });
        }
    }
    Ok(())
}

async fn elaborate_in(
    session: &mut Session,
    manifest: &Manifest,
    name: &SchemaName,
    limits: Limits,
) -> Result<(Schema, BTreeSet<Code>), ElaborateError> {
    let start = begin(Access::Write, limits)
        + "SELECT typname::text AS name FROM pg_type \
           WHERE typnamespace = 'pg_catalog'::regnamespace;";
    let answers = session.run("starting", &start).await.map_err(not_started)?;
    if session.server.citus {
        session.run("starting", &alone()).await.map_err(ElaborateError::Server)?;
    }
    introspect::check_event_triggers(session, name).await?;
    for row in answers.last().into_iter().flatten() {
        let taken: &str =
            super::session::column(row, "name", "starting").map_err(ElaborateError::Server)?;
        if let Some(decl) = manifest.enums.iter().find(|decl| decl.name.as_str() == taken) {
            let (at, name) = (decl.position.clone(), decl.name.clone());
            return Err(ElaborateError::Hidden { at, name });
        }
    }
    let missing = everything_but_external_keys(manifest);
    let tenant = TenantId::nobody();
    let scratch = Scratch { manifest, schema: name, tenant: &tenant, limits };
    let mut steps = plan::steps(manifest, &missing);
    steps.retain(|step| !matches!(step, Step::Comment { .. }));
    for (at, step) in steps.iter().enumerate() {
        let Err(source) = scratch.run(session, step).await else {
            continue;
        };
        if let Step::CreateSchema = step {
            return Err(not_made(source));
        }
        let before = steps.get(..at).unwrap_or_default();
        let found = culprit::find(session, scratch, before, step, source).await;
        let Culprit { position, object, source } = found;
        return Err(ElaborateError::Refused { at: position, object: object.to_string(), source });
    }
    let schema = introspect::introspect(session, name).await?;
    check_names(manifest, &schema, name)?;
    let used = used(session, name).await.map_err(ElaborateError::Server)?;
    Ok((schema, used))
}

/// A standby does not let a transaction begin that may write.
fn not_started(error: PgError) -> ElaborateError {
    match error.sqlstate() {
        Some("0A000") => ElaborateError::ReadOnly(error),
        _ => not_made(error),
    }
}

fn not_made(error: PgError) -> ElaborateError {
    match error.sqlstate() {
        Some("25006") => ElaborateError::ReadOnly(error),
        _ => ElaborateError::Server(error),
    }
}

/// Settings of Citus that keep the scratch schema on this node: what is rolled back in the end need
/// not be made on every worker first. Which of them there are depends on the version of Citus.
const ALONE: [&str; 3] = [
    "citus.enable_ddl_propagation",
    "citus.enable_schema_based_sharding",
    "citus.use_citus_managed_tables",
];

fn alone() -> String {
    format!(
        "SELECT set_config(s.name, 'off', true) FROM unnest('{{{}}}'::text[]) AS s(name) \
         WHERE current_setting(s.name, true) IS NOT NULL;\n",
        ALONE.join(",")
    )
}

/// Names are neutral by now: the server prints those of the schema's own objects without it. Where
/// the schema's name is left, it is part of a value.
fn check_names(
    manifest: &Manifest,
    schema: &Schema,
    scratch: &SchemaName,
) -> Result<(), ElaborateError> {
    let check = |at: Option<Position>, object: String, part: &dyn std::fmt::Debug| {
        if format!("{part:?}").contains(scratch.as_str()) {
            Err(ElaborateError::NameAsText { at, object })
        } else {
            Ok(())
        }
    };
    for (table_name, table) in &schema.tables {
        let decl = manifest.tables.iter().find(|decl| decl.name == *table_name);
        for (name, column) in &table.columns {
            let decl = decl.and_then(|decl| decl.columns.iter().find(|c| c.name == *name));
            let at = decl.map(culprit::value_position);
            check(at, format!("column {table_name}.{name}"), column)?;
        }
        for (name, constraint) in &table.constraints {
            let mut all = decl.iter().flat_map(|decl| &decl.constraints);
            let at = all.find(|c| c.name.ident == *name).map(culprit::constraint_position);
            check(at, format!("constraint {name} of table {table_name}"), constraint)?;
        }
        for (name, index) in &table.indexes {
            let mut all = decl.iter().flat_map(|decl| &decl.indexes);
            let at = all.find(|i| i.name.ident == *name).map(|i| i.position.clone());
            check(at, format!("index {name} of table {table_name}"), index)?;
        }
    }
    Ok(())
}

/// Keys to tables outside of the schema are left out: making them would lock those tables. They
/// consist of names and words only, so nothing of them is the server's to spell.
fn everything_but_external_keys(manifest: &Manifest) -> Vec<Missing<'_>> {
    let mut missing = crate::diff::everything(manifest);
    for entry in &mut missing {
        if let Missing::Table(table) = entry {
            table.constraints.retain(|c| external_key(&c.decl.definition).is_none());
        }
    }
    missing
}

fn external_key(definition: &ConstraintDef) -> Option<(&ForeignKeyDecl, &Ident, &Ident)> {
    match definition {
        ConstraintDef::ForeignKey(key) => match &key.references {
            TableRef::External { schema, table } => Some((key, schema, table)),
            TableRef::Tenant(_) => None,
        },
        _ => None,
    }
}

fn add_external_keys(manifest: &Manifest, schema: &mut Schema) {
    for table in &manifest.tables {
        for decl in &table.constraints {
            let Some((key, foreign_schema, foreign_table)) = external_key(&decl.definition) else {
                continue;
            };
            let mut on_delete_columns = key.on_delete_columns.clone();
            on_delete_columns.sort();
            let rule = Rule::ForeignKey(ForeignKey {
                columns: key.columns.clone(),
                schema: Some(foreign_schema.clone()),
                table: foreign_table.clone(),
                referenced_columns: key.referenced_columns.clone(),
                match_type: if key.match_full { MatchType::Full } else { MatchType::Simple },
                on_update: key.on_update,
                on_delete: key.on_delete,
                on_delete_columns,
            });
            let constraint =
                Constraint { rule, deferral: key.deferral, validated: true, comment: None };
            if let Some(table) = schema.tables.get_mut(&table.name) {
                table.constraints.insert(decl.name.ident.clone(), constraint);
            }
        }
    }
}

/// What the server made must be what was declared, no more and no less: an SQL fragment that
/// smuggled something in is found out here.
fn check_faithful(manifest: &Manifest, schema: &Schema) -> Result<(), ElaborateError> {
    if let Some(other) = schema.unmodelled.iter().find(|other| other.kind != UNKNOWN_OPTION) {
        return Err(unfaithful(None, "nothing of the kind", &format!("{other} appeared")));
    }
    for decl in &manifest.tables {
        let Some(table) = schema.tables.get(&decl.name) else {
            let object = format!("table {}", decl.name);
            return Err(unfaithful(Some(&decl.position), &object, "it was not made"));
        };
        check_table(decl, table)?;
    }
    if schema.tables.len() != manifest.tables.len()
        || schema.enums.len() != manifest.enums.len()
        || manifest.sequences.iter().any(|decl| !schema.sequences.contains_key(&decl.name))
    {
        return Err(unfaithful(None, "its tables and types", "others were made"));
    }
    Ok(())
}

fn check_table(decl: &TableDecl, table: &Table) -> Result<(), ElaborateError> {
    let object = format!("table {}", decl.name);
    for column in &decl.columns {
        let object = format!("column {}.{}", decl.name, column.name);
        let Some(is) = table.columns.get(&column.name) else {
            return Err(unfaithful(Some(&column.position), &object, "it was not made"));
        };
        let agrees = match &column.value {
            // `serial` brings a default along.
            ColumnValue::None | ColumnValue::Default(_) => {
                is.generated.is_none() && is.identity.is_none()
            }
            ColumnValue::Identity { always, .. } => {
                is.identity.as_ref().is_some_and(|identity| identity.always == *always)
            }
            ColumnValue::Generated(_) => is.generated.is_some(),
        };
        if !agrees || (!column.nullable && is.nullable) {
            let at = Some(&column.position);
            return Err(unfaithful(at, &object, "its value or its null does not agree"));
        }
    }
    if table.columns.len() != decl.columns.len() {
        return Err(unfaithful(Some(&decl.position), &object, "it has other columns"));
    }
    let has_all = decl.constraints.iter().all(|c| table.constraints.contains_key(&c.name.ident))
        && decl.indexes.iter().all(|i| table.indexes.contains_key(&i.name.ident));
    if !has_all
        || table.constraints.len() != decl.constraints.len()
        || table.indexes.len() != decl.indexes.len()
    {
        let at = Some(&decl.position);
        return Err(unfaithful(at, &object, "it has other constraints or indexes"));
    }
    Ok(())
}

fn unfaithful(at: Option<&Position>, object: &str, reason: &str) -> ElaborateError {
    let (at, object, reason) = (at.cloned(), object.to_owned(), reason.to_owned());
    ElaborateError::Unfaithful { at, object, reason }
}
