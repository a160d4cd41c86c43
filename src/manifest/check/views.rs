//! Views of both kinds.

use std::path::Path;

use indexmap::IndexMap;

use super::chosen_index::Indexed;
use super::indexes::storage_parameters;
use super::{chosen_index, indexes, rewrite, triggers};
use crate::manifest::checking::Checking;
use crate::manifest::fragment::Fragment;
use crate::manifest::model::{MaterializedViewDecl, ViewDecl};
use crate::manifest::raw::{self, Name};
use crate::name::{Ident, Text};

pub(super) fn views(
    checking: &mut Checking<'_>,
    raw: &IndexMap<Name, raw::View>,
    folder: &Path,
) -> Vec<ViewDecl> {
    raw.iter().filter_map(|(name, decl)| view(checking, name, decl, folder)).collect()
}

pub(super) fn materialized_views(
    checking: &mut Checking<'_>,
    raw: &IndexMap<Name, raw::MaterializedView>,
    folder: &Path,
) -> Vec<MaterializedViewDecl> {
    raw.iter().filter_map(|(name, decl)| materialized_view(checking, name, decl, folder)).collect()
}

fn view(
    checking: &mut Checking<'_>,
    name: &Name,
    raw: &raw::View,
    folder: &Path,
) -> Option<ViewDecl> {
    let columns = columns(checking, &raw.columns);
    let check_option = raw.check_option.map(|option| match option {
        raw::CheckOption::Local => "check_option=local",
        raw::CheckOption::Cascaded => "check_option=cascaded",
    });
    let options = [
        check_option,
        raw.security_barrier.then_some("security_barrier=true"),
        raw.security_invoker.then_some("security_invoker=true"),
    ];
    let comment = checking.optional_text(raw.comment.as_ref());
    let column_comments = column_comments(checking, &raw.column_comments);
    let triggers = triggers::triggers(checking, name, &raw.triggers);
    let rules = rewrite::of_view(checking, &raw.rules);
    let query = query(checking, "views", name, (raw.query.as_ref(), raw.file.as_ref()), folder);
    Some(ViewDecl {
        position: checking.position(&name.span),
        name: Ident::new(name.value.clone()).ok()?,
        query: query?,
        columns,
        options: options.into_iter().flatten().map(str::to_owned).collect(),
        triggers,
        rules,
        comment,
        column_comments,
    })
}

fn materialized_view(
    checking: &mut Checking<'_>,
    name: &Name,
    raw: &raw::MaterializedView,
    folder: &Path,
) -> Option<MaterializedViewDecl> {
    let columns = columns(checking, &raw.columns);
    let with = storage_parameters(checking, &raw.with);
    let comment = checking.optional_text(raw.comment.as_ref());
    let column_comments = column_comments(checking, &raw.column_comments);
    let indexes = indexes::indexes(checking, name, &raw.indexes);
    let there = Indexed { constraints: &[], indexes: &indexes };
    let cluster_on = raw.cluster_on.as_ref();
    let cluster_on = cluster_on.and_then(|index| chosen_index::index(checking, name, index, there));
    let source = (raw.query.as_ref(), raw.file.as_ref());
    let query = query(checking, "materialized_views", name, source, folder);
    Some(MaterializedViewDecl {
        position: checking.position(&name.span),
        name: Ident::new(name.value.clone()).ok()?,
        query: query?,
        columns,
        with,
        cluster_on,
        is_populated: raw.populated.unwrap_or(true),
        indexes,
        comment,
        column_comments,
    })
}

fn column_comments(checking: &mut Checking<'_>, raw: &IndexMap<Name, Name>) -> Vec<(Ident, Text)> {
    let mut comments = Vec::new();
    for (name, text) in raw {
        let text = checking.optional_text(Some(text));
        comments.extend(checking.ident(name).zip(text));
    }
    comments
}

fn columns(checking: &mut Checking<'_>, raw: &[Name]) -> Vec<Ident> {
    let mut columns: Vec<Ident> = Vec::new();
    for column in raw {
        if let Some(read) = checking.ident(column) {
            if columns.contains(&read) {
                checking.note(&column.span, format!("column {:?} is named twice", column.value));
            }
            columns.push(read);
        }
    }
    columns
}

fn query(
    checking: &mut Checking<'_>,
    section: &str,
    name: &Name,
    source: (Option<&Name>, Option<&Name>),
    folder: &Path,
) -> Option<Fragment> {
    match source {
        (Some(query), None) => checking.fragment(query, Fragment::query),
        (None, Some(file)) => {
            let read = checking.file(folder, file, Fragment::query);
            read.map(|(fragment, position)| fragment.at(position))
        }
        (Some(_), Some(file)) => {
            checking.note(&file.span, "give the query or the file that contains it, not both");
            None
        }
        (None, None) => {
            if !checking.damage.touches(&[section, &name.value]) {
                let what = if section == "views" { "a view" } else { "a materialized view" };
                let message = format!("{what} has a query, or a file that contains it");
                checking.note(&name.span, message);
            }
            None
        }
    }
}
