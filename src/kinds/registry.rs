//! The rules of all kinds, and access to them.

use std::sync::LazyLock;

use super::alteration::Alteration;
use super::creation::{Creation, Guard};
use super::rules::Rules;
use super::{
    aggregate, clustering, column, comment, composite_type, constraint, default, domain,
    domain_constraint, enum_type, index, label, materialized_view, policy, population, range_type,
    replica_identity, rewrite, routine, row_security, schema, sequence, statistics, table, trigger,
    type_attribute, view,
};
use crate::catalog::{self, Catalog, Desired, Fact, Kind, Matching, Object, Slot};
use crate::name::SchemaName;

/// The rules of a kind.
#[must_use]
pub fn rules(kind: Kind) -> &'static Rules {
    match kind {
        Kind::Schema => &schema::RULES,
        Kind::Enum => &enum_type::RULES,
        Kind::Label => &label::RULES,
        Kind::Domain => &domain::RULES,
        Kind::DomainConstraint => &domain_constraint::RULES,
        Kind::CompositeType => &composite_type::RULES,
        Kind::Attribute => &type_attribute::RULES,
        Kind::RangeType => &range_type::RULES,
        Kind::Sequence => &sequence::RULES,
        Kind::Table => &table::RULES,
        Kind::Column => &column::RULES,
        Kind::Default => &default::RULES,
        Kind::Constraint => &constraint::RULES,
        Kind::Index => &index::RULES,
        Kind::Statistics => &statistics::RULES,
        Kind::ReplicaIdentity => &replica_identity::RULES,
        Kind::Clustering => &clustering::RULES,
        Kind::RowSecurity => &row_security::RULES,
        Kind::Policy => &policy::RULES,
        Kind::Trigger => &trigger::RULES,
        Kind::Rule => &rewrite::RULES,
        Kind::View => &view::RULES,
        Kind::MaterializedView => &materialized_view::RULES,
        Kind::Population => &population::RULES,
        Kind::Function => &routine::FUNCTIONS,
        Kind::Procedure => &routine::PROCEDURES,
        Kind::Aggregate => &aggregate::RULES,
        Kind::Comment => &comment::RULES,
        Kind::Row | Kind::Grant | Kind::DefaultPrivilege | Kind::Owner => &Rules::NONE,
    }
}

/// Whether objects of a kind are matched by structure.
#[must_use]
pub fn is_structural(kind: Kind) -> bool {
    rules(kind).is_structural
}

/// The names that an object takes.
#[must_use]
pub fn occupied(fact: &Fact) -> Vec<Slot> {
    (rules(fact.object.kind()).occupies)(fact)
}

/// The column with which an object comes and goes; see [`Rules::comes_with`].
#[must_use]
pub fn comes_with(fact: &Fact) -> Option<Object> {
    (rules(fact.object.kind()).comes_with)(fact)
}

/// The statement that changes an object in place; see [`Rules::alter`].
#[must_use]
pub fn alter(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    (rules(alteration.object().kind()).alter)(alteration, schema)
}

/// A schema for those who ask whether there is a statement, whatever the schema.
static ANY: LazyLock<SchemaName> = LazyLock::new(SchemaName::scratch);

/// Whether an object can be changed in place.
#[must_use]
pub fn can_alter(alteration: &Alteration<'_>) -> bool {
    alter(alteration, &ANY).is_some()
}

/// Which object of a tenant corresponds to a desired one, where the name does not decide.
#[must_use]
pub fn matching<'a>(desired: &'a Desired, live: &'a Catalog) -> Matching<'a> {
    let can_change = |desired: &Fact, live: &Fact| can_alter(&Alteration::new(desired, live));
    catalog::matching(desired, live, is_structural, can_change)
}

/// The statement that creates an object, without a semicolon at the end.
#[must_use]
pub fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    (rules(creation.object.kind()).create)(creation, schema, guard)
}
