//! What the server, or the meaning of values, does not let be added to types that exist, or only before or after other things.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::Comparison;
use crate::catalog::{Fact, Kind, Object, Part};
use crate::kinds::{self, members};
use crate::name::Ident;

/// Why something is not added to a type that exists.
pub(super) fn refused(comparison: &Comparison<'_>, fact: &Fact) -> Option<String> {
    let Object::Part(Part { kind, of, name, .. }) = &fact.object else { return None };
    match kind {
        Kind::Attribute => misplaced(comparison, of, name),
        Kind::DomainConstraint => contained(comparison, fact, of),
        _ => None,
    }
}

/// A new attribute would be the last one, and values are written in the order of the attributes.
fn misplaced(comparison: &Comparison<'_>, of: &Ident, name: &Ident) -> Option<String> {
    let wanted = members(&comparison.desired.catalog, Kind::Attribute, of);
    let there = members(comparison.live, Kind::Attribute, of);
    let mut later = wanted.into_iter().skip_while(|other| *other != name).skip(1);
    let later = later.find(|other| there.contains(other))?;
    Some(format!("it would come last, and {later} is declared after it"))
}

/// Why a check is not added to a domain: as long as a column has values of the domain in arrays, ranges or composite values, the server
/// refuses (`get_rels_with_domain` and `find_composite_type_dependencies` in PostgreSQL's `typecmds.c` and `tablecmds.c`).
fn contained(comparison: &Comparison<'_>, check: &Fact, domain: &Ident) -> Option<String> {
    let uses = uses(comparison, check, domain)?;
    let object = uses.remaining?;
    Some(format!(
        "the server cannot check the values of the domain that are parts of others, as in {object}"
    ))
}

/// What has to be done before an object that is added or changed, by the name that each has in the desired state.
pub(super) type Order<'a> = BTreeMap<&'a Object, Vec<&'a Object>>;

/// What has to be done before an object that is added or changed, beside what it needs, so that the server adds checks to domains.
pub(super) fn order<'a>(comparison: &Comparison<'a>) -> Order<'a> {
    let mut order = Order::new();
    for (check, fact) in &comparison.added {
        let Object::Part(Part { kind: Kind::DomainConstraint, of, .. }) = check else { continue };
        let Some(uses) = uses(comparison, fact, of) else { continue };
        order.entry(check).or_default().extend(uses.ending);
        for object in uses.beginning {
            order.entry(object).or_default().push(check);
        }
    }
    order
}

/// Which columns have values of a domain as parts of others.
struct Uses<'a> {
    /// One that has, and still will have.
    remaining: Option<&'a Object>,
    /// Those that will not have when they have been changed.
    ending: Vec<&'a Object>,
    /// What leads to that when it is added or changed.
    beginning: Vec<&'a Object>,
}

/// `None` if the domain is new, or if the check is not to be true of values that exist.
fn uses<'a>(comparison: &Comparison<'a>, check: &Fact, domain: &Ident) -> Option<Uses<'a>> {
    let (live, changing) = (comparison.live, &comparison.changing);
    if kinds::is_not_valid(check) || !live.has(&check.object.group()) {
        return None;
    }
    let there: Vec<&'a Fact> = live.facts().filter(|fact| type_text(fact).is_some()).collect();
    let added = || comparison.added.values().copied();
    let changed: BTreeMap<&Object, (&'a Object, &'a Fact)> =
        changing.iter().map(|(object, one)| (&one.live.object, (*object, one.desired))).collect();
    let desired = |fact: &&'a Fact| changed.get(&fact.object).map_or(*fact, |(_, fact)| *fact);
    let now = Containers::of(domain, there.iter().copied());
    let later = Containers::of(domain, there.iter().map(desired).chain(added()));
    let (mut remaining, mut ending, mut beginning) = (None, Vec::new(), Vec::new());
    for fact in there.iter().filter(|fact| fact.object.kind() == Kind::Column) {
        let is_then = later.is_type_of(desired(fact));
        match (now.is_type_of(fact), changed.get(&fact.object)) {
            (true, Some((object, _))) if !is_then => ending.push(*object),
            (true, _) => remaining = remaining.or(Some(&fact.object)),
            (false, Some((object, _))) if is_then => beginning.push(*object),
            (false, _) => {}
        }
    }
    // Nothing has values of a type that does not exist yet.
    let begins = |fact: &&Fact| match fact.object.kind() {
        Kind::Column => later.is_type_of(fact),
        Kind::Attribute => later.has(fact) && live.has(&fact.object.group()),
        _ => false,
    };
    beginning.extend(added().filter(begins).map(|fact| &fact.object));
    Some(Uses { remaining, ending, beginning })
}

/// The types that are made of a domain.
struct Containers {
    /// The domain, and those over it.
    domains: BTreeSet<String>,
    /// Those whose values contain values of one of these: ranges, composite types and the rows of tables.
    others: BTreeSet<String>,
}

impl Containers {
    fn of<'f>(domain: &Ident, facts: impl Iterator<Item = &'f Fact>) -> Self {
        let facts: Vec<_> = facts.filter_map(|fact| Some((fact, type_text(fact)?))).collect();
        let domains = BTreeSet::from([domain.as_str().to_owned()]);
        let mut found = Self { domains, others: BTreeSet::new() };
        loop {
            let before = (found.domains.len(), found.others.len());
            for (fact, _) in &facts {
                let whole = fact.object.group().name().map(|name| name.as_str().to_owned());
                let Some(whole) = whole.filter(|_| found.has(fact)) else { continue };
                if fact.object.kind() == Kind::Domain && !found.is_type_of(fact) {
                    found.domains.insert(whole);
                } else {
                    found.others.extend(fact.text("multirange_name").map(str::to_owned));
                    found.others.insert(whole);
                }
            }
            if before == (found.domains.len(), found.others.len()) {
                return found;
            }
        }
    }

    /// Whether the type is one of the domains, or one whose values contain some of theirs.
    fn has(&self, fact: &Fact) -> bool {
        let is_domain = |text| self.domains.contains(&element(text).0);
        self.is_type_of(fact) || type_text(fact).is_some_and(is_domain)
    }

    /// Whether the values of the type contain values of one of the domains.
    fn is_type_of(&self, fact: &Fact) -> bool {
        type_text(fact).is_some_and(|text| {
            let (name, is_array) = element(text);
            self.others.contains(&name) || is_array && self.domains.contains(&name)
        })
    }
}

/// The type that an object is made of, in the server's words.
fn type_text(fact: &Fact) -> Option<&str> {
    match fact.object.kind() {
        Kind::Domain | Kind::Attribute | Kind::Column => fact.text("type"),
        Kind::RangeType => fact.text("subtype"),
        _ => None,
    }
}

/// The name of the type, or of the elements of an array, and whether it is one.
fn element(text: &str) -> (String, bool) {
    let name = text.trim_end_matches("[]");
    let unquoted = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = unquoted.map_or_else(|| name.to_owned(), |inner| inner.replace("\"\"", "\""));
    (plain, name.len() < text.len())
}
