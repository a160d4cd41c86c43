//! What all checks share: where errors are noted, and what names refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::Range;
use std::path::Path;

use indexmap::IndexMap;
use jiff::civil::Date;

use super::ancestors::ancestors;
use super::decode::Damage;
use super::fragment::{Fragment, FragmentError};
use super::model::QualifiedName;
use super::raw::{self, Name, Short, Spanned};
use super::report::{Report, suggestion};
use super::source::{Position, Source};
use crate::name::{Ident, NameError, Text};

/// What a check needs beside its subject, and where it notes errors.
pub(super) struct Checking<'a> {
    pub(super) source: &'a Source,
    pub(super) damage: &'a Damage,
    pub(super) report: &'a mut Report,
    /// Columns by table, as far as the file could be read.
    pub(super) tables: IndexMap<String, BTreeSet<String>>,
    /// Relations whose columns only the server knows.
    pub(super) unlisted: BTreeSet<String>,
    pub(super) types: BTreeSet<String>,
    pub(super) functions: BTreeSet<String>,
    /// The names of views of both kinds, sequences, procedures and aggregates.
    pub(super) other_names: BTreeSet<String>,
    pub(super) names: TakenNames,
    /// Whether SQL files declare something, too.
    pub(super) has_sql: bool,
}

/// Names in use. A schema has one name space for tables, sequences and indexes (those of keys
/// among them), one for types (each table is one), one for extended statistics, and each table has one for its constraints.
#[derive(Debug, Default)]
pub(super) struct TakenNames {
    pub(super) relations: BTreeMap<String, &'static str>,
    pub(super) types: BTreeMap<String, &'static str>,
    pub(super) constraints: BTreeSet<(String, String)>,
    pub(super) statistics: BTreeSet<String>,
}

impl<'a> Checking<'a> {
    pub(super) fn new(
        raw: &raw::Manifest,
        source: &'a Source,
        damage: &'a Damage,
        report: &'a mut Report,
    ) -> Self {
        let columns_of = |table: &raw::Table| {
            let ancestors = ancestors(&raw.tables, table);
            let parents = ancestors.into_iter().filter_map(|name| raw.tables.get(name));
            let columns = parents.flat_map(|parent| parent.columns.keys());
            columns.chain(table.columns.keys()).map(|c| c.value.clone()).collect()
        };
        Self {
            source,
            damage,
            report,
            tables: raw
                .tables
                .iter()
                .map(|(name, t)| (name.value.clone(), columns_of(t)))
                .collect(),
            unlisted: raw
                .views
                .keys()
                .chain(raw.materialized_views.keys())
                .map(|name| name.value.clone())
                .collect(),
            types: raw
                .types
                .iter()
                .flat_map(|(name, decl)| [Some(name), decl.multirange.as_ref()])
                .flatten()
                .map(|name| name.value.clone())
                .collect(),
            functions: raw.functions.keys().map(|name| name.value.clone()).collect(),
            other_names: raw
                .views
                .keys()
                .chain(raw.materialized_views.keys())
                .chain(raw.sequences.keys())
                .chain(raw.procedures.keys())
                .chain(raw.aggregates.keys())
                .chain(
                    raw.tables.values().flat_map(|t| raw::partition_names(t.partitions.as_ref())),
                )
                .map(|name| name.value.clone())
                .collect(),
            names: TakenNames::default(),
            has_sql: raw.sql.is_some(),
        }
    }

    pub(super) fn note(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.report.at(self.source, span, message);
    }

    /// Notes that the reason for something is empty.
    pub(super) fn note_if_no_reason(&mut self, reason: &Name) {
        if reason.trim().is_empty() {
            self.note(&reason.span, "the reason must not be empty");
        }
    }

    /// The last day of something.
    pub(super) fn last_day(&mut self, until: &Name) -> Option<Date> {
        let day = until.parse().ok();
        if day.is_none() {
            self.note(&until.span, "expected a date such as 2027-01-31");
        }
        day
    }

    /// Notes that another object has the name already; `what` is what the two are.
    pub(super) fn note_if_taken(&mut self, is_taken: bool, name: &Name, what: &str) {
        if is_taken {
            let message = format!("the name {:?} is already that of another {what}", name.value);
            self.note(&name.span, message);
        }
    }

    pub(super) fn position(&self, span: &Range<usize>) -> Position {
        self.source.position(span.start)
    }

    pub(super) fn ident(&mut self, name: &Name) -> Option<Ident> {
        self.noted(&name.span, Ident::new(name.value.clone()))
    }

    pub(super) fn text(&mut self, text: &Name) -> Option<Text> {
        self.noted(&text.span, Text::new(text.value.clone()))
    }

    pub(super) fn optional_text(&mut self, text: Option<&Name>) -> Option<Text> {
        // An empty comment is none (PostgreSQL manual, COMMENT).
        text.filter(|text| !text.value.is_empty()).and_then(|text| self.text(text))
    }

    pub(super) fn noted<T>(
        &mut self,
        span: &Range<usize>,
        result: Result<T, NameError>,
    ) -> Option<T> {
        result.map_err(|error| self.note(span, error.to_string())).ok()
    }

    pub(super) fn expression(&mut self, sql: &Name) -> Option<Fragment> {
        self.fragment(sql, Fragment::expression)
    }

    pub(super) fn fragment(
        &mut self,
        sql: &Name,
        read: impl Fn(&str) -> Result<Fragment, FragmentError>,
    ) -> Option<Fragment> {
        match read(&sql.value) {
            Ok(fragment) => Some(fragment.at(self.position(&sql.span))),
            Err(error) => {
                self.note(&sql.span, error.to_string());
                None
            }
        }
    }

    /// The names of columns that the table has; others are noted, repeated ones too.
    pub(super) fn columns_of(&mut self, table: &str, names: &Spanned<raw::Names>) -> Vec<Ident> {
        if names.is_empty() {
            self.note(&names.span, "name at least one column");
        }
        self.some_columns_of(table, names)
    }

    pub(super) fn some_columns_of(&mut self, table: &str, names: &[Name]) -> Vec<Ident> {
        let mut columns: Vec<Ident> = Vec::new();
        for name in names {
            let Some(column) = self.column_of(table, name) else {
                continue;
            };
            if columns.contains(&column) {
                self.note(&name.span, format!("column {:?} is named twice", name.value));
            }
            columns.push(column);
        }
        columns
    }

    /// One column that the table has. For a table that was not understood, nothing is noted.
    pub(super) fn column_of(&mut self, table: &str, name: &Name) -> Option<Ident> {
        if self.unlisted.contains(table) {
            return self.ident(name);
        }
        let known = self.tables.get(table)?;
        if !known.contains(&name.value) {
            if self.damage.touches(&["tables", table, "columns"]) {
                return None;
            }
            let close = suggestion(&name.value, known.iter().map(String::as_str));
            let message = format!("table {table:?} has no column {:?}{close}", name.value);
            self.note(&name.span, message);
            return None;
        }
        Ident::new(name.value.clone()).ok()
    }

    /// What a file below the folder of the manifest holds, and where.
    pub(super) fn file<T, E: Display>(
        &mut self,
        folder: &Path,
        name: &Name,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<(T, Position)> {
        let found = Source::below(folder, &name.value).and_then(|source| {
            let value = read(&source.text);
            let value = value.map_err(|error| format!("{}: {error}", source.name))?;
            Ok((value, source.position(0)))
        });
        found.map_err(|message| self.note(&name.span, message)).ok()
    }

    /// A function of this manifest.
    pub(super) fn function(&mut self, name: &Name) -> Option<Ident> {
        if !self.functions.contains(&name.value) {
            if !self.damage.touches(&["functions", &name.value]) {
                let close = suggestion(&name.value, self.functions.iter().map(String::as_str));
                let message = format!("no function {:?} is declared{close}", name.value);
                self.note(&name.span, message);
            }
            return None;
        }
        Ident::new(name.value.clone()).ok()
    }

    /// A table of this manifest.
    pub(super) fn table(&mut self, name: &Name) -> Option<Ident> {
        if !self.tables.contains_key(&name.value) {
            if !self.damage.touches(&["tables", &name.value]) {
                let close = suggestion(&name.value, self.tables.keys().map(String::as_str));
                let message = format!("no table {:?} is declared{close}", name.value);
                self.note(&name.span, message);
            }
            return None;
        }
        Ident::new(name.value.clone()).ok()
    }

    pub(super) fn qualified(
        &mut self,
        name: &Spanned<Short<raw::Qualified>>,
    ) -> Option<QualifiedName> {
        match &name.value {
            Short::Text(text) => {
                let name = Spanned { span: name.span.clone(), value: text.clone() };
                Some(QualifiedName { schema: None, name: self.ident(&name)? })
            }
            Short::Full(full) => {
                let (schema, name) = (self.ident(&full.schema), self.ident(&full.name));
                Some(QualifiedName { schema: Some(schema?), name: name? })
            }
        }
    }
}

/// What was given is wrong, and that was noted.
pub(super) struct Noted;

/// Reads what may be left out.
///
/// # Errors
/// When it was given and is wrong.
pub(super) fn given<R, T>(
    raw: Option<&R>,
    read: impl FnOnce(&R) -> Option<T>,
) -> Result<Option<T>, Noted> {
    raw.map(|raw| read(raw).ok_or(Noted)).transpose()
}
