//! Columns of a table.

use std::collections::BTreeSet;

use super::super::Fragment;
use super::super::fragment::SCHEMA_PLACEHOLDER;
use super::super::model::{ColumnDecl, ColumnStorage, ColumnValue, SequenceOptions, TypeDecl};
use super::super::raw::{self, Compression, Generation, Name, Short, Spanned, Storage};
use super::indexes::storage_parameters;
use crate::manifest::checking::Checking;
use crate::name::Ident;

pub(super) fn columns(checking: &mut Checking<'_>, table: &raw::Table) -> Vec<ColumnDecl> {
    table.columns.iter().filter_map(|(name, column)| self::column(checking, name, column)).collect()
}

fn column(
    checking: &mut Checking<'_>,
    name: &Name,
    raw: &Spanned<Short<raw::Column>>,
) -> Option<ColumnDecl> {
    let ident = checking.ident(name);
    let position = checking.position(&name.span);
    let column = match &raw.value {
        Short::Text(text) => {
            let data_type = Spanned { span: raw.span.clone(), value: text.clone() };
            ColumnDecl {
                position,
                name: ident?,
                data_type: self::data_type(checking, &data_type)?,
                nullable: false,
                value: ColumnValue::None,
                collation: None,
                using: None,
                backfill: None,
                storage: ColumnStorage::default(),
                comment: None,
            }
        }
        Short::Full(full) => {
            let data_type = data_type(checking, &full.data_type);
            let value = value(checking, full);
            let collation = full.collation.as_ref().and_then(|name| checking.qualified(name));
            let using = full.using.as_ref();
            let using = using.and_then(|sql| checking.fragment(sql, Fragment::expression));
            let backfill = full.backfill.as_ref();
            if let Some(sql) =
                backfill.filter(|_| full.identity.is_some() || full.generated.is_some())
            {
                checking.note(
                    &sql.span,
                    "the server generates the values of this column: it has no backfill",
                );
            }
            let backfill = backfill.and_then(|sql| checking.fragment(sql, Fragment::expression));
            let storage = storage(checking, full);
            let comment = checking.optional_text(full.comment.as_ref());
            ColumnDecl {
                position,
                name: ident?,
                data_type: data_type?,
                nullable: full.null,
                value,
                collation,
                using,
                backfill,
                storage,
                comment,
            }
        }
    };
    Some(column)
}

/// The options of a column that the server knows (PostgreSQL manual, ALTER TABLE).
const OPTIONS: [&str; 2] = ["n_distinct", "n_distinct_inherited"];

fn storage(checking: &mut Checking<'_>, raw: &raw::Column) -> ColumnStorage {
    let target = raw.statistics_target.as_ref();
    if let Some(target) = target.filter(|target| !(0..=10_000).contains(&target.value)) {
        checking.note(&target.span, "a statistics target is from 0 to 10000");
    }
    for name in raw.options.keys().filter(|name| !OPTIONS.contains(&name.value.as_str())) {
        let message = format!("the options of a column are {}", OPTIONS.join(" and "));
        checking.note(&name.span, message);
    }
    ColumnStorage {
        strategy: raw.storage.map(|storage| match storage {
            Storage::Plain => "PLAIN",
            Storage::External => "EXTERNAL",
            Storage::Extended => "EXTENDED",
            Storage::Main => "MAIN",
        }),
        compression: raw.compression.map(|compression| match compression {
            Compression::Pglz => "pglz",
            Compression::Lz4 => "lz4",
        }),
        statistics_target: target.map(|target| target.value),
        options: storage_parameters(checking, &raw.options),
    }
}

/// A type of the manifest, under its own name or as SQL would quote it, or a type of the server.
pub(super) fn data_type(checking: &mut Checking<'_>, raw: &Name) -> Option<TypeDecl> {
    if let Some(own) = own_type(&checking.types, &raw.value) {
        return Some(own);
    }
    checking.fragment(raw, Fragment::type_name).map(TypeDecl::Sql)
}

/// The one of `types` that is named, under its own name or as SQL would quote it.
pub(in crate::manifest) fn own_type(types: &BTreeSet<String>, text: &str) -> Option<TypeDecl> {
    let mut base = text.trim();
    let mut dimensions = 0;
    while let Some(shorter) = base.strip_suffix("[]") {
        base = shorter.trim_end();
        dimensions += 1;
    }
    let base = base
        .strip_prefix(SCHEMA_PLACEHOLDER)
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(base);
    let unquoted = base.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let unquoted = unquoted.map(|inner| inner.replace("\"\"", "\""));
    for name in [Some(base.to_owned()), unquoted].into_iter().flatten() {
        if types.contains(&name) {
            return Ident::new(name).ok().map(|name| TypeDecl::Declared { name, dimensions });
        }
    }
    None
}

fn value(checking: &mut Checking<'_>, raw: &raw::Column) -> ColumnValue {
    let given = [
        raw.default.as_ref().map(|v| &v.span),
        raw.identity.as_ref().map(|v| &v.span),
        raw.generated.as_ref().map(|v| &v.span),
    ];
    let mut given = given.into_iter().flatten();
    if let (Some(_), Some(second)) = (given.next(), given.next()) {
        checking.note(second, "default, identity and generated exclude each other");
    }
    if let Some(default) = &raw.default {
        return checking.expression(default).map_or(ColumnValue::None, ColumnValue::Default);
    }
    if let Some(generated) = &raw.generated {
        return checking.expression(generated).map_or(ColumnValue::None, ColumnValue::Generated);
    }
    let Some(identity) = &raw.identity else {
        return ColumnValue::None;
    };
    if raw.null {
        checking.note(&identity.span, "an identity column is never null; leave null out");
    }
    match &identity.value {
        Short::Text(text) => {
            let always = match text.as_str() {
                "always" => true,
                "by default" => false,
                _ => {
                    checking.note(&identity.span, "identity must be \"always\" or \"by default\"");
                    return ColumnValue::None;
                }
            };
            ColumnValue::Identity { always, options: SequenceOptions::default() }
        }
        Short::Full(full) => {
            let raw::Identity { start, increment, min, max, cache, cycle, .. } = *full;
            ColumnValue::Identity {
                always: full.generation == Generation::Always,
                options: SequenceOptions { start, increment, min, max, cache, cycle },
            }
        }
    }
}
