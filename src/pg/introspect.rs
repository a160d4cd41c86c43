//! Reads one schema of a server into the model; see `members.sql`, `visible.sql` and
//! `introspect.sql`.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;

use super::assemble::assemble;
use super::error::PgError;
use super::rows::{ConstraintRow, MemberRow, RelationRow, Rows};
use super::session::{Answers, Session, column, set_local};
use super::state;
use super::untrusted::HAS_STRANGERS;
use crate::name::{Ident, SchemaName, Text};
use crate::render::TRUSTED_ROLES;
use crate::schema::Schema;

const VISIBLE: &str = include_str!("visible.sql");
const MEMBERS: &str = include_str!("members.sql");

/// The statements of `introspect.sql` by name.
static PARTS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let parts = include_str!("introspect.sql").split("\n-- [").skip(1);
    parts.filter_map(|part| part.split_once("]\n")).map(|(n, sql)| (n, stripped(sql))).collect()
});

/// Without comments and indentation: the server reads it for each tenant anew.
pub(super) fn stripped(sql: &str) -> String {
    let lines = sql.lines().map(str::trim_start).filter(|line| !line.starts_with("--"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Columns of the catalog that younger servers have: the version that brought them, what stands
/// for them in the script, and they themselves.
const SINCE: [(i32, &str, &str); 3] = [
    (150_000, "/* confdelsetcols */ NULL::int2[]", "k.confdelsetcols"),
    (150_000, "/* indnullsnotdistinct */ false", "i.indnullsnotdistinct"),
    (180_000, "/* conperiod */ false", "k.conperiod"),
];

/// What the server keeps in `pg_attribute.attoptions` for itself: nobody can set it, `pg_dump` does
/// not write it, and it differs from table to table. `pg_attver` came with the minor releases of
/// November 2026.
const KEPT_OPTIONS: [&str; 1] = ["pg_attver"];

/// What people set there (PostgreSQL manual, ALTER TABLE, `SET (…)`); the parameters
/// of operator classes, which the attributes of indexes have, are told by the index.
const KNOWN_OPTIONS: [&str; 2] = ["n_distinct", "n_distinct_inherited"];

/// Why a schema cannot be looked at, or must not be touched.
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

impl IntrospectError {
    /// Stable identifier for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pg(error) => error.code(),
            Self::Hidden { .. } => "permission-denied",
            Self::AlienState { .. } | Self::ForeignState { .. } => "alien-state-table",
            Self::EventTrigger { .. } => "event-trigger",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
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

/// What lives in a schema, before it is looked at closely.
pub(super) struct Members {
    relations: Vec<RelationRow>,
    ids: MemberRow,
}

/// The statements that ask for the members of `schema`, to be sent inside a transaction.
pub(super) fn members_script(schema: &SchemaName) -> String {
    set_local("provision.schema", &Text::from(schema.ident())) + MEMBERS
}

/// The answer to [`members_script`].
pub(super) fn members(schema: &SchemaName, answers: &Answers) -> Result<Members, PgError> {
    let sections = Sections::new(schema, answers);
    let ids = sections.get("members")?.into_iter().next();
    Ok(Members { relations: sections.get("relations")?, ids: ids.unwrap_or_default() })
}

/// The statements that read the members, to be sent in the same transaction; of what there is
/// none, nothing is asked.
pub(super) fn details_script(members: &Members, version_number: i32) -> String {
    let has_tables = members.relations.iter().any(|r| r.kind == 'r');
    let is_needed = |name: &str| match name {
        "columns" | "constraints" | "indexes" | "opclasses" => has_tables,
        "enums" => !members.ids.types.is_empty(),
        "sequences" => members.relations.iter().any(|r| r.kind == 'S'),
        "unmodelled" => !(members.ids.types.is_empty() && members.ids.others.is_empty()),
        "externals" | "operators" => false,
        _ => true,
    };
    parts_script(members, version_number, is_needed)
}

/// The statements for what few schemas have, as the answers to [`details_script`] show; empty for
/// most.
fn rarities_script(
    schema: &SchemaName,
    members: &Members,
    version_number: i32,
    answers: &Answers,
) -> Result<String, PgError> {
    let constraints: Vec<ConstraintRow> = Sections::new(schema, answers).get("constraints")?;
    // Of its own relations, only ordinary tables are modelled; the key may point to a partitioned one.
    let is_ours = |oid| members.relations.iter().any(|r| r.oid == oid && r.kind == 'r');
    let is_needed = |name: &str| match name {
        "externals" => constraints.iter().any(|c| c.kind == 'f' && !is_ours(c.foreign_table)),
        "operators" => constraints.iter().any(|c| c.kind == 'x'),
        _ => false,
    };
    Ok(parts_script(members, version_number, is_needed))
}

/// The script with the columns that a server of this version has, and the names of options.
pub(super) fn for_version(script: &str, version_number: i32) -> String {
    let known = SINCE.iter().filter(|(since, ..)| version_number >= *since);
    let names = |names: &[&str]| format!("'{{{}}}'::text[]", names.join(","));
    known
        .fold(script.to_owned(), |script, (_, default, column)| script.replace(default, column))
        .replace(":has_strangers", HAS_STRANGERS)
        .replace(":trusted_roles", TRUSTED_ROLES)
        .replace(":kept_options", &names(&KEPT_OPTIONS))
        .replace(":known_options", &names(&KNOWN_OPTIONS))
}

/// Whether this tool knows what the option of a column means.
pub(super) fn is_known_option(name: &str) -> bool {
    KNOWN_OPTIONS.contains(&name)
}

fn parts_script(
    members: &Members,
    version_number: i32,
    is_needed: impl Fn(&str) -> bool,
) -> String {
    let mut script = String::new();
    for (_, sql) in PARTS.iter().filter(|(name, _)| is_needed(name)) {
        script.push_str(sql);
    }
    let of_kind = |kind: Option<char>| {
        let found = members.relations.iter().filter(|r| kind.is_none_or(|kind| r.kind == kind));
        found.map(|r| r.oid).collect::<Vec<_>>()
    };
    let (tables, relations) = (of_kind(Some('r')), of_kind(None));
    let types = &members.ids.types;
    let others: Vec<i64> = types.iter().chain(&members.ids.others).copied().collect();
    let oids = |oids: &[i64]| {
        let oids: Vec<String> = oids.iter().map(ToString::to_string).collect();
        format!("'{{{}}}'::oid[]", oids.join(","))
    };
    for_version(&script, version_number)
        .replace(":tables", &oids(&tables))
        .replace(":relations", &oids(&relations))
        .replace(":types", &oids(types))
        .replace(":others", &oids(&others))
        .replace(":namespace", &members.ids.namespace.to_string())
}

/// Reads `schema` within the transaction that the session is in.
pub(super) async fn introspect(
    session: &mut Session,
    schema: &SchemaName,
) -> Result<Schema, IntrospectError> {
    let answers = session.run(&reading(schema), &members_script(schema)).await?;
    let members = members(schema, &answers)?;
    let script = details_script(&members, session.server.version_number);
    let answers = session.run(&reading(schema), &script).await?;
    parse(session, schema, members, answers).await
}

/// Puts the answers to [`details_script`] together, after asking for what they show to be needed;
/// answers to other statements are ignored.
pub(super) async fn parse(
    session: &mut Session,
    schema: &SchemaName,
    members: Members,
    mut answers: Answers,
) -> Result<Schema, IntrospectError> {
    let version_number = session.server.version_number;
    let script = rarities_script(schema, &members, version_number, &answers)?;
    if !script.is_empty() {
        answers.extend(session.run(&reading(schema), &script).await?);
    }
    let sections = Sections::new(schema, &answers);
    let rows = Rows {
        relations: members.relations,
        columns: sections.get("columns")?,
        constraints: sections.get("constraints")?,
        externals: sections.get("externals")?,
        operators: sections.get("operators")?,
        indexes: sections.get("indexes")?,
        opclasses: sections.get("opclasses")?,
        enums: sections.get("enums")?,
        sequences: sections.get("sequences")?,
        comments: sections.get("comments")?,
        hooks: sections.get("hooks")?,
        unmodelled: sections.get("unmodelled")?,
    };
    assemble(schema, rows)
        .map_err(|reason| PgError::Answer { doing: sections.doing.clone(), reason }.into())
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
        // A part that was not asked for has no rows.
        let Some(row) = self.answers.iter().flatten().find(is_it) else {
            return Ok(Vec::new());
        };
        let json: &str = column(row, "rows", &self.doing)?;
        serde_json::from_str(json).map_err(|error| answer(format!("section {section}: {error}")))
    }
}

/// A table that the role may not see is not missing: that is an error, with the grant it takes.
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

/// A function that every statement would run is an error if nobody who is trusted owns it, or if it
/// lives in the tenant's own schema.
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
