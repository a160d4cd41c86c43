//! Undeclared objects that most tenants have and some do not: some were left out when they
//! were created, or new tenants are created without them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::Difference;
use crate::name::TenantId;

/// An undeclared object that most tenants have, but not all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uneven {
    /// Its kind and name.
    pub object: String,
    /// How many tenants have it.
    pub present_in: usize,
    /// Of so many that are provisioned and could be checked.
    pub of: usize,
    /// Those that do not have it, in the order of the roster.
    pub missing_in: Vec<TenantId>,
}

/// Finds them among `tenants`, which are provisioned; those that the fewest tenants lack come
/// first. Objects are counted once per shape, not once per tenant.
pub(super) fn uneven<'a>(
    tenants: impl Iterator<Item = (&'a TenantId, &'a Arc<Difference>)>,
) -> Vec<Uneven> {
    let mut shapes: Vec<(&Difference, usize)> = Vec::new();
    let mut known: HashMap<usize, usize> = HashMap::new();
    let mut members: Vec<(&TenantId, usize)> = Vec::new();
    for (tenant, difference) in tenants {
        let shape = *known.entry(Arc::as_ptr(difference).addr()).or_insert_with(|| {
            shapes.push((difference, 0));
            shapes.len() - 1
        });
        if let Some((_, count)) = shapes.get_mut(shape) {
            *count += 1;
        }
        members.push((tenant, shape));
    }
    let mut found: BTreeMap<String, (usize, BTreeSet<usize>)> = BTreeMap::new();
    for (shape, (difference, count)) in shapes.iter().enumerate() {
        // Overloaded operators may have the same name.
        for object in difference.untouched.undeclared().collect::<BTreeSet<_>>() {
            let (present_in, with) = found.entry(object).or_default();
            *present_in += count;
            with.insert(shape);
        }
    }
    let of = members.len();
    let mut uneven: Vec<Uneven> = found
        .into_iter()
        .filter(|(_, (present_in, _))| *present_in < of && 2 * present_in > of)
        .map(|(object, (present_in, with))| {
            let without = members.iter().filter(|(_, shape)| !with.contains(shape));
            let missing_in = without.map(|(tenant, _)| (*tenant).clone()).collect();
            Uneven { object, present_in, of, missing_in }
        })
        .collect();
    uneven.sort_by_key(|uneven| Reverse(uneven.present_in));
    uneven
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Unmodelled;
    use crate::plan::Untouched;

    /// What is reported for tenants `t0`, `t1`, … with these views each.
    fn reported(views: &[&[&str]]) -> Vec<String> {
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
        uneven(tenants.iter().map(|(id, difference)| (id, difference)))
            .into_iter()
            .map(|u| {
                let ids: Vec<&str> = u.missing_in.iter().map(TenantId::as_str).collect();
                format!("{} {}/{} {}", u.object, u.present_in, u.of, ids.join(","))
            })
            .collect()
    }

    #[test]
    fn what_most_have_and_some_do_not_is_reported_by_object() {
        assert_eq!(
            reported(&[&["a", "b"], &["b"], &["a", "b"], &["a"], &["a", "b", "c"]]),
            ["view a 4/5 t1", "view b 4/5 t3"]
        );
        assert_eq!(reported(&[&["a", "b"], &["a"], &["a", "b"], &[]]), ["view a 3/4 t3"]);
    }

    #[test]
    fn what_all_or_half_or_few_have_is_not_reported() {
        assert!(reported(&[]).is_empty());
        assert!(reported(&[&["a"]]).is_empty());
        assert!(reported(&[&["a"], &["a"]]).is_empty());
        assert!(reported(&[&["a"], &[]]).is_empty());
        assert!(reported(&[&["a"], &[], &[]]).is_empty());
    }
}
