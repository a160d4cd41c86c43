//! What the steps of plans lock, read, write again, may fail on and lose: the table of rules.
//!
//! All rules that apply to a step hold together. `tests/suite/hazards.rs` proves each of them on a server, and
//! `docs/hazards.md` lists them.

use super::act::Act;
use crate::catalog::{Fact, Kind};
use crate::hazards::Effect::{
    self, BreaksClients, BuildsIndex, CanFail, ChangesAccess, LosesData, Rewrites, Scans,
    SlowsQueries,
};
use crate::kinds;
use crate::locks::TableLock::{
    self, AccessExclusive, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive,
};

/// What holds for some steps.
#[derive(Debug)]
pub struct Rule {
    pub name: &'static str,
    /// For which steps, as a sentence.
    pub when: &'static str,
    pub(super) applies: fn(&Act<'_>) -> bool,
    /// On which relations, if they exist already; the effects are on the first.
    pub locks: &'static [(On, TableLock)],
    pub effects: &'static [Effect],
    /// The first major version of PostgreSQL that has such steps.
    pub since: u32,
}

/// Which relations a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// The one that is created, changed or dropped, or the one that this is a part of.
    Own,
    /// Those that the foreign key, or the keys of the table, point to.
    Referenced,
    /// Those that foreign keys connect with the column.
    Keyed,
    /// Those that the new table is a partition or a child of.
    Parents,
    /// The partition beside the new one that takes all other rows.
    DefaultPartition,
    /// Those that have columns of the type, or of domains over it.
    OfType,
}

impl On {
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Own => "its own",
            Self::Referenced => "the referenced tables",
            Self::Keyed => "the other tables of the keys",
            Self::Parents => "the parents",
            Self::DefaultPartition => "the default partition",
            Self::OfType => "the tables with such columns",
        }
    }
}

type Locks = &'static [(On, TableLock)];
type Effects = &'static [Effect];

const NO_LOCK: Locks = &[];
const ACCESS_EXCLUSIVE: Locks = &[(On::Own, AccessExclusive)];
const SHARE_ROW_EXCLUSIVE: Locks = &[(On::Own, ShareRowExclusive)];
const SHARE: Locks = &[(On::Own, Share)];
const SHARE_UPDATE_EXCLUSIVE: Locks = &[(On::Own, ShareUpdateExclusive)];
const ROW_EXCLUSIVE: Locks = &[(On::Own, RowExclusive)];
const OF_FOREIGN_KEY: Locks = &[(On::Own, ShareRowExclusive), (On::Referenced, ShareRowExclusive)];
const OF_DROPPED_KEY: Locks = &[(On::Own, AccessExclusive), (On::Referenced, AccessExclusive)];
const OF_REMADE: Locks = &[(On::OfType, AccessExclusive)];
const OF_DOMAIN: Locks = &[(On::OfType, Share)];

const fn rule(
    name: &'static str,
    when: &'static str,
    applies: fn(&Act<'_>) -> bool,
    locks: Locks,
    effects: Effects,
) -> Rule {
    Rule { name, when, applies, locks, effects, since: 14 }
}

impl Rule {
    const fn since(self, since: u32) -> Self {
        Self { since, ..self }
    }
}

/// All rules, by kind.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method is of one lifetime, and a rule applies to acts of any"
)]
pub static RULES: &[Rule] = &[
    // Tables.
    rule(
        "drop-table",
        "a table is dropped",
        |act| act.removes(Kind::Table).is_some(),
        OF_DROPPED_KEY,
        &[LosesData, BreaksClients],
    ),
    rule(
        "rename-table",
        "a table is renamed",
        |act| act.renames(Kind::Table),
        ACCESS_EXCLUSIVE,
        &[BreaksClients],
    ),
    rule(
        "set-table-parameters",
        "storage parameters of a table are set or reset",
        |act| act.changes(Kind::Table).is_some(),
        SHARE_UPDATE_EXCLUSIVE,
        &[],
    ),
    rule(
        "set-user-catalog-table",
        "the storage parameter user_catalog_table is set or reset",
        |act| act.changes_parameter("user_catalog_table"),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "create-partition",
        "a partition of an existing table is created",
        |act| act.creates(Kind::Table).is_some_and(|fact| fact.text("partition_of").is_some()),
        &[(On::Parents, AccessExclusive)],
        &[],
    ),
    rule(
        "create-partition-beside-default",
        "a partition is created, and there is a default partition",
        |act| act.creates(Kind::Table).is_some() && act.default_partition().is_some(),
        &[(On::DefaultPartition, AccessExclusive)],
        &[Scans, CanFail],
    ),
    rule(
        "drop-partition",
        "a partition is dropped",
        |act| act.removes(Kind::Table).is_some_and(|fact| fact.text("partition_of").is_some()),
        &[(On::Parents, AccessExclusive), (On::DefaultPartition, AccessExclusive)],
        &[],
    ),
    rule(
        "create-child-table",
        "a table is created that inherits from an existing one",
        |act| act.creates(Kind::Table).is_some_and(|fact| fact.text("inherits").is_some()),
        &[(On::Parents, ShareUpdateExclusive)],
        &[],
    ),
    // Columns.
    rule(
        "add-column",
        "a column is added",
        |act| act.creates(Kind::Column).is_some(),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "add-column-volatile-default",
        "a column is added with a default that each row gets by itself, such as a sequence's next value or a random one",
        |act| act.has_volatile_default(),
        ACCESS_EXCLUSIVE,
        &[Rewrites],
    ),
    rule(
        "add-column-identity",
        "an identity column is added",
        |act| act.creates(Kind::Column).is_some_and(|fact| fact.text("identity").is_some()),
        ACCESS_EXCLUSIVE,
        &[Rewrites],
    ),
    rule(
        "add-column-stored",
        "a stored generated column is added",
        |act| act.creates(Kind::Column).is_some_and(|fact| fact.text("stored").is_some()),
        ACCESS_EXCLUSIVE,
        &[Rewrites, CanFail],
    ),
    rule(
        "add-column-of-constrained-domain",
        "a column is added whose type is a domain with constraints",
        |act| act.is_constrained_by_domain(),
        ACCESS_EXCLUSIVE,
        &[Rewrites, CanFail],
    ),
    rule(
        "add-column-required",
        "a column is added that may not be NULL, and rows get no value in it",
        |act| act.is_not_null() && !act.has_value(),
        ACCESS_EXCLUSIVE,
        &[Scans, CanFail],
    ),
    rule(
        "add-column-virtual-not-null",
        "a virtual generated column is added that may not be NULL",
        |act| {
            let is_virtual = |fact: &Fact| fact.text("virtual").is_some();
            act.is_not_null() && act.creates(Kind::Column).is_some_and(is_virtual)
        },
        ACCESS_EXCLUSIVE,
        &[Scans, CanFail],
    )
    .since(18),
    rule(
        "add-column-json",
        "a column of type json is added, whose values cannot be compared: SELECT DISTINCT of all columns fails",
        |act| act.creates(Kind::Column).is_some_and(|fact| fact.text("type") == Some("json")),
        ACCESS_EXCLUSIVE,
        &[BreaksClients],
    ),
    rule(
        "drop-column",
        "a column is dropped",
        |act| act.removes(Kind::Column).is_some(),
        OF_DROPPED_KEY,
        &[BreaksClients],
    ),
    rule(
        "drop-column-with-data",
        "a column is dropped whose values are not generated",
        |act| {
            act.drops(Kind::Column).is_some_and(|fact| {
                !["stored", "virtual"].iter().any(|key| fact.text(key).is_some())
            })
        },
        ACCESS_EXCLUSIVE,
        &[LosesData],
    ),
    rule(
        "rename-column",
        "a column is renamed",
        |act| act.renames(Kind::Column),
        ACCESS_EXCLUSIVE,
        &[BreaksClients],
    ),
    rule(
        "change-type",
        "a column gets another type or collation",
        |act| act.conversion().is_some(),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "change-type-rewriting",
        "a column gets a type whose values are stored otherwise, or \"using\" says how they are converted",
        |act| act.conversion().is_some_and(|conversion| conversion.rewrites),
        ACCESS_EXCLUSIVE,
        &[Rewrites],
    ),
    rule(
        "change-type-narrowing",
        "a column gets a type that does not have all values of the present one",
        |act| act.conversion().is_some_and(|conversion| conversion.can_fail),
        ACCESS_EXCLUSIVE,
        &[CanFail],
    ),
    rule(
        "change-type-rounding",
        "a column gets a type in which values may become others, such as rounded numbers",
        |act| act.conversion().is_some_and(|conversion| conversion.loses_data),
        ACCESS_EXCLUSIVE,
        &[LosesData],
    ),
    rule(
        "change-type-checked",
        "a column of a check constraint gets a type whose values are stored alike",
        |act| act.has_check(),
        ACCESS_EXCLUSIVE,
        &[Scans],
    ),
    rule(
        "change-type-indexed",
        "a column gets a type whose values are stored alike, and is in an index on an expression or with a predicate; or an indexed column gets another collation, or a timestamp another kind of time zone",
        |act| act.has_index_to_build(),
        ACCESS_EXCLUSIVE,
        &[BuildsIndex],
    ),
    rule(
        "change-type-keyed",
        "a column of a foreign key, or one that such a key points to, gets another type",
        |act| act.has_foreign_key(),
        &[(On::Keyed, AccessExclusive)],
        &[],
    ),
    rule(
        "set-not-null",
        "a column may be NULL no longer",
        |act| act.sets_not_null(),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "set-not-null-unproven",
        "a column may be NULL no longer, and no check constraint that all rows meet says just that",
        |act| act.sets_not_null() && !act.is_proven_not_null(),
        ACCESS_EXCLUSIVE,
        &[Scans, CanFail],
    ),
    rule(
        "drop-not-null",
        "a column may be NULL from now on",
        |act| act.drops_not_null(),
        ACCESS_EXCLUSIVE,
        &[BreaksClients],
    ),
    rule(
        "set-column-statistics",
        "the statistics target of a column changes, or what its statistics are told to be",
        |act| act.changes_only(Kind::Column, &["statistics_target", "options"]),
        SHARE_UPDATE_EXCLUSIVE,
        &[],
    ),
    rule(
        "set-column-properties",
        "a column is identified, stored or compressed otherwise",
        |act| {
            act.changes(Kind::Column).is_some()
                && !act.changes_only(Kind::Column, &["statistics_target", "options"])
        },
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "set-default",
        "a column gets another default, or none",
        |act| act.touches(Kind::Default),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    // Constraints.
    rule(
        "add-primary-key",
        "a primary key is added",
        |act| act.adds_valid("p"),
        ACCESS_EXCLUSIVE,
        &[Scans, BuildsIndex, CanFail],
    ),
    rule(
        "add-unique",
        "a unique constraint is added",
        |act| act.adds_valid("u"),
        ACCESS_EXCLUSIVE,
        &[Scans, BuildsIndex, CanFail],
    ),
    rule(
        "add-exclusion",
        "an exclusion constraint is added",
        |act| act.adds_valid("x"),
        ACCESS_EXCLUSIVE,
        &[Scans, BuildsIndex, CanFail],
    ),
    rule(
        "add-check",
        "a check constraint is added",
        |act| act.adds_valid("c"),
        ACCESS_EXCLUSIVE,
        &[Scans, CanFail],
    ),
    rule(
        "add-check-not-valid",
        "a check constraint is added that existing rows need not meet",
        |act| act.adds_not_valid("c"),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "add-foreign-key",
        "a foreign key is added",
        |act| act.adds_valid("f"),
        OF_FOREIGN_KEY,
        &[Scans, CanFail],
    ),
    rule(
        "add-foreign-key-not-valid",
        "a foreign key is added that existing rows need not meet",
        |act| act.adds_not_valid("f"),
        OF_FOREIGN_KEY,
        &[],
    ),
    rule(
        "validate-constraint",
        "existing rows are checked for a constraint",
        |act| act.changes(Kind::Constraint).is_some(),
        SHARE_UPDATE_EXCLUSIVE,
        &[Scans, CanFail],
    ),
    rule(
        "drop-constraint",
        "a constraint is dropped",
        |act| act.removes(Kind::Constraint).is_some(),
        OF_DROPPED_KEY,
        &[],
    ),
    rule(
        "drop-constraint-with-index",
        "a primary key, a unique or an exclusion constraint is dropped, with its index",
        |act| {
            let fact = act.drops(Kind::Constraint);
            fact.is_some_and(|fact| matches!(fact.text("sort"), Some("p" | "u" | "x")))
        },
        ACCESS_EXCLUSIVE,
        &[SlowsQueries],
    ),
    rule(
        "rename-constraint",
        "a constraint is renamed",
        |act| act.renames(Kind::Constraint),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    // Indexes and statistics.
    rule(
        "create-index",
        "an index is created",
        |act| act.creates(Kind::Index).is_some(),
        SHARE,
        &[Scans, BuildsIndex],
    ),
    rule(
        "create-unique-index",
        "a unique index is created",
        |act| act.creates(Kind::Index).is_some_and(|fact| fact.text("unique").is_some()),
        SHARE,
        &[CanFail],
    ),
    rule(
        "create-index-on-expression",
        "an index on an expression, or with a predicate, is created",
        |act| act.creates(Kind::Index).is_some_and(|fact| fact.text("expressions").is_some()),
        SHARE,
        &[CanFail],
    ),
    rule(
        "drop-index",
        "an index is dropped",
        |act| act.removes(Kind::Index).is_some(),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "drop-index-for-good",
        "an index is dropped, and not to be created again",
        |act| act.drops(Kind::Index).is_some(),
        ACCESS_EXCLUSIVE,
        &[SlowsQueries],
    ),
    rule("rename-index", "an index is renamed", |act| act.renames(Kind::Index), NO_LOCK, &[]),
    rule(
        "create-statistics",
        "extended statistics are created",
        |act| act.creates(Kind::Statistics).is_some(),
        SHARE_UPDATE_EXCLUSIVE,
        &[],
    ),
    rule(
        "drop-statistics",
        "extended statistics are dropped",
        |act| act.removes(Kind::Statistics).is_some(),
        SHARE_UPDATE_EXCLUSIVE,
        &[],
    ),
    rule(
        "choose-clustering",
        "the index for CLUSTER is chosen, or none",
        |act| act.touches(Kind::Clustering),
        SHARE_UPDATE_EXCLUSIVE,
        &[],
    ),
    rule(
        "choose-replica-identity",
        "the replica identity is chosen",
        |act| act.touches(Kind::ReplicaIdentity),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    // What happens when rows are read and written.
    rule(
        "row-security",
        "row-level security is enabled, forced or disabled",
        |act| act.touches(Kind::RowSecurity),
        ACCESS_EXCLUSIVE,
        &[ChangesAccess],
    ),
    rule(
        "policy",
        "a policy is created, changed or dropped",
        |act| act.touches(Kind::Policy),
        ACCESS_EXCLUSIVE,
        &[ChangesAccess],
    ),
    rule(
        "rename-policy",
        "a policy is renamed",
        |act| act.renames(Kind::Policy),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "create-trigger",
        "a trigger is created or changed",
        |act| act.creates(Kind::Trigger).is_some() || act.changes(Kind::Trigger).is_some(),
        SHARE_ROW_EXCLUSIVE,
        &[],
    ),
    rule(
        "drop-trigger",
        "a trigger is dropped or renamed",
        |act| act.removes(Kind::Trigger).is_some() || act.renames(Kind::Trigger),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "rule",
        "a rule is created, changed, dropped or renamed",
        |act| act.touches(Kind::Rule) || act.renames(Kind::Rule),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    // Views.
    rule(
        "replace-view",
        "the query of a view, or its properties, change",
        |act| act.changes(Kind::View).is_some(),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "drop-view",
        "a view or a materialized view is dropped",
        |act| act.removes(Kind::View).is_some() || act.removes(Kind::MaterializedView).is_some(),
        ACCESS_EXCLUSIVE,
        &[],
    ),
    rule(
        "drop-view-for-good",
        "a view or a materialized view is dropped, and not to be created again",
        |act| act.drops(Kind::View).is_some() || act.drops(Kind::MaterializedView).is_some(),
        ACCESS_EXCLUSIVE,
        &[BreaksClients],
    ),
    rule(
        "rename-view",
        "a view or a materialized view is renamed",
        |act| act.renames(Kind::View) || act.renames(Kind::MaterializedView),
        ACCESS_EXCLUSIVE,
        &[BreaksClients],
    ),
    rule(
        "refresh",
        "a materialized view is filled",
        |act| act.creates(Kind::Population).is_some(),
        ACCESS_EXCLUSIVE,
        &[Rewrites],
    ),
    // Sequences.
    rule(
        "alter-sequence",
        "a sequence changes",
        |act| act.changes(Kind::Sequence).is_some(),
        SHARE_ROW_EXCLUSIVE,
        &[],
    ),
    rule(
        "drop-sequence",
        "a sequence is dropped",
        |act| act.removes(Kind::Sequence).is_some(),
        ACCESS_EXCLUSIVE,
        &[LosesData, BreaksClients],
    ),
    rule(
        "rename-sequence",
        "a sequence is renamed",
        |act| act.renames(Kind::Sequence),
        ACCESS_EXCLUSIVE,
        &[BreaksClients],
    ),
    // Types and functions.
    rule(
        "domain-constraint",
        "a constraint is added to a domain",
        |act| act.creates(Kind::DomainConstraint).is_some_and(|fact| !kinds::is_not_valid(fact)),
        OF_DOMAIN,
        &[Scans, CanFail],
    ),
    rule(
        "domain-not-null",
        "values of a domain may be NULL no longer",
        |act| act.sets_domain_not_null(),
        OF_DOMAIN,
        &[Scans, CanFail],
    ),
    rule(
        "remake-enum",
        "an enum type is made anew, since labels go or are in another order",
        |act| act.remakes_enum(),
        OF_REMADE,
        &[Rewrites, CanFail, BreaksClients],
    ),
    rule(
        "rename-type",
        "a type, a label or an attribute is renamed",
        |act| {
            let kinds = [Kind::Label, Kind::Attribute];
            Kind::ALL
                .into_iter()
                .filter(|kind| kind.is_type())
                .chain(kinds)
                .any(|kind| act.renames(kind))
        },
        NO_LOCK,
        &[BreaksClients],
    ),
    rule(
        "drop-attribute",
        "an attribute of a composite type is dropped",
        |act| act.drops(Kind::Attribute).is_some(),
        NO_LOCK,
        &[LosesData, BreaksClients],
    ),
    rule(
        "drop-type",
        "a type is dropped",
        |act| Kind::ALL.into_iter().any(|kind| kind.is_type() && act.drops(kind).is_some()),
        NO_LOCK,
        &[BreaksClients],
    ),
    rule(
        "drop-routine",
        "a function, a procedure or an aggregate is dropped or renamed; bodies of functions that call it are not known to the server",
        |act| {
            let mut kinds = Kind::ALL.into_iter().filter(|kind| kind.is_routine());
            kinds.any(|kind| act.drops(kind).is_some() || act.renames(kind))
        },
        NO_LOCK,
        &[BreaksClients],
    ),
    // The rest.
    rule(
        "comment",
        "a comment on a table, a view, a sequence or a column is written",
        |act| {
            act.touches(Kind::Comment)
                && act.object.parent().is_some_and(|on| {
                    matches!(
                        on.kind(),
                        Kind::Table
                            | Kind::View
                            | Kind::MaterializedView
                            | Kind::Sequence
                            | Kind::Column
                    )
                })
        },
        SHARE_UPDATE_EXCLUSIVE,
        &[],
    ),
    rule(
        "insert-row",
        "a baseline row is inserted",
        |act| act.gives(Kind::Row),
        ROW_EXCLUSIVE,
        &[],
    ),
    rule(
        "update-row",
        "a baseline row gets its declared values",
        |act| act.updates_row(),
        ROW_EXCLUSIVE,
        &[LosesData],
    ),
    rule(
        "delete-row",
        "a row that is not declared is deleted",
        |act| act.deletes_row(),
        ROW_EXCLUSIVE,
        &[LosesData],
    ),
    rule(
        "fill-column",
        "a column is filled in the rows that exist",
        |act| act.fills(),
        ROW_EXCLUSIVE,
        &[Scans],
    ),
    rule(
        "grant",
        "privileges are granted",
        |act| act.gives(Kind::Grant),
        NO_LOCK,
        &[ChangesAccess],
    ),
    rule(
        "set-owner",
        "a table, a view, a sequence, a type or a function gets an owner",
        |act| act.gives(Kind::Owner),
        ACCESS_EXCLUSIVE,
        &[ChangesAccess],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rules_have_names_of_their_own_and_say_when_they_apply() {
        let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
        for rule in RULES {
            assert!(!rule.when.is_empty() && !rule.when.ends_with('.'), "{}", rule.name);
            let on: BTreeSet<&str> = rule.locks.iter().map(|(on, _)| on.words()).collect();
            assert_eq!(on.len(), rule.locks.len(), "{}", rule.name);
        }
    }
}
