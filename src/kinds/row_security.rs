//! Row-level security of a table. It is an object of its own, with the name of the table: so it can be missing, or not
//! be declared, like anything else that belongs to a table.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Digest, Needs, Rules, whole_of};
use crate::catalog::{Fact, Object};
use crate::name::SchemaName;

pub(super) static RULES: Rules = Rules {
    needs: Needs::Tables,
    // No column has this number, so no comment is on it.
    source: "c.tableoid::int8, c.oid::int8, -1, c.relname, c.relname, 0, :attributes \
             FROM path CROSS JOIN pg_class c \
             WHERE c.oid = ANY (:tables) AND (c.relrowsecurity OR c.relforcerowsecurity)",
    // Forced, it binds the owner of the table, too; that has no effect unless it is enabled.
    attributes: &[Attribute::new(
        "security",
        "concat_ws(', ', CASE WHEN c.relrowsecurity THEN 'enabled' END, \
                         CASE WHEN c.relforcerowsecurity THEN 'forced' END)",
    )
    .digested(&["r.relrowsecurity", "r.relforcerowsecurity"])],
    digest: Some(Digest {
        identity: "NULL",
        comment: None,
        also: &[],
        from: "(SELECT) one \
               WHERE r.relkind IN ('r', 'p') AND (r.relrowsecurity OR r.relforcerowsecurity)",
    }),
    create,
    alter: |alteration, schema| Some(set(alteration.object(), (alteration.desired, true), schema)),
    drop: |fact, schema| {
        let none = Fact::new(fact.object.clone(), []);
        Some(set(&fact.object, (&none, true), schema))
    },
    ..Rules::NONE
};

/// The statement may be run again.
fn create(creation: &Creation<'_>, schema: &SchemaName, _: Guard) -> String {
    set(&creation.object, (creation.fact, false), schema)
}

/// With `also_off`, what is not desired is switched off.
fn set(object: &Object, (fact, also_off): (&Fact, bool), schema: &SchemaName) -> String {
    let words = fact.text("security").unwrap_or_default();
    let has = |word: &str| words.split(", ").any(|one| one == word);
    let actions = [
        (has("enabled"), "ENABLE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY"),
        (has("forced"), "FORCE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY"),
    ];
    let actions = actions.into_iter().filter_map(|(is_on, on, off)| {
        let off = also_off.then_some(off);
        if is_on { Some(on) } else { off }
    });
    let actions: Vec<&str> = actions.collect();
    format!("ALTER TABLE {} {}", whole_of(object, schema), actions.join(", "))
}
