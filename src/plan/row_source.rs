//! The rows of a tenant's table as they will be when the steps before the one in question are done: under new names, with
//! new columns, and with values converted to new types.

use std::collections::{BTreeMap, BTreeSet};

use super::step::Step;
use crate::catalog::{Catalog, Fact, Kind, Object, Rename};
use crate::kinds::{self, Alteration, Creation};
use crate::name::{Ident, SchemaName, literal};

/// A tenant, and what a plan does to its tables.
pub(super) struct Tables<'a> {
    pub(super) desired: &'a Catalog,
    /// Under the names that objects get.
    pub(super) live: &'a Catalog,
    schema: &'a SchemaName,
    /// The names that objects have now, by the object under its new name.
    old: BTreeMap<&'a Object, &'a Ident>,
    /// The columns that get another type.
    converted: BTreeMap<&'a Object, &'a Alteration<'a>>,
    /// The columns that are added.
    added: BTreeMap<&'a Object, &'a Creation<'a>>,
}

/// Something to select from.
pub(super) struct Source {
    /// With its alias.
    pub(super) from: String,
    /// Whether it is the table itself, in which columns have the names that they have now.
    pub(super) is_plain: bool,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        steps: &'a [Step<'a>],
        (desired, live): (&'a Catalog, &'a Catalog),
        renames: &'a [Rename],
        schema: &'a SchemaName,
    ) -> Self {
        let old = renames.iter().filter_map(|rename| Some((&rename.to, rename.from.name()?)));
        let (mut converted, mut added) = (BTreeMap::new(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Change(alteration) if kinds::needs_dependents_gone(alteration) => {
                    converted.insert(alteration.object(), alteration);
                }
                Step::Create(creation) if creation.object.kind() == Kind::Column => {
                    added.insert(&creation.object, creation);
                }
                _ => {}
            }
        }
        Self { desired, live, schema, old: old.collect(), converted, added }
    }

    /// The name that an object has now.
    pub(super) fn name_now<'n>(&'n self, object: &'n Object) -> Option<&'n Ident> {
        self.old.get(object).copied().or_else(|| object.name())
    }

    /// The qualified name that a table or a materialized view has now.
    pub(super) fn qualified(&self, relation: &Object) -> String {
        self.name_now(relation).map(|name| self.schema.qualify(name)).unwrap_or_default()
    }

    /// The rows of a relation as they are, of which no column is needed but under the name that it has now.
    pub(super) fn as_now(&self, relation: &Object) -> Source {
        Source { from: format!("{} AS t", self.qualified(relation)), is_plain: true }
    }

    /// Whether values of one of these columns are converted.
    pub(super) fn converts<'o>(&self, columns: impl IntoIterator<Item = &'o Object>) -> bool {
        columns.into_iter().any(|column| self.converted.contains_key(column))
    }

    /// The columns of a relation that exist in the tenant, in their order.
    pub(super) fn columns(&self, relation: &Object) -> Vec<&'a Fact> {
        let all = self.live.of_kind(Kind::Column);
        let mut columns: Vec<&Fact> = all.filter(|fact| fact.object.group() == *relation).collect();
        columns.sort_by_key(|fact| fact.position);
        columns
    }

    /// The rows of a relation with the columns that are `needed`.
    ///
    /// # Errors
    /// Why they cannot be known before.
    pub(super) fn source<'o>(
        &self,
        relation: &Object,
        needed: impl IntoIterator<Item = &'o Object>,
        alias: &str,
    ) -> Result<Source, String> {
        let needed: BTreeSet<&Object> = needed
            .into_iter()
            .filter(|object| object.kind() == Kind::Column && object.group() == *relation)
            .collect();
        let table = self.qualified(relation);
        let is_as_now = |column: &&&Object| {
            self.live.has(column)
                && !self.old.contains_key(**column)
                && !self.converted.contains_key(**column)
        };
        // The columns of a materialized view are no objects of their own.
        if relation.kind() != Kind::Table || needed.iter().all(|column| is_as_now(&column)) {
            return Ok(Source { from: format!("{table} AS {alias}"), is_plain: true });
        }
        let mut inner: Vec<String> = Vec::new();
        for column in self.columns(relation) {
            let names = (self.name_now(&column.object), column.object.name());
            if let (Some(now), Some(then)) = names {
                inner.push(as_named(&now.quoted(), then));
            }
        }
        let renamed = format!("(SELECT {} FROM {table}) AS {alias}", inner.join(", "));
        let mut outer: Vec<String> = Vec::new();
        let is_converted = |column: &Object| needed.contains(column) && self.converts([column]);
        for column in self.columns(relation) {
            if let Some(name) = column.object.name() {
                let value = match self.converted.get(&column.object) {
                    Some(alteration) if is_converted(&column.object) => {
                        self.conversion(alteration, &name.quoted())
                    }
                    _ => name.quoted(),
                };
                outer.push(as_named(&value, name));
            }
        }
        for column in needed.iter().filter(|column| !self.live.has(column)) {
            if let Some(name) = column.name() {
                outer.push(as_named(&self.initial(column)?, name));
            }
        }
        let from = format!("(SELECT {} FROM {renamed}) AS {alias}", outer.join(", "));
        Ok(Source { from, is_plain: false })
    }

    /// A value of a column as one of its new type.
    pub(super) fn conversion(&self, alteration: &Alteration<'_>, value: &str) -> String {
        let value = match &alteration.using {
            Some(using) => format!("({})", using.sql(self.schema)),
            None => value.to_owned(),
        };
        let data_type = alteration.desired.sql("type", self.schema).unwrap_or_default();
        format!("CAST({value} AS {data_type})")
    }

    /// The value that existing rows get in a new column.
    fn initial(&self, column: &Object) -> Result<String, String> {
        let unknown = || format!("{column} does not exist yet, and what it will have is not known");
        let creation = self.added.get(column).ok_or_else(unknown)?;
        let fact = creation.fact;
        let has_sequence =
            creation.parts.iter().any(|(_, part)| part.object.kind() == Kind::Sequence);
        if kinds::is_generated(fact) || has_sequence {
            return Err(unknown());
        }
        let default = creation.parts.iter().find_map(|(_, part)| part.sql("default", self.schema));
        let data_type = fact.sql("type", self.schema).unwrap_or_default();
        Ok(format!("CAST({} AS {data_type})", default.unwrap_or_else(|| "NULL".to_owned())))
    }

    /// How rows of a source are identified: an expression, and what to sort by. `None`: there is no primary key.
    pub(super) fn key(&self, relation: &Object, is_plain: bool) -> Option<(String, String)> {
        let mut constraints = self.live.of_kind(Kind::Constraint);
        let key = constraints
            .find(|fact| kinds::is_primary_key(fact) && fact.object.group() == *relation)?;
        let columns = self.columns(relation).into_iter();
        let columns: Vec<&Ident> =
            columns
                .filter(|column| key.dependencies.contains(&column.object))
                .filter_map(|column| {
                    if is_plain { self.name_now(&column.object) } else { column.object.name() }
                })
                .collect();
        let shown = columns.iter().map(|name| {
            let label = literal(&format!("{}=", name.as_str()));
            format!("{label} || left(concat({}), 60)", name.quoted())
        });
        let shown: Vec<String> = shown.collect();
        let sorted: Vec<String> = columns.iter().map(|name| name.quoted()).collect();
        let key = format!("concat_ws(', ', {})", shown.join(", "));
        (!sorted.is_empty()).then(|| (key, sorted.join(", ")))
    }
}

fn as_named(value: &str, name: &Ident) -> String {
    format!("{value} AS {}", name.quoted())
}
