//! Code in tenants' schemas that belongs to untrusted roles; see `untrusted.sql`.

mod graph;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use graph::{DOING, Graph};

use super::answers::{array, is_true};
use super::error::PgError;
use super::session::Session;
use super::strangers::HAS_STRANGERS;
use crate::kinds::stripped;
use crate::name::SchemaName;
use crate::obstacle::{Code, Obstacle};
use crate::settings::TRUSTED_ROLES;

/// Types whose values cannot cause any code to run, and that do not name other objects by name or OID.
const PLAIN_TYPES: &str = "'{bool,bytea,char,name,int2,int4,int8,float4,float8,numeric,money,text,\
    varchar,bpchar,date,time,timetz,timestamp,timestamptz,interval,uuid,inet,cidr,macaddr,macaddr8,\
    bit,varbit,json,jsonb,jsonpath,point,lseg,path,box,polygon,line,circle,tsvector,tsquery,\
    pg_lsn}'::name[]";

/// Built-in functions that only return the time or generate values, and some that accept
/// any type and only check whether there are values and how many.
const HARMLESS_FUNCTIONS: &str = "'{now,clock_timestamp,statement_timestamp,transaction_timestamp,\
    timeofday,gen_random_uuid,uuidv4,uuidv7,random,nextval,num_nulls,num_nonnulls,array_length,\
    cardinality,array_ndims,array_lower,array_upper,arraycontains,arraycontained,arrayoverlap}'::name[]";

/// How the server writes the nodes of an expression that only call functions that are checked
/// separately, or functions of types (primnodes.h, outfuncs.c; the names have changed with
/// PostgreSQL 16).
const HARMLESS_NODES: &str = "'{VAR,CONST,OPEXPR,DISTINCTEXPR,NULLIFEXPR,SCALARARRAYOPEXPR,FUNCEXPR,\
    BOOLEXPR,RELABELTYPE,COERCEVIAIO,ARRAYCOERCEEXPR,CASE,CASEEXPR,WHEN,CASEWHEN,CASETESTEXPR,ARRAY,\
    ARRAYEXPR,COALESCE,COALESCEEXPR,MINMAX,MINMAXEXPR,SQLVALUEFUNCTION,NULLTEST,BOOLEANTEST,\
    COERCETODOMAIN,COERCETODOMAINVALUE,NEXTVALUEEXPR,COLLATEEXPR,SUBSCRIPTINGREF,FIELDSELECT}'::text[]";

/// Code of untrusted owners that statements on the tables of each of `schemas`, and on the externals of
/// `query`, could run, read within the current transaction. A schema in which there is none has no entry. Not
/// needed where a digest has found neither that a schema is open nor strangers: there is none then.
///
/// # Errors
/// When the query fails.
pub(super) async fn untrusted(
    session: &mut Session,
    schemas: &[&SchemaName],
    query: &UntrustedQuery<'_>,
) -> Result<HashMap<SchemaName, Vec<Obstacle>>, PgError> {
    if schemas.is_empty() {
        return Ok(HashMap::new());
    }
    let events = if query.drops { ALL_EVENTS } else { INSERT };
    let graph = graph(session, schemas, query.externals, (false, events)).await?;
    let trust = Arc::clone(&session.trust);
    Ok(graph.obstacles(schemas, &|owner, code| {
        !trust.covers(owner) && !query.used.is_some_and(|used| used.contains(code))
    }))
}

/// What the query for untrusted code depends on.
#[derive(Debug, Clone, Copy, Default)]
pub struct UntrustedQuery<'a> {
    /// The tables outside of the tenants' schemas that declared keys point to, each as `"schema"."table"`.
    pub externals: &'a [String],
    /// What the manifest's own declarations run, which is therefore allowed.
    pub used: Option<&'a BTreeSet<Code>>,
    /// Whether objects may be dropped, so that what depends on them is looked for, too, and rows may be changed and
    /// deleted.
    pub drops: bool,
}

/// The statements on rows that could run code.
#[derive(Debug, Clone, Copy)]
struct Events {
    /// Bits of the triggers that they fire (see `pg_trigger.h`).
    fired: &'static str,
    /// The rules that rewrite them (see `nodes.h`).
    rewritten: &'static str,
}

const INSERT: Events = Events { fired: "4", rewritten: "'3'" };

/// Those that change and delete rows, too.
const ALL_EVENTS: Events = Events { fired: "28", rewritten: "'2', '3', '4'" };

/// Runs `before`, and returns whether anything in the database has an untrusted owner.
///
/// # Errors
/// When the server refuses `before`, or the query fails.
pub(super) async fn has_strangers(
    session: &mut Session,
    doing: &str,
    before: &str,
) -> Result<bool, PgError> {
    let query = format!(
        "SELECT ({HAS_STRANGERS})::text AS has_strangers FROM (SELECT {TRUSTED_ROLES} AS roles) r;\n"
    );
    let answers = session.run(doing, &(before.to_owned() + &query)).await?;
    is_true(answers.last().and_then(|rows| rows.first()), "has_strangers", DOING)
}

/// The functions and types outside of the schema that its objects run, whoever owns them.
///
/// # Errors
/// When the query fails.
pub(super) async fn used(
    session: &mut Session,
    schema: &SchemaName,
) -> Result<BTreeSet<Code>, PgError> {
    let graph = graph(session, &[schema], &[], (true, ALL_EVENTS)).await?;
    Ok(graph.into_code())
}

async fn graph(
    session: &mut Session,
    schemas: &[&SchemaName],
    externals: &[String],
    (anybody, events): (bool, Events),
) -> Result<Graph, PgError> {
    let schemas = schemas.iter().map(|schema| schema.as_str());
    let script = stripped(include_str!("untrusted.sql"))
        .replace(":edges", &stripped(include_str!("untrusted_edges.sql")))
        .replace(":schemas", &array("name", schemas))
        .replace(":externals", &array("text", externals))
        .replace(":trusted_roles", TRUSTED_ROLES)
        .replace(":plain_types", PLAIN_TYPES)
        .replace(":harmless_nodes", HARMLESS_NODES)
        .replace(":harmless_functions", HARMLESS_FUNCTIONS)
        .replace(":fired", events.fired)
        .replace(":rewritten", events.rewritten)
        .replace(":anybody", if anybody { "true" } else { "false" });
    let answers = session.run(DOING, &script).await?;
    let mut graph = Graph::default();
    for row in answers.iter().flatten() {
        graph.add(row)?;
    }
    Ok(graph)
}
