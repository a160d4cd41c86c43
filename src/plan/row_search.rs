//! How rows that do not meet something are searched for, counted and identified.

use std::collections::BTreeSet;

use super::row_source::{Source, Tables};
use crate::catalog::Object;
use crate::name::Ident;
use crate::precondition::{KEYS, Need, Precondition, Problem, Search};

/// What rows of one relation have to meet.
pub(super) struct Rows<'t> {
    tables: &'t Tables<'t>,
    relation: Object,
    need: Need,
    /// The tables that are read beside.
    pub(super) others: BTreeSet<Ident>,
    pub(super) runs_code: bool,
}

impl<'t> Rows<'t> {
    pub(super) fn new(tables: &'t Tables<'t>, relation: Object, need: Need) -> Self {
        Self { tables, relation, need, others: BTreeSet::new(), runs_code: false }
    }

    pub(super) fn by(self, search: Search) -> Precondition {
        let mut read = self.others;
        read.extend(self.tables.name_now(&self.relation).cloned());
        Precondition { need: self.need, search, tables: read, runs_code: self.runs_code }
    }

    pub(super) fn impossible(self, reason: String) -> Precondition {
        self.by(Search::Impossible(reason))
    }

    /// Those of a source for which a condition holds; an empty one always does.
    pub(super) fn for_which(self, source: &Source, condition: &str) -> Precondition {
        let count = format!("SELECT count(*) FROM {}{}", source.from, only_if(condition));
        self.counted_by(count, source, condition)
    }

    /// Those of a derived source for which a condition holds.
    pub(super) fn derived(self, source: Derived<'_>, condition: &str) -> Precondition {
        let Derived { with, keys, shown } = source;
        self.by(Search::Query {
            count: format!("SELECT count(*) FROM {} WHERE {condition}", with("")),
            keys: keys.map(|(columns, order)| {
                let from = with(&columns);
                format!("SELECT key FROM {from} WHERE {condition} ORDER BY {order} LIMIT {KEYS}")
            }),
            rows: format!("SELECT * FROM {} WHERE {condition}", with(shown)),
        })
    }

    pub(super) fn counted_by(
        self,
        count: String,
        source: &Source,
        condition: &str,
    ) -> Precondition {
        let (from, condition) = (&source.from, only_if(condition));
        let key = self.tables.key(&self.relation, source.is_plain);
        let keys = key.map(|(key, order)| {
            format!("SELECT {key} FROM {from}{condition} ORDER BY {order} LIMIT {KEYS}")
        });
        let rows = format!("SELECT * FROM {from}{condition}");
        self.by(Search::Query { count, keys, rows })
    }
}

/// A source of other columns than those of the relation, and how its rows are told.
pub(super) struct Derived<'d> {
    /// The source with these columns in addition, each followed by a comma.
    pub(super) with: &'d dyn Fn(&str) -> String,
    /// The columns that identify a row, the key as `key`, and by which of them the rows are ordered.
    pub(super) keys: Option<(String, &'d str)>,
    /// The columns with which a row is shown.
    pub(super) shown: &'d str,
}

pub(super) fn only_if(condition: &str) -> String {
    if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") }
}

pub(super) fn need(object: &Object, problem: Problem, rows: String) -> Need {
    Need { object: object.clone(), problem, rows }
}

/// Such as "invoices.day".
pub(super) fn dotted(column: &Object) -> String {
    match (column.group().name(), column.name()) {
        (Some(table), Some(name)) => format!("{table}.{name}"),
        _ => column.to_string(),
    }
}

pub(super) fn name_of(object: &Object) -> String {
    object.name().map(ToString::to_string).unwrap_or_default()
}

pub(super) fn quoted_name(object: &Object) -> String {
    object.name().map(Ident::quoted).unwrap_or_default()
}

/// The server encloses most expressions itself.
pub(super) fn enclosed(expression: &str) -> String {
    format!("({expression})")
}
