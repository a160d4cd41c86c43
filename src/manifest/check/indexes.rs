//! Indexes of a table or a materialized view, and the terms that exclusion constraints share with them.

use indexmap::IndexMap;

use super::super::model::{IndexDecl, IndexKey, IndexTerm};
use super::super::raw::{self, Name, Nulls, Order, Scalar, Short, Spanned};
use super::names::{Space, object_name};
use crate::manifest::checking::Checking;
use crate::name::{Ident, Text};

pub(super) fn indexes(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &[Spanned<raw::Index>],
) -> Vec<IndexDecl> {
    raw.iter().filter_map(|index| self::index(checking, table, index)).collect()
}

fn index(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &Spanned<raw::Index>,
) -> Option<IndexDecl> {
    if raw.columns.is_empty() {
        checking.note(&raw.columns.span, "an index has at least one column or expression");
    }
    let mut keys = Vec::new();
    for key in &raw.columns.value {
        let parts = match &key.value {
            Short::Text(text) => {
                let column = Spanned { span: key.span.clone(), value: text.clone() };
                let parts = KeyParts { column: Some(&column), ..KeyParts::default() };
                keys.extend(index_key(checking, &table.value, key, &parts));
                continue;
            }
            Short::Full(full) => KeyParts {
                column: full.column.as_ref(),
                expression: full.expression.as_ref(),
                opclass: full.opclass.as_ref(),
                collation: full.collation.as_ref(),
                order: full.order,
                nulls: full.nulls,
            },
        };
        keys.extend(index_key(checking, &table.value, key, &parts));
    }
    if let Some(distinct) = raw.nulls_distinct.as_ref().filter(|_| !raw.unique) {
        checking.note(&distinct.span, "nulls_distinct is a property of unique indexes");
    }
    let include = checking.some_columns_of(&table.value, &raw.include);
    let predicate = raw.predicate.as_ref().and_then(|sql| checking.expression(sql));
    let method = raw.using.as_ref().and_then(|name| checking.ident(name));
    let with = storage_parameters(checking, &raw.with);
    let comment = checking.optional_text(raw.comment.as_ref());
    let columns: Vec<String> = keys.iter().map(term_name).collect();
    let name = raw.name.as_ref();
    let name = object_name(checking, table, name, &columns, "idx", Space::Index)?;
    Some(IndexDecl {
        position: checking.position(&raw.span),
        name,
        unique: raw.unique,
        nulls_distinct: raw.nulls_distinct.as_ref().is_none_or(|distinct| distinct.value),
        method,
        keys,
        include,
        predicate,
        with,
        comment,
    })
}

pub(super) fn storage_parameters(
    checking: &mut Checking<'_>,
    raw: &IndexMap<Name, Spanned<Scalar>>,
) -> Vec<(Ident, Text)> {
    let mut with = Vec::new();
    for (name, value) in raw {
        let text = checking.noted(&value.span, Text::new(value.0.clone()));
        with.extend(checking.ident(name).zip(text));
    }
    with
}

/// What may be declared of an index term.
#[derive(Default)]
pub(super) struct KeyParts<'r> {
    pub(super) column: Option<&'r Name>,
    pub(super) expression: Option<&'r Name>,
    pub(super) opclass: Option<&'r Spanned<Short<raw::Qualified>>>,
    pub(super) collation: Option<&'r Spanned<Short<raw::Qualified>>>,
    pub(super) order: Option<Order>,
    pub(super) nulls: Option<Nulls>,
}

pub(super) fn index_key<T>(
    checking: &mut Checking<'_>,
    table: &str,
    whole: &Spanned<T>,
    parts: &KeyParts<'_>,
) -> Option<IndexKey> {
    let term = match (parts.column, parts.expression) {
        (Some(column), None) => checking.column_of(table, column).map(IndexTerm::Column),
        (None, Some(sql)) => checking.expression(sql).map(IndexTerm::Expression),
        _ => {
            checking.note(&whole.span, "give a column or an expression, one of them");
            None
        }
    };
    let opclass = parts.opclass.and_then(|name| checking.qualified(name));
    let collation = parts.collation.and_then(|name| checking.qualified(name));
    Some(IndexKey {
        term: term?,
        collation,
        opclass,
        descending: parts.order == Some(Order::Desc),
        nulls_first: parts.nulls.map(|nulls| nulls == Nulls::First),
    })
}

/// What an index term contributes to a composed name.
pub(super) fn term_name(key: &IndexKey) -> String {
    match &key.term {
        IndexTerm::Column(name) => name.as_str().to_owned(),
        IndexTerm::Expression(_) => "expr".to_owned(),
    }
}
