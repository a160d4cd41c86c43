//! Extended statistics of a table.

use crate::manifest::checking::Checking;
use crate::manifest::model::{IndexTerm, StatisticsDecl};
use crate::manifest::raw::{self, Name, Short, Spanned, StatisticsKind};

pub(super) fn statistics(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &[Spanned<raw::Statistics>],
) -> Vec<StatisticsDecl> {
    raw.iter().filter_map(|decl| one(checking, table, decl)).collect()
}

fn one(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &Spanned<raw::Statistics>,
) -> Option<StatisticsDecl> {
    let is_expression = |key: &&Spanned<Short<_>>| matches!(key.value, Short::Full(_));
    if raw.columns.len() < 2 && !raw.columns.iter().any(|key| is_expression(&key)) {
        let message = "statistics are of at least two columns, or of an expression";
        checking.note(&raw.columns.span, message);
    }
    let mut keys = Vec::new();
    for key in &raw.columns.value {
        keys.extend(match &key.value {
            Short::Text(text) => {
                let column = Spanned { span: key.span.clone(), value: text.clone() };
                checking.column_of(&table.value, &column).map(IndexTerm::Column)
            }
            Short::Full(full) => checking.expression(&full.expression).map(IndexTerm::Expression),
        });
    }
    if let Some(target) = raw.target.as_ref().filter(|target| !(0..=10_000).contains(&target.value))
    {
        checking.note(&target.span, "a statistics target is from 0 to 10000");
    }
    let mut kinds = Vec::new();
    for kind in raw.kinds.iter().flat_map(|kinds| &kinds.value) {
        let word = match kind.value {
            StatisticsKind::Ndistinct => "ndistinct",
            StatisticsKind::Dependencies => "dependencies",
            StatisticsKind::Mcv => "mcv",
        };
        if kinds.contains(&word) {
            checking.note(&kind.span, format!("{word:?} is given twice"));
        }
        kinds.push(word);
    }
    if let Some(empty) = raw.kinds.as_ref().filter(|kinds| kinds.is_empty()) {
        checking.note(&empty.span, "name at least one kind, or leave kinds out for all of them");
    }
    Some(StatisticsDecl {
        position: checking.position(&raw.span),
        name: checking.ident(&raw.name)?,
        keys,
        kinds,
        target: raw.target.as_ref().map(|target| target.value),
        comment: checking.optional_text(raw.comment.as_ref()),
    })
}
