//! What triggers and rules have in common: each applies or not by the role of the session in replication.

use super::creation::{Guard, or_replace, together};
use crate::catalog::{Fact, Kind, Object};

/// The statement that creates one of a relation, unless it is `there`, with what ALTER TABLE then does to it if it is not
/// enabled as new ones are. `named` is its kind and name, such as `TRIGGER "t"`.
pub(super) fn create(
    fact: &Fact,
    guard: Guard,
    there: &str,
    statement: &str,
    (relation, named): (&str, &str),
) -> String {
    match words(fact) {
        None => guard.unless(there, statement),
        // A new one is enabled. Both statements are one step, whatever the guard.
        Some(words) => Guard::IfNotExists.unless(
            there,
            &format!("{statement};\n        ALTER TABLE {relation} {words} {named}"),
        ),
    }
}

/// The statement that makes one apply as desired.
pub(super) fn alter(fact: &Fact, (relation, named): (&str, &str)) -> String {
    format!("ALTER TABLE {relation} {} {named}", words(fact).unwrap_or("ENABLE"))
}

/// Whether ALTER TABLE can enable and disable a part: those of views always apply.
pub(super) fn can_be_disabled(object: &Object) -> bool {
    object.group().kind() == Kind::Table
}

/// The statements that replace one, and make it apply as desired.
pub(super) fn replace(object: &Object, fact: &Fact, statement: &str, on: (&str, &str)) -> String {
    let replacing = or_replace(statement);
    if !can_be_disabled(object) {
        return replacing;
    }
    together(&format!("{replacing};\n        {}", alter(fact, on)))
}

fn words(fact: &Fact) -> Option<&'static str> {
    Some(match fact.text("enabled")? {
        "disabled" => "DISABLE",
        "enabled on replicas" => "ENABLE REPLICA",
        _ => "ENABLE ALWAYS",
    })
}
