//! Specs as TOML.

use toml::{Table, Value};

use super::generate::{
    ColumnKind, ColumnSpec, ConstraintSpec, FunctionKind, FunctionSpec, KeyKind, Spec, TableSpec,
    ViewOptions, ViewSpec,
};

impl Spec {
    pub fn to_toml(&self) -> String {
        let mut root = Table::new();
        root.insert("version".into(), Value::Integer(1));
        let types = self.types();
        if !types.is_empty() {
            root.insert("types".into(), Value::Table(types));
        }
        if let Some((increment, cycle)) = self.sequence {
            let sequence = table_of([
                ("increment", increment.into()),
                ("cycle", cycle.into()),
                ("max", 100_000.into()),
            ]);
            root.insert("sequences".into(), table_of([("num", sequence)]));
        }
        let mut tables = Table::new();
        let mut seeds = Vec::new();
        for table in self.tables.iter().filter(|table| !table.columns.is_empty()) {
            let of_table = |kind: FunctionKind| {
                let all = self.functions.iter();
                all.filter(move |f| f.kind == kind && self.tables[f.table].name == table.name)
            };
            let triggers: Vec<Value> = of_table(FunctionKind::Trigger).map(trigger).collect();
            let policies: Vec<Value> = of_table(FunctionKind::Policy).map(policy).collect();
            let mut value = self.table(table);
            if let (Value::Table(value), false) = (&mut value, triggers.is_empty()) {
                value.insert("triggers".into(), Value::Array(triggers));
            }
            if let (Value::Table(value), false) = (&mut value, policies.is_empty()) {
                value.insert("policies".into(), Value::Array(policies));
            }
            if let Value::Table(value) = &mut value {
                value.insert("row_security".into(), "enabled".into());
                if table.comment.is_some() && table.columns[0].name == "id" {
                    value.insert("rules".into(), rules(&table.name));
                }
            }
            tables.insert(table.name.clone(), value);
            if !table.rows.is_empty() {
                let row = |n: &i64| table_of([("id", (*n).into())]);
                seeds.push(table_of([
                    ("table", table.name.as_str().into()),
                    ("key", Value::Array(vec!["id".into()])),
                    ("rows", Value::Array(table.rows.iter().map(row).collect())),
                ]));
            }
        }
        tables.extend(self.children());
        if !tables.is_empty() {
            root.insert("tables".into(), Value::Table(tables));
        }
        // Those that need others come first.
        for (section, is_materialized) in [("views", false), ("materialized_views", true)] {
            let views = self.views.iter().enumerate().rev();
            let views: Table = views
                .filter(|(_, view)| (view.options == ViewOptions::Materialized) == is_materialized)
                .map(|(at, view)| (view.name.clone(), self.view(at, view)))
                .collect();
            if !views.is_empty() {
                root.insert(section.into(), Value::Table(views));
            }
        }
        let of_kind = |is_procedure: bool| -> Table {
            let all = self.functions.iter();
            let all = all.filter(|f| (f.kind == FunctionKind::Procedure) == is_procedure);
            all.map(|function| (function.name.clone(), self.function(function))).collect()
        };
        for (section, all) in [("functions", of_kind(false)), ("procedures", of_kind(true))] {
            if !all.is_empty() {
                root.insert(section.into(), Value::Table(all));
            }
        }
        let called = self.functions.iter().filter(|f| f.kind == FunctionKind::OfAggregate);
        let aggregates: Table = called.map(|f| (f.name.clone(), aggregate(f))).collect();
        if !aggregates.is_empty() {
            root.insert("aggregates".into(), Value::Table(aggregates));
        }
        // Roles that every server has.
        let grant = |to: &[&str], privileges: &str, on: &[&str], grant_option: bool| {
            let list = |all: &[&str]| Value::Array(all.iter().map(|one| (*one).into()).collect());
            table_of([
                ("to", list(to)),
                ("privileges", privileges.into()),
                ("on", list(on)),
                ("grant_option", grant_option.into()),
            ])
        };
        let grants = vec![
            grant(&["pg_monitor", "public"], "select", &["tables", "sequences"], false),
            grant(&["pg_monitor"], if self.open { "all" } else { "usage" }, &["schema"], true),
            grant(&["pg_monitor"], "all", &["routines", "types"], true),
        ];
        root.insert("grants".into(), Value::Array(grants));
        let later = grant(&["pg_monitor"], "usage", &["types"], false);
        root.insert("default_privileges".into(), Value::Array(vec![later]));
        if !seeds.is_empty() {
            root.insert("seeds".into(), Value::Array(seeds));
        }
        toml::to_string(&root).expect("TOML")
    }

    fn view(&self, at: usize, spec: &ViewSpec) -> Value {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let query = match spec.of {
            Some(of) => {
                let columns: Vec<String> = spec.columns.iter().map(|c| quoted(c)).collect();
                let table = quoted(&self.tables[of].name);
                format!("SELECT {} FROM {table} -- ;", columns.join(", "))
            }
            None => format!("SELECT * FROM {{schema}}.{} AS v", quoted(&self.views[at - 1].name)),
        };
        let mut view = Table::new();
        match spec.options {
            ViewOptions::None => {}
            ViewOptions::Barrier => _ = view.insert("security_barrier".into(), true.into()),
            ViewOptions::Checked => _ = view.insert("check_option".into(), "cascaded".into()),
            ViewOptions::Named => {
                view.insert("columns".into(), Value::Array(vec!["it's one".into()]));
            }
            ViewOptions::Materialized => {
                let key = table_of([("expression", "1 + 1".into())]);
                let index = table_of([("columns", Value::Array(vec![key]))]);
                view.insert("indexes".into(), Value::Array(vec![index]));
                view.insert("with".into(), table_of([("fillfactor", 60.into())]));
            }
        }
        view.insert("query".into(), query.into());
        if spec.comment {
            view.insert("comment".into(), "it's a view".into());
            let first = spec.columns.first().filter(|_| spec.options != ViewOptions::Named);
            if let Some(first) = first {
                let comments = table_of([(first.as_str(), "it's a column".into())]);
                view.insert("column_comments".into(), comments);
            }
        }
        Value::Table(view)
    }

    fn function(&self, spec: &FunctionSpec) -> Value {
        let table = format!("{{schema}}.\"{}\"", self.tables[spec.table].name.replace('"', "\"\""));
        let with = |entries: &[(&str, &str)]| {
            let mut function = Table::new();
            for (key, value) in entries {
                function.insert((*key).into(), (*value).into());
            }
            if spec.settings {
                let path: Value = "{schema}, pg_temp".into();
                function.insert("set".into(), table_of([("search_path", path)]));
            }
            if spec.comment {
                function.insert("comment".into(), "it's a function".into());
            }
            Value::Table(function)
        };
        let counts = format!("SELECT count(*) FROM {table} -- $body$ \\ {{ ' \"");
        let text = [("returns", "bigint"), ("language", "sql"), ("body", &counts)];
        match spec.kind {
            FunctionKind::Text => with(&text),
            FunctionKind::Sql => {
                let body = format!("BEGIN ATOMIC SELECT max(id) + $1 FROM {table}; SELECT 1; END");
                with(&[
                    ("arguments", "more integer = 2, VARIADIC others text[] = '{}'"),
                    ("returns", "integer"),
                    ("sql_body", &body),
                    ("volatility", "stable"),
                ])
            }
            FunctionKind::Row => {
                let argument = format!("of_row {table}");
                with(&[
                    ("arguments", &argument),
                    ("returns", "text"),
                    ("language", "plpgsql"),
                    ("body", "BEGIN\n    RETURN of_row.id;\nEND"),
                    ("parallel", "safe"),
                ])
            }
            FunctionKind::Overloaded => {
                let other = [&[("arguments", "a integer, b bigint[]")], &text[..]].concat();
                Value::Array(vec![with(&text), with(&other)])
            }
            FunctionKind::Procedure => with(&text[1..]),
            FunctionKind::OfAggregate => with(&[
                ("arguments", "state numeric, of bigint"),
                ("returns", "numeric"),
                ("sql_body", "RETURN state + of"),
            ]),
            FunctionKind::Policy => with(&[
                ("arguments", "id bigint"),
                ("returns", "boolean"),
                ("sql_body", "RETURN id > 0"),
            ]),
            FunctionKind::Trigger => with(&[
                ("returns", "trigger"),
                ("language", "plpgsql"),
                ("body", "BEGIN RETURN new; END"),
            ]),
        }
    }

    fn table(&self, spec: &TableSpec) -> Value {
        let mut table = Table::new();
        if let Some(comment) = &spec.comment {
            table.insert("comment".into(), comment.as_str().into());
        }
        table.insert("unlogged".into(), self.unlogged.into());
        let id = || Value::Array(vec!["id".into()]);
        match spec.key {
            None => {}
            Some(KeyKind::Unnamed) => {
                table.insert("primary_key".into(), id());
            }
            Some(KeyKind::Named) => {
                let name = format!("key of {}", spec.name);
                let key = table_of([("columns", id()), ("name", name.as_str().into())]);
                table.insert("primary_key".into(), key);
                table.insert("cluster_on".into(), name.as_str().into());
                // It is the same for any part of the table.
                let identity = match spec.name.len() % 3 {
                    0 => "full".into(),
                    1 => "nothing".into(),
                    _ => table_of([("index", name.as_str().into())]),
                };
                table.insert("replica_identity".into(), identity);
            }
            Some(KeyKind::Deferrable) => {
                let key = table_of([("columns", id()), ("deferrable", true.into())]);
                table.insert("primary_key".into(), key);
            }
        }
        let mut columns = Table::new();
        for column in &spec.columns {
            columns.insert(column.name.clone(), column.to_value());
        }
        table.insert("columns".into(), Value::Table(columns));
        for constraint in &spec.constraints {
            let (list, value) = self.constraint(spec, constraint);
            let list = table.entry(list).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut().expect("an array").push(value);
        }
        let is_stored = |at: &ConstraintSpec| matches!(at, ConstraintSpec::ExpressionIndex);
        if spec.constraints.iter().any(is_stored) {
            let key = table_of([("expression", "id + 1".into())]);
            let statistics = table_of([
                ("name", format!("{} st", spec.name).into()),
                ("columns", Value::Array(vec!["id".into(), key])),
                ("kinds", Value::Array(vec!["mcv".into()])),
                ("target", 20.into()),
                ("comment", "correlated".into()),
            ]);
            table.insert("statistics".into(), Value::Array(vec![statistics]));
        }
        if spec.comment.is_some() {
            table.insert("with".into(), table_of([("fillfactor", 60.into())]));
            table.insert("using".into(), "heap".into());
        }
        Value::Table(table)
    }

    fn constraint(&self, spec: &TableSpec, constraint: &ConstraintSpec) -> (&'static str, Value) {
        let name_of = |at: &usize| Value::String(spec.columns[*at].name.clone());
        match constraint {
            ConstraintSpec::Unique { columns, named, nulls_distinct } => {
                let names: Vec<&str> =
                    columns.iter().map(|at| spec.columns[*at].name.as_str()).collect();
                let mut unique = Table::new();
                unique
                    .insert("columns".into(), Value::Array(columns.iter().map(name_of).collect()));
                if *named {
                    unique.insert(
                        "name".into(),
                        format!("u {} {}", spec.name, names.join(" ")).into(),
                    );
                }
                unique.insert("nulls_distinct".into(), (*nulls_distinct).into());
                ("unique", Value::Table(unique))
            }
            ConstraintSpec::Check { column, named, not_valid } => {
                let quoted = spec.columns[*column].name.replace('"', "\"\"");
                let expression = format!("\"{quoted}\" is not null or true");
                let mut check = Table::new();
                check.insert("expression".into(), expression.into());
                check.insert("not_valid".into(), (*not_valid).into());
                if *named {
                    check.insert("name".into(), format!("c {}", spec.columns[*column].name).into());
                }
                ("checks", Value::Table(check))
            }
            ConstraintSpec::Index { column, descending, unique, partial, include } => {
                let order = if *descending { "desc" } else { "asc" };
                let key = table_of([("column", name_of(column)), ("order", order.into())]);
                let mut index = Table::new();
                index.insert("columns".into(), Value::Array(vec![key]));
                index.insert("unique".into(), (*unique).into());
                if *partial {
                    let quoted = spec.columns[*column].name.replace('"', "\"\"");
                    index.insert("where".into(), format!("\"{quoted}\" is not null").into());
                }
                if *include && spec.columns[0].name == "id" {
                    index.insert("include".into(), Value::Array(vec!["id".into()]));
                }
                ("indexes", Value::Table(index))
            }
            ConstraintSpec::ExpressionIndex => {
                let key = table_of([("expression", "id + 1".into())]);
                ("indexes", table_of([("columns", Value::Array(vec![key]))]))
            }
            ConstraintSpec::Exclusion { column } => {
                let element = table_of([("column", name_of(column)), ("operator", "&&".into())]);
                let exclusion =
                    table_of([("using", "gist".into()), ("elements", Value::Array(vec![element]))]);
                ("exclusions", exclusion)
            }
            ConstraintSpec::Reference { column, table, cascade, deferrable } => {
                let references = table_of([
                    ("table", self.tables[*table].name.as_str().into()),
                    ("columns", Value::Array(vec!["id".into()])),
                ]);
                let action = if *cascade { "cascade" } else { "set null" };
                (
                    "foreign_keys",
                    table_of([
                        ("columns", Value::Array(vec![name_of(column)])),
                        ("references", references),
                        ("on_delete", action.into()),
                        ("deferrable", (*deferrable).into()),
                    ]),
                )
            }
            ConstraintSpec::External { column } => {
                let references = table_of([
                    ("schema", "public".into()),
                    ("table", "users".into()),
                    ("columns", Value::Array(vec!["id".into()])),
                ]);
                (
                    "foreign_keys",
                    table_of([
                        ("columns", Value::Array(vec![name_of(column)])),
                        ("references", references),
                    ]),
                )
            }
        }
    }
}

impl Spec {
    /// Each in front of those that it needs.
    fn types(&self) -> Table {
        let mut types = Table::new();
        let has_labels = !self.labels.is_empty();
        if let Some((checks, attributes)) = self.types {
            let all = ["VALUE <> 'no'", "length(VALUE) < 50"];
            let mut checks: Vec<Value> = all.into_iter().take(checks).map(Value::from).collect();
            if let Some(second) = checks.get_mut(1) {
                let expression = second.clone();
                *second = table_of([("name", "named".into()), ("expression", expression)]);
            }
            let domain = table_of([
                ("domain", "text".into()),
                ("default", "'d'".into()),
                ("checks", Value::Array(checks)),
                ("comment", "a domain".into()),
            ]);
            types.insert("Do main".into(), domain);
            let kind = if has_labels { "Kind of[]" } else { "point" };
            let all = [("x", "numeric( 5 )"), ("it's", "Do main"), ("of", kind)];
            let attributes: Table = all
                .into_iter()
                .take(attributes)
                .map(|(name, data_type)| {
                    let comment = format!("about {name}");
                    let attribute =
                        table_of([("type", data_type.into()), ("comment", comment.into())]);
                    (name.to_owned(), attribute)
                })
                .collect();
            types.insert("composite".into(), table_of([("attributes", Value::Table(attributes))]));
            let range = [("range", "text".into()), ("collation", "C".into())];
            types.insert("Ran\"ge".into(), table_of(range));
            let range = [("range", "Do main".into()), ("multirange", "many of".into())];
            types.insert("of domain".into(), table_of(range));
        }
        if has_labels {
            let labels = self.labels.iter().cloned().map(Value::String).collect();
            let of = table_of([("enum", Value::Array(labels)), ("comment", "an enum".into())]);
            types.insert("Kind of".into(), of);
        }
        types
    }
}

impl Spec {
    /// A table with up to three partitions, one of them partitioned itself, and up to two tables that inherit from one; each
    /// number has more of them than the one before.
    fn children(&self) -> Table {
        let mut tables = Table::new();
        let columns = |all: &[(&str, &str)]| {
            let all = all.iter().map(|(name, data_type)| ((*name).into(), (*data_type).into()));
            Value::Table(all.collect())
        };
        let array = |name: &str| Value::Array(vec![name.into()]);
        if self.children > 0 {
            let mut all = vec![("kind", "text"), ("n", "int")];
            if self.children > 3 {
                all.push(("later", "varchar(3)"));
            }
            let sub = [("p3 sub", "from (MINVALUE) to (5)".into())];
            let partitions = [
                ("p one", "in ('a', 'b''c')".into()),
                (
                    "p2",
                    table_of([("bound", "default".into()), ("comment", "it's all else".into())]),
                ),
                (
                    "p3",
                    table_of([
                        ("bound", "in ('x')".into()),
                        ("partition_by", "range (n)".into()),
                        ("partitions", table_of(sub)),
                    ]),
                ),
            ];
            let partitions: Table = partitions
                .into_iter()
                .take(self.children - 1)
                .map(|(name, bound)| (name.to_owned(), bound))
                .collect();
            let index = table_of([("columns", array("n"))]);
            let mut parted = table_of([
                ("partition_by", "list (kind)".into()),
                ("columns", columns(&all)),
                ("partitions", Value::Table(partitions)),
            ]);
            if let (Value::Table(parted), true) = (&mut parted, self.children > 2) {
                parted.insert("indexes".into(), Value::Array(vec![index]));
                parted.insert("checks".into(), array("n > 0"));
                parted.insert("primary_key".into(), Value::Array(vec!["kind".into(), "n".into()]));
            }
            tables.insert("parted 'one'".into(), parted);
        }
        if self.children > 4 {
            let base = [("columns", columns(&[("id", "int")])), ("checks", array("id > 1"))];
            let child = [
                ("inherits", array("Ba\"se")),
                ("columns", columns(&[("more", "text")])),
                ("primary_key", array("id")),
            ];
            tables.insert("child".into(), table_of(child));
            tables.insert("Ba\"se".into(), table_of(base));
        }
        if self.children > 5 {
            let parents = vec!["Ba\"se".into(), "child".into()];
            let child = [
                ("inherits", Value::Array(parents)),
                ("columns", columns(&[("id", "int"), ("own", "int")])),
            ];
            tables.insert("grandchild".into(), table_of(child));
        }
        tables
    }
}

impl ColumnSpec {
    fn to_value(&self) -> Value {
        use ColumnKind as K;
        let (data_type, rest): (&str, Vec<(&str, Value)>) = match self.kind {
            K::Int => ("int", vec![]),
            K::Text => ("text", vec![("default", "'it''s; \\ \"x\"'".into())]),
            K::Stored => (
                "text",
                vec![
                    ("storage", "external".into()),
                    ("compression", "pglz".into()),
                    ("statistics_target", 50.into()),
                    ("options", table_of([("n_distinct", Value::from(-0.5))])),
                ],
            ),
            K::Varchar => ("varchar(17)", vec![("default", "lower('X' || 'y')".into())]),
            K::Numeric => ("numeric( 12 , 3 )", vec![("default", "1.50".into())]),
            K::Timestamp => {
                ("timestamp(3) with time zone", vec![("default", "CURRENT_TIMESTAMP".into())])
            }
            K::Range => ("tsrange", vec![("default", "'empty'".into())]),
            K::Json => ("json", vec![("default", "'{\"a\": [1, {}]}'".into())]),
            K::Bits => ("bit(5)", vec![("default", "B'10101'".into())]),
            K::Interval => ("interval day to second", vec![("default", "'1 day'".into())]),
            K::TextArray => ("text[]", vec![("default", "'{}'".into())]),
            K::Enum => ("Kind of", vec![]),
            K::EnumArray => ("Kind of[]", vec![("default", "'{}'".into())]),
            K::Domain => ("Do main", vec![("default", "'own'".into())]),
            K::DomainArray => ("Do main[]", vec![("default", "'{}'".into())]),
            K::Composite => ("composite", vec![]),
            K::OwnRange => ("{schema}.\"Ran\"\"ge\"", vec![("default", "'(a,b)'".into())]),
            K::Multirange => ("{schema}.\"many of\"", vec![("default", "'{}'".into())]),
            K::Serial => ("bigserial", vec![]),
            K::Identity => (
                "integer",
                vec![(
                    "identity",
                    table_of([("generation", "by default".into()), ("start", 5.into())]),
                )],
            ),
            K::Generated => ("text", vec![("generated", "upper('a' || id::text)".into())]),
            K::Collated => ("text", vec![("collation", "C".into())]),
            K::FromSequence => ("int", vec![("default", "nextval('{schema}.num')".into())]),
        };
        let mut column = Table::new();
        column.insert("type".into(), data_type.into());
        // Those without a value of their own are null in rows.
        let needs_null =
            matches!(self.kind, K::Int | K::Enum | K::Composite | K::Collated | K::Stored)
                && self.name != "id";
        let never_null = matches!(self.kind, K::Serial | K::Identity);
        column.insert("null".into(), ((self.null || needs_null) && !never_null).into());
        if self.comment {
            column.insert("comment".into(), format!("about {}", self.name).into());
        }
        column.extend(rest.into_iter().map(|(key, value)| (key.to_owned(), value)));
        Value::Table(column)
    }
}

/// A policy with the name of the function that it calls.
fn policy(spec: &FunctionSpec) -> Value {
    let call = format!("{{schema}}.\"{}\"(id)", spec.name.replace('"', "\"\""));
    let mut policy = Table::new();
    policy.insert("name".into(), spec.name.as_str().into());
    policy.insert("restrictive".into(), spec.settings.into());
    if spec.comment {
        policy.insert("command".into(), "insert".into());
        policy.insert("check".into(), call.into());
        policy.insert("comment".into(), "it's a policy".into());
        let roles = ["pg_monitor", "pg_read_all_stats"].map(Value::from).to_vec();
        policy.insert("roles".into(), Value::Array(roles));
    } else {
        policy.insert("using".into(), call.into());
    }
    Value::Table(policy)
}

/// Two rules for a table with a column `id`.
fn rules(table: &str) -> Value {
    let kept = table_of([
        ("name", format!("{table} kept").into()),
        ("event", "delete".into()),
        ("instead", true.into()),
        ("do", "NOTIFY \"It's kept\"".into()),
        ("comment", "nothing goes".into()),
    ]);
    let commands = ["SELECT old.id, 'x;'", "SELECT new.id -- ;"].map(Value::from).to_vec();
    let told = table_of([
        ("name", format!("{table} told").into()),
        ("event", "update".into()),
        ("where", "new.id <> old.id".into()),
        ("do", Value::Array(commands)),
        ("enabled", "replica".into()),
    ]);
    Value::Array(vec![kept, told])
}

/// A trigger with the name of the function that it calls.
fn trigger(spec: &FunctionSpec) -> Value {
    let events = ["insert", "update"].map(Value::from).to_vec();
    let mut trigger = Table::new();
    trigger.insert("name".into(), spec.name.as_str().into());
    trigger.insert("function".into(), spec.name.as_str().into());
    trigger.insert("events".into(), Value::Array(events));
    trigger.insert("for_each".into(), "row".into());
    let timing = if spec.comment { "before" } else { "after" };
    trigger.insert("timing".into(), timing.into());
    if spec.settings {
        trigger.insert("enabled".into(), "always".into());
        trigger.insert("when".into(), "new.id > 7".into());
        trigger.insert("comment".into(), "it's a trigger".into());
    }
    Value::Table(trigger)
}

fn table_of<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// An aggregate that calls the function.
fn aggregate(spec: &FunctionSpec) -> Value {
    let called = format!("{{schema}}.\"{}\"", spec.name.replace('"', "\"\""));
    let mut aggregate = table_of([
        ("arguments", "of bigint".into()),
        ("sfunc", called.as_str().into()),
        ("stype", "numeric".into()),
        ("initcond", "0".into()),
    ]);
    if let (true, Some(aggregate)) = (spec.comment, aggregate.as_table_mut()) {
        aggregate.insert("comment".into(), "it's an aggregate".into());
    }
    aggregate
}
