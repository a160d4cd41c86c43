//! Manifests as data, so that parts can be taken away without leaving a reference behind.

use proptest::prelude::*;
use proptest::sample::select;
use toml::{Table, Value};

/// Names of tables, columns and types; some that need quoting, some that are key words.
const NAMES: [&str; 8] = ["a", "b_2", "Upper", "select", "it's", "q\"uote", "Grüße", "semi;colon"];

#[derive(Debug, Clone)]
pub struct Spec {
    /// Whether all tables are unlogged: permanent ones may not reference unlogged ones.
    unlogged: bool,
    labels: Vec<String>,
    sequence: Option<(i64, bool)>,
    tables: Vec<TableSpec>,
}

#[derive(Debug, Clone)]
struct TableSpec {
    name: String,
    comment: Option<String>,
    /// The primary key is on the first column.
    key: Option<KeyKind>,
    columns: Vec<ColumnSpec>,
    constraints: Vec<ConstraintSpec>,
    rows: Vec<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum KeyKind {
    Unnamed,
    Named,
    Deferrable,
}

#[derive(Debug, Clone)]
struct ColumnSpec {
    name: String,
    kind: ColumnKind,
    null: bool,
    comment: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum ColumnKind {
    Int,
    Text,
    Varchar,
    Numeric,
    Timestamp,
    Range,
    Json,
    Bits,
    Interval,
    TextArray,
    Enum,
    EnumArray,
    Serial,
    Identity,
    Generated,
    Collated,
    FromSequence,
}

#[derive(Debug, Clone)]
enum ConstraintSpec {
    Unique { columns: Vec<usize>, named: bool, nulls_distinct: bool },
    Check { column: usize, named: bool },
    Index { column: usize, descending: bool, unique: bool, partial: bool, include: bool },
    ExpressionIndex,
    Exclusion { column: usize },
    Reference { column: usize, table: usize, cascade: bool, deferrable: bool },
    External { column: usize },
}

pub fn spec() -> impl Strategy<Value = Spec> {
    let labels = proptest::collection::vec("[a-zé'\\\\ ]{1,6}", 1..5).prop_map(|mut labels| {
        labels.sort();
        labels.dedup();
        labels
    });
    let tables = proptest::collection::vec(table(), 1..4);
    let sequence = proptest::option::of((1_i64..50, any::<bool>()));
    (proptest::bool::weighted(0.1), labels, sequence, tables).prop_map(
        |(unlogged, labels, sequence, mut tables)| {
            for (at, table) in tables.iter_mut().enumerate() {
                table.name = format!("{}{at}", table.name);
            }
            Spec { unlogged, labels, sequence, tables }.sound()
        },
    )
}

fn table() -> impl Strategy<Value = TableSpec> {
    let key = proptest::option::weighted(
        0.8,
        select(vec![KeyKind::Unnamed, KeyKind::Named, KeyKind::Deferrable]),
    );
    (
        select(NAMES.to_vec()),
        proptest::option::of("[a-zá'\\\\\n]{1,9}"),
        key,
        proptest::collection::vec(column(), 1..6),
        proptest::collection::vec(constraint(), 0..6),
        proptest::collection::btree_set(1_i64..100, 0..4),
    )
        .prop_map(|(name, comment, key, mut columns, constraints, rows)| {
            for (at, column) in columns.iter_mut().enumerate() {
                column.name = format!("{}{at}", column.name);
            }
            columns.insert(
                0,
                ColumnSpec {
                    name: "id".into(),
                    kind: ColumnKind::Int,
                    null: false,
                    comment: false,
                },
            );
            let rows = rows.into_iter().collect();
            TableSpec { name: name.into(), comment, key, columns, constraints, rows }
        })
}

fn column() -> impl Strategy<Value = ColumnSpec> {
    use ColumnKind as K;
    let kinds = vec![
        K::Int, K::Int, K::Int, K::Text, K::Varchar, K::Numeric, K::Timestamp, K::Range, K::Json, K::Bits,
        K::Interval, K::TextArray, K::Enum, K::EnumArray, K::Serial, K::Identity, K::Generated,
        K::Collated, K::FromSequence,
    ];
    (select(NAMES.to_vec()), select(kinds), any::<bool>(), proptest::bool::weighted(0.2))
        .prop_map(|(name, kind, null, comment)| ColumnSpec { name: name.into(), kind, null, comment })
}

fn constraint() -> impl Strategy<Value = ConstraintSpec> {
    let column = || 0_usize..6;
    prop_oneof![
        (proptest::collection::vec(column(), 1..3), any::<bool>(), any::<bool>()).prop_map(
            |(columns, named, nulls_distinct)| ConstraintSpec::Unique { columns, named, nulls_distinct }
        ),
        (column(), any::<bool>()).prop_map(|(column, named)| ConstraintSpec::Check { column, named }),
        (column(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(column, descending, unique, partial, include)| ConstraintSpec::Index {
                column, descending, unique, partial, include
            }
        ),
        Just(ConstraintSpec::ExpressionIndex),
        column().prop_map(|column| ConstraintSpec::Exclusion { column }),
        (column(), 0_usize..4, any::<bool>(), any::<bool>()).prop_map(
            |(column, table, cascade, deferrable)| ConstraintSpec::Reference {
                column, table, cascade, deferrable
            }
        ),
        column().prop_map(|column| ConstraintSpec::External { column }),
    ]
}

impl Spec {
    /// Takes out what would refer to something that is not there, or be declared twice.
    fn sound(mut self) -> Self {
        let has_sequence = self.sequence.is_some();
        let has_labels = !self.labels.is_empty();
        for table in &mut self.tables {
            table.columns.retain(|column| match column.kind {
                ColumnKind::FromSequence => has_sequence,
                ColumnKind::Enum | ColumnKind::EnumArray => has_labels,
                _ => true,
            });
            // A second identity column is fine for the server; a serial one needs no more care.
            if table.columns.first().is_none_or(|column| column.name != "id") {
                table.key = None;
                table.rows.clear();
            }
        }
        let keyed: Vec<bool> = self
            .tables
            .iter()
            .map(|table| matches!(table.key, Some(KeyKind::Unnamed | KeyKind::Named)))
            .collect();
        let unlogged = self.unlogged;
        for table in &mut self.tables {
            let columns = table.columns.clone();
            let plain = |at: &usize| {
                columns.get(*at).is_some_and(|column| {
                    !matches!(column.kind, ColumnKind::Json | ColumnKind::Range | ColumnKind::Bits)
                })
            };
            let int = |at: &usize| columns.get(*at).is_some_and(|c| c.kind == ColumnKind::Int && *at > 0);
            let rows = table.rows.len();
            let mut seen = Vec::new();
            table.constraints.retain(|constraint| {
                let fits = match constraint {
                    ConstraintSpec::Unique { columns, .. } => {
                        columns.iter().all(plain)
                            && columns.iter().collect::<std::collections::BTreeSet<_>>().len() == columns.len()
                            && columns.iter().any(|at| *at > 0)
                            // Rows differ in their id only.
                            && (rows == 0 || columns.contains(&0))
                    }
                    ConstraintSpec::Check { column, .. } => columns.len() > *column,
                    ConstraintSpec::Index { column, .. } => plain(column) && *column > 0,
                    ConstraintSpec::ExpressionIndex => columns.iter().any(|c| c.name == "id"),
                    ConstraintSpec::Exclusion { column } => {
                        columns.get(*column).is_some_and(|c| c.kind == ColumnKind::Range)
                    }
                    ConstraintSpec::Reference { column, table, .. } => {
                        int(column) && keyed.get(*table) == Some(&true)
                    }
                    ConstraintSpec::External { column } => int(column) && !unlogged,
                };
                // One of a kind and place is enough; more would be the same declared twice.
                let place = match constraint {
                    ConstraintSpec::Unique { columns, .. } => format!("u{columns:?}"),
                    ConstraintSpec::Check { column, .. } => format!("c{column}"),
                    ConstraintSpec::Index { column, .. } => format!("i{column}"),
                    ConstraintSpec::ExpressionIndex => "e".into(),
                    ConstraintSpec::Exclusion { column } => format!("x{column}"),
                    ConstraintSpec::Reference { column, .. } | ConstraintSpec::External { column } => {
                        format!("f{column}")
                    }
                };
                let new = !seen.contains(&place);
                seen.push(place);
                fits && new
            });
        }
        self
    }

    /// How many parts may be taken away.
    pub fn parts(&self) -> usize {
        self.labels.len()
            + self.tables.iter().map(|t| 2 + t.columns.len() + t.constraints.len() + t.rows.len()).sum::<usize>()
    }

    /// Without the parts that `keep` says no to; what refers to them goes too.
    pub fn part(&self, keep: &[bool]) -> Self {
        let mut keep = keep.iter().copied().chain(std::iter::repeat(true));
        let mut next = || keep.next().unwrap_or(true);
        let mut part = self.clone();
        part.labels.retain(|_| next());
        if part.labels.is_empty() {
            part.labels.extend(self.labels.first().cloned());
        }
        let mut gone = Vec::new();
        for (at, table) in part.tables.iter_mut().enumerate() {
            if !next() {
                gone.push(at);
            }
            if !next() && table.key.is_some() {
                table.key = None;
            }
            // Names stay what they are; what goes is replaced by nothing, and indexes shift.
            let kept: Vec<bool> = table
                .columns
                .iter()
                .map(|column| next() || column.name == "id")
                .collect();
            let moved = |at: &mut usize| {
                let there = kept.get(*at).copied().unwrap_or(false);
                *at = kept.iter().take(*at).filter(|kept| **kept).count();
                there
            };
            table.constraints.retain_mut(|constraint| {
                let keep = next();
                let there = match constraint {
                    ConstraintSpec::Unique { columns, .. } => columns.iter_mut().all(moved),
                    ConstraintSpec::Check { column, .. }
                    | ConstraintSpec::Index { column, .. }
                    | ConstraintSpec::Exclusion { column }
                    | ConstraintSpec::Reference { column, .. }
                    | ConstraintSpec::External { column } => moved(column),
                    ConstraintSpec::ExpressionIndex => true,
                };
                keep && there
            });
            let mut kept = kept.iter();
            table.columns.retain(|_| *kept.next().unwrap_or(&true));
            table.rows.retain(|_| next());
        }
        for (at, table) in part.tables.iter_mut().enumerate() {
            if gone.contains(&at) {
                table.columns.clear();
            }
        }
        let keyless: Vec<usize> = (0..part.tables.len())
            .filter(|at| part.tables[*at].key.is_none() || gone.contains(at))
            .collect();
        for table in &mut part.tables {
            table.constraints.retain(|constraint| {
                !matches!(constraint, ConstraintSpec::Reference { table, .. } if keyless.contains(table))
            });
        }
        part
    }

    pub fn to_toml(&self) -> String {
        let mut root = Table::new();
        root.insert("version".into(), Value::Integer(1));
        let uses_enum = !self.labels.is_empty();
        if uses_enum {
            let labels = self.labels.iter().cloned().map(Value::String).collect();
            let of = table_of([("enum", Value::Array(labels)), ("comment", "an enum".into())]);
            root.insert("types".into(), table_of([("Kind of", of)]));
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
            tables.insert(table.name.clone(), self.table(table));
            if !table.rows.is_empty() {
                let row = |n: &i64| table_of([("id", (*n).into())]);
                seeds.push(table_of([
                    ("table", table.name.as_str().into()),
                    ("key", Value::Array(vec!["id".into()])),
                    ("rows", Value::Array(table.rows.iter().map(row).collect())),
                ]));
            }
        }
        if !tables.is_empty() {
            root.insert("tables".into(), Value::Table(tables));
        }
        if !seeds.is_empty() {
            root.insert("seeds".into(), Value::Array(seeds));
        }
        toml::to_string(&root).expect("TOML")
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
                let key = table_of([("columns", id()), ("name", name.into())]);
                table.insert("primary_key".into(), key);
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
        Value::Table(table)
    }

    fn constraint(&self, spec: &TableSpec, constraint: &ConstraintSpec) -> (&'static str, Value) {
        let name_of = |at: &usize| Value::String(spec.columns[*at].name.clone());
        match constraint {
            ConstraintSpec::Unique { columns, named, nulls_distinct } => {
                let mut unique = Table::new();
                unique.insert("columns".into(), Value::Array(columns.iter().map(name_of).collect()));
                if *named {
                    unique.insert("name".into(), format!("u {} {columns:?}", spec.name).into());
                }
                unique.insert("nulls_distinct".into(), (*nulls_distinct).into());
                ("unique", Value::Table(unique))
            }
            ConstraintSpec::Check { column, named } => {
                let quoted = spec.columns[*column].name.replace('"', "\"\"");
                let expression = format!("\"{quoted}\" is not null or true");
                let mut check = Table::new();
                check.insert("expression".into(), expression.into());
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
                // A unique index on what rows have in common would refuse them.
                let unique = *unique && spec.rows.is_empty();
                index.insert("unique".into(), unique.into());
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
                ("foreign_keys", table_of([
                    ("columns", Value::Array(vec![name_of(column)])),
                    ("references", references),
                    ("on_delete", action.into()),
                    ("deferrable", (*deferrable).into()),
                ]))
            }
            ConstraintSpec::External { column } => {
                let references = table_of([
                    ("schema", "public".into()),
                    ("table", "users".into()),
                    ("columns", Value::Array(vec!["id".into()])),
                ]);
                ("foreign_keys", table_of([
                    ("columns", Value::Array(vec![name_of(column)])),
                    ("references", references),
                ]))
            }
        }
    }
}

impl ColumnSpec {

    fn to_value(&self) -> Value {
        use ColumnKind as K;
        let (data_type, rest): (&str, Vec<(&str, Value)>) = match self.kind {
            K::Int => ("int", vec![]),
            K::Text => ("text", vec![("default", "'it''s; \\ \"x\"'".into())]),
            K::Varchar => ("varchar(17)", vec![("default", "lower('X' || 'y')".into())]),
            K::Numeric => ("numeric( 12 , 3 )", vec![("default", "1.50".into())]),
            K::Timestamp => ("timestamp(3) with time zone", vec![("default", "CURRENT_TIMESTAMP".into())]),
            K::Range => ("tsrange", vec![("default", "'empty'".into())]),
            K::Json => ("json", vec![("default", "'{\"a\": [1, {}]}'".into())]),
            K::Bits => ("bit(5)", vec![("default", "B'10101'".into())]),
            K::Interval => ("interval day to second", vec![("default", "'1 day'".into())]),
            K::TextArray => ("text[]", vec![("default", "'{}'".into())]),
            K::Enum => ("Kind of", vec![]),
            K::EnumArray => ("Kind of[]", vec![("default", "'{}'".into())]),
            K::Serial => ("bigserial", vec![]),
            K::Identity => ("integer", vec![("identity", table_of([("generation", "by default".into()), ("start", 5.into())]))]),
            K::Generated => ("text", vec![("generated", "upper('a' || id::text)".into())]),
            K::Collated => ("text", vec![("collation", "C".into())]),
            K::FromSequence => ("int", vec![("default", "nextval('{schema}.num')".into())]),
        };
        let mut column = Table::new();
        column.insert("type".into(), data_type.into());
        // Those without a value of their own are null in rows.
        let needs_null = matches!(self.kind, K::Int | K::Enum | K::Collated) && self.name != "id";
        let never_null = matches!(self.kind, K::Serial | K::Identity);
        column.insert("null".into(), ((self.null || needs_null) && !never_null).into());
        if self.comment {
            column.insert("comment".into(), format!("about {}", self.name).into());
        }
        column.extend(rest.into_iter().map(|(key, value)| (key.to_owned(), value)));
        Value::Table(column)
    }
}

fn table_of<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
