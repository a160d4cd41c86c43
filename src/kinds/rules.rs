//! The type of the rules of a kind, and what the statements of many kinds need.

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use crate::catalog::{Fact, Object, Part, Slot};
use crate::name::{Ident, SchemaName, Text, literal};

/// What there is to know about a kind of object.
#[derive(Debug)]
pub struct Rules {
    /// Whether the objects of this kind can be read with those of a schema.
    pub needs: Needs,
    /// The rest of a query after SELECT, in which `:attributes` stands for the last column: OID of the
    /// catalog, of the object, number of the column or zero, name of the whole or NULL, name, position, attributes.
    /// `path` is among what it selects from; see `kinds/reading.rs`.
    pub source: &'static str,
    pub attributes: &'static [Attribute],
    /// How the digest of a whole finds the parts of this kind.
    pub digest: Option<Digest>,
    /// The names that an object takes.
    pub occupies: fn(&Fact) -> Vec<Slot>,
    /// Whether an object that the manifest leaves unnamed is found by its structure.
    pub is_structural: bool,
    /// The statement that creates it, with the parts that the same statement creates.
    pub create: fn(&Creation<'_>, &SchemaName, Guard) -> String,
    /// The statement that changes it in place, which may be run again; `None`: that takes more.
    pub alter: fn(&Alteration<'_>, &SchemaName) -> Option<String>,
    /// The statement that drops it alone, and may be run again; `None`: there is none.
    pub drop: fn(&Fact, &SchemaName) -> Option<String>,
    /// The column with which it comes and goes, so that it is no difference of its own where the column exists.
    pub comes_with: fn(&Fact) -> Option<Object>,
}

/// What a schema must contain so that there can be objects of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Tables,
    Types,
    Sequences,
    Views,
    MaterializedViews,
    /// Tables or views.
    Triggered,
    /// Tables or materialized views.
    Indexed,
    Routines,
    /// They are not read by a separate query.
    Nothing,
}

/// How the digest of a whole, the table `r` or the type `t`, finds its parts of one kind: a query with one row for each,
/// in an order that does not depend on OIDs.
#[derive(Debug)]
pub struct Digest {
    /// Which part it is: expressions, separated by commas.
    pub identity: &'static str,
    /// Which row `de` of `pg_description` has the comment on the part; `None`: its comment, if it can have one, is
    /// digested with the whole.
    pub comment: Option<&'static str>,
    /// What is digested beside the attributes: it is represented by its name alone, as unmodelled.
    pub also: &'static [&'static str],
    /// The rest of the query after FROM.
    pub from: &'static str,
}

impl Rules {
    pub(super) const NONE: Self = Self {
        needs: Needs::Nothing,
        source: "",
        attributes: &[],
        digest: None,
        occupies: |_| Vec::new(),
        is_structural: false,
        create: |_, _, _| String::new(),
        alter: |_, _| None,
        drop: |_, _| None,
        comes_with: |_| None,
    };
}

/// The part that an object is; its kind is one of parts.
pub(super) fn part(object: &Object) -> Option<(&Ident, &Ident)> {
    match object {
        Object::Part(Part { of, name, .. }) => Some((of, name)),
        _ => None,
    }
}

/// The qualified name of an object that has a name of its own in the schema.
pub(super) fn qualified(object: &Object, schema: &SchemaName) -> String {
    object.name().map(|name| schema.qualify(name)).unwrap_or_default()
}

/// The expression that reads the options of the relation `c`, with those of its TOAST table.
pub(super) const OPTIONS: &str = "(SELECT string_agg(o, ', ' ORDER BY o) FROM ( \
         SELECT unnest(c.reloptions) AS o \
         UNION ALL \
         SELECT 'toast.' || unnest(toast.reloptions) FROM pg_class toast \
         WHERE toast.oid = c.reltoastrelid) q)";

/// The names that a relation takes whose rows have a type of its name.
pub(super) fn relation_and_type(fact: &Fact) -> Vec<Slot> {
    let name = fact.object.name().into_iter();
    name.flat_map(|name| [Slot::Relation(name.clone()), Slot::Type(name.clone())]).collect()
}

/// A condition: there is a relation of this qualified name.
pub(super) fn relation_exists(name: &str) -> String {
    format!("pg_catalog.to_regclass({}) IS NOT NULL", literal(name))
}

/// A condition: there is a type of this qualified name.
pub(super) fn type_exists(name: &str) -> String {
    format!("pg_catalog.to_regtype({}) IS NOT NULL", literal(name))
}

/// A condition: a part of a relation exists under its name, according to a catalog with these columns for the relation and
/// the name.
pub(super) fn exists_on(
    catalog: &str,
    (relation, name): (&str, &str),
    object: &Object,
    schema: &SchemaName,
) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.{catalog} \
         WHERE {relation} = {}::pg_catalog.regclass AND {name} = {})",
        literal(&whole_of(object, schema)),
        object.name().map(|name| Text::from(name).literal()).unwrap_or_default()
    )
}

/// The qualified name of what an object is a part of.
pub(super) fn whole_of(part: &Object, schema: &SchemaName) -> String {
    qualified(&part.group(), schema)
}

/// The clause `WITH (…)` for the storage parameters that an attribute has as `name=value, …`, with a space in front of it,
/// or nothing.
pub(super) fn storage_parameters(fact: &Fact, key: &str) -> String {
    let parameters = parameters_of(fact, key);
    parameters.map(|parameters| format!(" WITH {parameters}")).unwrap_or_default()
}

/// The same without WITH.
pub(super) fn parameters_of(fact: &Fact, key: &str) -> Option<String> {
    let all = fact.text(key)?.split(", ").filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        Some((Ident::new(name).ok()?, Text::new(value).ok()?))
    });
    Some(parameters(&all.collect::<Vec<_>>()))
}

/// The actions of ALTER that reset storage parameters which are not desired, and that set those which are.
pub(super) fn parameter_actions(alteration: &Alteration<'_>, key: &str) -> Vec<String> {
    let (desired, live) = (alteration.desired, alteration.live);
    let names = |fact: &Fact| -> Vec<Ident> {
        let all = fact.text(key).unwrap_or_default().split(", ");
        all.filter_map(|one| Ident::new(one.split_once('=')?.0).ok()).collect()
    };
    let kept = names(desired);
    let gone = names(live).into_iter().filter(|name| !kept.contains(name));
    let gone: Vec<String> = gone.map(|name| parameter_name(&name)).collect();
    let reset = (!gone.is_empty()).then(|| format!("RESET ({})", gone.join(", ")));
    let set = parameters_of(desired, key).map(|parameters| format!("SET {parameters}"));
    reset.into_iter().chain(set).collect()
}

/// The name of a storage parameter in statements. That of a TOAST table has `toast.` in front.
fn parameter_name(name: &Ident) -> String {
    let of_toast = name.as_str().strip_prefix("toast.").and_then(|name| Ident::new(name).ok());
    match of_toast {
        Some(name) => format!("toast.{}", name.quoted()),
        None => name.quoted(),
    }
}

/// The statement that drops a part from the table or the view that it is on; `word` is its kind.
pub(super) fn drop_from_whole(word: &str, fact: &Fact, schema: &SchemaName) -> Option<String> {
    let (name, whole) = (fact.object.name()?.quoted(), whole_of(&fact.object, schema));
    Some(format!("DROP {word} IF EXISTS {name} ON {whole}"))
}

/// The statement that drops what has a name of its own in the schema.
pub(super) fn drop_member(word: &str, fact: &Fact, schema: &SchemaName) -> Option<String> {
    Some(format!("DROP {word} IF EXISTS {}", schema.qualify(fact.object.name()?)))
}

/// The statement that drops a part of a table by ALTER TABLE; `word` is its kind.
pub(super) fn drop_from_table(word: &str, fact: &Fact, schema: &SchemaName) -> Option<String> {
    let (name, table) = (fact.object.name()?.quoted(), whole_of(&fact.object, schema));
    Some(format!("ALTER TABLE {table} DROP {word} IF EXISTS {name}"))
}

/// Parameters in parentheses. Those of a TOAST table have `toast.` in front of the name.
#[must_use]
pub fn parameters(all: &[(Ident, Text)]) -> String {
    let each =
        all.iter().map(|(name, value)| format!("{} = {}", parameter_name(name), value.literal()));
    format!("({})", each.collect::<Vec<_>>().join(", "))
}
