//! Columns of a table that exists.

use super::{Change, Diff, Missing, Object, describe, diff_comment};
use crate::manifest::{ConstraintDef, TableDecl};
use crate::schema::{Column, Rule, Table};

pub(super) fn diff_columns<'m>(
    diff: &mut Diff<'m>,
    decl: &'m TableDecl,
    desired: &Table,
    live: &Table,
) {
    let has_key = live.constraints.values().any(|c| matches!(c.rule, Rule::PrimaryKey { .. }));
    for column in &decl.columns {
        let object = Object::Column { table: decl.name.clone(), name: column.name.clone() };
        let Some(actual) = live.columns.get(&column.name) else {
            diff.missing.push(Missing::Column(decl, column));
            continue;
        };
        let Some(expected) = desired.columns.get(&column.name) else {
            continue;
        };
        // Adding the primary key will make its columns NOT NULL.
        let becomes_key = !has_key && in_primary_key(decl, &column.name);
        let actual_now = Column { nullable: actual.nullable && !becomes_key, ..actual.clone() };
        let (actual_text, expected_text) =
            (describe::column(&actual_now), describe::column(expected));
        if actual_text != expected_text {
            diff.untouched.changed.push(Change {
                object: object.clone(),
                actual: actual_text,
                expected: expected_text,
            });
        }
        diff_comment(diff, object, column.comment.as_ref(), actual.comment.as_deref());
    }
    for name in live.columns.keys().filter(|name| !desired.columns.contains_key(*name)) {
        diff.untouched.extra.push(Object::Column { table: decl.name.clone(), name: name.clone() });
    }
}

fn in_primary_key(decl: &TableDecl, column: &crate::name::Ident) -> bool {
    decl.constraints.iter().any(|constraint| {
        matches!(&constraint.definition, ConstraintDef::PrimaryKey(key) if key.columns.contains(column))
    })
}
