//! Which rows would make a step fail, and how they are found. Only what is done to tables that exist can meet any.

use std::collections::BTreeSet;

use super::row_source::{Source, Tables};
use super::step::Step;
use crate::catalog::{Catalog, Fact, Kind, Object, Rename};
use crate::kinds::{self, Alteration, Creation, Remade};
use crate::name::{Ident, SchemaName, Text, dollar_quoted, literal};
use crate::precondition::{FOUND, KEYS, Need, Precondition, Problem, Search};

/// What rows have to meet so that `steps` succeed; `live` has the names that are given to objects by `renames`.
pub(super) fn preconditions<'a>(
    steps: &'a [Step<'a>],
    catalogs: (&'a Catalog, &'a Catalog),
    renames: &'a [Rename],
    schema: &'a SchemaName,
) -> Vec<Precondition> {
    let tables = Tables::new(steps, catalogs, renames, schema);
    let found = steps.iter().flat_map(|step| match step {
        Step::Create(creation) => created(&tables, creation, schema),
        Step::Recreate(creation) => {
            if is_met(&tables, creation) {
                return Vec::new();
            }
            created(&tables, creation, schema)
        }
        Step::Change(alteration) => changed(&tables, alteration, schema),
        Step::Rename { .. }
        | Step::Drop { .. }
        | Step::Grant { .. }
        | Step::Insert { .. }
        | Step::Update { .. }
        | Step::Free { .. }
        | Step::Delete { .. } => Vec::new(),
    });
    found.collect()
}

/// Whether what is created again was there in the same form, so that all rows meet it.
fn is_met(tables: &Tables<'_>, creation: &Creation<'_>) -> bool {
    let there = tables.live.get(&creation.object);
    there.is_some_and(|live| live.attributes == creation.fact.attributes)
        && !tables.converts(&creation.fact.dependencies)
}

fn created(tables: &Tables<'_>, creation: &Creation<'_>, schema: &SchemaName) -> Vec<Precondition> {
    let (fact, whole) = (creation.fact, creation.object.group());
    if !tables.live.has(&whole) || whole == creation.object {
        return Vec::new();
    }
    match creation.object.kind() {
        Kind::Column => match creation.backfill {
            None => without_value(tables, creation).into_iter().collect(),
            Some(_) if fact.text("nullability") != Some("not null") => Vec::new(),
            Some(backfill) => {
                vec![unfilled(tables, &creation.object, &backfill.sql(schema))]
            }
        },
        Kind::Constraint if !kinds::is_not_valid(fact) => {
            constraint(tables, fact, &creation.object, schema)
        }
        Kind::Index if fact.text("unique").is_some() => {
            vec![duplicates(tables, fact, &creation.object, schema)]
        }
        Kind::DomainConstraint if fact.text("validity").is_none() => {
            domain_check(tables, fact, &creation.object, schema)
        }
        _ => Vec::new(),
    }
}

fn changed(
    tables: &Tables<'_>,
    alteration: &Alteration<'_>,
    schema: &SchemaName,
) -> Vec<Precondition> {
    let object = alteration.object();
    let becomes_not_null = || {
        let is = |fact: &Fact| fact.text("nullability") == Some("not null");
        is(alteration.desired) && !is(alteration.live)
    };
    match object.kind() {
        Kind::Column => {
            let mut found = Vec::new();
            match alteration.backfill {
                _ if !becomes_not_null() => {}
                None => found.push(nulls(tables, object, object)),
                Some(backfill) => found.push(unfilled(tables, object, &backfill.sql(schema))),
            }
            if kinds::rewrites(alteration) {
                found.push(conversion(tables, alteration, schema));
            }
            found
        }
        Kind::Constraint => constraint(tables, alteration.desired, object, schema),
        Kind::Enum => {
            let remade = alteration.remade.iter();
            remade.flat_map(|remade| with_lost_labels(tables, object, remade)).collect()
        }
        Kind::Domain if becomes_not_null() => {
            let columns = columns_of_domain(tables, object);
            columns.into_iter().map(|column| nulls(tables, &column.object, object)).collect()
        }
        _ => Vec::new(),
    }
}

fn constraint(
    tables: &Tables<'_>,
    fact: &Fact,
    object: &Object,
    schema: &SchemaName,
) -> Vec<Precondition> {
    match fact.text("sort") {
        Some("c") => vec![check(tables, fact, object, schema)],
        Some("p") => {
            let mut found = vec![duplicates(tables, fact, object, schema)];
            let is_nullable = |column: &&Object| {
                let column = tables.live.get(column);
                column.is_some_and(|column| column.text("nullability") != Some("not null"))
            };
            let nullable = fact.dependencies.iter().filter(is_nullable);
            found.extend(nullable.map(|column| nulls(tables, column, object)));
            found
        }
        Some("u") => vec![duplicates(tables, fact, object, schema)],
        Some("x") => vec![conflicts(tables, fact, object, schema)],
        Some("f") => vec![unmatched(tables, fact, object, schema)],
        _ => Vec::new(),
    }
}

/// What rows of one relation have to meet.
struct Rows<'t> {
    tables: &'t Tables<'t>,
    relation: Object,
    need: Need,
    /// The tables that are read beside.
    others: BTreeSet<Ident>,
    runs_code: bool,
}

impl<'t> Rows<'t> {
    fn new(tables: &'t Tables<'t>, relation: Object, need: Need) -> Self {
        Self { tables, relation, need, others: BTreeSet::new(), runs_code: false }
    }

    fn by(self, search: Search) -> Precondition {
        let mut read = self.others;
        read.extend(self.tables.name_now(&self.relation).cloned());
        Precondition { need: self.need, search, tables: read, runs_code: self.runs_code }
    }

    fn impossible(self, reason: String) -> Precondition {
        self.by(Search::Impossible(reason))
    }

    /// Those of a source for which a condition holds; an empty one always does.
    fn for_which(self, source: &Source, condition: &str) -> Precondition {
        let count = format!("SELECT count(*) FROM {}{}", source.from, only_if(condition));
        self.counted_by(count, source, condition)
    }

    fn counted_by(self, count: String, source: &Source, condition: &str) -> Precondition {
        let (from, condition) = (&source.from, only_if(condition));
        let key = self.tables.key(&self.relation, source.is_plain);
        let keys = key.map(|(key, order)| {
            format!("SELECT {key} FROM {from}{condition} ORDER BY {order} LIMIT {KEYS}")
        });
        let rows = format!("SELECT * FROM {from}{condition}");
        self.by(Search::Query { count, keys, rows })
    }
}

fn only_if(condition: &str) -> String {
    if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") }
}

fn need(object: &Object, problem: Problem, rows: String) -> Need {
    Need { object: object.clone(), problem, rows }
}

/// Such as "invoices.day".
fn dotted(column: &Object) -> String {
    match (column.group().name(), column.name()) {
        (Some(table), Some(name)) => format!("{table}.{name}"),
        _ => column.to_string(),
    }
}

fn name_of(object: &Object) -> String {
    object.name().map(ToString::to_string).unwrap_or_default()
}

fn quoted_name(object: &Object) -> String {
    object.name().map(Ident::quoted).unwrap_or_default()
}

/// NULL in a column, which `object` does not accept.
fn nulls(tables: &Tables<'_>, column: &Object, object: &Object) -> Precondition {
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
fn unfilled(tables: &Tables<'_>, column: &Object, backfill: &str) -> Precondition {
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
fn without_value(tables: &Tables<'_>, creation: &Creation<'_>) -> Option<Precondition> {
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

fn check(tables: &Tables<'_>, fact: &Fact, object: &Object, schema: &SchemaName) -> Precondition {
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

/// The server encloses most expressions itself.
fn enclosed(expression: &str) -> String {
    format!("({expression})")
}

/// Rows with the same key, for a key or a unique index.
fn duplicates(
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
fn conflicts(
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
    let search = Search::Query {
        count: format!("SELECT count(*) FROM {} WHERE {condition}", source("")),
        keys: key.map(|(key, order)| {
            let order = order.split(", ").next().unwrap_or_default();
            let from = source(&format!("{key} AS key, {order} AS key_order, "));
            format!("SELECT key FROM {from} WHERE {condition} ORDER BY key_order LIMIT {KEYS}")
        }),
        rows: format!("SELECT * FROM {} WHERE {condition}", source("*, ")),
    };
    rows.by(search)
}

/// Rows whose foreign key points to nothing.
fn unmatched(
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

/// Values of columns that a new check of their domain does not accept.
fn domain_check(
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
        let search = Search::Query {
            count: format!("SELECT count(*) FROM {} WHERE {condition}", value("")),
            keys: key.map(|(key, _)| {
                let from = value(&format!("{key} AS key, "));
                format!("SELECT key FROM {from} WHERE {condition} ORDER BY key LIMIT {KEYS}")
            }),
            rows: format!("SELECT * FROM {} WHERE {condition}", value("ctid, ")),
        };
        rows.by(search)
    });
    found.collect()
}

/// The columns of the tenant that have this domain as their type.
fn columns_of_domain<'a>(tables: &Tables<'a>, domain: &Object) -> Vec<&'a Fact> {
    let all = tables.live.of_kind(Kind::Column);
    all.filter(|column| {
        column.object.table_name().is_some() && column.dependencies.contains(domain)
    })
    .collect()
}

/// Values of columns that are labels which go.
fn with_lost_labels(
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
fn conversion(
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
