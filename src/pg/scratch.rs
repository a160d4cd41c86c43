//! The scratch schema: a schema in which declarations are tried, and which is rolled back.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{self, array, column, is_true};
use super::error::PgError;
use super::introspect::{self, IntrospectError};
use super::session::{Access, Limits, Session, begin};
use super::untrusted::used;
use crate::catalog::{Catalog, Kind, Object};
use crate::kinds::Reading;
use crate::name::{Ident, SCHEMA_PLACEHOLDER, SchemaName, Text, literal};
use crate::obstacle::{Code, Obstacle};
use crate::settings;

const TRYING: &str = "trying it in a scratch schema";
const SEARCHING: &str = "finding out what is refused";

/// A transaction in which a scratch schema is created. Nothing outside of it is locked, and nothing remains.
#[derive(Debug)]
pub struct Scratch<'s> {
    session: &'s mut Session,
    limits: Limits,
    pub schema: SchemaName,
    /// The names of the types in `pg_catalog`.
    pub server_types: BTreeSet<String>,
}

impl<'s> Scratch<'s> {
    /// Begins a transaction that is to create a scratch schema with a random name.
    ///
    /// # Errors
    /// When the server does not let it begin, or when there are event triggers of untrusted owners.
    pub async fn begin(session: &'s mut Session, limits: Limits) -> Result<Self, IntrospectError> {
        let schema = SchemaName::scratch();
        let start = begin(Access::Write, limits)
            + "SELECT typname::text AS name FROM pg_type \
               WHERE typnamespace = 'pg_catalog'::regnamespace;";
        let answers = session.run("starting", &start).await?;
        let mut server_types = BTreeSet::new();
        for row in answers.last().into_iter().flatten() {
            server_types.insert(column::<String>(row, "name", "starting")?);
        }
        if session.server.citus {
            session.run("starting", &local_only()).await?;
        }
        introspect::check_event_triggers(session, &schema).await?;
        Ok(Self { session, limits, schema, server_types })
    }

    /// One statement per message, in the protocol that refuses a second one: whatever a manifest's
    /// SQL contains, it cannot end this transaction.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn run(&mut self, sql: &str) -> Result<(), PgError> {
        let ran = self.session.single(TRYING, sql).await;
        // The name of the scratch schema says nothing to anybody.
        ran.map_err(|error| {
            let schema = self.schema.as_str();
            error.without(&format!("{schema}.")).replacing(schema, SCHEMA_PLACEHOLDER)
        })
    }

    /// Starts over after a statement was refused.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn restart(&mut self) -> Result<(), PgError> {
        self.session.rollback().await?;
        self.session.run(SEARCHING, &begin(Access::Write, self.limits)).await.map(drop)
    }

    /// Sets a savepoint.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn savepoint(&mut self) -> Result<(), PgError> {
        self.session.run(SEARCHING, "SAVEPOINT part").await.map(drop)
    }

    /// Releases the savepoint: what was done since then stays.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn release_savepoint(&mut self) -> Result<(), PgError> {
        self.session.run(SEARCHING, "RELEASE SAVEPOINT part").await.map(drop)
    }

    /// Releases the savepoint and sets another one. Savepoints in savepoints would take a lock each.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn next_savepoint(&mut self) -> Result<(), PgError> {
        let sql = "RELEASE SAVEPOINT part; SAVEPOINT part";
        self.session.run(SEARCHING, sql).await.map(drop)
    }

    /// Sets the settings that decide how objects are read as they were: code of the manifest may have run.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn reset_settings(&mut self) -> Result<(), PgError> {
        self.session.run(TRYING, &settings::set_local()).await.map(drop)
    }

    /// An object of another schema, with one of these names, that something in the scratch schema depends on.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn uses(
        &mut self,
        schema: &Ident,
        names: &BTreeSet<&str>,
    ) -> Result<Option<String>, PgError> {
        let query = format!(
            "SELECT pg_describe_object(d.refclassid, d.refobjid, 0) AS text \
             FROM pg_depend d \
             CROSS JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid, 0) r \
             WHERE d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass) \
               AND (d.refclassid, d.refobjid) IN ( \
                   SELECT n.classid, n.objid FROM pg_depend n \
                   WHERE n.refclassid = 'pg_namespace'::regclass AND n.refobjid = to_regnamespace({})) \
               AND coalesce(r.name, split_part(split_part(r.identity, '(', 1), '.', 2)) = ANY ({}) \
               AND position({} IN (pg_identify_object(d.classid, d.objid, d.objsubid)).identity) > 0 \
             LIMIT 1",
            literal(&schema.quoted()),
            array("text", names.iter().copied()),
            literal(self.schema.as_str()),
        );
        Ok(self.texts(&query).await?.into_iter().next())
    }

    /// Whether names without a schema are searched for in the scratch schema, too.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn resolve_in_schema(&mut self, is_searched: bool) -> Result<(), PgError> {
        let schema = if is_searched { self.schema.quoted() } else { "pg_catalog".to_owned() };
        let sql = format!("SET LOCAL search_path = {schema}, pg_temp");
        self.session.run(TRYING, &sql).await.map(drop)
    }

    /// Whether the server checks the bodies of functions when they are created. They may read views, which the check
    /// replaces by their queries, and does not run.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn check_bodies(&mut self, is_checked: bool) -> Result<(), PgError> {
        let value = if is_checked { "on" } else { "off" };
        let [off, on] = settings::guarding_views();
        let guard = if is_checked { off } else { on };
        let sql = format!("SET LOCAL check_function_bodies = {value}; {guard}");
        self.session.run(TRYING, &sql).await.map(drop)
    }

    /// Rolls back to the savepoint.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn rollback_to_savepoint(&mut self) -> Result<(), PgError> {
        self.session.run(SEARCHING, "ROLLBACK TO SAVEPOINT part").await.map(drop)
    }

    /// Reads the schema.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&mut self, reading: Reading) -> Result<Catalog, PgError> {
        introspect::introspect(self.session, &self.schema, reading).await
    }

    /// The functions and types outside of the schema that its objects run, whoever owns them.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn used(&mut self) -> Result<BTreeSet<Code>, PgError> {
        used(self.session, &self.schema).await
    }

    /// The declared tables whose row-level security binds the role that owns them: it can neither search for rows in
    /// them nor insert any.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn bound(&mut self) -> Result<Vec<Obstacle>, PgError> {
        let query = format!(
            "SELECT c.relname::text AS text FROM pg_class c \
             WHERE c.relnamespace = {}::regnamespace AND c.relforcerowsecurity \
             AND c.relrowsecurity AND row_security_active(c.oid) ORDER BY 1",
            literal(&self.schema.quoted())
        );
        let tables = self.texts(&query).await?;
        let role = self.session.server.role.as_str();
        Ok(tables.into_iter().map(|table| Obstacle::row_security(table, role)).collect())
    }

    /// The names of the database's extensions, with the schemas that they are in.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn extensions(&mut self) -> Result<BTreeMap<String, String>, PgError> {
        let query = "SELECT e.extname::text AS name, n.nspname::text AS schema \
                     FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace";
        let answers = self.session.run(TRYING, query).await?;
        let all = answers.iter().flatten().map(|row| {
            Ok((column::<String>(row, "name", TRYING)?, column::<String>(row, "schema", TRYING)?))
        });
        all.collect()
    }

    /// Between which types values are converted when they are assigned, by the names of the types.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn casts(&mut self) -> Result<BTreeSet<(String, String)>, PgError> {
        let query = "SELECT format_type(castsource, NULL) AS source, format_type(casttarget, NULL) AS target \
                     FROM pg_cast WHERE castcontext IN ('a', 'i')";
        let answers = self.session.run(TRYING, query).await?;
        let all = answers.iter().flatten().map(|row| {
            Ok((column::<String>(row, "source", TRYING)?, column::<String>(row, "target", TRYING)?))
        });
        all.collect()
    }

    /// Stores values in a column like one of the scratch schema. Returns them as the server prints them then, in the same
    /// order, and whether the column's type has an equality.
    ///
    /// # Errors
    /// When the server refuses one of them.
    pub async fn stored(
        &mut self,
        table: &Ident,
        column: &Ident,
        texts: &[&Text],
    ) -> Result<(Vec<Text>, bool), PgError> {
        let (of, like) = (self.schema.qualify(table), column.quoted());
        let own = format!("{}.\"_provision_values\"", self.schema.quoted());
        let mut script = format!(
            "CREATE TABLE {own} AS SELECT t.{like} AS value, 0 AS number FROM {of} AS t LIMIT 0;\n"
        );
        let rows = texts.iter().enumerate();
        let rows: Vec<String> =
            rows.map(|(at, text)| format!("({}, {at})", text.literal())).collect();
        if !rows.is_empty() {
            script.push_str(&format!(
                "INSERT INTO {own} (value, number) VALUES {};\n",
                rows.join(", ")
            ));
        }
        script.push_str(
            &format!(
                "SELECT concat(value) AS text FROM {own} ORDER BY number;\n\
             SELECT ({HAS_EQUALITY})::text AS has_equality;\nDROP TABLE {own};\n",
            )
            .replace(":table", &literal(&own)),
        );
        let answers = self.session.run(TRYING, &script).await?;
        // Last comes what the dropped table answers.
        let mut answers = answers.iter().rev().skip(1);
        let is_comparable =
            is_true(answers.next().and_then(|rows| rows.first()), "has_equality", TRYING)?;
        let stored = answers.next().into_iter().flatten();
        let stored = stored.map(|row| {
            Text::new(answers::column::<String>(row, "text", TRYING)?).map_err(|error| {
                PgError::Answer { doing: TRYING.to_owned(), reason: error.to_string() }
            })
        });
        Ok((stored.collect::<Result<_, _>>()?, is_comparable))
    }

    /// The defaults of columns, and the domains with defaults, that call a volatile function: with such a default, each row
    /// that exists gets a value of its own when a column is added.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn volatile_defaults(&mut self) -> Result<BTreeSet<Object>, PgError> {
        // Stored expressions name the functions, also those of operators, by their numbers.
        let is_volatile = |expression: &str| {
            format!(
                "EXISTS (SELECT FROM regexp_matches({expression}::text, \
                                ':(?:func|opfunc)id ([0-9]+)', 'g') AS m(ids) \
                         JOIN pg_proc p ON p.oid = (m.ids)[1]::oid WHERE p.provolatile = 'v')"
            )
        };
        let schema = literal(self.schema.as_str());
        let query = format!(
            "SELECT c.relname::text AS of, a.attname::text AS name \
             FROM pg_attrdef ad JOIN pg_class c ON c.oid = ad.adrelid \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ad.adnum \
             WHERE c.relnamespace = {schema}::regnamespace AND a.attgenerated = '' AND {} \
             UNION ALL \
             SELECT NULL, t.typname::text FROM pg_type t \
             WHERE t.typnamespace = {schema}::regnamespace AND t.typtype = 'd' AND {}",
            is_volatile("ad.adbin"),
            is_volatile("t.typdefaultbin")
        );
        let answers = self.session.run(TRYING, &query).await?;
        let mut found = BTreeSet::new();
        for row in answers.iter().flatten() {
            let of: Option<String> = column(row, "of", TRYING)?;
            let name = Ident::new(column::<String>(row, "name", TRYING)?);
            let of = of.map(Ident::new).transpose();
            if let (Ok(of), Ok(name)) = (of, name) {
                found.insert(match of {
                    Some(table) => Object::on_table(Kind::Default, &table, &name),
                    None => Object::Member(Kind::Domain, name),
                });
            }
        }
        Ok(found)
    }

    /// The texts that a query of the tool itself returns, in its column `text`.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn texts(&mut self, query: &str) -> Result<Vec<String>, PgError> {
        let answers = self.session.run(TRYING, query).await?;
        answers.iter().flatten().map(|row| column::<String>(row, "text", TRYING)).collect()
    }
}

/// Whether the type of a column has an equality of its own, or that of the server's ranges; enums and composite types have
/// one, too, but what they print is equal where they are. Domains have that of their base type, arrays that of
/// their elements.
const HAS_EQUALITY: &str = "WITH RECURSIVE y AS ( \
    SELECT t.oid, t.typtype, t.typcategory, t.typbasetype, t.typelem \
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
    WHERE a.attrelid = :table::regclass AND a.attname = 'value' \
    UNION ALL \
    SELECT t.oid, t.typtype, t.typcategory, t.typbasetype, t.typelem \
    FROM y JOIN pg_type t ON t.oid = CASE WHEN y.typtype = 'd' THEN y.typbasetype \
                                         WHEN y.typcategory = 'A' THEN y.typelem END) \
    SELECT EXISTS (SELECT FROM y \
        WHERE y.typtype IN ('r', 'm') AND y.oid < 16384 \
           OR EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod \
                      WHERE o.opcdefault AND m.amname IN ('btree', 'hash') \
                        AND o.opcintype = CASE WHEN y.oid = 'varchar'::regtype THEN 'text'::regtype \
                                               ELSE y.oid END))";

/// Settings of Citus that keep the scratch schema on this node: what is rolled back in the end need
/// not be created on every worker first. Which of them exist depends on the version of Citus.
const LOCAL_ONLY: [&str; 3] = [
    "citus.enable_ddl_propagation",
    "citus.enable_schema_based_sharding",
    "citus.use_citus_managed_tables",
];

fn local_only() -> String {
    format!(
        "SELECT set_config(s.name, 'off', true) FROM unnest('{{{}}}'::text[]) AS s(name) \
         WHERE current_setting(s.name, true) IS NOT NULL;\n",
        LOCAL_ONLY.join(",")
    )
}
