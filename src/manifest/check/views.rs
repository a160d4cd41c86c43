//! Views.

use std::path::Path;

use indexmap::IndexMap;

use crate::manifest::checking::Checking;
use crate::manifest::fragment::Fragment;
use crate::manifest::model::ViewDecl;
use crate::manifest::raw::{self, Name};
use crate::name::Ident;

pub(super) fn views(
    checking: &mut Checking<'_>,
    raw: &IndexMap<Name, raw::View>,
    folder: &Path,
) -> Vec<ViewDecl> {
    raw.iter().filter_map(|(name, decl)| view(checking, name, decl, folder)).collect()
}

fn view(
    checking: &mut Checking<'_>,
    name: &Name,
    raw: &raw::View,
    folder: &Path,
) -> Option<ViewDecl> {
    let mut columns: Vec<Ident> = Vec::new();
    for column in &raw.columns {
        if let Some(read) = checking.ident(column) {
            if columns.contains(&read) {
                checking.note(&column.span, format!("column {:?} is named twice", column.value));
            }
            columns.push(read);
        }
    }
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
    let query = query(checking, name, raw, folder);
    Some(ViewDecl {
        position: checking.position(&name.span),
        name: Ident::new(name.value.clone()).ok()?,
        query: query?,
        columns,
        options: options.into_iter().flatten().map(str::to_owned).collect(),
        comment,
    })
}

fn query(
    checking: &mut Checking<'_>,
    name: &Name,
    raw: &raw::View,
    folder: &Path,
) -> Option<Fragment> {
    match (&raw.query, &raw.file) {
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
            if !checking.damage.touches(&["views", &name.value]) {
                checking.note(&name.span, "a view has a query, or a file that contains it");
            }
            None
        }
    }
}
