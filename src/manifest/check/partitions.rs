//! Partitions of tables, and what tables inherit.

use indexmap::IndexMap;

use super::indexes::storage_parameters;
use crate::manifest::ancestors::ancestors;
use crate::manifest::checking::Checking;
use crate::manifest::fragment::Fragment;
use crate::manifest::model::{PartitionDecl, Unmanaged};
use crate::manifest::raw::{self, Name, Partition, Partitions, Short, Spanned};
use crate::name::Ident;

/// What stands in place of the partitions of a table that are left to another program.
const UNMANAGED: &str = "unmanaged";

/// With which words a bound begins.
const BOUNDS: [&str; 4] = ["from", "in", "with", "default"];

/// The partitions of all tables, each after what it is a partition of, and the tables whose partitions are unmanaged.
pub(super) fn partitions(
    checking: &mut Checking<'_>,
    tables: &IndexMap<Name, raw::Table>,
) -> (Vec<PartitionDecl>, Vec<Unmanaged>) {
    let mut found = Found::default();
    for (name, table) in tables {
        found.read(checking, name, table.partition_by.as_ref(), table.partitions.as_ref());
    }
    (found.partitions, found.unmanaged)
}

/// How rows are distributed, as SQL has it after `PARTITION BY`.
pub(super) fn strategy(checking: &mut Checking<'_>, sql: &Name) -> Option<Fragment> {
    let first = sql.split(|c: char| c == '(' || c.is_whitespace()).find(|word| !word.is_empty());
    let strategies = ["range", "list", "hash"];
    let is_known = |word: &str| strategies.iter().any(|known| known.eq_ignore_ascii_case(word));
    if !first.is_some_and(is_known) {
        checking.note(&sql.span, "expected range (…), list (…) or hash (…)");
        return None;
    }
    checking.expression(sql)
}

/// The tables of SQL files whose partitions are unmanaged.
pub(super) fn unmanaged_in_sql(
    checking: &mut Checking<'_>,
    raw: Option<&raw::Sql>,
) -> Vec<Unmanaged> {
    let names = raw.into_iter().flat_map(|sql| &sql.unmanaged_partitions);
    let found = names.filter_map(|name| {
        let table = checking.table(name)?;
        Some(Unmanaged { position: checking.position(&name.span), table })
    });
    found.collect()
}

#[derive(Default)]
struct Found {
    partitions: Vec<PartitionDecl>,
    unmanaged: Vec<Unmanaged>,
}

impl Found {
    /// Those of the table or partition `of`.
    fn read(
        &mut self,
        checking: &mut Checking<'_>,
        of: &Name,
        partition_by: Option<&Name>,
        partitions: Option<&Spanned<Partitions>>,
    ) {
        let Some(partitions) = partitions else { return };
        if partition_by.is_none() {
            checking.note(&partitions.span, "say how the rows are distributed: partition_by = …");
        }
        match &partitions.value {
            Short::Text(word) if word == UNMANAGED => {
                let position = checking.position(&partitions.span);
                self.unmanaged.extend(
                    Ident::new(of.value.clone()).ok().map(|table| Unmanaged { position, table }),
                );
            }
            Short::Text(_) => checking.note(
                &partitions.span,
                format!("expected a table of partitions, or {UNMANAGED:?}"),
            ),
            Short::Full(all) => {
                for (name, partition) in all {
                    self.partition(checking, of, name, partition);
                }
            }
        }
    }

    fn partition(
        &mut self,
        checking: &mut Checking<'_>,
        of: &Name,
        name: &Name,
        raw: &Spanned<Short<Partition>>,
    ) {
        let (bound, full) = match &raw.value {
            Short::Text(text) => (Spanned { span: raw.span.clone(), value: text.clone() }, None),
            Short::Full(full) => (full.bound.clone(), Some(full)),
        };
        let is_default = bound.trim().eq_ignore_ascii_case("default");
        let first = bound.split(|c: char| c == '(' || c.is_whitespace()).find(|w| !w.is_empty());
        if !first.is_some_and(|first| BOUNDS.iter().any(|word| word.eq_ignore_ascii_case(first))) {
            checking.note(
                &bound.span,
                "expected a bound: from (…) to (…), in (…), with (modulus …, remainder …) or default",
            );
            return;
        }
        let fragment = if is_default { None } else { checking.expression(&bound) };
        let partition_by = full.and_then(|full| full.partition_by.as_ref());
        let position = checking.position(&name.span);
        let names = Ident::new(name.value.clone()).ok().zip(Ident::new(of.value.clone()).ok());
        if let Some((ident, of)) = names
            && (is_default || fragment.is_some())
        {
            self.partitions.push(PartitionDecl {
                position,
                name: ident,
                of,
                bound: fragment,
                partition_by: partition_by.and_then(|sql| strategy(checking, sql)),
                with: full.map(|f| storage_parameters(checking, &f.with)).unwrap_or_default(),
                comment: full.and_then(|full| checking.optional_text(full.comment.as_ref())),
            });
        }
        self.read(checking, name, partition_by, full.and_then(|full| full.partitions.as_ref()));
    }
}

/// The tables that a table inherits from; unknown ones, repeated ones and circles are noted.
pub(super) fn inherits(
    checking: &mut Checking<'_>,
    tables: &IndexMap<Name, raw::Table>,
    name: &Name,
    raw: &raw::Table,
) -> Vec<Ident> {
    let mut parents: Vec<Ident> = Vec::new();
    for parent in &raw.inherits {
        let Some(ident) = checking.ident(parent) else { continue };
        let Some(table) = tables.get(parent) else {
            let message =
                format!("inherits names {:?}, which is no table of this file", parent.value);
            checking.note(&parent.span, message);
            continue;
        };
        if ancestors(tables, table).contains(&name) {
            checking.note(
                &parent.span,
                format!("the table {:?} would inherit from itself", name.value),
            );
        } else if table.partition_by.is_some() {
            checking.note(&parent.span, "a partitioned table can have partitions only");
        } else if parents.contains(&ident) {
            checking.note(&parent.span, format!("{:?} is named twice", parent.value));
        } else {
            parents.push(ident);
        }
    }
    if !raw.inherits.is_empty()
        && let Some(sql) = &raw.partition_by
    {
        checking.note(&sql.span, "a table that inherits cannot be partitioned");
    }
    parents
}
