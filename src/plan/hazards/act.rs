//! What a step does to one object, and what rules ask about it.

use std::collections::BTreeSet;

use super::conversion::{self, Conversion};
use crate::catalog::{Catalog, Desired, Fact, Kind, Object};
use crate::kinds::{self, Alteration};

/// What a step does to one object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed<'a> {
    Create(&'a Fact),
    Change(&'a Alteration<'a>),
    /// Drops it, and not to create it again.
    Drop(&'a Fact),
    /// Drops it, to create it again in the same transaction.
    DropForRebuild(&'a Fact),
    Rename(&'a Fact),
    /// A privilege, an owner or a row.
    Give,
    /// Changes a baseline row.
    Update,
    /// Deletes a row that is not declared.
    Delete,
    /// Fills a column in the rows that exist.
    Fill,
}

/// The same, with all that it depends on what that means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act<'a> {
    pub(super) deed: Deed<'a>,
    /// Under its name in the tenant.
    pub(super) object: &'a Object,
    /// What the same statement creates: the default of a column, for example.
    pub(super) parts: &'a [(Object, &'a Fact)],
    pub(super) desired: &'a Desired,
    pub(super) live: &'a Catalog,
    /// What the same plan drops.
    pub(super) gone: &'a BTreeSet<Object>,
}

impl<'a> Act<'a> {
    pub(super) fn creates(&self, kind: Kind) -> Option<&'a Fact> {
        match self.deed {
            Deed::Create(fact) if fact.object.kind() == kind => Some(fact),
            _ => None,
        }
    }

    pub(super) fn changes(&self, kind: Kind) -> Option<&'a Alteration<'a>> {
        match self.deed {
            Deed::Change(alteration) if self.object.kind() == kind => Some(alteration),
            _ => None,
        }
    }

    /// For good, or to create it again.
    pub(super) fn removes(&self, kind: Kind) -> Option<&'a Fact> {
        match self.deed {
            Deed::Drop(fact) | Deed::DropForRebuild(fact) if fact.object.kind() == kind => {
                Some(fact)
            }
            _ => None,
        }
    }

    /// For good.
    pub(super) fn drops(&self, kind: Kind) -> Option<&'a Fact> {
        match self.deed {
            Deed::Drop(fact) if fact.object.kind() == kind => Some(fact),
            _ => None,
        }
    }

    pub(super) fn renames(&self, kind: Kind) -> bool {
        matches!(self.deed, Deed::Rename(fact) if fact.object.kind() == kind)
    }

    /// Creates it, changes it, or drops it.
    pub(super) fn touches(&self, kind: Kind) -> bool {
        self.creates(kind).is_some() || self.changes(kind).is_some() || self.removes(kind).is_some()
    }

    pub(super) fn gives(&self, kind: Kind) -> bool {
        matches!(self.deed, Deed::Give) && self.object.kind() == kind
    }

    pub(super) fn updates_row(&self) -> bool {
        matches!(self.deed, Deed::Update)
    }

    pub(super) fn deletes_row(&self) -> bool {
        matches!(self.deed, Deed::Delete)
    }

    pub(super) fn fills(&self) -> bool {
        matches!(self.deed, Deed::Fill)
    }

    /// The new constraint, if it is one of this sort as `pg_constraint` has it, and existing rows have to meet it.
    pub(super) fn adds_valid(&self, sort: &str) -> bool {
        self.adds(sort).is_some_and(|fact| !kinds::is_not_valid(fact))
    }

    /// The same of one that existing rows need not meet.
    pub(super) fn adds_not_valid(&self, sort: &str) -> bool {
        self.adds(sort).is_some_and(kinds::is_not_valid)
    }

    fn adds(&self, sort: &str) -> Option<&'a Fact> {
        self.creates(Kind::Constraint).filter(|fact| fact.text("sort") == Some(sort))
    }

    /// The default of the new column.
    fn default(&self) -> Option<&'a Fact> {
        self.parts.iter().map(|(_, fact)| *fact).find(|fact| fact.object.kind() == Kind::Default)
    }

    /// The domains of the schema that a column's type is, or is over.
    fn domains(&self, fact: &Fact) -> Vec<&'a Fact> {
        let (mut found, mut next): (Vec<&'a Fact>, _) = (Vec::new(), domain(fact));
        // No domain can be over itself.
        while let Some(domain_fact) = next.and_then(|object| self.desired.catalog.get(&object)) {
            found.push(domain_fact);
            next = domain(domain_fact);
        }
        found
    }

    /// Whether the new column is of a domain that does not allow all values, or not NULL.
    pub(super) fn is_constrained_by_domain(&self) -> bool {
        let constraints = || self.desired.catalog.of_kind(Kind::DomainConstraint);
        self.creates(Kind::Column).is_some_and(|fact| {
            self.domains(fact).iter().any(|domain| {
                domain.text("nullability") == Some("not null")
                    || constraints().any(|one| one.object.group() == domain.object)
            })
        })
    }

    /// Whether each row gets a value of its own by the default of the new column.
    pub(super) fn has_volatile_default(&self) -> bool {
        self.creates(Kind::Column).is_some_and(|fact| {
            if let Some(default) = self.default() {
                return self.desired.volatile.contains(&default.object);
            }
            let domains = self.domains(fact);
            let of_type = domains.iter().find(|domain| domain.text("default").is_some());
            of_type.is_some_and(|domain| self.desired.volatile.contains(&domain.object))
        })
    }

    /// Whether the new column may not be NULL, by itself.
    pub(super) fn is_not_null(&self) -> bool {
        self.creates(Kind::Column).is_some_and(|fact| fact.text("nullability") == Some("not null"))
    }

    /// Whether existing rows get a value in the new column.
    pub(super) fn has_value(&self) -> bool {
        self.creates(Kind::Column).is_some_and(|fact| {
            let is_domains = || self.domains(fact).iter().any(|d| d.text("default").is_some());
            kinds::is_generated(fact) || self.default().is_some() || is_domains()
        })
    }

    /// The change of a column's type, or of its collation alone.
    fn changes_type(&self) -> Option<&'a Alteration<'a>> {
        self.changes(Kind::Column).filter(|alteration| kinds::needs_dependents_gone(alteration))
    }

    /// What becomes of the values in a column that gets another type; `None`: it does not.
    pub(super) fn conversion(&self) -> Option<Conversion> {
        self.changes_type().map(conversion::of)
    }

    /// Whether a column's type changes, and its values stay as they are stored.
    pub(super) fn keeps_values(&self) -> bool {
        self.conversion().is_some_and(|conversion| !conversion.rewrites)
    }

    /// Whether a column gets another type and there is a check on it, which the server checks again.
    pub(super) fn has_check(&self) -> bool {
        let is_check = |fact: &&Fact| fact.text("sort") == Some("c") && !kinds::is_not_valid(fact);
        self.keeps_values() && self.dependents(Kind::Constraint).any(|fact| is_check(&fact))
    }

    /// Whether there are indexes that the server builds again when a column gets another type or collation, though its values stay:
    /// on an expression or with a predicate, and where values are compared otherwise, all.
    pub(super) fn has_index_to_build(&self) -> bool {
        let is_reordered = self.changes(Kind::Column).is_some_and(conversion::is_reordered);
        let has_index = |fact: &Fact| matches!(fact.text("sort"), Some("p" | "u" | "x") | None);
        let is_built = |fact: &Fact| is_reordered || fact.text("expressions").is_some();
        let all = self.dependents(Kind::Constraint).chain(self.dependents(Kind::Index));
        self.keeps_values() && all.into_iter().any(|fact| has_index(fact) && is_built(fact))
    }

    /// Whether a key points from or to the column that gets another type.
    pub(super) fn has_foreign_key(&self) -> bool {
        self.changes_type().is_some() && self.keys_of_column().next().is_some()
    }

    /// The foreign keys from and to the column.
    pub(super) fn keys_of_column(&self) -> impl Iterator<Item = &'a Fact> {
        let (column, gone) = (self.object, self.gone);
        let keys = self.live.of_kind(Kind::Constraint).filter(|fact| kinds::is_foreign_key(fact));
        keys.filter(move |key| key.dependencies.contains(column) && !gone.contains(&key.object))
    }

    /// What is on the same table and depends on the column.
    fn dependents(&self, kind: Kind) -> impl Iterator<Item = &'a Fact> {
        let (column, gone) = (self.object, self.gone);
        self.live.of_kind(kind).filter(move |fact| {
            fact.object.group() == column.group()
                && fact.dependencies.contains(column)
                && !gone.contains(&fact.object)
        })
    }

    /// Whether an enum type is made anew.
    pub(super) fn remakes_enum(&self) -> bool {
        self.changes(Kind::Enum).is_some_and(|alteration| alteration.remade.is_some())
    }

    /// Whether a column loses its right to be NULL.
    pub(super) fn sets_not_null(&self) -> bool {
        self.changes(Kind::Column).is_some_and(|alteration| {
            let is = |fact: &Fact| fact.text("nullability") == Some("not null");
            is(alteration.desired) && !is(alteration.live)
        })
    }

    /// Whether it gets it.
    pub(super) fn drops_not_null(&self) -> bool {
        self.changes(Kind::Column).is_some_and(|alteration| {
            let is = |fact: &Fact| fact.text("nullability") == Some("not null");
            is(alteration.live) && !is(alteration.desired)
        })
    }

    /// Whether a check that existing rows meet says that the column is not NULL.
    pub(super) fn is_proven_not_null(&self) -> bool {
        let Some(name) = self.object.name() else { return false };
        let words = [name.as_str().to_owned(), name.quoted()];
        let words = words.map(|name| format!("CHECK (({name} IS NOT NULL))"));
        self.dependents(Kind::Constraint).any(|fact| {
            let definition = fact.text("definition").unwrap_or_default();
            !kinds::is_not_valid(fact) && words.iter().any(|words| words == definition)
        })
    }

    /// Whether only these attributes of a column change.
    pub(super) fn changes_only(&self, kind: Kind, keys: &[&str]) -> bool {
        self.changes(kind).is_some_and(|alteration| alteration.is_only_in(keys))
    }

    /// Whether a storage parameter of this name is set or reset.
    pub(super) fn changes_parameter(&self, name: &str) -> bool {
        let has = |fact: &Fact| {
            let options = fact.text("options").unwrap_or_default().split(", ");
            options.map(str::to_owned).find(|one| one.split('=').next() == Some(name))
        };
        self.changes(Kind::Table)
            .is_some_and(|alteration| has(alteration.desired) != has(alteration.live))
    }

    /// Whether values of a domain may be no longer what they are.
    pub(super) fn sets_domain_not_null(&self) -> bool {
        self.changes(Kind::Domain).is_some_and(|alteration| {
            alteration.differs("nullability")
                && alteration.desired.text("nullability") == Some("not null")
        })
    }

    /// The partition of the same table, beside one that comes or goes, that takes all other rows.
    pub(super) fn default_partition(&self) -> Option<&'a Object> {
        let fact = self.creates(Kind::Table).or_else(|| self.removes(Kind::Table))?;
        let parent = fact.text("partition_of")?;
        let mut tables = self.live.of_kind(Kind::Table);
        let other = tables.find(|table| {
            table.text("partition_of") == Some(parent)
                && table.text("bound") == Some("DEFAULT")
                && table.object != fact.object
        });
        other.map(|table| &table.object)
    }

    /// The tables that have columns of the domain, or of one over it.
    pub(super) fn tables_of_type(&self) -> BTreeSet<Object> {
        let mut domains = BTreeSet::from([self.object.group()]);
        loop {
            let over = self.live.of_kind(Kind::Domain).filter(|fact| {
                !domains.contains(&fact.object) && !domains.is_disjoint(&fact.dependencies)
            });
            let over: Vec<Object> = over.map(|fact| fact.object.clone()).collect();
            if over.is_empty() {
                break;
            }
            domains.extend(over);
        }
        let columns = self.live.of_kind(Kind::Column);
        let columns = columns.filter(|fact| !domains.is_disjoint(&fact.dependencies));
        columns.map(|fact| fact.object.group()).collect()
    }
}

fn domain(fact: &Fact) -> Option<Object> {
    fact.dependencies.iter().find(|object| object.kind() == Kind::Domain).cloned()
}
