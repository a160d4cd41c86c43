//! Reads one schema of a server, by the statements that [`kinds`] puts together.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;

use super::answers::{Answers, column};
use super::error::PgError;
use super::session::{Session, set_local};
use super::state;
use crate::catalog::Catalog;
use crate::explain::Explain;
use crate::kinds::{self, Members, Reading};
use crate::name::{Ident, SchemaName, Text};
use crate::settings::TRUSTED_ROLES;

const VISIBLE: &str = include_str!("visible.sql");

/// Why a schema cannot be read, or must not be touched.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectError {
    #[error(transparent)]
    Pg(#[from] PgError),
    #[error("role {role} may not read {object}")]
    Hidden { role: Ident, object: String, grant: String },
    #[error(
        "the table {schema}._provision_state belongs to role {owner}, who is not trusted with what \
         role {role} writes"
    )]
    ForeignState { schema: SchemaName, owner: Ident, role: Ident },
    #[error("the table {}._provision_state is not what this tool made: {reason}", schema.quoted())]
    AlienState { schema: SchemaName, reason: String },
    #[error("event trigger {trigger} runs {function}, which belongs to {owner}")]
    EventTrigger { trigger: Ident, function: String, owner: Ident },
}

impl Explain for IntrospectError {
    fn code(&self) -> &'static str {
        match self {
            Self::Pg(error) => error.code(),
            Self::Hidden { .. } => "permission-denied",
            Self::AlienState { .. } | Self::ForeignState { .. } => "alien-state-table",
            Self::EventTrigger { .. } => "event-trigger",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Pg(error) => error.hint(),
            Self::Hidden { grant, .. } => Some(format!("as the owner, run: {grant}")),
            Self::AlienState { .. } => Some(
                "find out who made or altered it; once it is renamed (ALTER TABLE … RENAME TO …), \
                 the next apply makes a new one"
                    .into(),
            ),
            Self::ForeignState { schema, owner, role } => Some(format!(
                "if {owner} is a role of yours, name it in [trust] owners of the manifest, or run: \
                 ALTER TABLE {} OWNER TO {}; otherwise find out who made the table. Schema {schema} \
                 can be compared all the same: plan, drift and status only read",
                state::table(schema),
                role.quoted()
            )),
            Self::EventTrigger { trigger, .. } => Some(format!(
                "statements would run it with the rights of this session; as a superuser, run: ALTER \
                 EVENT TRIGGER {} DISABLE, or let its function belong to somebody who is trusted \
                 ([trust] owners in the manifest) and live outside of the tenants' schemas",
                trigger.quoted()
            )),
        }
    }
}

/// Reads `schema` within the transaction that the session is in.
///
/// # Errors
/// When a query fails; with [`PgError::Answer`] when the schema is changed meanwhile.
pub(super) async fn introspect(
    session: &mut Session,
    schema: &SchemaName,
    reading: Reading,
) -> Result<Catalog, PgError> {
    let doing = self::reading(schema);
    let script = kinds::members_script(schema, state::TABLE, &session.unmanaged);
    let answers = session.run(&doing, &script).await?;
    let members: Vec<Members> = Sections::new(schema, &answers).get("members")?;
    let members = members.into_iter().next().unwrap_or_default();
    let version_number = session.server.version_number;
    let script = kinds::details_script(&members, schema, reading, version_number);
    let answers = session.run(&doing, &script).await?;
    let sections = Sections::new(schema, &answers);
    let answer = |reason| PgError::Answer { doing: doing.clone(), reason };
    kinds::parse(|section| sections.get(section).map(serde_json::Value::Array), answer)
}

fn reading(schema: &SchemaName) -> String {
    format!("reading schema {schema}")
}

/// The JSON that each section of a script answers with.
pub(super) struct Sections<'a> {
    answers: &'a Answers,
    doing: String,
}

impl<'a> Sections<'a> {
    pub(super) fn new(schema: &SchemaName, answers: &'a Answers) -> Self {
        Self { answers, doing: reading(schema) }
    }

    pub(super) fn get<T: DeserializeOwned>(&self, section: &str) -> Result<Vec<T>, PgError> {
        let is_it = |row: &&PgRow| {
            sqlx::Row::try_get::<&str, _>(*row, "section").is_ok_and(|name| name == section)
        };
        let answer = |reason| PgError::Answer { doing: self.doing.clone(), reason };
        // A part that was not requested has no rows.
        let Some(row) = self.answers.iter().flatten().find(is_it) else {
            return Ok(Vec::new());
        };
        let json: &str = column(row, "rows", &self.doing)?;
        serde_json::from_str(json).map_err(|error| answer(format!("section {section}: {error}")))
    }
}

/// A table that is hidden from the role is not missing: that is an error, which names the required grant.
pub(super) async fn check_visible(
    session: &mut Session,
    schema: &SchemaName,
) -> Result<(), IntrospectError> {
    let script = set_local("provision.schema", &Text::from(schema.ident())) + VISIBLE;
    let answers = session.run(&reading(schema), &script).await?;
    let role = &session.server.role;
    let hidden: Vec<HiddenRow> = Sections::new(schema, &answers).get("hidden")?;
    match hidden.into_iter().next() {
        None => Ok(()),
        Some(HiddenRow { table }) => Err(IntrospectError::Hidden {
            role: role.clone(),
            object: format!("table {schema}.{table}"),
            grant: format!("GRANT SELECT ON {} TO {}", schema.qualify(&table), role.quoted()),
        }),
    }
}

/// A function of an event trigger, which any statement may run, is an error if its owner is untrusted, or if
/// it is in the tenant's own schema.
pub(super) async fn check_event_triggers(
    session: &mut Session,
    schema: &SchemaName,
) -> Result<(), IntrospectError> {
    let script = format!(
        "SELECT e.evtname::text AS name, p.oid::regprocedure::text AS function, \
         pg_get_userbyid(p.proowner)::text AS owner, (n.nspname = {0})::text AS is_tenants \
         FROM pg_event_trigger e \
         JOIN pg_proc p ON p.oid = e.evtfoid \
         JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE e.evtenabled <> 'D' AND (n.nspname = {0} \
         OR p.proowner <> ALL ({TRUSTED_ROLES})) ORDER BY 1;",
        Text::from(schema.ident()).literal()
    );
    let doing = reading(schema);
    let answers = session.run(&doing, &script).await?;
    for row in answers.iter().flatten() {
        let text = |name| column::<&str>(row, name, &doing);
        let owner = text("owner")?;
        if text("is_tenants")? == "true" || !session.trust.covers(owner) {
            let name = |name: &str| {
                Ident::new(name).map_err(|error| PgError::Answer {
                    doing: doing.clone(),
                    reason: error.to_string(),
                })
            };
            return Err(IntrospectError::EventTrigger {
                trigger: name(text("name")?)?,
                function: text("function")?.to_owned(),
                owner: name(owner)?,
            });
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct HiddenRow {
    table: Ident,
}
