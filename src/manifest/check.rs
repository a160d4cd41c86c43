//! raw → model: names are names, references lead somewhere, nothing is declared twice. Each check
//! notes what it finds and goes on.

mod columns;
mod constraints;
mod drift;
mod fleet;
mod indexes;
mod keys;
mod names;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use indexmap::IndexMap;

use super::decode::Damage;
use super::diagnostic::{Report, suggestion};
use super::model::{
    EnumDecl, IntegerType, Manifest, QualifiedName, SequenceDecl, SequenceOptions, TableDecl,
};
use super::raw::{self, Name, Short, Spanned};
use super::source::{Position, Source};
use super::{Fragment, FragmentError, seeds};
use crate::name::{Ident, NameError, Text};

/// What a check looks at beside its subject, and where it notes what is wrong.
pub(super) struct Checking<'a> {
    pub(super) source: &'a Source,
    pub(super) damage: &'a Damage,
    pub(super) report: &'a mut Report,
    /// Columns by table, as far as the file could be read.
    pub(super) tables: IndexMap<String, BTreeSet<String>>,
    types: BTreeSet<String>,
    names: names::Taken,
}

/// The manifest, of use only if nothing was reported.
pub(super) fn manifest(
    raw: raw::Manifest,
    source: &Source,
    folder: &Path,
    damage: &Damage,
    report: &mut Report,
) -> Manifest {
    let columns_of = |table: &raw::Table| table.columns.keys().map(|c| c.value.clone()).collect();
    let mut checking = Checking {
        source,
        damage,
        report,
        tables: raw.tables.iter().map(|(name, t)| (name.value.clone(), columns_of(t))).collect(),
        types: raw.types.keys().map(|name| name.value.clone()).collect(),
        names: names::Taken::default(),
    };
    if raw.version.value != 1 {
        checking.note(&raw.version.span, "this version of the tool reads format version 1");
    }
    names::reserve(&mut checking, &raw);
    let servers = fleet::servers(&mut checking, &raw.servers);
    let tenants = raw.tenants.map(|tenants| fleet::tenants(&mut checking, tenants, &servers));
    let trust = fleet::trust(&mut checking, &raw.trust);
    let drift = drift::drift(&mut checking, &raw.drift);
    let enums =
        raw.types.iter().filter_map(|(name, decl)| enum_type(&mut checking, name, decl)).collect();
    let sequences = raw
        .sequences
        .iter()
        .filter_map(|(name, decl)| sequence(&mut checking, name, decl))
        .collect();
    let tables: Vec<TableDecl> =
        raw.tables.iter().filter_map(|(name, decl)| table(&mut checking, name, decl)).collect();
    keys::check_references(&mut checking, &raw.tables, &tables);
    let seeds = seeds::read(&mut checking, &raw.seeds, &tables, folder);
    let tenants = tenants.unwrap_or_default();
    Manifest { tenants, servers, drift, trust, enums, sequences, tables, seeds }
}

impl Checking<'_> {
    pub(super) fn note(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.report.at(self.source, span, message);
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

    fn optional_text(&mut self, text: Option<&Name>) -> Option<Text> {
        // An empty comment is none (PostgreSQL manual, COMMENT).
        text.filter(|text| !text.value.is_empty()).and_then(|text| self.text(text))
    }

    fn noted<T>(&mut self, span: &Range<usize>, result: Result<T, NameError>) -> Option<T> {
        result.map_err(|error| self.note(span, error.to_string())).ok()
    }

    pub(super) fn expression(&mut self, sql: &Name) -> Option<Fragment> {
        self.fragment(sql, Fragment::expression)
    }

    fn fragment(
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

    fn some_columns_of(&mut self, table: &str, names: &[Name]) -> Vec<Ident> {
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

    /// One column that the table has. Of a table that was not understood, nothing is said.
    pub(super) fn column_of(&mut self, table: &str, name: &Name) -> Option<Ident> {
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

    fn qualified(&mut self, name: &Spanned<Short<raw::Qualified>>) -> Option<QualifiedName> {
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

fn enum_type(checking: &mut Checking<'_>, name: &Name, raw: &raw::EnumType) -> Option<EnumDecl> {
    if raw.labels.is_empty() {
        checking.note(&raw.labels.span, "an enum has at least one label");
    }
    let mut labels: Vec<Ident> = Vec::new();
    for label in &raw.labels.value {
        if let Some(read) = checking.ident(label) {
            if labels.contains(&read) {
                checking.note(&label.span, format!("label {:?} is given twice", label.value));
            }
            labels.push(read);
        }
    }
    let comment = checking.optional_text(raw.comment.as_ref());
    let position = checking.position(&name.span);
    Some(EnumDecl { position, name: Ident::new(name.value.clone()).ok()?, labels, comment })
}

fn sequence(checking: &mut Checking<'_>, name: &Name, raw: &raw::Sequence) -> Option<SequenceDecl> {
    let raw::Sequence { start, increment, min, max, cache, cycle, .. } = *raw;
    let data_type = raw.data_type.map(|data_type| match data_type {
        raw::IntegerType::Smallint => IntegerType::Smallint,
        raw::IntegerType::Integer => IntegerType::Integer,
        raw::IntegerType::Bigint => IntegerType::Bigint,
    });
    Some(SequenceDecl {
        position: checking.position(&name.span),
        name: Ident::new(name.value.clone()).ok()?,
        data_type,
        options: SequenceOptions { start, increment, min, max, cache, cycle },
        comment: checking.optional_text(raw.comment.as_ref()),
    })
}

fn table(checking: &mut Checking<'_>, name: &Name, raw: &raw::Table) -> Option<TableDecl> {
    if raw.columns.is_empty() && !checking.damage.touches(&["tables", &name.value, "columns"]) {
        checking.note(&name.span, "a table has at least one column");
    }
    let comment = checking.optional_text(raw.comment.as_ref());
    let columns = columns::columns(checking, raw);
    let constraints = constraints::constraints(checking, name, raw, &columns);
    let indexes = indexes::indexes(checking, name, raw);
    let position = checking.position(&name.span);
    let name = Ident::new(name.value.clone()).ok()?;
    Some(TableDecl {
        position,
        name,
        comment,
        unlogged: raw.unlogged,
        columns,
        constraints,
        indexes,
    })
}
