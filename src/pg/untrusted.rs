//! Code in tenants' schemas that belongs to roles who are not trusted with it; see `untrusted.sql`.

mod graph;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use graph::{DOING, Graph};

use super::answers::{array, column};
use super::error::PgError;
use super::session::Session;
use super::strangers::HAS_STRANGERS;
use crate::kinds::stripped;
use crate::name::SchemaName;
use crate::obstacle::{Code, Obstacle};
use crate::settings::TRUSTED_ROLES;

/// Types whose values lead to nothing that could be run, and that are not looked up by name or number.
const PLAIN_TYPES: &str = "'{bool,bytea,char,name,int2,int4,int8,float4,float8,numeric,money,text,\
    varchar,bpchar,date,time,timetz,timestamp,timestamptz,interval,uuid,inet,cidr,macaddr,macaddr8,\
    bit,varbit,json,jsonb,jsonpath,point,lseg,path,box,polygon,line,circle,tsvector,tsquery,\
    pg_lsn}'::name[]";

/// Functions of the server's own that do nothing but tell the time or make values, and some that take
/// any type and look at nothing but whether and how many there are.
const HARMLESS_FUNCTIONS: &str = "'{now,clock_timestamp,statement_timestamp,transaction_timestamp,\
    timeofday,gen_random_uuid,uuidv4,uuidv7,random,nextval,num_nulls,num_nonnulls,array_length,\
    cardinality,array_ndims,array_lower,array_upper,arraycontains,arraycontained,arrayoverlap}'::name[]";

/// How the server writes the nodes of an expression that call nothing but functions that are judged by
/// themselves, or functions of types (primnodes.h, outfuncs.c; the names have changed with
/// PostgreSQL 16).
const HARMLESS_NODES: &str = "'{VAR,CONST,OPEXPR,DISTINCTEXPR,NULLIFEXPR,SCALARARRAYOPEXPR,FUNCEXPR,\
    BOOLEXPR,RELABELTYPE,COERCEVIAIO,ARRAYCOERCEEXPR,CASE,CASEEXPR,WHEN,CASEWHEN,CASETESTEXPR,ARRAY,\
    ARRAYEXPR,COALESCE,COALESCEEXPR,MINMAX,MINMAXEXPR,SQLVALUEFUNCTION,NULLTEST,BOOLEANTEST,\
    COERCETODOMAIN,COERCETODOMAINVALUE,NEXTVALUEEXPR,COLLATEEXPR,SUBSCRIPTINGREF,FIELDSELECT}'::text[]";

/// What statements on the tables of each of `schemas`, and on `externals` to which keys are to point
/// (each as `"schema"."table"`), could run that nobody who is trusted answers for, within the current
/// transaction. A schema in which there is none has no entry. Not to be asked where a look has found
/// neither that a schema is open nor strangers: there is none then.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn untrusted(
    session: &mut Session,
    schemas: &[&SchemaName],
    asked: &Asked<'_>,
) -> Result<HashMap<SchemaName, Vec<Obstacle>>, PgError> {
    if schemas.is_empty() {
        return Ok(HashMap::new());
    }
    let graph = graph(session, schemas, asked.externals, false).await?;
    let trust = Arc::clone(&session.trust);
    Ok(graph.obstacles(schemas, &|owner, code| {
        !trust.covers(owner) && !asked.used.is_some_and(|used| used.contains(code))
    }))
}

/// What the question whose code statements would run depends on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The tables outside of the tenants' schemas that declared keys point to, quoted.
    pub externals: &'a [String],
    /// What the manifest's own declarations run is meant to be run.
    pub used: Option<&'a BTreeSet<Code>>,
}

/// Runs `before`, and tells whether anything in the database belongs to nobody trusted.
///
/// # Errors
/// When the server refuses `before`, or cannot be asked.
pub(super) async fn has_strangers(
    session: &mut Session,
    doing: &str,
    before: &str,
) -> Result<bool, PgError> {
    let query = format!(
        "SELECT ({HAS_STRANGERS})::text AS has_strangers FROM (SELECT {TRUSTED_ROLES} AS roles) r;\n"
    );
    let answers = session.run(doing, &(before.to_owned() + &query)).await?;
    match answers.last().and_then(|rows| rows.first()) {
        Some(row) => Ok(column::<&str>(row, "has_strangers", DOING)? == "true"),
        None => Ok(false),
    }
}

/// The functions and types outside of the schema that what is in it runs, whoever owns them.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn used(
    session: &mut Session,
    schema: &SchemaName,
) -> Result<BTreeSet<Code>, PgError> {
    let graph = graph(session, &[schema], &[], true).await?;
    Ok(graph.into_code())
}

async fn graph(
    session: &mut Session,
    schemas: &[&SchemaName],
    externals: &[String],
    anybody: bool,
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
        .replace(":anybody", if anybody { "true" } else { "false" });
    let answers = session.run(DOING, &script).await?;
    let mut graph = Graph::default();
    for row in answers.iter().flatten() {
        graph.add(row)?;
    }
    Ok(graph)
}
