//! The difference between two catalogs. No kind of object is known here.

use std::collections::BTreeSet;

use super::{Catalog, Fact, Matching, Object};

/// What has to change in the live catalog to make it the desired one.
#[derive(Debug, Default)]
pub struct Delta<'a> {
    /// Desired, but missing.
    pub added: Vec<&'a Fact>,
    /// Existing, but not desired.
    pub removed: Vec<&'a Fact>,
    /// Existing with other attributes.
    pub altered: Vec<Altered<'a>>,
}

/// An object that exists, but not as desired.
#[derive(Debug, Clone, Copy)]
pub struct Altered<'a> {
    pub desired: &'a Fact,
    pub live: &'a Fact,
}

impl Altered<'_> {
    /// The keys of the attributes that differ.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let keys: BTreeSet<&'static str> =
            self.desired.attributes.keys().chain(self.live.attributes.keys()).copied().collect();
        let (desired, live) = (self.desired, self.live);
        keys.into_iter().filter(|key| desired.attributes.get(key) != live.attributes.get(key))
    }
}

/// Compares. Objects for which `matching` has found a counterpart are none of the three.
#[must_use]
pub fn delta<'a>(desired: &'a Catalog, live: &'a Catalog, matching: &Matching<'a>) -> Delta<'a> {
    let mut delta = Delta::default();
    let mut seen: BTreeSet<Object> = BTreeSet::new();
    for fact in desired.facts() {
        if matching.is_replaced(&fact.object) {
            continue;
        }
        let found = matching.live(&fact.object).and_then(|object| live.get(&object));
        let Some(found) = found else {
            delta.added.push(fact);
            continue;
        };
        seen.insert(found.object.clone());
        if found.attributes != fact.attributes {
            delta.altered.push(Altered { desired: fact, live: found });
        }
    }
    let is_left = |fact: &&Fact| !seen.contains(&fact.object) && !matching.is_taken(&fact.object);
    delta.removed = live.facts().filter(is_left).collect();
    delta
}

#[cfg(test)]
mod tests {
    use super::super::{Desired, Kind, matching};
    use super::*;
    use crate::name::Ident;

    fn catalog(facts: &[(&str, &str, &str)]) -> Catalog {
        let mut catalog = Catalog::default();
        for (position, (kind, name, attributes)) in (0..).zip(facts) {
            let ident = |name: &str| Ident::new(name).unwrap();
            let t = ident("t");
            let object = match *kind {
                "table" => Object::table(&ident(name)),
                "column" => Object::column(&t, &ident(name)),
                "check" => Object::on_table(Kind::Constraint, &t, &ident(name)),
                "index" => Object::on_table(Kind::Index, &t, &ident(name)),
                _ => Object::table(&ident(name)).comment(),
            };
            let attributes = attributes.split_whitespace().map(|pair| {
                let (key, text) = pair.split_once('=').unwrap();
                let key = if key == "role" { "role" } else { "is" };
                (key, text.to_owned())
            });
            catalog.insert(Fact { position, ..Fact::new(object, attributes) });
        }
        catalog
    }

    /// The difference as text: `+` added, `-` removed, `~` altered, `=` counterpart.
    fn compared(
        desired: &[(&str, &str, &str)],
        unnamed: &[&str],
        live: &[(&str, &str, &str)],
    ) -> String {
        let catalog = catalog(desired);
        let is_unnamed =
            |fact: &&Fact| fact.object.name().is_some_and(|name| unnamed.contains(&name.as_str()));
        let unnamed = catalog.facts().filter(is_unnamed).map(|fact| fact.object.clone()).collect();
        let desired = Desired { catalog, unnamed, ..Desired::default() };
        let live = self::catalog(live);
        let is_structural = |kind: Kind| matches!(kind, Kind::Constraint | Kind::Index);
        let matching = matching(&desired, &live, is_structural, |_, _| false);
        let delta = delta(&desired.catalog, &live, &matching);
        let mut words = Vec::new();
        words.extend(delta.added.iter().map(|fact| format!("+{}", fact.object)));
        words.extend(delta.removed.iter().map(|fact| format!("-{}", fact.object)));
        words.extend(delta.altered.iter().map(|altered| format!("~{}", altered.live.object)));
        words.extend(
            matching.counterparts.iter().map(|c| format!("{}={}", c.desired.object, c.live.object)),
        );
        words.join(", ")
    }

    #[test]
    fn what_is_not_equal_is_found() {
        let t = ("table", "t", "");
        let a = ("column", "a", "is=int");
        assert_eq!(compared(&[t, a], &[], &[t, a]), "");
        assert_eq!(compared(&[t, a], &[], &[t]), "+column t.a");
        assert_eq!(compared(&[t], &[], &[t, a]), "-column t.a");
        assert_eq!(compared(&[t, a], &[], &[t, ("column", "a", "is=text")]), "~column t.a");
        assert_eq!(compared(&[t, a], &[], &[t, ("column", "a", "")]), "~column t.a");
        assert_eq!(compared(&[t, ("comment", "t", "is=A")], &[], &[t]), "+comment on table t");
    }

    #[test]
    fn unnamed_objects_are_found_by_structure() {
        let mine = ("check", "t_check", "is=a>0 role=a");
        for (live, found) in [
            (vec![("check", "t_check", "is=a>0 role=a")], ""),
            (vec![("check", "x", "is=a>0 role=a")], ""),
            // The exact match first, whatever has the name.
            (
                vec![("check", "t_check", "is=b role=b"), ("check", "x", "is=a>0 role=a")],
                "-constraint t_check on t",
            ),
            // One with its role exists in its place.
            (vec![("check", "x", "is=a>1 role=a")], "constraint t_check on t=constraint x on t"),
            (vec![("index", "i", "is=unique role=a")], "constraint t_check on t=index i on t"),
            // So is one with its name.
            (
                vec![("check", "t_check", "is=b role=b")],
                "constraint t_check on t=constraint t_check on t",
            ),
            (vec![("check", "x", "is=b role=b")], "+constraint t_check on t, -constraint x on t"),
        ] {
            assert_eq!(compared(&[mine], &["t_check"], &live), found, "{live:?}");
        }
    }

    #[test]
    fn named_objects_are_found_by_name() {
        let mine = ("index", "i", "is=a");
        for (live, found) in [
            (("index", "i", "is=a"), ""),
            (("index", "i", "is=b"), "~index i on t"),
            // An equal one under another name exists in its place.
            (("index", "x", "is=a"), "index i on t=index x on t"),
            (("index", "x", "is=b"), "+index i on t, -index x on t"),
        ] {
            assert_eq!(compared(&[mine], &[], &[live]), found, "{live:?}");
        }
    }
}
