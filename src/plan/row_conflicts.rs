//! Rows that are in the way for what other rows are: the same, in conflict, or missing.

use super::row_search::{Derived, Rows, enclosed, name_of, need, only_if, quoted_name};
use super::row_source::{Source, Tables};
use crate::catalog::{Fact, Kind, Object};
use crate::name::SchemaName;
use crate::precondition::{Precondition, Problem};

/// Rows with the same key, for a key or a unique index.
pub(super) fn duplicates(
    tables: &Tables<'_>,
    fact: &Fact,
    object: &Object,
    schema: &SchemaName,
) -> Precondition {
    let relation = object.group();
    let shown = fact.text("keys").unwrap_or_default();
    let words = format!("in {} sharing ({shown}) with others", name_of(&relation));
    let mut rows = Rows::new(tables, relation.clone(), need(object, Problem::Duplicates, words));
    rows.runs_code = fact.text("expressions").is_some();
    let definition = fact.text("definition").or_else(|| fact.text("using")).unwrap_or_default();
    if definition.contains(" WITHOUT OVERLAPS)") {
        return rows.impossible("rows that overlap are not looked for".to_owned());
    }
    let (Some(keys), Ok(source)) = (
        fact.sql("keys", schema),
        tables.source(&relation, &fact.dependencies, &quoted_name(&relation)),
    ) else {
        return rows.impossible("a column of it does not exist yet".to_owned());
    };
    let are_distinct = !(definition.starts_with("UNIQUE NULLS NOT DISTINCT (")
        || definition.ends_with(" NULLS NOT DISTINCT"));
    let present = are_distinct.then(|| format!("num_nulls({keys}) = 0"));
    let within = fact.sql("where", schema).map(|predicate| enclosed(&predicate));
    let condition: Vec<String> = present.into_iter().chain(within).collect();
    let from = format!("{}{}", source.from, only_if(&condition.join(" AND ")));
    let count = format!(
        "SELECT coalesce(sum(d.n), 0)::bigint FROM (SELECT count(*) AS n FROM {from} \
         GROUP BY {keys} HAVING count(*) > 1) AS d"
    );
    let counted = Source {
        from: format!(
            "(SELECT *, count(*) OVER (PARTITION BY {keys}) AS duplicates FROM {from}) AS t"
        ),
        is_plain: source.is_plain,
    };
    rows.counted_by(count, &counted, "duplicates > 1")
}

/// Rows excluding each other.
pub(super) fn conflicts(
    tables: &Tables<'_>,
    fact: &Fact,
    object: &Object,
    schema: &SchemaName,
) -> Precondition {
    let table = object.group();
    let words = format!("in {} excluding each other", name_of(&table));
    let mut rows = Rows::new(tables, table.clone(), need(object, Problem::Conflicts, words));
    rows.runs_code = true;
    let parts = (fact.sql("keys", schema), fact.sql("matching", schema));
    let source = tables.source(&table, &fact.dependencies, &quoted_name(&table));
    let ((Some(keys), Some(matching)), Ok(Source { from, is_plain: true })) = (parts, source)
    else {
        return rows.impossible("its columns are not yet as they will be".to_owned());
    };
    let within = fact.sql("where", schema).unwrap_or_default();
    let element = |also: &str| {
        let condition = only_if(&within);
        format!("(SELECT {also}ctid AS r, tableoid AS o, {keys} FROM {from}{condition})")
    };
    let other = element("");
    let condition =
        format!("EXISTS (SELECT FROM {other} AS b WHERE (b.r, b.o) <> (a.r, a.o) AND {matching})");
    let source = |also: &str| format!("{} AS a", element(also));
    let key = tables.key(&table, true);
    let keys = key.map(|(key, order)| {
        let order = order.split(", ").next().unwrap_or_default();
        (format!("{key} AS key, {order} AS key_order, "), "key_order")
    });
    rows.derived(Derived { with: &source, keys, shown: "*, " }, &condition)
}

/// Rows whose foreign key points to nothing.
pub(super) fn unmatched(
    tables: &Tables<'_>,
    fact: &Fact,
    object: &Object,
    schema: &SchemaName,
) -> Precondition {
    let table = object.group();
    let mut others = fact.dependencies.iter().map(Object::group);
    let other = others.find(|whole| *whole != table && whole.kind() == Kind::Table);
    let referenced = other.unwrap_or_else(|| table.clone());
    let shown = fact.text("keys").unwrap_or_default();
    let target = match fact.text("external") {
        Some(name) => name.to_owned(),
        None => name_of(&referenced),
    };
    let words = match shown {
        "" => format!("in {} whose key is not in {target}", name_of(&table)),
        _ => format!("in {} whose ({shown}) is not in {target}", name_of(&table)),
    };
    let mut rows = Rows::new(tables, table.clone(), need(object, Problem::NoMatch, words));
    if fact.text("external").is_some() {
        return rows.impossible("keys to tables elsewhere are not looked for".to_owned());
    }
    let definition = fact.text("definition").unwrap_or_default();
    if definition.contains(", PERIOD ") {
        return rows.impossible("keys with periods are not looked for".to_owned());
    }
    let (Some(keys), Some(matching)) = (fact.sql("keys", schema), fact.sql("matching", schema))
    else {
        return rows.impossible("its columns are unknown".to_owned());
    };
    let source = match tables.source(&table, &fact.dependencies, "t") {
        Ok(source) => source,
        Err(reason) => return rows.impossible(reason),
    };
    // A table that does not exist yet has no rows.
    let referenced = if tables.live.has(&referenced) {
        match tables.source(&referenced, &fact.dependencies, "r") {
            Ok(source) => {
                rows.others.extend(tables.name_now(&referenced).cloned());
                Some(source.from)
            }
            Err(reason) => return rows.impossible(reason),
        }
    } else {
        None
    };
    let given = if definition.contains(" MATCH FULL") {
        format!("num_nonnulls({keys}) > 0")
    } else {
        format!("num_nulls({keys}) = 0")
    };
    let missing =
        referenced.map(|from| format!(" AND NOT EXISTS (SELECT FROM {from} WHERE {matching})"));
    let condition = format!("{given}{}", missing.unwrap_or_default());
    rows.for_which(&source, &condition)
}
