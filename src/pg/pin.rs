//! What keeps others from changing a schema, or from putting something else in its place, while
//! it is read and changed: locks on its name, and on the tables whose rows are read. They are
//! taken only where an untrusted role could do so, as the owner of the schema or of a table.
//!
//! * `pg_get_object_address` locks what it names until the transaction ends, so that nobody can rename or
//!   drop it meanwhile. It writes nothing, and anybody may call it.
//! * SHARE UPDATE EXCLUSIVE on a table keeps others from creating indexes, statistics, triggers, rules,
//!   constraints and children of it, and lets the application read and write.
//! * The locks are taken before the query for what statements could run; see `untrusted.sql`. The
//!   transaction is READ COMMITTED, so that the answer is of a moment after they were granted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::postgres::PgRow;

use super::answers::{Answers, array, column};
use super::error::PgError;
use super::session::Session;
use super::state;
use crate::catalog::Catalog;
use crate::locks::{Locks, TableLock};
use crate::manifest::Trust;
use crate::name::literal;
use crate::name::{Ident, SchemaName, printable};
use crate::obstacle::{Code, Obstacle, Subject};
use crate::settings::TRUSTED_ROLES;

const DOING: &str = "checking who could change tables meanwhile";

/// Which untrusted owners could change a schema and tables in it meanwhile, and whether they can be kept
/// from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pins {
    /// The owner of the schema, if untrusted.
    owner: Option<String>,
    /// Those of the requested tables that exist.
    tables: BTreeMap<String, PinnedTable>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PinnedTable {
    /// Its owner, if untrusted.
    owner: Option<String>,
    /// Whether the role may lock it; known only of tables that an untrusted role could change.
    is_lockable: bool,
    /// Whether row-level security binds the role.
    is_row_secured: bool,
    /// Its rows are in its partitions.
    is_partitioned: bool,
}

/// The pins of those of `schemas` that exist, and of the tables with the names `tables` in them.
///
/// # Errors
/// When the query fails.
pub(super) async fn pins(
    session: &mut Session,
    doing: &str,
    schemas: &[&SchemaName],
    tables: &[&str],
) -> Result<HashMap<SchemaName, Pins>, PgError> {
    let answers = session.run(doing, &query(session, schemas, tables)).await?;
    let mut found = HashMap::new();
    for row in answers.iter().flatten() {
        let name: &str = column(row, "pinned", DOING)?;
        if let Some(schema) = schemas.iter().find(|schema| schema.as_str() == name) {
            found.insert((*schema).clone(), Pins::of(row, &session.trust)?);
        }
    }
    Ok(found)
}

fn query(session: &Session, schemas: &[&SchemaName], tables: &[&str]) -> String {
    format!(
        "SELECT n.nspname::text AS pinned, \
         CASE WHEN n.nspowner <> ALL (t.roles) THEN pg_get_userbyid(n.nspowner) END::text AS owner, \
         (SELECT json_agg(json_build_array(c.relname, \
              CASE WHEN c.relowner <> ALL (t.roles) THEN pg_get_userbyid(c.relowner) END, \
              (c.relowner <> ALL (t.roles) OR n.nspowner <> ALL (t.roles)) AND {}, \
              c.relrowsecurity AND row_security_active(c.oid), c.relkind = 'p')) \
          FROM pg_class c \
          WHERE c.relnamespace = n.oid AND c.relname = ANY ({}) AND c.relkind IN ('r', 'p') \
         )::text AS tables \
         FROM pg_namespace n CROSS JOIN (SELECT {TRUSTED_ROLES} AS roles) t \
         WHERE n.nspname = ANY ({});\n",
        is_lockable(session, "c.oid"),
        array("name", tables),
        array("name", schemas.iter().map(|schema| schema.as_str())),
    )
}

/// A condition: the role may take SHARE UPDATE EXCLUSIVE on the table (PostgreSQL manual, LOCK). On a
/// standby no role may.
fn is_lockable(session: &Session, table: &str) -> String {
    let maintain = if session.server.version_number >= 170_000 { ", MAINTAIN" } else { "" };
    format!(
        "(NOT pg_is_in_recovery() AND \
         has_table_privilege({table}, 'UPDATE, DELETE, TRUNCATE{maintain}'))"
    )
}

/// A script that locks, in all of the schemas, those of the existing `tables` that an untrusted role could
/// change, and the schemas' names; empty if there is nothing of the kind. The order is the same in all
/// sessions, so that two do not wait for each other. With several schemas no table is waited for: read fewer
/// at a time, so that an owner who keeps a table locked holds up no other tenants.
pub(super) fn script(
    pins: &HashMap<SchemaName, Pins>,
    schemas: &[&SchemaName],
    tables: &[&str],
) -> String {
    let mut script = String::new();
    for schema in schemas {
        if let Some(pins) = pins.get(*schema) {
            script.push_str(&pins.script(schema, tables, schemas.len() == 1));
        }
    }
    script
}

impl Pins {
    fn of(row: &PgRow, trust: &Trust) -> Result<Self, PgError> {
        let untrusted = |owner: Option<String>| owner.filter(|owner| !trust.covers(owner.as_str()));
        let tables: Option<&str> = column(row, "tables", DOING)?;
        let tables: Vec<(String, Option<String>, bool, bool, bool)> =
            serde_json::from_str(tables.unwrap_or("[]")).map_err(|error| PgError::Answer {
                doing: DOING.to_owned(),
                reason: error.to_string(),
            })?;
        let tables =
            tables.into_iter().map(|(name, owner, is_lockable, is_row_secured, is_partitioned)| {
                let owner = untrusted(owner);
                (name, PinnedTable { owner, is_lockable, is_row_secured, is_partitioned })
            });
        Ok(Self {
            owner: untrusted(column::<Option<String>>(row, "owner", DOING)?),
            tables: tables.collect(),
        })
    }

    /// Whether a table existed and either needs no lock or can be locked, so that it stays as it is.
    pub(super) fn keeps(&self, name: &str) -> bool {
        self.tables.contains_key(name)
            && self.changeable(name).is_none_or(|table| table.is_lockable)
    }

    /// The table, if an untrusted role could change it or put another in its place.
    fn changeable(&self, name: &str) -> Option<&PinnedTable> {
        let table = self.tables.get(name)?;
        (self.owner.is_some() || table.owner.is_some()).then_some(table)
    }

    /// The part of [`script`] for one schema.
    pub(super) fn script(&self, schema: &SchemaName, tables: &[&str], waits: bool) -> String {
        let mut sorted: Vec<&str> = tables.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut script = self.name_script(schema);
        for name in sorted {
            if self.changeable(name).is_some_and(|table| table.is_lockable)
                && let Ok(name) = Ident::new(name)
            {
                let table = self.locked(schema, &name);
                let lock = TableLock::ShareUpdateExclusive;
                script.push_str(&lock_script(&table, lock, waits));
            }
        }
        script
    }

    /// What is locked of a table: with its partitions, and without other child tables.
    fn locked(&self, schema: &SchemaName, table: &Ident) -> String {
        let name = schema.qualify(table);
        match self.tables.get(table.as_str()) {
            Some(PinnedTable { is_partitioned: true, .. }) => name,
            _ => format!("ONLY {name}"),
        }
    }

    fn name_script(&self, schema: &SchemaName) -> String {
        match self.owner {
            Some(_) => name_script("schema", schema.as_str()),
            None => String::new(),
        }
    }

    /// Locks what a plan needs, and its record; what no untrusted role could change is left to the statements
    /// themselves, except for the tables that they change.
    pub(super) fn plan_script(
        &self,
        schema: &SchemaName,
        locks: &Locks,
        has_record: bool,
    ) -> String {
        let mut all: BTreeMap<&Ident, TableLock> =
            locks.tables.iter().map(|(t, l)| (t, *l)).collect();
        for (table, lock) in &locks.others {
            if self.changeable(table.as_str()).is_some() {
                let known = all.entry(table).or_insert(*lock);
                *known = known.and(*lock);
            }
        }
        let mut script = self.name_script(schema);
        for (table, lock) in all {
            let lock = match self.changeable(table.as_str()) {
                Some(PinnedTable { is_lockable: false, .. }) => continue,
                Some(_) => lock.and(TableLock::ShareUpdateExclusive),
                None => lock,
            };
            script.push_str(&lock_script(&self.locked(schema, table), lock, true));
        }
        if has_record {
            let lock = match self.changeable(state::TABLE) {
                Some(PinnedTable { is_lockable: true, .. }) => TableLock::ShareUpdateExclusive,
                _ => TableLock::RowExclusive,
            };
            script.push_str(&lock_script(&format!("ONLY {}", state::table(schema)), lock, true));
        }
        if self.owner.is_some() {
            for name in &locks.types {
                script.push_str(&name_script("type", &schema.qualify(name)));
            }
        }
        script
    }

    /// The obstacles of tables that cannot be locked, or that have row-level security.
    pub(super) fn obstacles(&self, role: &Ident) -> impl Iterator<Item = Obstacle> {
        let role = role.as_str();
        self.tables.iter().flat_map(move |(name, table)| {
            let obstacle = |on: fn(String) -> Subject, owner: Option<&String>, what| Obstacle {
                on: on(name.clone()),
                via: format!("table {}", printable(name)),
                what,
                is_met_by_reading: true,
                owner: owner.cloned().unwrap_or_default(),
                is_schemas_owner: self.owner.as_ref() == owner,
                prefix: String::new(),
            };
            let unlockable =
                self.changeable(name).filter(|table| !table.is_lockable).map(|table| {
                    let owner = table.owner.as_ref().or(self.owner.as_ref());
                    obstacle(Subject::Relation, owner, Code::Unlockable { role: role.to_owned() })
                });
            let row_secured = table.is_row_secured.then(|| {
                obstacle(Subject::Rows, None, Code::RowSecurity { role: role.to_owned() })
            });
            unlockable.into_iter().chain(row_secured)
        })
    }

    /// Whether one of `tables` was created since, so that it is not known whether it can be read.
    pub(super) fn lacks(&self, tables: &[impl AsRef<str>], live: &Catalog) -> bool {
        let exists = |name: &str| Ident::new(name).is_ok_and(|name| live.has_table(&name));
        let mut names = tables.iter().map(AsRef::as_ref);
        names.any(|name| !self.tables.contains_key(name) && exists(name))
    }
}

fn lock_script(table: &str, lock: TableLock, waits: bool) -> String {
    let nowait = if waits { "" } else { " NOWAIT" };
    format!("LOCK TABLE {table} IN {} MODE{nowait};\n", lock.sql())
}

/// Keeps an object's name bound to it, as far as its owner is trusted.
fn name_script(kind: &str, name: &str) -> String {
    let name = literal(name);
    format!("SELECT pg_get_object_address('{kind}', ARRAY[{name}], '{{}}')::text;\n")
}

/// A table that a foreign key points to, which statements on other tables make the server read.
#[derive(Debug)]
pub(super) struct Target {
    schema: String,
    script: String,
    /// Whether an untrusted role could rename its schema.
    is_renamable: bool,
    obstacle: Option<Obstacle>,
}

/// A query for the tables that an untrusted role could change and that the foreign keys of `tables` point to,
/// or that keys still to be created will point to (`externals`).
pub(super) fn targets_query(
    session: &Session,
    schema: &SchemaName,
    tables: &[&str],
    externals: &BTreeSet<String>,
) -> String {
    format!(
        "SELECT q.target, q.via, q.on_rows::text AS on_rows, n.nspname::text AS schema, \
         c.relname::text AS name, (c.relkind = 'p')::text AS is_partitioned, \
         (SELECT json_agg(DISTINCT pg_get_userbyid(k.relowner)) \
          FROM (SELECT c.oid UNION ALL SELECT relid FROM pg_partition_tree(c.oid)) AS p(oid) \
          JOIN pg_class k ON k.oid = p.oid WHERE k.relowner <> ALL (t.roles))::text AS owners, \
         CASE WHEN n.nspowner <> ALL (t.roles) THEN pg_get_userbyid(n.nspowner) END::text \
         AS schemas_owner, {}::text AS is_lockable \
         FROM (SELECT f.relname::text AS target, 'table ' || k.confrelid::regclass || \
               ', to which constraint ' || quote_ident(k.conname) || ' points,' AS via, \
               true AS on_rows, k.confrelid AS oid \
               FROM pg_namespace m JOIN pg_class f ON f.relnamespace = m.oid \
               JOIN pg_constraint k ON k.conrelid = f.oid AND k.contype = 'f' AND k.conparentid = 0 \
               WHERE m.nspname = {} AND f.relname = ANY ({}) \
               UNION ALL \
               SELECT x.name, 'table ' || x.name, false, to_regclass(x.name) \
               FROM unnest({}) AS x(name)) q \
         JOIN pg_class c ON c.oid = q.oid JOIN pg_namespace n ON n.oid = c.relnamespace \
         CROSS JOIN (SELECT {TRUSTED_ROLES} AS roles) t ORDER BY c.oid;\n",
        is_lockable(session, "c.oid"),
        literal(schema.as_str()),
        array("name", tables),
        array("text", externals),
    )
}

/// The answers to [`targets_query`], among others.
pub(super) fn targets(session: &Session, answers: &Answers) -> Result<Vec<Target>, PgError> {
    let mut targets = Vec::new();
    for row in answers.iter().flatten() {
        let Ok(on) = column::<&str>(row, "target", DOING) else {
            continue;
        };
        let text = |name| column::<&str>(row, name, DOING);
        let untrusted = |owner: &String| !session.trust.covers(owner);
        let owners: Option<&str> = column(row, "owners", DOING)?;
        let owners: Vec<String> =
            serde_json::from_str(owners.unwrap_or("[]")).map_err(|error| PgError::Answer {
                doing: DOING.to_owned(),
                reason: error.to_string(),
            })?;
        let of_table = owners.into_iter().find(untrusted);
        let of_schema = column::<Option<String>>(row, "schemas_owner", DOING)?.filter(untrusted);
        let Some(owner) = of_table.or_else(|| of_schema.clone()) else {
            continue;
        };
        let ident = |name| {
            Ident::new(text(name)?).map_err(|error| PgError::Answer {
                doing: DOING.to_owned(),
                reason: error.to_string(),
            })
        };
        let on_rows = text("on_rows")? == "true";
        let lock =
            if on_rows { TableLock::ShareUpdateExclusive } else { TableLock::ShareRowExclusive };
        let only = if text("is_partitioned")? == "true" { "" } else { "ONLY " };
        let (schema, name) = (ident("schema")?, ident("name")?);
        let is_lockable = text("is_lockable")? == "true";
        let lock = lock_script(&format!("{only}{}.{}", schema.quoted(), name.quoted()), lock, true);
        let subject = if on_rows { Subject::Rows } else { Subject::External };
        let obstacle = (!is_lockable).then(|| Obstacle {
            on: subject(on.to_owned()),
            via: text("via").unwrap_or_default().to_owned(),
            what: Code::Unlockable { role: session.server.role.as_str().to_owned() },
            is_met_by_reading: false,
            owner,
            is_schemas_owner: false,
            prefix: String::new(),
        });
        targets.push(Target {
            schema: schema.as_str().to_owned(),
            script: if is_lockable { lock } else { String::new() },
            is_renamable: of_schema.is_some(),
            obstacle,
        });
    }
    Ok(targets)
}

impl Target {
    /// A script that locks all of them.
    pub(super) fn script(targets: &[Self]) -> String {
        let renamable = targets.iter().filter(|target| target.is_renamable);
        let names: BTreeSet<&str> = renamable.map(|target| target.schema.as_str()).collect();
        let mut script: String =
            names.into_iter().map(|name| name_script("schema", name)).collect();
        script.extend(targets.iter().map(|target| target.script.as_str()));
        script
    }

    pub(super) fn into_obstacle(self) -> Option<Obstacle> {
        self.obstacle
    }
}
