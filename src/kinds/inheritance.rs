//! Partitions and other child tables. What a child has from its parents comes and goes with these, under names that the
//! server chooses: it is a part of the parents only.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Fact, Kind, Object};
use crate::name::{Ident, Text};

/// What `:own_column` stands for: the column `a` of the table `c` is not only inherited.
pub(super) const OWN_COLUMN: &str = "a.attinhcount = 0 OR a.attislocal AND NOT c.relispartition";

/// The same for the table `r` of digests.
pub(super) const OWN_COLUMN_DIGESTED: &str =
    "a.attinhcount = 0 OR a.attislocal AND NOT r.relispartition";

/// What `:own_constraint` stands for: the constraint `k` of the table `c` is not only inherited. For each partition of the
/// table that a foreign key points to, the server creates another key on the same table, which counts as inherited.
pub(super) const OWN_CONSTRAINT: &str =
    "k.coninhcount = 0 OR k.conislocal AND NOT c.relispartition";

/// The same for the table `r` of digests.
pub(super) const OWN_CONSTRAINT_DIGESTED: &str =
    "k.coninhcount = 0 OR k.conislocal AND NOT r.relispartition";

/// What `:is_override` stands for: the inherited column `a` has something that the column `p` of the parent has not.
pub(super) const IS_OVERRIDE: &str = "\
    a.attnotnull AND NOT p.attnotnull AND NOT EXISTS ( \
        SELECT FROM pg_index i \
        WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey::int2[])) \
    OR a.attstorage <> p.attstorage \
    OR a.attcompression <> p.attcompression \
    OR coalesce(a.attstattarget, -1) <> coalesce(p.attstattarget, -1) \
    OR (SELECT string_agg(o, ',' ORDER BY o) FROM unnest(a.attoptions) o \
        WHERE split_part(o, '=', 1) = ANY (:known_options)) IS DISTINCT FROM \
       (SELECT string_agg(o, ',' ORDER BY o) FROM unnest(p.attoptions) o \
        WHERE split_part(o, '=', 1) = ANY (:known_options)) \
    OR (SELECT pg_get_expr(ad.adbin, ad.adrelid) FROM pg_attrdef ad \
        WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum) IS DISTINCT FROM \
       (SELECT pg_get_expr(ad.adbin, ad.adrelid) FROM pg_attrdef ad \
        WHERE ad.adrelid = p.attrelid AND ad.adnum = p.attnum) \
    OR EXISTS (SELECT FROM pg_description de \
               WHERE de.objoid = a.attrelid AND de.classoid = 'pg_class'::regclass \
                 AND de.objsubid = a.attnum)";

/// The attributes of a table that say what it inherits, and how it is partitioned.
const STRUCTURE: [&str; 4] = ["partition_by", "partition_of", "bound", "inherits"];

/// A condition: the relation `c` is a partition, at any depth, of one of the tables `unmanaged` of its schema, whose
/// partitions are left to another program.
#[must_use]
pub fn is_unmanaged(unmanaged: &[Ident]) -> String {
    if unmanaged.is_empty() {
        return "false".to_owned();
    }
    let names: Vec<String> = unmanaged.iter().map(|name| Text::from(name).literal()).collect();
    format!(
        "c.relispartition AND EXISTS ( \
             SELECT FROM pg_partition_ancestors(c.oid) h(oid) JOIN pg_class u ON u.oid = h.oid \
             WHERE u.oid <> c.oid AND u.relnamespace = c.relnamespace \
               AND u.relname = ANY (ARRAY[{}]::name[]))",
        names.join(", ")
    )
}

/// Whether two states of a table differ in what it inherits or how it is partitioned: what one of them has of its own,
/// the other may have from a parent.
#[must_use]
pub fn differ_in_structure(one: &Fact, other: &Fact) -> bool {
    STRUCTURE.iter().any(|key| one.text(key) != other.text(key))
}

/// The names of the tables of the same schema that a table inherits from or is a partition of.
fn parents(table: &Fact) -> Vec<Ident> {
    let text = table.text("partition_of").or_else(|| table.text("inherits")).unwrap_or_default();
    let (mut names, mut name, mut is_quoted) = (Vec::new(), String::new(), false);
    // Names in the server's words: in quotes where they need them, separated by commas.
    for c in text.chars().chain([',']) {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => names.push(std::mem::take(&mut name)),
            ' ' if !is_quoted && name.is_empty() => {}
            c => name.push(c),
        }
    }
    names.into_iter().filter_map(|name| Ident::new(name).ok()).collect()
}

/// Whether a table is partitioned, or others of the schema inherit from it: the server changes these with it.
#[must_use]
pub fn has_children(catalog: &Catalog, table: &Ident) -> bool {
    let own = catalog.get(&Object::table(table));
    own.is_some_and(|fact| fact.text("partition_by").is_some())
        || catalog.of_kind(Kind::Table).any(|fact| parents(fact).contains(table))
}

/// The column of a table, which may be that of a table that it inherits from.
#[must_use]
pub fn column<'c>(catalog: &'c Catalog, table: &Ident, name: &Ident) -> Option<&'c Fact> {
    let (mut left, mut seen) = (vec![table.clone()], BTreeSet::new());
    while let Some(table) = left.pop() {
        if let Some(fact) = catalog.get(&Object::column(&table, name)) {
            return Some(fact);
        }
        // Two parents may have one parent.
        if let Some(fact) = catalog.get(&Object::table(&table))
            && seen.insert(table)
        {
            left.extend(parents(fact));
        }
    }
    None
}

/// Another partition with the bound of `partition`, under another name.
#[must_use]
pub fn same_bound<'c>(catalog: &'c Catalog, partition: &Fact) -> Option<&'c Object> {
    let bound = partition.text("bound")?;
    let parent = partition.text("partition_of")?;
    let mut tables = catalog.of_kind(Kind::Table);
    let same = tables.find(|table| {
        table.object != partition.object
            && table.text("partition_of") == Some(parent)
            && table.text("bound") == Some(bound)
    });
    same.map(|table| &table.object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_parents_are_found() {
        let ident = |name: &str| Ident::new(name).unwrap();
        let mut catalog = Catalog::default();
        for (table, parents) in [("a", "\"B, \", c"), ("B, ", "d"), ("c", "a")] {
            let inherits = ("inherits", parents.to_owned());
            catalog.insert(Fact::new(Object::table(&ident(table)), [inherits]));
        }
        catalog.insert(Fact::new(Object::column(&ident("d"), &ident("x")), []));
        let found = column(&catalog, &ident("a"), &ident("x")).map(|fact| fact.object.to_string());
        assert_eq!(found.as_deref(), Some("column d.x"));
        assert!(column(&catalog, &ident("a"), &ident("y")).is_none());
    }
}
