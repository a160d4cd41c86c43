//! Manifests as data, so that parts can be taken away without leaving a reference behind.

use proptest::prelude::*;
use proptest::sample::select;

use crate::support;

/// Names of tables, columns and types; some that need quoting, some that are key words.
const NAMES: [&str; 8] = ["a", "b_2", "Upper", "select", "it's", "q\"uote", "Grüße", "semi;colon"];

#[derive(Debug, Clone)]
pub struct Spec {
    /// Whether all tables are unlogged: permanent ones may not reference unlogged ones.
    pub(super) unlogged: bool,
    /// Whether a role that is not trusted may create objects in the schema.
    pub(super) open: bool,
    pub(super) labels: Vec<String>,
    /// Other types: as many checks of the domain, and as many attributes of the composite type.
    pub(super) types: Option<(usize, usize)>,
    /// How much there is of tables that inherit, and of partitions; see `Spec::children`.
    pub(super) children: usize,
    pub(super) sequence: Option<(i64, bool)>,
    pub(super) tables: Vec<TableSpec>,
    pub(super) views: Vec<ViewSpec>,
    pub(super) functions: Vec<FunctionSpec>,
}

#[derive(Debug, Clone)]
pub(super) struct FunctionSpec {
    pub(super) name: String,
    pub(super) kind: FunctionKind,
    /// The table that it reads.
    pub(super) table: usize,
    pub(super) settings: bool,
    pub(super) comment: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FunctionKind {
    /// With a body that is a string.
    Text,
    /// With one in standard SQL.
    Sql,
    /// Of a row of the table.
    Row,
    /// Two of one name.
    Overloaded,
    Procedure,
    /// One that an aggregate of the same name calls.
    OfAggregate,
    /// Called by a trigger of the table.
    Trigger,
    /// Called by a policy of the table.
    Policy,
}

#[derive(Debug, Clone)]
pub(super) struct ViewSpec {
    pub(super) name: String,
    /// The table, or the view before this one.
    pub(super) of: Option<usize>,
    /// Of the table; a view of a view has all of its columns.
    pub(super) columns: Vec<String>,
    pub(super) options: ViewOptions,
    pub(super) comment: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ViewOptions {
    None,
    Barrier,
    Checked,
    Named,
    Materialized,
}

#[derive(Debug, Clone)]
pub(super) struct TableSpec {
    pub(super) name: String,
    pub(super) comment: Option<String>,
    /// The primary key is on the first column.
    pub(super) key: Option<KeyKind>,
    pub(super) columns: Vec<ColumnSpec>,
    pub(super) constraints: Vec<ConstraintSpec>,
    pub(super) rows: Vec<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum KeyKind {
    Unnamed,
    Named,
    Deferrable,
}

#[derive(Debug, Clone)]
pub(super) struct ColumnSpec {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) null: bool,
    pub(super) comment: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ColumnKind {
    Int,
    Text,
    Stored,
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
    Domain,
    DomainArray,
    Composite,
    OwnRange,
    Multirange,
    Serial,
    Identity,
    Generated,
    Collated,
    FromSequence,
}

impl ColumnKind {
    /// Whether its type is one of [`Spec::types`].
    fn is_of_own_type(self) -> bool {
        matches!(
            self,
            Self::Domain | Self::DomainArray | Self::Composite | Self::OwnRange | Self::Multirange
        )
    }
}

#[derive(Debug, Clone)]
pub(super) enum ConstraintSpec {
    Unique { columns: Vec<usize>, named: bool, nulls_distinct: bool },
    Check { column: usize, named: bool, not_valid: bool },
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
    let types = proptest::option::of((0_usize..3, 0_usize..4));
    let sequence = (0_usize..7, proptest::option::of((1_i64..50, any::<bool>())));
    let views = proptest::collection::vec(view(), 0..4);
    let functions = proptest::collection::vec(function(), 0..4);
    let flags = (proptest::bool::weighted(0.1), proptest::bool::weighted(0.3));
    (flags, labels, types, sequence, tables, views, functions).prop_map(
        |(
            (unlogged, open),
            labels,
            types,
            (children, sequence),
            mut tables,
            views,
            mut functions,
        )| {
            for (at, table) in tables.iter_mut().enumerate() {
                table.name = format!("{}{at}", table.name);
            }
            let (views_of_none, functions_of_none) = (Vec::new(), Vec::new());
            let spec = Spec {
                unlogged,
                open,
                labels,
                types,
                children,
                sequence,
                tables,
                views: views_of_none,
                functions: functions_of_none,
            };
            let spec = spec.sound();
            let has_id = |at: usize| {
                spec.tables.get(at).is_some_and(|t| t.columns.iter().any(|c| c.name == "id"))
            };
            functions.retain(|function| has_id(function.table));
            for (at, function) in functions.iter_mut().enumerate() {
                function.name = format!("{} function {at}", function.name);
            }
            let numbered = views.into_iter().enumerate();
            let views = numbered.filter_map(|(at, (view, columns))| {
                let name = format!("{} view {at}", view.name);
                let of = view.of.filter(|of| *of < spec.tables.len() || at == 0);
                let mut read = Vec::new();
                if let Some(of) = of {
                    for column in columns {
                        read.extend(
                            spec.tables.get(of)?.columns.get(column).map(|c| c.name.clone()),
                        );
                    }
                    read.sort();
                    read.dedup();
                }
                (of.is_none() || !read.is_empty()).then_some(ViewSpec {
                    name,
                    of,
                    columns: read,
                    ..view
                })
            });
            let views: Vec<ViewSpec> = views.collect();
            let first = views.iter().position(|view| view.of.is_some()).unwrap_or(views.len());
            let mut views: Vec<ViewSpec> = views.into_iter().skip(first).collect();
            // Nothing is written through a view that reads a materialized one.
            let mut can_be_written = true;
            for view in &mut views {
                can_be_written |= view.of.is_some();
                if view.options == ViewOptions::Checked && !can_be_written {
                    view.options = ViewOptions::None;
                }
                can_be_written &= view.options != ViewOptions::Materialized;
            }
            Spec { views, functions, ..spec }
        },
    )
}

fn view() -> impl Strategy<Value = (ViewSpec, Vec<usize>)> {
    use ViewOptions as O;
    let options = vec![O::None, O::Barrier, O::Checked, O::Named, O::Materialized];
    (
        select(NAMES.to_vec()),
        proptest::option::weighted(0.7, 0_usize..4),
        proptest::collection::vec(0_usize..6, 1..4),
        select(options),
        any::<bool>(),
    )
        .prop_map(|(name, of, columns, options, comment)| {
            let view = ViewSpec { name: name.into(), of, columns: Vec::new(), options, comment };
            (view, columns)
        })
}

fn function() -> impl Strategy<Value = FunctionSpec> {
    use FunctionKind as F;
    let kinds = vec![
        F::Text,
        F::Sql,
        F::Row,
        F::Overloaded,
        F::Procedure,
        F::Trigger,
        F::Policy,
        F::OfAggregate,
    ];
    (select(NAMES.to_vec()), select(kinds), 0_usize..3, any::<bool>(), any::<bool>()).prop_map(
        |(name, kind, table, settings, comment)| FunctionSpec {
            name: name.into(),
            kind,
            table,
            settings,
            comment,
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
        K::Int,
        K::Int,
        K::Int,
        K::Text,
        K::Stored,
        K::Varchar,
        K::Numeric,
        K::Timestamp,
        K::Range,
        K::Json,
        K::Bits,
        K::Interval,
        K::TextArray,
        K::Enum,
        K::EnumArray,
        K::Domain,
        K::DomainArray,
        K::Composite,
        K::OwnRange,
        K::Multirange,
        K::Serial,
        K::Identity,
        K::Generated,
        K::Collated,
        K::FromSequence,
    ];
    (select(NAMES.to_vec()), select(kinds), any::<bool>(), proptest::bool::weighted(0.2)).prop_map(
        |(name, kind, null, comment)| ColumnSpec { name: name.into(), kind, null, comment },
    )
}

fn constraint() -> impl Strategy<Value = ConstraintSpec> {
    let column = || 0_usize..6;
    prop_oneof![
        (proptest::collection::vec(column(), 1..3), any::<bool>(), any::<bool>()).prop_map(
            |(columns, named, nulls_distinct)| ConstraintSpec::Unique {
                columns,
                named,
                nulls_distinct: nulls_distinct || support::server_major() < 15,
            }
        ),
        (column(), any::<bool>(), any::<bool>()).prop_map(|(column, named, not_valid)| {
            ConstraintSpec::Check { column, named, not_valid }
        }),
        (column(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(column, descending, unique, partial, include)| {
                ConstraintSpec::Index { column, descending, unique, partial, include }
            }
        ),
        Just(ConstraintSpec::ExpressionIndex),
        column().prop_map(|column| ConstraintSpec::Exclusion { column }),
        (column(), 0_usize..4, any::<bool>(), any::<bool>()).prop_map(
            |(column, table, cascade, deferrable)| ConstraintSpec::Reference {
                column,
                table,
                cascade,
                deferrable
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
        let has_types = self.types.is_some();
        for table in &mut self.tables {
            table.columns.retain(|column| match column.kind {
                ColumnKind::FromSequence => has_sequence,
                ColumnKind::Enum | ColumnKind::EnumArray => has_labels,
                kind if kind.is_of_own_type() => has_types,
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
                    !matches!(
                        column.kind,
                        ColumnKind::Json
                            | ColumnKind::Range
                            | ColumnKind::Bits
                            | ColumnKind::Composite
                    )
                })
            };
            let int =
                |at: &usize| columns.get(*at).is_some_and(|c| c.kind == ColumnKind::Int && *at > 0);
            let rows = table.rows.len();
            if rows > 0 {
                // A unique index on what rows have in common would refuse them.
                for constraint in &mut table.constraints {
                    if let ConstraintSpec::Index { unique, .. } = constraint {
                        *unique = false;
                    }
                }
            }
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
            + 2
            + self.views.len()
            + self.functions.len()
            + self
                .tables
                .iter()
                .map(|t| 2 + t.columns.len() + t.constraints.len() + t.rows.len())
                .sum::<usize>()
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
        if let Some((checks, attributes)) = &mut part.types {
            *checks -= usize::from(*checks > 0 && !next());
            *attributes -= usize::from(*attributes > 0 && !next());
        }
        part.children -= part.children.min(2 * usize::from(!next()) + usize::from(!next()));
        let mut gone = Vec::new();
        for (at, table) in part.tables.iter_mut().enumerate() {
            if !next() {
                gone.push(at);
            }
            if !next() && table.key.is_some() {
                table.key = None;
            }
            // Names stay what they are; what goes is replaced by nothing, and indexes shift.
            let kept: Vec<bool> =
                table.columns.iter().map(|column| next() || column.name == "id").collect();
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
        let mut is_there = false;
        part.views.retain(|view| {
            let has = |column: &String| {
                let table = view.of.and_then(|of| part.tables.get(of));
                table.is_some_and(|table| table.columns.iter().any(|c| c.name == *column))
            };
            // A view of a view goes with it.
            is_there =
                next() && (if view.of.is_some() { view.columns.iter().all(has) } else { is_there });
            is_there
        });
        let has_id = |at: usize| {
            part.tables.get(at).is_some_and(|t| t.columns.iter().any(|c| c.name == "id"))
        };
        part.functions.retain(|function| next() && has_id(function.table));
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

    /// The same with the names of another, as far as both have as many objects.
    pub fn named_like(mut self, other: &Self) -> Self {
        for (at, (table, like)) in self.tables.iter_mut().zip(&other.tables).enumerate() {
            table.name.clone_from(&like.name);
            for (position, like) in like.columns.iter().enumerate() {
                let is_free = table.columns.iter().all(|column| column.name != like.name);
                let column = table.columns.get_mut(position).filter(|column| column.name != "id");
                let Some(column) = column.filter(|_| is_free) else { continue };
                let before = std::mem::replace(&mut column.name, like.name.clone());
                for view in self.views.iter_mut().filter(|view| view.of == Some(at)) {
                    for name in view.columns.iter_mut().filter(|name| **name == before) {
                        name.clone_from(&like.name);
                    }
                }
            }
        }
        for (position, like) in other.views.iter().enumerate() {
            let is_free = self.views.iter().all(|view| view.name != like.name);
            if let Some(view) = self.views.get_mut(position).filter(|_| is_free) {
                view.name.clone_from(&like.name);
            }
        }
        for (position, like) in other.functions.iter().enumerate() {
            let is_free = self.functions.iter().all(|function| function.name != like.name);
            if let Some(function) = self.functions.get_mut(position).filter(|_| is_free) {
                function.name.clone_from(&like.name);
            }
        }
        self
    }

    /// The objects of another with the keys, constraints, nullability, comments and rows of this one.
    pub fn grafted_on(self, other: &Self) -> Self {
        let mut spec = other.clone();
        spec.labels = self.labels;
        // Columns that need them stay.
        spec.types = spec.types.map(|types| self.types.unwrap_or(types));
        spec.sequence = spec.sequence.map(|sequence| self.sequence.unwrap_or(sequence));
        spec.children = self.children;
        for (table, graft) in spec.tables.iter_mut().zip(self.tables) {
            table.key = graft.key;
            table.constraints = graft.constraints;
            table.comment = graft.comment;
            table.rows = graft.rows;
            for (column, graft) in table.columns.iter_mut().zip(graft.columns) {
                if column.name != "id" {
                    column.null = graft.null;
                }
                column.comment = graft.comment;
            }
        }
        for (view, graft) in spec.views.iter_mut().zip(self.views) {
            view.comment = graft.comment;
        }
        for (function, graft) in spec.functions.iter_mut().zip(self.functions) {
            function.settings = graft.settings;
            function.comment = graft.comment;
        }
        spec.sound()
    }

    /// The tables that this and another have, with the columns that are of the same type in both.
    pub fn common_columns(&self, other: &Self) -> Vec<(String, Vec<String>)> {
        let common = self.tables.iter().filter_map(|table| {
            let same = other.tables.iter().find(|same| same.name == table.name)?;
            let is_kept = |column: &&ColumnSpec| {
                same.columns.iter().any(|c| c.name == column.name && c.kind == column.kind)
            };
            let columns = table.columns.iter().filter(is_kept);
            let columns: Vec<String> = columns.map(|column| column.name.clone()).collect();
            (!columns.is_empty()).then(|| (table.name.clone(), columns))
        });
        common.collect()
    }
}
