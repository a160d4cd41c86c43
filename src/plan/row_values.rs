//! Rows that are in the way by themselves: for a value that they have, or do not have.

use super::row_search::{Derived, Rows, dotted, enclosed, name_of, need, quoted_name};
use super::row_source::Tables;
use crate::catalog::{Fact, Kind, Object};
use crate::kinds::{self, Alteration, Creation, Remade};
use crate::name::{Ident, SchemaName, Text, dollar_quoted, literal};
use crate::precondition::{FOUND, KEYS, Precondition, Problem, Search};

/// NULL in a column, which `object` does not accept.
pub(super) fn nulls(tables: &Tables<'_>, column: &Object, object: &Object) -> Precondition {
    let words = format!("with NULL in {}", dotted(column));
    let rows = Rows::new(tables, column.group(), need(object, Problem::Nulls, words));
    let fact = tables.live.get(column);
    let name = tables.name_now(column).map(Ident::quoted).unwrap_or_default();
    // A value of a composite type all of whose attributes are NULL is no NULL.
    let is_plain = fact.is_none_or(|fact| fact.dependencies.is_empty());
    let words = if is_plain { "IS NULL" } else { "IS NOT DISTINCT FROM NULL" };
    rows.for_which(&tables.as_now(&column.group()), &format!("{name} {words}"))
}

/// The rows in which a column would be NULL even when it has been filled.
pub(super) fn unfilled(tables: &Tables<'_>, column: &Object, backfill: &str) -> Precondition {
    let table = column.group();
    let words =
        format!("in {} for which the backfill of {} is NULL", name_of(&table), name_of(column));
    let mut rows = Rows::new(tables, table.clone(), need(column, Problem::Nulls, words));
    rows.runs_code = true;
    // It may read any column of the table.
    let columns: Vec<&Object> = tables.columns(&table).iter().map(|fact| &fact.object).collect();
    match tables.source(&table, columns, &quoted_name(&table)) {
        Ok(source) => {
            let is_there = tables.live.has(column);
            let empty = is_there.then(|| format!("{} IS NULL AND ", quoted_name(column)));
            rows.for_which(&source, &format!("{}({backfill}) IS NULL", empty.unwrap_or_default()))
        }
        Err(reason) => rows.impossible(reason),
    }
}

/// The rows of a table that gets a column which needs a value and has none.
pub(super) fn without_value(tables: &Tables<'_>, creation: &Creation<'_>) -> Option<Precondition> {
    let (fact, object) = (creation.fact, &creation.object);
    let has_value = creation.parts.iter().any(|(_, part)| part.object.kind() != Kind::Comment)
        || kinds::is_generated(fact);
    let mut domains = fact.dependencies.iter().filter(|object| object.kind() == Kind::Domain);
    let domain = domains.find_map(|object| tables.desired.get(object));
    let has_default = domain.is_some_and(|domain| domain.text("default").is_some());
    let is_required = |fact: &Fact| fact.text("nullability") == Some("not null");
    if has_value || has_default || !(is_required(fact) || domain.is_some_and(is_required)) {
        return None;
    }
    let table = object.group();
    let words =
        format!("in {}, for which column {} has no value", name_of(&table), name_of(object));
    let source = tables.as_now(&table);
    let rows = Rows::new(tables, table, need(object, Problem::NoValue, words));
    Some(rows.for_which(&source, ""))
}

pub(super) fn check(
    tables: &Tables<'_>,
    fact: &Fact,
    object: &Object,
    schema: &SchemaName,
) -> Precondition {
    let table = object.group();
    let words = format!("in {} violating it", name_of(&table));
    let mut rows = Rows::new(tables, table.clone(), need(object, Problem::Check, words));
    rows.runs_code = true;
    let Some(expression) = fact.sql("expressions", schema) else {
        return rows.impossible("its expression is unknown".to_owned());
    };
    match tables.source(&table, &fact.dependencies, &quoted_name(&table)) {
        Ok(source) => rows.for_which(&source, &format!("NOT {}", enclosed(&expression))),
        Err(reason) => rows.impossible(reason),
    }
}

/// Values of columns that a new check of their domain does not accept.
pub(super) fn domain_check(
    tables: &Tables<'_>,
    fact: &Fact,
    object: &Object,
    schema: &SchemaName,
) -> Vec<Precondition> {
    let columns = columns_of_domain(tables, &object.group()).into_iter();
    let found = columns.map(|column| {
        let (table, name) = (column.object.group(), tables.name_now(&column.object));
        let words = format!("with a value of {} violating it", dotted(&column.object));
        let mut rows = Rows::new(tables, table.clone(), need(object, Problem::Check, words));
        rows.runs_code = true;
        let parts = (fact.sql("expressions", schema), name);
        let (Some(expression), Some(name)) = parts else {
            return rows.impossible("its expression is unknown".to_owned());
        };
        let relation = tables.qualified(&table);
        let key = tables.key(&table, true);
        let value =
            |also: &str| format!("(SELECT {also}{} AS value FROM {relation}) AS v", name.quoted());
        let condition = format!("NOT {}", enclosed(&expression));
        let keys = key.map(|(key, _)| (format!("{key} AS key, "), "key"));
        rows.derived(Derived { with: &value, keys, shown: "ctid, " }, &condition)
    });
    found.collect()
}

/// The columns of the tenant that have this domain as their type.
pub(super) fn columns_of_domain<'a>(tables: &Tables<'a>, domain: &Object) -> Vec<&'a Fact> {
    let all = tables.live.of_kind(Kind::Column);
    all.filter(|column| {
        column.object.table_name().is_some() && column.dependencies.contains(domain)
    })
    .collect()
}

/// Values of columns that are labels which go.
pub(super) fn with_lost_labels(
    tables: &Tables<'_>,
    object: &Object,
    remade: &Remade<'_>,
) -> Vec<Precondition> {
    let labels: Vec<String> =
        remade.lost.iter().map(|label| Text::from(*label).literal()).collect();
    let found = remade.columns.iter().filter(|_| !labels.is_empty()).map(|column| {
        let table = column.object.group();
        let words = format!("with a label in {} that goes", dotted(&column.object));
        let rows = Rows::new(tables, table.clone(), need(object, Problem::Label, words));
        let name = tables.name_now(&column.object).map(Ident::quoted).unwrap_or_default();
        let is_lost = |value: &str| {
            format!("pg_catalog.textin(pg_catalog.enum_out({value})) IN ({})", labels.join(", "))
        };
        let condition = if kinds::is_array(column) {
            format!("EXISTS (SELECT FROM unnest({name}) AS u(label) WHERE {})", is_lost("u.label"))
        } else {
            is_lost(&name)
        };
        rows.for_which(&tables.as_now(&table), &condition)
    });
    found.collect()
}

/// Values that do not become values of the new type. Each is tried, as the server would: there is no other way to know.
pub(super) fn conversion(
    tables: &Tables<'_>,
    alteration: &Alteration<'_>,
    schema: &SchemaName,
) -> Precondition {
    let (column, table) = (alteration.object(), alteration.object().group());
    let data_type = alteration.desired.text("type").unwrap_or_default();
    let words = format!("whose {} does not become {data_type}", dotted(column));
    let mut rows = Rows::new(tables, table.clone(), need(column, Problem::Conversion, words));
    // Types that do not exist yet cannot be tried.
    let mut types = alteration.desired.dependencies.iter().filter(|object| object.kind().is_type());
    if let Some(new) = types.find(|object| !tables.live.has(object)) {
        return rows.impossible(format!("{new} does not exist yet"));
    }
    rows.runs_code = alteration.using.is_some() || !alteration.desired.dependencies.is_empty();
    let columns = tables.columns(&table).into_iter();
    let columns = columns.filter_map(|fact| {
        let (now, then) = (tables.name_now(&fact.object)?, fact.object.name()?);
        Some(format!("r.{} AS {}", now.quoted(), then.quoted()))
    });
    let columns: Vec<String> = columns.collect();
    let value = match &alteration.using {
        Some(using) => format!("({})", using.sql(schema)),
        None => quoted_name(column),
    };
    // By assignment, as the server converts: a cast would cut off what is too long.
    let (data_type, relation) =
        (alteration.desired.sql("type", schema).unwrap_or_default(), tables.qualified(&table));
    let key = tables.key(&table, false).map(|(key, _)| key);
    let identified = key.map_or_else(String::new, |key| {
        format!(
            "IF count <= {KEYS} THEN\n\
             keys := keys || (SELECT {key} FROM (SELECT {}) AS t);\nEND IF;\n",
            columns.join(", ")
        )
    });
    let block = format!(
        "\nDECLARE\nr {relation}%ROWTYPE;\nvalue {data_type};\ncount bigint := 0;\nkeys text[] := '{{}}';\n\
         BEGIN\nFOR r IN SELECT * FROM {relation} LOOP\nBEGIN\n\
         value := (SELECT {value} FROM (SELECT {}) AS {});\n\
         EXCEPTION WHEN OTHERS THEN\n\
         IF SQLSTATE !~ '^(22|23|P0)' THEN\nRAISE;\nEND IF;\n\
         count := count + 1;\n{identified}\
         END;\nEND LOOP;\n\
         PERFORM set_config({}, json_build_object('count', count, 'keys', keys)::text, true);\nEND\n",
        columns.join(", "),
        quoted_name(&table),
        literal(FOUND)
    );
    rows.by(Search::Trial(format!("DO {}", dollar_quoted(&block, "provision"))))
}
