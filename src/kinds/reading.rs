//! The statements that read a schema, composed from the rules of all kinds, and the interpretation of their
//! answers. Pure: [`pg`](crate::pg) sends the statements and decodes the rows.
//!
//! They are sent in two messages inside a transaction whose search path is `pg_catalog`: first
//! [`members_script`](super::members_script), which lists the objects, and then [`details_script`], in which `:tables`,
//! `:views`, `:materialized_views`, `:relations`, `:types` and `:others` are replaced by their OIDs, and in which the queries for kinds without
//! objects are left out. `pg_class` has no index on `relnamespace`; `pg_depend` has one on the referenced object.
//!
//! Deparsing functions print a name unqualified when the search path would find it. The CTE `path`
//! sets the path, and each call depends on its result: so it is set after the
//! statement was analysed (nothing in a tenant's schema can capture a name in here) and before the
//! function runs. It is set back at once, since the next statement is analysed only after this one has run.

use std::collections::{BTreeMap, HashMap};

use super::members::Members;
use super::registry::rules;
use super::routine::{BEGINNING, ESCAPED};
use super::rules::{Needs, Rules};
use super::script::{for_version, stripped};
use super::unmodelled::{OF_OTHERS, OF_RELATIONS, OF_TABLES, OTHER};
use super::{column, comment, constraint, index, inheritance, routine};
use crate::catalog::{Catalog, Fact, Kind, Object, Part, UNKNOWN_OPTION, Unmodelled};
use crate::name::{Ident, SCHEMA_PLACEHOLDER, SchemaName, Text, literal};

/// What a schema is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// To be compared: what is in the schema is unqualified, very long comments are read as a digest. Dependencies are read,
    /// too.
    Comparing,
    /// For statements: what is not in `pg_catalog` is qualified.
    Rendering,
}

/// The statements that read the members, to be sent in the same transaction.
#[must_use]
pub fn details_script(
    members: &Members,
    schema: &SchemaName,
    reading: Reading,
    version_number: i32,
) -> String {
    let path = match reading {
        Reading::Comparing => format!("{}, pg_temp", schema.quoted()),
        Reading::Rendering => "pg_catalog, pg_temp".to_owned(),
    };
    let path = Text::new(path).map(|path| path.literal()).unwrap_or_default();
    let mut script = String::new();
    let kinds = Kind::ALL.into_iter().map(|kind| (kind, rules(kind)));
    for (kind, rules) in kinds.filter(|(_, rules)| members.have(rules.needs)) {
        let attributes = object(rules);
        let source = rules.source.replace(":attributes", &attributes);
        let columns = source.split_once(" FROM path ");
        let (columns, from) = columns.unwrap_or((source.as_str(), ""));
        let (rows, from) = (format!("json_build_array({columns})"), format!("path {from}"));
        script.push_str(&section(kind.name(), "", &rows, &from, &path));
    }
    let length = match reading {
        Reading::Comparing => "length(de.description) <= 8192",
        Reading::Rendering => "true",
    };
    script.push_str(
        &stripped(COMMENTS).replace(":comment", comment::read()).replace(":whole", length),
    );
    if !members.relations.is_empty() || !members.types.is_empty() || !members.others.is_empty() {
        script.push_str(&unmodelled(members, &path));
    }
    if reading == Reading::Comparing {
        script.push_str(&stripped(DEPENDENCIES));
    }
    // In statements, `"scratch"` is replaced by the name of each tenant's schema.
    let placeholder = match reading {
        Reading::Comparing => literal(SCHEMA_PLACEHOLDER),
        Reading::Rendering => literal(schema.as_str()),
    };
    let escaped = match reading {
        Reading::Comparing => literal(ESCAPED),
        Reading::Rendering => literal(BEGINNING),
    };
    let oids = |oids: &[i64]| {
        let oids: Vec<String> = oids.iter().map(ToString::to_string).collect();
        format!("'{{{}}}'::oid[]", oids.join(","))
    };
    let mut others = members.types.clone();
    others.extend(&members.others);
    for (name, text) in constraint::COLUMNS {
        script = script.replace(name, text);
    }
    script = script
        .replace(":expression", column::EXPRESSION)
        .replace(":own_column", inheritance::OWN_COLUMN)
        .replace(":own_constraint", inheritance::OWN_CONSTRAINT)
        .replace(":is_override", inheritance::IS_OVERRIDE)
        .replace(":parts", PARTS)
        .replace(":tail", index::TAIL)
        .replace(":keys", index::KEYS)
        .replace(":unknown_option", &format!("'{UNKNOWN_OPTION}'"))
        .replace(":tables", &oids(&members.tables))
        .replace(":views", &oids(&members.views))
        .replace(":materialized_views", &oids(&members.materialized_views))
        .replace(":placeholder", &placeholder)
        .replace(":escaped", &escaped)
        .replace(":routines", &oids(&members.routines))
        .replace(":modelled", routine::MODELLED)
        .replace(":relations", &oids(&members.relations))
        .replace(":types", &oids(&members.types))
        .replace(":others", &oids(&others))
        .replace(":namespace", &members.namespace.to_string());
    for_version(&script, version_number)
}

/// The attributes as one JSON object; each is computed only when the path is set.
fn object(rules: &Rules) -> String {
    let mut pairs = Vec::new();
    for attribute in rules.attributes {
        pairs.push(format!(
            "'{}', CASE WHEN path.is_set THEN ({})::text END",
            attribute.key, attribute.sql
        ));
    }
    format!("json_strip_nulls(json_build_object({}))", pairs.join(", "))
}

/// A statement that returns one row: its name and a JSON array. `with` are further common table
/// expressions, each after a comma.
fn section(name: &str, with: &str, rows: &str, from: &str, path: &str) -> String {
    format!(
        "WITH path AS MATERIALIZED (SELECT set_config('search_path', {path}, true) <> '' AS is_set)\
         {with}\n\
         SELECT '{name}' AS section, coalesce(json_agg({rows}), '[]')::text AS rows\n\
         FROM {from};\n\
         SET LOCAL search_path = pg_catalog, pg_temp;\n"
    )
}

fn unmodelled(members: &Members, path: &str) -> String {
    let parts = [
        (OF_TABLES, !members.tables.is_empty()),
        (OF_RELATIONS, !members.relations.is_empty()),
        (OF_OTHERS, !(members.types.is_empty() && members.others.is_empty())),
    ];
    let parts = parts.into_iter().filter(|(_, is_needed)| *is_needed).map(|(part, _)| part);
    let other = format!(", other AS MATERIALIZED (\n{OTHER}\n)");
    let parts = parts.collect::<Vec<_>>().join("\nUNION ALL\n");
    stripped(&section("unmodelled", &other, "r", &format!("(\n{parts}\n) r(kind, name)"), path))
}

/// What `:parts` stands for: the parts of the objects that can have comments, and the relations of composite types.
const PARTS: &str = "\
SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = ANY (:tables || :materialized_views)
UNION ALL
SELECT k.oid FROM pg_constraint k WHERE k.conrelid = ANY (:tables)
UNION ALL
SELECT tg.oid FROM pg_trigger tg WHERE tg.tgrelid = ANY (:tables || :views)
UNION ALL
SELECT ru.oid FROM pg_rewrite ru WHERE ru.ev_class = ANY (:tables || :views) AND ru.ev_type <> '1'
UNION ALL
SELECT po.oid FROM pg_policy po WHERE po.polrelid = ANY (:tables)
UNION ALL
SELECT e.oid FROM pg_statistic_ext e WHERE e.stxrelid = ANY (:tables || :materialized_views)
UNION ALL
SELECT k.oid FROM pg_constraint k WHERE k.contypid = ANY (:types)
UNION ALL
SELECT t.typrelid FROM pg_type t WHERE t.oid = ANY (:types) AND t.typrelid <> 0";

const COMMENTS: &str = "\
SELECT 'comments' AS section, coalesce(json_agg(json_build_array(
           de.classoid::int8, de.objoid::int8, de.objsubid, :comment, a.attname)), '[]')::text AS rows
FROM pg_description de
LEFT JOIN pg_attribute a ON de.classoid = 'pg_class'::regclass AND a.attrelid = de.objoid
    AND a.attnum = de.objsubid AND de.objsubid > 0
WHERE de.classoid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_type'::regclass,
                      'pg_proc'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
                      'pg_statistic_ext'::regclass, 'pg_rewrite'::regclass)
  AND de.objoid = ANY (
      :relations || :types || :routines
      || ARRAY(:parts));
";

/// The dependencies, by the addresses that `pg_depend` has.
const DEPENDENCIES: &str = "\
WITH object AS MATERIALIZED (
    SELECT unnest(:relations || :types || :routines
        || ARRAY(SELECT t.oid FROM pg_type t WHERE t.typelem = ANY (:types)
                 UNION ALL
                 SELECT u.oid FROM pg_range rg
                 JOIN pg_type t ON t.oid = rg.rngmultitypid
                 CROSS JOIN LATERAL (VALUES (t.oid), (t.typarray)) u(oid)
                 WHERE rg.rngtypid = ANY (:types)
                 UNION ALL
                 SELECT u.oid FROM pg_type t
                 CROSS JOIN LATERAL (VALUES (t.oid), (t.typarray)) u(oid)
                 WHERE t.typrelid = ANY (:relations)
                 UNION ALL
                 :parts
                 UNION ALL
                 SELECT ad.oid FROM pg_attrdef ad WHERE ad.adrelid = ANY (:tables)
                 UNION ALL
                 SELECT ru.oid FROM pg_rewrite ru
                 WHERE ru.ev_class = ANY (:views || :materialized_views) AND ru.ev_type = '1')) AS oid
)
SELECT 'dependencies' AS section, coalesce(json_agg(json_build_array(
           d.classid::int8, d.objid::int8, d.objsubid,
           d.refclassid::int8, d.refobjid::int8, d.refobjsubid, d.deptype)), '[]')::text AS rows
FROM object o
JOIN (
    SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid, d.deptype
    FROM pg_depend d
    -- With the catalog, there is an index for it.
    WHERE d.classid IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass,
                        'pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_trigger'::regclass,
                        'pg_policy'::regclass, 'pg_statistic_ext'::regclass, 'pg_rewrite'::regclass)
    UNION ALL
    -- The types of its states, whose input functions CREATE AGGREGATE calls, are no dependencies of an aggregate.
    SELECT 'pg_proc'::regclass, ag.aggfnoid, 0, 'pg_type'::regclass, t.oid, 0, 'n'
    FROM pg_aggregate ag
    JOIN pg_type t ON t.oid IN (ag.aggtranstype, ag.aggmtranstype)
    WHERE ag.aggfnoid = ANY (:routines)) d ON d.objid = o.oid
JOIN object r ON r.oid = d.refobjid;
";

/// An object's address in the catalogs: catalog, object, column.
type Address = (i64, i64, i64);

/// One row of a kind's query; see [`Rules::source`].
type Row = (i64, i64, i64, Option<Ident>, Ident, i64, BTreeMap<String, String>);

/// The catalog from the answers to [`details_script`], which `section` returns by name.
///
/// # Errors
/// The error of `section`, or a sentence, when the answers are not understood.
pub fn parse<E>(
    mut section: impl FnMut(&str) -> Result<serde_json::Value, E>,
    not_understood: impl Fn(String) -> E,
) -> Result<Catalog, E> {
    let mut catalog = Catalog::default();
    catalog.insert(Fact::new(Object::Schema, []));
    let mut objects: HashMap<Address, Object> = HashMap::new();
    let mut kinds = Kind::ALL.to_vec();
    kinds.retain(|kind| rules(*kind).needs != Needs::Nothing);
    // Wholes come before their parts.
    kinds.sort_by_key(|kind| !kind.wholes().is_empty());
    for kind in kinds {
        let found: Vec<Row> = read(section(kind.name())?).map_err(&not_understood)?;
        for (class, oid, number, of, name, position, attributes) in found {
            let object = match of {
                Some(of) => {
                    let is_whole =
                        |whole: &&Kind| catalog.has(&Object::Member(**whole, of.clone()));
                    let Some(whole) = kind.wholes().iter().find(is_whole) else { continue };
                    Object::Part(Part { kind, whole: *whole, of, name })
                }
                None if kind.is_routine() => {
                    let arguments = attributes.get("types").cloned().unwrap_or_default();
                    Object::Routine { kind, name, arguments }
                }
                None => Object::Member(kind, name),
            };
            objects.insert((class, oid, number), object.clone());
            catalog.insert(fact(object, position, attributes));
        }
    }
    let comments: Vec<(i64, i64, i64, String, Option<Ident>)> =
        read(section("comments")?).map_err(&not_understood)?;
    for (class, oid, number, text, column) in comments {
        if let Some(view) = objects.get(&(class, oid, 0))
            && let (Object::Member(kind @ (Kind::View | Kind::MaterializedView), of), Some(column)) =
                (view, column)
        {
            let on = Object::part(*kind, of, Kind::Column, &column);
            let mut comment = Fact::new(on.comment(), [("comment", text)]);
            // The column is no object of its own, on which it could depend.
            comment.dependencies.insert(view.clone());
            catalog.insert(comment);
        } else if let Some(on) = objects.get(&(class, oid, number)) {
            let signature = catalog.get(on).and_then(|fact| fact.text("signature"));
            let signature = signature.map(|types| ("signature", types.to_owned()));
            let attributes = [("comment", text)].into_iter().chain(signature);
            catalog.insert(Fact::new(on.comment(), attributes));
        }
    }
    let unmodelled: Vec<Unmodelled> = read(section("unmodelled")?).map_err(&not_understood)?;
    catalog.unmodelled = unmodelled.into_iter().collect();
    let edges = read(section("dependencies")?).map_err(&not_understood)?;
    depend(&mut catalog, &objects, edges);
    depend_on_indexes(&mut catalog);
    Ok(catalog)
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<Vec<T>, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn fact(object: Object, position: i64, mut texts: BTreeMap<String, String>) -> Fact {
    let known = rules(object.kind()).attributes.iter();
    let attributes = known.filter_map(|known| Some((known.key, texts.remove(known.key)?)));
    Fact { position, ..Fact::new(object, attributes) }
}

/// What names an index of its table depends on it; the server keeps that with the index.
fn depend_on_indexes(catalog: &mut Catalog) {
    let choices = catalog.of_kind(Kind::ReplicaIdentity).chain(catalog.of_kind(Kind::Clustering));
    let choices = choices.filter_map(|fact| {
        let Object::Part(Part { whole, of, .. }) = &fact.object else { return None };
        let name = Ident::new(fact.text("index")?).ok()?;
        let kinds = [Kind::Constraint, Kind::Index].into_iter();
        let mut named = kinds.map(|kind| Object::part(*whole, of, kind, &name));
        Some((fact.object.clone(), named.find(|object| catalog.has(object))?))
    });
    for (choice, index) in choices.collect::<Vec<_>>() {
        if let Some(fact) = catalog.get_mut(&choice) {
            fact.dependencies.insert(index);
        }
    }
}

/// A dependency as `pg_depend` has it, with its type.
type Edge = (i64, i64, i64, i64, i64, i64, String);

/// Adds the dependencies. What is not an object of its own counts as part of the one that it depends on
/// internally: the index of a constraint, the array type of an enum, the row type of a table, the expression of
/// a generated column, the rule that is the query of a view.
fn depend(catalog: &mut Catalog, objects: &HashMap<Address, Object>, edges: Vec<Edge>) {
    let known = |address: &Address| {
        let whole = (address.0, address.1, 0);
        objects.get(address).or_else(|| objects.get(&whole)).cloned()
    };
    let mut inner: HashMap<Address, Address> = HashMap::new();
    for (class, oid, number, of_class, of, of_number, kind) in &edges {
        let address = (*class, *oid, *number);
        if kind == "i" && known(&address).is_none() {
            inner.insert(address, (*of_class, *of, *of_number));
        }
    }
    let resolved = |address: Address| {
        let mut address = address;
        // As many steps as parts can be nested.
        for _ in 0..4 {
            match known(&address) {
                Some(object) => return Some(object),
                None => {
                    address =
                        *inner.get(&address).or_else(|| inner.get(&(address.0, address.1, 0)))?;
                }
            }
        }
        None
    };
    for (class, oid, number, of_class, of, of_number, _) in edges {
        let needing = resolved((class, oid, number));
        let needed = resolved((of_class, of, of_number));
        if let (Some(needing), Some(needed)) = (needing, needed)
            && needing != needed
            && let Some(fact) = catalog.get_mut(&needing)
        {
            fact.dependencies.insert(needed);
        }
    }
}
