//! Functions and procedures. The server prints arguments, results and SQL-standard bodies; a body that is a string
//! is kept as it was written, so that the schema's name in it is text. It is read as `{schema}` where it stands in
//! double quotes, which is how `{schema}` in a manifest is written for a tenant; so tenants are compared as if they
//! had the same body. What the text itself has of `{schema` is read as `{schema{`: two bodies never become one.

use std::collections::BTreeMap;

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard, or_replace, together};
use super::rules::{Needs, Rules};
use crate::catalog::{Catalog, Fact, Kind, Object, Slot};
use crate::name::{SchemaName, dollar_quoted, literal};

/// Which are modelled: not those that came with a range type or an extension.
pub(super) const MODELLED: &str = "NOT EXISTS ( \
     SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid \
     AND e.deptype IN ('e', 'i'))";

/// What they are selected from; `:modelled` stands for [`MODELLED`].
const SOURCE_OF_FUNCTIONS: &str = "p.tableoid::int8, p.oid::int8, 0, NULL, p.proname, p.oid::int8, \
     :attributes FROM path CROSS JOIN pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
     JOIN pg_language l ON l.oid = p.prolang \
     WHERE p.oid = ANY (:routines) AND p.prokind IN ('f', 'w') AND :modelled";
const SOURCE_OF_PROCEDURES: &str = "p.tableoid::int8, p.oid::int8, 0, NULL, p.proname, p.oid::int8, \
     :attributes FROM path CROSS JOIN pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
     JOIN pg_language l ON l.oid = p.prolang \
     WHERE p.oid = ANY (:routines) AND p.prokind = 'p' AND :modelled";

/// What the placeholder for the schema's name begins with in a body as it is read, and how the same is read where it is
/// part of the text.
pub(super) const BEGINNING: &str = "{schema";
pub(super) const ESCAPED: &str = "{schema{";

const ATTRIBUTES: &[Attribute] = &[
    // All that depends on the search path is digested with it.
    Attribute::new("arguments", "nullif(pg_get_function_arguments(p.oid), '')")
        .labelled("arguments")
        .needed()
        .digested(&["CASE WHEN m.is_set THEN ROW( \
                         pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), \
                         pg_get_function_sqlbody(p.oid), nullif(p.prosupport, 0)::regproc, \
                         p.protrftypes::regtype[])::text END"]),
    Attribute::new("returns", "pg_get_function_result(p.oid)")
        .labelled("returns")
        .needed()
        .digested(&[]),
    Attribute::new("language", "quote_ident(l.lanname)").labelled("language").needed(),
    Attribute::new(
        "transforms",
        "(SELECT string_agg('FOR TYPE ' || t::regtype, ', ' ORDER BY o) \
          FROM unnest(p.protrftypes) WITH ORDINALITY AS t(t, o))",
    )
    .labelled("transform")
    .digested(&[]),
    Attribute::new("window", "CASE p.prokind WHEN 'w' THEN 'window' END").digested(&["p.prokind"]),
    Attribute::new(
        "volatility",
        "CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END",
    )
    .needed()
    .digested(&["nullif(p.provolatile, 'v')"]),
    Attribute::new("strict", "CASE WHEN p.proisstrict THEN 'strict' END")
        .digested(&["nullif(p.proisstrict, false)"]),
    Attribute::new("security", "CASE WHEN p.prosecdef THEN 'security definer' END")
        .digested(&["nullif(p.prosecdef, false)"]),
    Attribute::new("leakproof", "CASE WHEN p.proleakproof THEN 'leakproof' END")
        .digested(&["nullif(p.proleakproof, false)"]),
    Attribute::new(
        "parallel",
        "CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END",
    )
    .labelled("parallel")
    .digested(&["nullif(p.proparallel, 'u')"]),
    // The default is 1 for functions in C, and 100 for others.
    Attribute::new(
        "cost",
        "nullif(p.procost, CASE WHEN l.lanname IN ('internal', 'c') THEN 1 ELSE 100 END)",
    )
    .labelled("cost")
    .digested(&["p.procost"]),
    Attribute::new("rows", "CASE WHEN p.proretset THEN nullif(p.prorows, 1000) END")
        .labelled("rows")
        .digested(&["p.prorows"]),
    Attribute::new("support", "nullif(p.prosupport, 0)::regproc").labelled("support").digested(&[]),
    // The schema's own name is read as in bodies. In settings that are lists (`GUC_LIST_QUOTE` in PostgreSQL's
    // `guc_tables.c`) each element is quoted by itself; an empty one can only be written as a literal.
    Attribute::new(
        "settings",
        "(SELECT string_agg('SET ' || quote_ident(g.name) || ' TO ' || CASE \
              WHEN lower(g.name) IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', \
                                     'session_preload_libraries') \
              THEN (SELECT string_agg(CASE e.e WHEN '\"\"' THEN '''''' \
                                          WHEN quote_ident(n.nspname) THEN :placeholder \
                                          ELSE e.e END, ', ' ORDER BY e.o) \
                    FROM unnest(string_to_array(g.value, ', ')) WITH ORDINALITY AS e(e, o)) \
              ELSE quote_literal(g.value) END, E'\\n' ORDER BY g.o) \
          FROM (SELECT split_part(s.s, '=', 1) AS name, substr(s.s, strpos(s.s, '=') + 1) AS value, s.o \
                FROM unnest(p.proconfig) WITH ORDINALITY AS s(s, o)) g)",
    ),
    Attribute::new("library", "p.probin").labelled("library"),
    Attribute::new(
        "body",
        "CASE WHEN p.prosqlbody IS NULL \
              THEN replace(replace(p.prosrc, '{schema', :escaped), '\"' || n.nspname || '\"', \
                           :placeholder) END",
    )
    .needed(),
    Attribute::new("sql_body", "pg_get_function_sqlbody(p.oid)").needed().digested(&[]),
    // The types by which it is identified, and the same for statements.
    Attribute::new(
        "types",
        "replace(oidvectortypes(p.proargtypes), quote_ident(n.nspname) || '.', '')",
    )
    .hidden(),
    Attribute::new("signature", "oidvectortypes(p.proargtypes)").hidden(),
];

pub(super) static FUNCTIONS: Rules = rules(SOURCE_OF_FUNCTIONS);
pub(super) static PROCEDURES: Rules = rules(SOURCE_OF_PROCEDURES);

const fn rules(source: &'static str) -> Rules {
    Rules {
        needs: Needs::Routines,
        source,
        attributes: ATTRIBUTES,
        occupies,
        create,
        alter,
        drop: |fact, schema| Some(drop(fact, schema)),
        ..Rules::NONE
    }
}

/// The name with the types of the arguments.
pub(super) fn occupies(fact: &Fact) -> Vec<Slot> {
    match &fact.object {
        Object::Routine { name, arguments, .. } => {
            vec![Slot::Routine(format!("{}({arguments})", name.as_str()))]
        }
        _ => Vec::new(),
    }
}

/// The qualified name with the types of its arguments, for statements.
pub(super) fn signature(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let name = object.name().map(|name| schema.qualify(name)).unwrap_or_default();
    format!("{name}({})", fact.sql("signature", schema).unwrap_or_default())
}

/// A condition: a function, procedure or aggregate of this name and these arguments exists.
pub(super) fn exists(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    format!("pg_catalog.to_regprocedure({}) IS NOT NULL", literal(&signature(object, fact, schema)))
}

/// The statement that drops a function, a procedure or an aggregate.
pub(super) fn drop(fact: &Fact, schema: &SchemaName) -> String {
    // The signature of an aggregate without arguments is `*`, except here.
    let statement = format!("DROP ROUTINE IF EXISTS {}", signature(&fact.object, fact, schema));
    finding_types(statement, fact, schema)
}

/// A statement that names the types of arguments as they were read from a tenant: those of its schema without the schema's
/// name. It calls nothing.
pub(super) fn finding_types(statement: String, fact: &Fact, schema: &SchemaName) -> String {
    let types = fact.attributes.get("signature");
    if types.is_none_or(|types| types.sql.is_some() || types.text.is_empty()) {
        return statement;
    }
    let path = |path: &str| {
        format!("PERFORM pg_catalog.set_config('search_path', {}, true)", literal(path))
    };
    let within = path(&format!("{}, pg_temp", schema.quoted()));
    let outside = path("pg_catalog, pg_temp");
    together(&format!("{within};\n        {statement};\n        {outside}"))
}

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let (object, fact) = (&creation.object, creation.fact);
    guard.unless(&exists(object, fact, schema), &statement(object, fact, schema))
}

/// Replaced as a whole, which needs its arguments, with their names and defaults, and its result to be as they were.
fn alter(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    let is_kept = !["arguments", "returns", "window"].iter().any(|key| alteration.differs(key));
    let statement = statement(alteration.object(), alteration.desired, schema);
    is_kept.then(|| or_replace(&statement))
}

fn statement(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let sql = |key: &str| fact.sql(key, schema);
    let name = object.name().map(|name| schema.qualify(name)).unwrap_or_default();
    let word = if object.kind() == Kind::Procedure { "PROCEDURE" } else { "FUNCTION" };
    let mut statement = format!("CREATE {word} {name}({})", sql("arguments").unwrap_or_default());
    let mut clause = |text: String| {
        statement.push('\n');
        statement.push_str(&text);
    };
    if object.kind() == Kind::Function
        && let Some(returns) = sql("returns")
    {
        clause(format!("RETURNS {returns}"));
    }
    clause(format!("LANGUAGE {}", sql("language").unwrap_or_default()));
    if let Some(transforms) = sql("transforms") {
        clause(format!("TRANSFORM {transforms}"));
    }
    for key in ["window", "volatility", "strict", "security", "leakproof"] {
        if let Some(words) = fact.text(key) {
            clause(words.to_uppercase());
        }
    }
    for key in ["parallel", "cost", "rows", "support"] {
        if let Some(value) = sql(key) {
            clause(format!("{} {value}", key.to_uppercase()));
        }
    }
    if let Some(settings) = sql("settings") {
        clause(settings);
    }
    if let Some(body) = sql("sql_body") {
        clause(body);
    } else {
        let body = sql("body").unwrap_or_default();
        clause(match sql("library") {
            Some(library) => format!("AS {}, {}", literal(&library), literal(&body)),
            None => format!("AS {}", dollar_quoted(&body, "function")),
        });
    }
    statement
}

/// The names in double quotes in the bodies of functions, and those in their search paths: in a schema of one of these
/// names, the name would be read as the schema's.
#[must_use]
pub fn quoted_in_bodies(catalog: &Catalog) -> BTreeMap<String, Object> {
    let mut names = BTreeMap::new();
    for fact in catalog.facts().filter(|fact| fact.object.kind().is_routine()) {
        let body = fact.text("body").unwrap_or_default();
        // A name may begin or end at any of the marks.
        let marks: Vec<&str> = body.split('"').collect();
        let between = marks.get(1..marks.len().saturating_sub(1)).unwrap_or_default();
        let settings = fact.text("settings").unwrap_or_default().lines();
        let paths = settings.filter_map(|line| line.strip_prefix("SET search_path TO "));
        let elements = paths.flat_map(|path| path.split(", ")).map(|name| name.trim_matches('"'));
        for name in between.iter().copied().chain(elements) {
            names.entry(name.to_owned()).or_insert_with(|| fact.object.clone());
        }
    }
    names
}
