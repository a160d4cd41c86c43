//! A tenant under the names that its objects get.
//!
//! When an object gets another name, the server prints everything that mentions it differently from then on. How, only the
//! server knows: it is asked in a scratch schema, in which the declared objects get their old names for a moment. Where a
//! tenant has an attribute as it is printed there, it will have it as declared.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, Desired, Fact, Kind, Object, Part};
use crate::name::Ident;

/// An object that gets another name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rename {
    /// Under its name now; the whole that it is a part of has the name that it gets.
    pub from: Object,
    /// Under the name that it gets.
    pub to: Object,
    /// What is declared to be renamed, if this follows from it.
    pub because: Object,
}

/// Two objects, of which one should have become the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{from} and {to} both exist, although the one is declared to have become the other")]
pub struct BothExist {
    pub from: Object,
    pub to: Object,
}

/// Old and new names of objects, wholes before their parts.
#[derive(Debug, Default, Clone)]
pub struct Names {
    /// By the old name, with the new name of the whole.
    new: BTreeMap<Object, Object>,
    /// By the new name of the whole, its old name.
    old_wholes: BTreeMap<Object, Ident>,
}

impl Names {
    /// Of several objects.
    #[must_use]
    pub fn of(renames: &[Rename]) -> Self {
        let mut names = Self::default();
        for rename in renames {
            names.new.insert(rename.from.clone(), rename.to.clone());
            if let Object::Member(..) = &rename.to
                && let Some(name) = rename.from.name()
            {
                names.old_wholes.insert(rename.to.clone(), name.clone());
            }
        }
        names
    }

    /// The name that an object of a tenant gets.
    #[must_use]
    pub fn new_of(&self, object: &Object) -> Object {
        match object {
            Object::Comment(on) => self.new_of(on).comment(),
            Object::Part(part) => {
                let whole = self.new_of(&object.group());
                let of = whole.name().unwrap_or(&part.of).clone();
                let moved = Object::Part(Part { of, ..part.clone() });
                self.of_part(part, moved)
            }
            other => self.new.get(other).cloned().unwrap_or_else(|| other.clone()),
        }
    }

    /// A part whose whole has its new name.
    fn of_part(&self, part: &Part, moved: Object) -> Object {
        let Object::Part(at) = &moved else { return moved };
        let name = match part.kind {
            // They have the names of their columns, or of their tables.
            Kind::Default => {
                let column = Object::part(at.whole, &at.of, Kind::Column, &at.name);
                self.new.get(&column).and_then(Object::name).cloned()
            }
            Kind::ReplicaIdentity | Kind::Clustering | Kind::RowSecurity | Kind::Population => {
                Some(at.of.clone())
            }
            _ => self.new.get(&moved).and_then(Object::name).cloned(),
        };
        match name {
            Some(name) => Object::Part(Part { name, ..at.clone() }),
            None => moved,
        }
    }

    /// What a tenant has in the place of an object, whose whole, and whose arguments, are given by their new names.
    fn found(&self, object: &Object, live: &Catalog) -> Option<Object> {
        match object {
            Object::Part(_) => Some(self.with_old_whole(object)).filter(|object| live.has(object)),
            Object::Routine { kind, name, arguments } => {
                let wanted = self.old_types(arguments);
                let mut all = live.of_kind(*kind).map(|fact| &fact.object);
                let is_it = |other: &&Object| match other {
                    Object::Routine { name: of, arguments, .. } => {
                        of == name && unquoted(arguments) == wanted
                    }
                    _ => false,
                };
                all.find(is_it).cloned()
            }
            _ => live.has(object).then(|| object.clone()),
        }
    }

    /// A list of types, as the server writes it, with the names that they get.
    fn new_types(&self, list: &str) -> String {
        let each = unquoted(list).into_iter().zip(elements(list)).map(|(name, written)| {
            let (name, array) = match name.strip_suffix("[]") {
                Some(element) => (element.to_owned(), "[]"),
                None => (name, ""),
            };
            let mut renames = self.new.iter().filter(|(old, _)| matches!(old, Object::Member(..)));
            let found = renames.find(|(old, _)| old.name().is_some_and(|old| old.as_str() == name));
            match found.and_then(|(_, new)| new.name()) {
                Some(new) => format!("{}{array}", new.quoted()),
                None => written,
            }
        });
        each.collect::<Vec<_>>().join(", ")
    }

    /// The types of arguments, with the names that they have in the tenant, without quotation marks.
    fn old_types(&self, arguments: &str) -> Vec<String> {
        let old = |name: &str| {
            let is_it = |whole: &Object| whole.name().is_some_and(|new| new.as_str() == name);
            let mut wholes = self.old_wholes.iter();
            // The rows of tables and views have types, too.
            let found = wholes.find(|(whole, _)| is_it(whole));
            found.map_or_else(|| name.to_owned(), |(_, old)| old.as_str().to_owned())
        };
        let each = unquoted(arguments).into_iter().map(|name| match name.strip_suffix("[]") {
            Some(element) => format!("{}[]", old(element)),
            None => old(&name),
        });
        each.collect()
    }

    /// A part of something that has its old name.
    #[must_use]
    pub fn with_old_whole(&self, object: &Object) -> Object {
        match object {
            Object::Part(part) => {
                let of = self.old_of_whole(&object.group()).unwrap_or(&part.of).clone();
                Object::Part(Part { of, ..part.clone() })
            }
            other => other.clone(),
        }
    }

    /// The name that a table, or something else with parts, has in the tenant.
    fn old_of_whole(&self, whole: &Object) -> Option<&Ident> {
        self.old_wholes.get(whole)
    }
}

/// What is to be renamed in a tenant: what exists under its old name, and does not under its new one. `declared` are pairs of
/// a desired object and its old name, wholes before their parts.
///
/// # Errors
/// When both exist.
pub fn pending(
    declared: &[(Object, Ident)],
    desired: &Desired,
    live: &Catalog,
    for_serial: impl Fn(&Ident, &Ident) -> Ident,
) -> Result<Vec<Rename>, BothExist> {
    let mut renames: Vec<Rename> = Vec::new();
    for (to, from) in declared {
        let names = Names::of(&renames);
        let old = names.found(&to.named(from), live);
        match (old, names.found(to, live)) {
            (Some(from), Some(_)) => return Err(BothExist { from, to: to.clone() }),
            (Some(now), None) => {
                // A routine is known by its arguments as they are.
                let from = if to.kind().is_routine() { now } else { to.named(from) };
                renames.push(Rename { from, because: to.clone(), to: to.clone() });
            }
            (None, _) => {}
        }
    }
    let names = Names::of(&renames);
    let mut sequences = Vec::new();
    for fact in desired.catalog.of_kind(Kind::Sequence) {
        let owner = |key| Ident::new(fact.text(key)?).ok();
        if let (Some(table), Some(column)) = (owner("owner_table"), owner("owner_column"))
            && desired.unnamed.contains(&fact.object)
        {
            let whole = Object::table(&table);
            let of_column = renames.iter().find(|r| r.to == Object::column(&table, &column));
            let of_table = renames.iter().find(|r| r.to == whole);
            let old_table = names.old_of_whole(&whole).unwrap_or(&table);
            let old_column = of_column.and_then(|r| r.from.name()).unwrap_or(&column);
            let from = Object::Member(Kind::Sequence, for_serial(old_table, old_column));
            if let Some(because) = of_column.or(of_table)
                && live.has(&from)
                && !live.has(&fact.object)
                && !renames.iter().any(|rename| rename.to == fact.object)
            {
                let because = because.because.clone();
                sequences.push(Rename { from, to: fact.object.clone(), because });
            }
        }
    }
    renames.extend(sequences);
    Ok(renames)
}

/// The elements of a list of types, as they are written.
fn elements(list: &str) -> Vec<String> {
    let mut is_quoted = false;
    let each = list.split(|c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    each.map(|element| element.trim_start().to_owned()).collect()
}

/// The same, without quotation marks.
fn unquoted(list: &str) -> Vec<String> {
    elements(list).into_iter().map(|element| without_quotes(&element)).collect()
}

/// A name in the server's words, with what follows it: a quotation mark in it is doubled.
fn without_quotes(written: &str) -> String {
    let parts: Vec<&str> = written.split("\"\"").collect();
    parts.iter().map(|part| part.replace('"', "")).collect::<Vec<_>>().join("\"")
}

/// The tenant as it will be when its objects have been renamed. `before` is the desired state with the old names.
#[must_use]
pub fn renamed(live: &Catalog, before: &Catalog, desired: &Desired, renames: &[Rename]) -> Catalog {
    let names = Names::of(renames);
    // The arguments of functions may have types that are renamed, too.
    let by_position: BTreeMap<(Kind, i64), &Object> = desired
        .catalog
        .facts()
        .filter(|fact| fact.object.kind().is_routine())
        .map(|fact| ((fact.object.kind(), fact.position), &fact.object))
        .collect();
    let new_of = |object: &Object| -> Object {
        let on = match object {
            Object::Comment(on) => &**on,
            other => other,
        };
        let routine = before.get(on).filter(|fact| fact.object.kind().is_routine());
        let routine =
            routine.and_then(|fact| by_position.get(&(fact.object.kind(), fact.position)));
        match (routine, object) {
            (Some(routine), Object::Comment(_)) => routine.comment(),
            (Some(routine), _) => (*routine).clone(),
            (None, Object::Routine { kind, name, arguments }) => {
                let arguments = names.new_types(arguments);
                Object::Routine { kind: *kind, name: name.clone(), arguments }
            }
            (None, _) => names.new_of(object),
        }
    };
    let mut catalog = Catalog::default();
    catalog.unmodelled.clone_from(&live.unmodelled);
    for fact in live.facts() {
        let object = new_of(&fact.object);
        // What is unnamed is known by its attributes.
        let old = before.get(&fact.object).or_else(|| {
            let mut alike = before.of_kind(fact.object.kind());
            alike.find(|other| {
                other.object.group() == fact.object.group()
                    && other.attributes == fact.attributes
                    && desired.unnamed.contains(&new_of(&other.object))
            })
        });
        let declared = old.and_then(|old| Some((old, desired.catalog.get(&new_of(&old.object))?)));
        let mut attributes = fact.attributes.clone();
        if old.is_none() && object.kind().is_routine() {
            for key in ["types", "signature"] {
                if let Some(value) = attributes.get_mut(key) {
                    value.text = names.new_types(&value.text);
                }
            }
        }
        if let Some((old, declared)) = declared {
            attributes.retain(|key, value| {
                old.attributes.get(key) != Some(value) || declared.attributes.contains_key(key)
            });
            for (key, value) in &mut attributes {
                if old.attributes.get(key) == Some(value)
                    && let Some(new) = declared.attributes.get(key)
                {
                    value.clone_from(new);
                }
            }
        }
        let dependencies: BTreeSet<Object> = fact.dependencies.iter().map(&new_of).collect();
        catalog.insert(Fact { object, attributes, position: fact.position, dependencies });
    }
    catalog
}

/// The same objects under other names.
#[must_use]
pub fn with_names(catalog: &Catalog, names: &Names) -> Catalog {
    let mut again = Catalog::default();
    again.unmodelled.clone_from(&catalog.unmodelled);
    for fact in catalog.facts() {
        again.insert(Fact {
            object: names.new_of(&fact.object),
            dependencies: fact.dependencies.iter().map(|needed| names.new_of(needed)).collect(),
            ..fact.clone()
        });
    }
    again
}

/// Whether a relation or a constraint has the name of an object.
#[must_use]
pub fn is_taken(live: &Catalog, object: &Object) -> bool {
    let mut others = live.facts().map(|fact| &fact.object);
    others.any(|other| {
        let is_relation = matches!(other, Object::Member(..));
        let has_index = matches!(other.kind(), Kind::Index | Kind::Constraint);
        (is_relation || has_index) && other.name() == object.name()
    })
}

/// What the manifest leaves unnamed at objects that are renamed, and what has another name than in a new tenant.
#[must_use]
pub fn following(
    renames: &[Rename],
    desired: &Desired,
    live: &Catalog,
    live_of: impl Fn(&Object) -> Option<Object>,
) -> Vec<Rename> {
    let mut all = Vec::new();
    for to in &desired.unnamed {
        let causes = |rename: &&Rename| {
            let is_column_of = rename.to.kind() == Kind::Column && rename.to.group() == to.group();
            to.kind() != Kind::Sequence && (rename.to == to.group() || is_column_of)
        };
        if let Some(cause) = renames.iter().find(causes)
            && let Some(from) = live_of(to).filter(|from| from != to && live.has(from))
            && !is_taken(live, to)
        {
            all.push(Rename { from, to: to.clone(), because: cause.because.clone() });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ident(name: &str) -> Ident {
        Ident::new(name).unwrap()
    }

    fn function(name: &str, arguments: &str) -> Object {
        let (kind, name) = (Kind::Function, ident(name));
        Object::Routine { kind, name, arguments: arguments.to_owned() }
    }

    fn catalog(objects: &[Object]) -> Catalog {
        let mut catalog = Catalog::default();
        for object in objects {
            catalog.insert(Fact::new(object.clone(), []));
        }
        catalog
    }

    fn renames(declared: &[(Object, &str)], live: &[Object]) -> Result<Vec<String>, String> {
        let desired: Vec<Object> = declared.iter().map(|(object, _)| object.clone()).collect();
        let desired = Desired { catalog: catalog(&desired), ..Desired::default() };
        let declared: Vec<(Object, Ident)> =
            declared.iter().map(|(object, from)| (object.clone(), ident(from))).collect();
        let found = pending(&declared, &desired, &catalog(live), Ident::for_serial);
        let all = found.map_err(|error| error.to_string())?;
        Ok(all.iter().map(|rename| format!("{} -> {}", rename.from, rename.to)).collect())
    }

    #[test]
    fn what_has_its_old_name_is_found() {
        let (old, new) = (Object::table(&ident("old")), Object::table(&ident("new")));
        let (a, b) = (
            Object::column(&ident("old"), &ident("a")),
            Object::column(&ident("new"), &ident("b")),
        );
        let declared = [(new.clone(), "old"), (b.clone(), "a")];
        let both = Ok(vec![
            "table old -> table new".to_owned(),
            "column new.a -> column new.b".to_owned(),
        ]);
        assert_eq!(renames(&declared, &[old.clone(), a]), both);
        assert_eq!(renames(&declared, &[]), Ok(Vec::new()));
        assert_eq!(renames(&declared, &[new.clone(), b]), Ok(Vec::new()));
        let one = Ok(vec!["column new.a -> column new.b".to_owned()]);
        let there = [new.clone(), Object::column(&ident("new"), &ident("a"))];
        assert_eq!(renames(&declared, &there), one);
        assert!(renames(&declared, &[old, new]).is_err());
    }

    #[test]
    fn functions_are_known_by_the_old_names_of_types() {
        let (state, status) = (
            Object::Member(Kind::Enum, ident("A state")),
            Object::Member(Kind::Enum, ident("status")),
        );
        let declared = [(status, "A state"), (function("g", "status[], integer"), "f")];
        let live = [state, function("f", "\"A state\"[], integer"), function("f", "integer")];
        let told = renames(&declared, &live).unwrap();
        assert_eq!(told[1], "function f(\"A state\"[], integer) -> function g(status[], integer)");
    }

    #[test]
    fn parts_follow_their_whole() {
        let table = |name: &str| Object::table(&ident(name));
        let column = |of: &str, name: &str| Object::column(&ident(of), &ident(name));
        let to = column("new", "b");
        let names = Names::of(&[
            Rename { from: table("old"), to: table("new"), because: table("new") },
            Rename { from: column("new", "a"), to: to.clone(), because: to.clone() },
        ]);
        let default =
            |of: &str, name: &str| Object::on_table(Kind::Default, &ident(of), &ident(name));
        let security = |of: &str| Object::on_table(Kind::RowSecurity, &ident(of), &ident(of));
        for (object, expected) in [
            (column("old", "a").comment(), to.comment()),
            (column("old", "c"), column("new", "c")),
            (column("other", "a"), column("other", "a")),
            (default("old", "a"), default("new", "b")),
            (security("old"), security("new")),
        ] {
            assert_eq!(names.new_of(&object), expected);
        }
    }
}
