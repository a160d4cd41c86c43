//! The texts of the statements that compute digests, put together from the files of this folder.

use std::collections::BTreeSet;

use crate::catalog::Kind;
use crate::kinds::{self, stripped};
use crate::pg::strangers::HAS_STRANGERS;
use crate::settings::TRUSTED_ROLES;

const WHOLE: &str = include_str!("whole.sql");
const TOUCHED: &str = include_str!("touched.sql");
const TOUCHED_CHECKS: &str = include_str!("touched_checks.sql");
const CHECKS: &str = include_str!("checks.sql");
const OBJECTS: &str = include_str!("objects.sql");
const VIEW: &str = include_str!("view.sql");
const INHERITANCE: &str = include_str!("inheritance.sql");
const UNMODELLED: &str = include_str!("unmodelled.sql");
const TYPES: &str = include_str!("types.sql");
const ROUTINES: &str = include_str!("routines.sql");
const OTHERS: &str = include_str!("others.sql");

/// What `:members` stands for in `touched.sql`: tables with the sequences that they own.
const RELATIONS_BY_NAME: &str = "SELECT 'pg_class'::regclass AS classid, m.objid, path.is_set \
                                 FROM path CROSS JOIN LATERAL ( \
                                     SELECT c.oid AS objid FROM pg_class c \
                                     WHERE c.relnamespace = n.oid AND c.relname = ANY ($2) \
                                     UNION \
                                     SELECT d.objid FROM pg_class c \
                                     JOIN pg_depend d \
                                       ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid \
                                     JOIN pg_sequence s ON s.seqrelid = d.objid \
                                     WHERE c.relnamespace = n.oid AND c.relname = ANY ($2) \
                                       AND d.classid = 'pg_class'::regclass \
                                       AND d.deptype IN ('a', 'i')) m";
const TYPES_BY_NAME: &str = "SELECT 'pg_type'::regclass AS classid, t.oid AS objid, path.is_set \
                             FROM path CROSS JOIN pg_type t \
                             WHERE t.typnamespace = n.oid AND t.typname = ANY ($2)";

/// What takes the place of the checks for a schema that the same transaction has created, where no event
/// trigger could do anything to it: the role can read it, and what nobody needs to know is said to be unsafe.
const UNCHECKED: &str = "SELECT 'true' AS usable, 'false' AS hidden, 'true' AS is_open, \
                         'true' AS has_strangers, 'false' AS has_event_triggers, \
                         NULL AS record, NULL AS note, NULL AS hold";

pub(super) fn whole(version_number: i32) -> String {
    let digested = [OBJECTS, TYPES, ROUTINES, OTHERS];
    let template = with(WHOLE, &[("digested", &union(&digested)), ("checks", CHECKS)]);
    finished(&template, version_number, |_| true)
}

/// As [`whole`], for a schema that the same transaction has created, with objects of these kinds besides what tables
/// consist of.
pub(super) fn created(version_number: i32, kinds: &BTreeSet<Kind>) -> String {
    let has = |kind: Kind| kinds.contains(&kind);
    let types = Kind::ALL.into_iter().any(|kind| kind.is_type() && has(kind)).then_some(TYPES);
    let routines = Kind::ALL.into_iter().any(|kind| kind.is_routine() && has(kind));
    let routines = routines.then_some(ROUTINES);
    let others = has(Kind::Statistics).then_some(OTHERS);
    let digested = [Some(OBJECTS), types, routines, others];
    let digested: Vec<&str> = digested.into_iter().flatten().collect();
    let parts = [
        ("trust", "(SELECT)"),
        ("digested", &union(&digested)),
        ("checks", UNCHECKED),
        ("view", if has(Kind::View) || has(Kind::MaterializedView) { VIEW } else { "NULL" }),
        ("inheritance", "NULL, NULL"),
        ("unmodelled", "NULL"),
    ];
    let has_part = |kind| has(kind) || !is_a_step_of_its_own(kind);
    finished(&with(WHOLE, &parts), version_number, has_part)
}

/// For relations by name.
pub(super) fn relations(version_number: i32) -> String {
    let parts = [("digested", OBJECTS), ("members", RELATIONS_BY_NAME)];
    finished(&with(TOUCHED, &parts), version_number, |_| true)
}

/// For types by name.
pub(super) fn types(version_number: i32) -> String {
    let parts = [("digested", TYPES), ("members", TYPES_BY_NAME)];
    finished(&with(TOUCHED, &parts), version_number, |_| true)
}

/// For the checks of relations by name.
pub(super) fn checks(version_number: i32) -> String {
    finished(&with(TOUCHED_CHECKS, &[("checks", CHECKS)]), version_number, |_| true)
}

/// Whether an object of this kind comes only from a statement for it, not from that of its table.
fn is_a_step_of_its_own(kind: Kind) -> bool {
    matches!(kind, Kind::Statistics | Kind::Trigger | Kind::Rule | Kind::Policy | Kind::RowSecurity)
}

fn finished(template: &str, version_number: i32, has: impl Fn(Kind) -> bool) -> String {
    let trust = format!(
        "(SELECT r.roles, {HAS_STRANGERS} AS has_strangers \
          FROM (SELECT {TRUSTED_ROLES} AS roles OFFSET 0) r OFFSET 0)"
    );
    let parts = [
        ("relations", include_str!("relations.sql")),
        ("sequences", include_str!("sequences.sql")),
        ("view", VIEW),
        ("inheritance", INHERITANCE),
        ("unmodelled", UNMODELLED),
    ];
    kinds::digest_script(&with(template, &parts), version_number, has).replace(":trust", &trust)
}

/// The template, with these texts for what stands for them.
fn with(template: &str, parts: &[(&str, &str)]) -> String {
    parts.iter().fold(stripped(template), |template, (name, text)| {
        template.replace(&format!(":{name}"), &stripped(text))
    })
}

fn union(queries: &[&str]) -> String {
    queries.iter().map(|query| stripped(query)).collect::<Vec<_>>().join("\nUNION ALL\n")
}
