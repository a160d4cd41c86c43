//! What tenants have and the manifest does not declare, by object over all tenants: an object that most have and some
//! do not was left out where these were created, and what few have was added there.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::Difference;
use crate::manifest::Exception;
use crate::name::TenantId;

/// Whether an undeclared object could be declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It could.
    Extra,
    /// It is of a kind that is not compared.
    Unmodelled,
}

/// An object that is not declared, and which tenants have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undeclared {
    /// Its kind and name.
    pub object: String,
    pub class: Class,
    /// How many tenants have it.
    pub present_in: usize,
    /// Of so many that are provisioned and could be checked.
    pub of: usize,
    /// Those that have it, in the order of the roster, unless these are more than half of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantId>,
    /// Else those that do not have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_in: Vec<TenantId>,
    /// Those that have it, and in which the manifest accepts that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excepted: Vec<TenantId>,
}

impl Undeclared {
    /// Whether most tenants have it, and some do not.
    pub(super) fn is_uneven(&self) -> bool {
        !self.missing_in.is_empty()
    }

    /// Whether the manifest accepts it wherever it is.
    #[must_use]
    pub fn is_excepted(&self) -> bool {
        self.excepted.len() == self.present_in
    }
}

/// A tenant that is provisioned and could be compared.
#[derive(Debug)]
pub(super) struct Present<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) difference: &'a Arc<Difference>,
    /// Those that are for it today.
    pub(super) exceptions: Vec<&'a Exception>,
}

/// The undeclared objects for which `is` holds; those that the most tenants have come first.
pub(super) fn undeclared(all: &[Present<'_>], is: impl Fn(&str) -> bool) -> Vec<Undeclared> {
    // Objects are looked at once per shape, not once per tenant.
    let mut shapes: Vec<(&Difference, Vec<usize>)> = Vec::new();
    let mut known: HashMap<usize, usize> = HashMap::new();
    for (at, present) in all.iter().enumerate() {
        let shape = *known.entry(Arc::as_ptr(present.difference).addr()).or_insert_with(|| {
            shapes.push((present.difference, Vec::new()));
            shapes.len() - 1
        });
        if let Some((_, members)) = shapes.get_mut(shape) {
            members.push(at);
        }
    }
    let mut found: BTreeMap<(String, Class), Vec<&[usize]>> = BTreeMap::new();
    for (difference, members) in &shapes {
        for object in objects(difference).into_iter().filter(|(object, _)| is(object)) {
            found.entry(object).or_default().push(members);
        }
    }
    let with = found.into_iter().map(|((object, class), with)| {
        let has: BTreeSet<usize> = with.into_iter().flatten().copied().collect();
        let (present_in, of) = (has.len(), all.len());
        let having = || has.iter().filter_map(|at| all.get(*at));
        let lacking = || {
            let others = all.iter().enumerate().filter(|(at, _)| !has.contains(at));
            others.map(|(_, present)| present.tenant.clone())
        };
        let tenants = having().map(|present| present.tenant.clone());
        let (tenants, missing_in) = if of > 1 && 2 * present_in > of {
            (Vec::new(), lacking().collect())
        } else {
            (tenants.collect(), Vec::new())
        };
        let is_excepted = |present: &&Present<'_>| {
            present.exceptions.iter().any(|exception| exception.covers(&object))
        };
        let excepted = having().filter(is_excepted);
        let excepted = excepted.map(|present| present.tenant.clone()).collect();
        Undeclared { object, class, present_in, of, tenants, missing_in, excepted }
    });
    let mut undeclared: Vec<Undeclared> = with.collect();
    undeclared.sort_by_key(|one| Reverse(one.present_in));
    undeclared
}

/// Each once: overloaded operators may have the same name.
fn objects(difference: &Difference) -> BTreeSet<(String, Class)> {
    let extra = difference.untouched.extra.iter();
    let unmodelled = difference.untouched.unmodelled.iter();
    extra
        .map(|object| (object.to_string(), Class::Extra))
        .chain(unmodelled.map(|object| (object.to_string(), Class::Unmodelled)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Unmodelled;
    use crate::plan::Untouched;

    /// What is told of tenants `t0`, `t1`, … with these views each, of which the first is excepted.
    fn told(views: &[&[&str]]) -> Vec<String> {
        let mut shapes: BTreeMap<&[&str], Arc<Difference>> = BTreeMap::new();
        let tenants: Vec<(TenantId, Arc<Difference>)> = views
            .iter()
            .enumerate()
            .map(|(n, views)| {
                let shape = shapes.entry(views).or_insert_with(|| {
                    let view =
                        |name: &&str| Unmodelled { kind: "view".into(), name: (*name).to_owned() };
                    let unmodelled = views.iter().map(view).collect();
                    let untouched = Untouched { unmodelled, ..Untouched::default() };
                    Arc::new(Difference { untouched, ..Difference::default() })
                });
                (TenantId::new(&format!("t{n}")).unwrap(), Arc::clone(shape))
            })
            .collect();
        let exception = Exception {
            tenant: None,
            objects: Vec::new(),
            reason: String::new(),
            until: jiff::civil::date(2999, 12, 31),
        };
        let present = tenants.iter().enumerate().map(|(n, (tenant, difference))| Present {
            tenant,
            difference,
            exceptions: (n == 0).then_some(&exception).into_iter().collect(),
        });
        let present: Vec<Present<'_>> = present.collect();
        let words = |ids: &[TenantId]| -> String {
            ids.iter().map(TenantId::as_str).collect::<Vec<_>>().join(",")
        };
        undeclared(&present, |object| !object.contains('_'))
            .iter()
            .map(|one| {
                let (tenants, missing) = (words(&one.tenants), words(&one.missing_in));
                let excepted = words(&one.excepted);
                let Undeclared { object, present_in, of, .. } = one;
                format!("{object} {present_in}/{of} +{tenants} -{missing} !{excepted}")
            })
            .collect()
    }

    #[test]
    fn the_smaller_part_of_the_tenants_is_named() {
        assert_eq!(
            told(&[&["a", "b", "_"], &["b"], &["a", "b"], &["a"], &["a", "b", "c"]]),
            ["view a 4/5 + -t1 !t0", "view b 4/5 + -t3 !t0", "view c 1/5 +t4 - !"]
        );
        assert_eq!(told(&[&["a"], &[]]), ["view a 1/2 +t0 - !t0"]);
        assert_eq!(told(&[&[], &["a"], &[]]), ["view a 1/3 +t1 - !"]);
    }

    #[test]
    fn where_all_have_it_nobody_is_named() {
        assert!(told(&[]).is_empty());
        assert!(told(&[&["_"], &[]]).is_empty());
        assert_eq!(told(&[&["a"]]), ["view a 1/1 +t0 - !t0"]);
        assert_eq!(told(&[&["a"], &["a", "a"]]), ["view a 2/2 + - !t0"]);
    }
}
