//! Labels of enum types. The labels of a type are ordered.

use super::creation::{Creation, Guard, Place};
use super::rules::{Digest, Needs, Rules, part};
use crate::name::{SchemaName, Text};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Types,
    source: "e.tableoid::int8, e.oid::int8, 0, t.typname, e.enumlabel, e.place, :attributes \
             FROM path CROSS JOIN pg_type t JOIN ( \
                 SELECT e.tableoid, e.oid, e.enumtypid, e.enumlabel, row_number() OVER ( \
                     PARTITION BY e.enumtypid ORDER BY e.enumsortorder) AS place \
                 FROM pg_enum e WHERE e.enumtypid = ANY (:types)) e ON e.enumtypid = t.oid \
             WHERE t.typtype = 'e'",
    digest: Some(Digest {
        identity: "e.enumlabel",
        comment: None,
        also: &[],
        from: "pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder",
    }),
    create,
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, _: Guard) -> String {
    let Some((of, label)) = part(&creation.object) else { return String::new() };
    let place = match &creation.place {
        Place::After(other) => format!(" AFTER {}", Text::from(other).literal()),
        Place::Before(other) => format!(" BEFORE {}", Text::from(other).literal()),
        Place::End => String::new(),
    };
    format!(
        "ALTER TYPE {} ADD VALUE IF NOT EXISTS {}{place}",
        schema.qualify(of),
        Text::from(label).literal()
    )
}
