//! Which of the reasons not to touch something concern a statement.

use std::collections::BTreeSet;

use super::comparison::Comparison;
use crate::catalog::Object;
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};

/// The reasons not to run what touches `subjects`, and evaluates `expressions` over columns of `tables`.
pub(super) fn reasons_met<'t>(
    reasons: &Reasons,
    subjects: &BTreeSet<Subject>,
    tables: impl IntoIterator<Item = &'t Ident>,
    expressions: &[impl AsRef<str>],
) -> BTreeSet<String> {
    let tables: BTreeSet<&str> = tables.into_iter().map(Ident::as_str).collect();
    let names = |name: &str| expressions.iter().any(|text| mentions(text.as_ref(), name));
    let met = reasons.iter().filter(|(subject, _)| match subject {
        Subject::Column { table, name } if tables.contains(table.as_str()) => {
            names(name) || names(table)
        }
        subject => subjects.contains(subject),
    });
    met.flat_map(|(_, reasons)| reasons).cloned().collect()
}

/// Functions that have the names of declared ones, but other arguments: which one a call means, the server decides by the
/// types of what it is given, in expressions as in the bodies of functions.
/// Where there are no reasons, nothing is looked for.
pub(super) fn namesakes(comparison: &Comparison<'_>, reasons: &Reasons) -> BTreeSet<Subject> {
    if reasons.is_empty() {
        return BTreeSet::new();
    }
    let declared = comparison.desired.catalog.facts().map(|fact| &fact.object);
    let declared: BTreeSet<&Ident> =
        declared.filter(|o| o.kind().is_routine()).filter_map(Object::name).collect();
    let all = comparison.live.facts().filter_map(|fact| match &fact.object {
        Object::Routine { name, arguments, .. }
            if declared.contains(name) && !comparison.desired.catalog.has(&fact.object) =>
        {
            Some(Subject::Function(format!("{}({arguments})", name.as_str())))
        }
        _ => None,
    });
    all.collect()
}

/// Whether an expression can name a column or, for its whole row, a table. There can be false positives, but no
/// false negatives.
fn mentions(expression: &str, name: &str) -> bool {
    let folded = |text: &str| text.to_lowercase().replace('"', " ");
    let (expression, name) = (format!(" {} ", folded(expression)), folded(name));
    has_word(&expression, &name) || expression.contains("u& ")
}

/// Whether a text has this in it, and not only as a part of a longer name.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut around = text.split(word).peekable();
    let mut is_named = false;
    while let (Some(before), Some(after)) = (around.next(), around.peek()) {
        is_named |= !before.ends_with(is_part) && !after.starts_with(is_part);
    }
    is_named
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn names_are_found_however_they_are_written() {
        for (expression, name) in [
            ("price > 0", "price"),
            ("(\"Price\" > 0)", "Price"),
            ("f(t.*)", "t"),
            ("U&\"d\\0061ta\" > 0", "data"),
        ] {
            assert!(mentions(expression, name), "{expression} {name}");
        }
        for (expression, name) in [("prices > 0", "price"), ("a_price", "price"), ("1", "price")] {
            assert!(!mentions(expression, name), "{expression} {name}");
        }
    }
}
