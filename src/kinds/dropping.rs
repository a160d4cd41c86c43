//! How objects are dropped, alone or to be made again.
//!
//! No statement has CASCADE: where something else depends on an object, the server refuses.

use super::alteration::Alteration;
use super::creation::{Creation, Guard, together};
use super::kept;
use super::registry::{create, rules};
use crate::catalog::{Fact, Kind, Template, Value};
use crate::name::SchemaName;

/// Whether an object can be dropped and created again, as declared: it is not what rows are in, and the server can drop it
/// alone.
#[must_use]
pub fn can_rebuild(alteration: &Alteration<'_>) -> bool {
    let kind = alteration.live.object.kind();
    // Rows would be lost with them, or the values that a sequence has given out.
    let holds_data = matches!(kind, Kind::Table | Kind::Column | Kind::Sequence | Kind::Attribute);
    let is_same_kind = alteration.desired.object.kind() == kind;
    // A unique index is no unique constraint.
    let is_same_sort = alteration.desired.text("sort") == alteration.live.text("sort");
    is_same_kind && is_same_sort && !holds_data && can_drop(alteration.live)
}

/// Whether a statement drops this alone.
#[must_use]
pub fn can_drop(fact: &Fact) -> bool {
    drop_alone(fact, &SchemaName::scratch()).is_some()
}

/// The statement that drops an object. It may be run again.
#[must_use]
pub fn drop_alone(fact: &Fact, schema: &SchemaName) -> Option<String> {
    (rules(fact.object.kind()).drop)(fact, schema)
}

/// The same for one that is created again as `desired`, in the same transaction: its privileges and its owner are remembered
/// until then.
#[must_use]
pub fn drop_for_rebuild(live: &Fact, desired: &Fact, schema: &SchemaName) -> Option<String> {
    let mut fact = live.clone();
    // By which it is identified: the server's words for statements are known.
    if let Some(types) = desired.attributes.get("signature") {
        let sql = types.sql.clone().unwrap_or_else(|| Template::plain(&types.text));
        fact.attributes.insert("signature", Value { text: types.text.clone(), sql: Some(sql) });
    }
    let (fact, drop) = (&fact, drop_alone(&fact, schema)?);
    Some(match kept::target(fact, schema) {
        None => drop,
        Some(target) => together(&format!("{};\n        {drop}", target.keep())),
    })
}

/// The statement that creates it again, with the privileges and the owner that it had.
#[must_use]
pub fn rebuild(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let fact = Fact { object: creation.object.clone(), ..creation.fact.clone() };
    match kept::target(&fact, schema) {
        None => create(creation, schema, guard),
        Some(target) => {
            let create = create(creation, schema, Guard::Exclusive);
            let all = format!("{create};\n        {}", target.restore());
            match guard {
                Guard::Exclusive => together(&all),
                Guard::IfNotExists => guard.unless(&target.exists(), &all),
            }
        }
    }
}
