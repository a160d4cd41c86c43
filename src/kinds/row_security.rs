//! Row-level security of a table. It is an object of its own, with the name of the table: so it can be missing, or not
//! be declared, like anything else that belongs to a table.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Digest, Needs, Rules, whole_of};
use crate::locks::TableLock;
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
    lock: |_| Some(TableLock::AccessExclusive),
    ..Rules::NONE
};

/// The statement may be run again.
fn create(creation: &Creation<'_>, schema: &SchemaName, _: Guard) -> String {
    let words = creation.fact.text("security").unwrap_or_default().split(", ");
    let actions = words.filter_map(|word| match word {
        "enabled" => Some("ENABLE ROW LEVEL SECURITY"),
        "forced" => Some("FORCE ROW LEVEL SECURITY"),
        _ => None,
    });
    let actions: Vec<&str> = actions.collect();
    format!("ALTER TABLE {} {}", whole_of(&creation.object, schema), actions.join(", "))
}
