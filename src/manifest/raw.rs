//! The structure of `schema.toml`, key by key. Parser and JSON Schema are derived from these types;
//! the values are checked elsewhere.

mod aggregates;
mod constraints;
mod forms;
mod grants;
mod indexes;
mod key;
mod partitions;
mod policies;
mod rewrite;
mod routines;
mod statistics;
mod storage;
mod triggers;
mod types;
mod views;

use indexmap::IndexMap;
use schemars::JsonSchema;

pub(super) use aggregates::{Aggregate, Modify};
pub(super) use constraints::{Action, Check, Exclusion, ForeignKey, Match, References};
pub(super) use forms::{
    Anything, Listed, Name, Names, OneOrMany, Qualified, Scalar, Short, Spanned,
};
pub(super) use grants::{DefaultPrivileges, Grant, LaterObjects, Owner, Privilege};
pub(super) use indexes::{Index, Nulls, Order};
pub(super) use key::KeyForm;
pub(super) use partitions::{Partition, Partitions, partition_names};
pub(super) use policies::{Command, Policy, RowSecurity};
pub(super) use rewrite::{Rule, RuleEvent};
pub(super) use routines::{Function, Parallel, Procedure, Volatility};
pub(super) use statistics::{Statistics, StatisticsKind};
pub(super) use storage::{Compression, ReplicaIndex, Storage};
pub(super) use triggers::{Enabled, Event, ForEach, Timing, Trigger};
pub(super) use types::{DomainCheck, TypeAttribute, UserType};
pub(super) use views::{CheckOption, MaterializedView, View};

/// What every tenant's schema should hold.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "provision manifest")]
pub(super) struct Manifest {
    /// Version of the format: 1.
    pub(super) version: Spanned<i64>,
    /// Where the tenants are listed, and how their schemas are named.
    pub(super) tenants: Option<Tenants>,
    /// Servers that the tenants are spread over, by name.
    #[serde(default)]
    pub(super) servers: IndexMap<Name, Server>,
    /// Whose code may be run.
    #[serde(default)]
    pub(super) trust: Trust,
    /// What counts as drift.
    #[serde(default)]
    pub(super) drift: Drift,
    /// Changes beyond additions that are allowed for a while.
    #[serde(default)]
    pub(super) allow: Vec<Allow>,
    /// Extensions that the database must have.
    #[serde(default)]
    pub(super) requires: Vec<Spanned<Short<Requirement>>>,
    /// Enums, domains, composite types and range types, by name.
    #[serde(default)]
    pub(super) types: IndexMap<Name, UserType>,
    /// Sequences of their own, by name.
    #[serde(default)]
    pub(super) sequences: IndexMap<Name, Sequence>,
    /// Tables, by name.
    #[serde(default)]
    pub(super) tables: IndexMap<Name, Table>,
    /// Views, by name.
    #[serde(default)]
    pub(super) views: IndexMap<Name, View>,
    /// Materialized views, by name.
    #[serde(default)]
    pub(super) materialized_views: IndexMap<Name, MaterializedView>,
    /// Functions, by name; those of one name in a list.
    #[serde(default)]
    pub(super) functions: IndexMap<Name, OneOrMany<Function>>,
    /// Procedures, by name; those of one name in a list.
    #[serde(default)]
    pub(super) procedures: IndexMap<Name, OneOrMany<Procedure>>,
    /// Aggregates, by name; those of one name in a list.
    #[serde(default)]
    pub(super) aggregates: IndexMap<Name, OneOrMany<Aggregate>>,
    /// Privileges that roles are granted.
    #[serde(default)]
    pub(super) grants: Vec<Spanned<Grant>>,
    /// Privileges that roles get on what is created later.
    #[serde(default)]
    pub(super) default_privileges: Vec<Spanned<DefaultPrivileges>>,
    /// Roles that own what is created.
    #[serde(default)]
    pub(super) owners: Vec<Spanned<Owner>>,
    /// Files with declarations in SQL.
    pub(super) sql: Option<Sql>,
    /// Baseline rows.
    #[serde(default)]
    pub(super) seeds: Vec<Spanned<Seed>>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Allow {
    /// `alter`, `rebuild` or `drop`, and the objects, as plans name them: `drop:column clients.fax`; `*` is any text.
    pub(super) change: Name,
    pub(super) reason: Name,
    /// The last day, in UTC: `2027-01-31`.
    pub(super) until: Name,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tenants {
    /// A query with one column: the ids of all tenants. Names in it are qualified
    /// (`public.tenants`).
    pub(super) query: Option<Name>,
    /// The ids of all tenants.
    pub(super) list: Option<Spanned<Names>>,
    /// Whether the tenants are those whose schemas hold this tool's record.
    pub(super) discover: Option<Spanned<bool>>,
    /// The one of `servers` that is queried for all tenants; the query then may have a second column,
    /// `server`, with the name of the server that each lives on. Without `registry`, every server is queried
    /// for its own.
    pub(super) registry: Option<Name>,
    /// Name of a tenant's schema; `{tenant_id}` stands for the id, and is the default.
    pub(super) schema: Option<Name>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// The environment variable that holds the server's URL, so that no secret is in this file.
    pub(super) url_env: Name,
    /// Patterns of the ids that belong on this server, such as `eu-*`; the first server with one
    /// that matches has the tenant.
    #[serde(default)]
    pub(super) tenants: Names,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sql {
    /// Files, or patterns of such (`sql/**/*.sql`), below the manifest's folder; their order does not matter.
    pub(super) files: Spanned<Names>,
    /// The schema whose name stands for the tenant's in the files, such as `public` in what Prisma writes. Names without a
    /// schema are the tenant's anyway.
    pub(super) schema: Option<Name>,
    /// Whether materialized views that the files create WITH NO DATA are filled all the same: `pg_dump` writes that for
    /// each of them. `false`: they are meant to be empty, and `validate` does not mention them.
    pub(super) populate: Option<bool>,
    /// Partitioned tables whose partitions are left to another program.
    #[serde(default)]
    pub(super) unmanaged_partitions: Names,
    /// What objects of the files were called before: the objects as plans name them, such as `"column customers.mobile"`,
    /// with their old names.
    #[serde(default)]
    pub(super) renamed_from: IndexMap<Name, Name>,
}

#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Trust {
    /// Patterns of the names of roles, such as `app_*`, whose functions, types and rules in tenants'
    /// schemas may be run, besides those of superusers and of the role that provision runs as.
    pub(super) owners: Names,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Requirement {
    pub(super) name: Name,
    /// The schema that it must be in.
    pub(super) schema: Option<Name>,
}

#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Drift {
    /// Patterns of extra and unmodelled objects that are not drift, such as `view report_*`; `*` is
    /// any text, `?` one character.
    pub(super) ignore: Names,
    /// Drift that is known, and until when it is accepted: of tenants, of objects, or of objects in one tenant.
    pub(super) exceptions: Vec<Exception>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    /// The only tenant that it is for; without it, `objects` are accepted in all.
    pub(super) tenant: Option<Name>,
    /// Patterns of the objects that may differ in any way, such as `table old_*`; without them, the tenant may
    /// differ in everything.
    #[serde(default)]
    pub(super) objects: Names,
    /// Why.
    pub(super) reason: Name,
    /// The last day on which it is accepted, such as `2027-01-31`.
    pub(super) until: Name,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sequence {
    /// `bigint` if not given.
    #[serde(rename = "type")]
    pub(super) data_type: Option<IntegerType>,
    pub(super) start: Option<i64>,
    pub(super) increment: Option<i64>,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) cache: Option<i64>,
    #[serde(default)]
    pub(super) cycle: bool,
    /// The column with which it is dropped, as `table.column`.
    pub(super) owned_by: Option<Name>,
    /// The name that it had before.
    pub(super) renamed_from: Option<Name>,
    pub(super) comment: Option<Name>,
}

#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum IntegerType {
    Smallint,
    Integer,
    Bigint,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) comment: Option<Name>,
    /// The name that it had before.
    pub(super) renamed_from: Option<Name>,
    /// Not written to the log: fast, and empty after a crash.
    #[serde(default)]
    pub(super) unlogged: bool,
    /// Storage parameters, such as `fillfactor`; those of the TOAST table as `toast.NAME`.
    #[serde(default)]
    pub(super) with: IndexMap<Name, Spanned<Scalar>>,
    /// The access method, if it is not `heap`.
    pub(super) using: Option<Name>,
    /// What identifies a row for logical replication: `full`, `nothing`, or the name of an index.
    pub(super) replica_identity: Option<Spanned<Short<ReplicaIndex>>>,
    /// The index in whose order CLUSTER stores the rows.
    pub(super) cluster_on: Option<Name>,
    /// How the rows are distributed to partitions, as SQL has it: `range (…)`, `list (…)` or `hash (…)`.
    pub(super) partition_by: Option<Name>,
    /// The partitions by name, each with its bound; or `unmanaged`: they are left to another program.
    pub(super) partitions: Option<Spanned<Partitions>>,
    /// Tables whose columns and checks it has beside its own.
    #[serde(default)]
    pub(super) inherits: Names,
    /// The columns in their order: the type alone, or a table of properties.
    pub(super) columns: IndexMap<Name, Spanned<Short<Column>>>,
    /// The columns of the primary key, or a table of its properties.
    pub(super) primary_key: Option<Spanned<KeyForm>>,
    /// Unique constraints: each a column, a list of columns, or a table of properties.
    #[serde(default)]
    pub(super) unique: Vec<Spanned<KeyForm>>,
    /// Check constraints: each an SQL expression, or a table of properties.
    #[serde(default)]
    pub(super) checks: Vec<Spanned<Short<Check>>>,
    #[serde(default)]
    pub(super) foreign_keys: Vec<Spanned<ForeignKey>>,
    /// Exclusion constraints.
    #[serde(default)]
    pub(super) exclusions: Vec<Spanned<Exclusion>>,
    #[serde(default)]
    pub(super) indexes: Vec<Spanned<Index>>,
    /// Extended statistics.
    #[serde(default)]
    pub(super) statistics: Vec<Spanned<Statistics>>,
    #[serde(default)]
    pub(super) triggers: Vec<Spanned<Trigger>>,
    /// Rules that rewrite statements.
    #[serde(default)]
    pub(super) rules: Vec<Spanned<Rule>>,
    /// Whether the policies decide which rows a role sees: not unless given.
    pub(super) row_security: Option<RowSecurity>,
    #[serde(default)]
    pub(super) policies: Vec<Spanned<Policy>>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    /// Any type of the server, or one of this manifest.
    #[serde(rename = "type")]
    pub(super) data_type: Name,
    /// Whether NULL is allowed; the default is `false`.
    #[serde(default)]
    pub(super) null: bool,
    /// SQL expression.
    pub(super) default: Option<Name>,
    /// `always`, `by default`, or a table with options.
    pub(super) identity: Option<Spanned<Short<Identity>>>,
    /// SQL expression of a stored generated column.
    pub(super) generated: Option<Name>,
    pub(super) collation: Option<Spanned<Short<Qualified>>>,
    /// SQL expression for its values where the column has another type yet; otherwise they are converted by assignment.
    pub(super) using: Option<Name>,
    /// SQL expression for its values in rows that exist already, when it is added or becomes NOT NULL.
    pub(super) backfill: Option<Name>,
    /// Where long values are stored, if not as usual for the type.
    pub(super) storage: Option<Storage>,
    /// How long values are compressed, if not as the server is set.
    pub(super) compression: Option<Compression>,
    /// How much ANALYZE samples for it, from 0 to 10000, if not as the server is set.
    pub(super) statistics_target: Option<Spanned<i64>>,
    /// `n_distinct` and `n_distinct_inherited`.
    #[serde(default)]
    pub(super) options: IndexMap<Name, Spanned<Scalar>>,
    /// The name that it had before.
    pub(super) renamed_from: Option<Name>,
    pub(super) comment: Option<Name>,
    /// Short for a primary key of this column alone.
    pub(super) primary_key: Option<Spanned<bool>>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    /// `always` or `by default`.
    pub(super) generation: Generation,
    pub(super) start: Option<i64>,
    pub(super) increment: Option<i64>,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) cache: Option<i64>,
    #[serde(default)]
    pub(super) cycle: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
pub(super) enum Generation {
    #[serde(rename = "always")]
    Always,
    #[serde(rename = "by default")]
    ByDefault,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Seed {
    pub(super) table: Name,
    /// Columns by which a row counts as present; no constraint is needed on them.
    pub(super) key: Spanned<Names>,
    /// What is done about the rows once they are there: nothing, if not given.
    #[serde(default)]
    pub(super) mode: Option<SeedMode>,
    /// A CSV, JSON or TOML file below the manifest's folder.
    pub(super) file: Option<Name>,
    /// The text that means NULL in a CSV file; an empty cell, if not given.
    pub(super) null: Option<Name>,
    /// The rows themselves.
    pub(super) rows: Option<Vec<Spanned<Row>>>,
}

/// What is done about baseline rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SeedMode {
    /// Rows that are absent are inserted, and then left alone.
    Insert,
    /// The declared columns are kept at the declared values.
    Upsert,
    /// As upsert; and the table has no other rows.
    Exact,
    /// Rows are inserted by the run that creates their table, and never looked at again.
    Once,
}

/// A row: values by column. A value is a literal, `{ sql = "…" }`, `{ tenant = true }` or
/// `{ lookup = "table", where = { … }, column = "…" }`.
pub(super) type Row = IndexMap<Name, Anything>;

/// The top of a TOML file with rows.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowsFile {
    pub(super) rows: Vec<Spanned<Row>>,
}
