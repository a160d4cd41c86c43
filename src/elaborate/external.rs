//! Foreign keys to tables outside of the tenant's schema. They are not made in the scratch schema, since that
//! would lock those tables. They consist of names and words only; the server quotes the names.

use std::collections::{BTreeMap, BTreeSet};

use super::constraint::{action, deferral};
use crate::catalog::{Catalog, Fact, Kind, Object, Value};
use crate::manifest::{
    ConstraintDecl, ConstraintDef, ForeignKeyDecl, Manifest, ReferentialAction, TableRef,
};
use crate::name::{Ident, Text};
use crate::pg::{PgError, Scratch};

/// Adds them to what was made, as the server would print them (`pg_get_constraintdef_worker` in
/// PostgreSQL's `ruleutils.c`).
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn add(
    scratch: &mut Scratch<'_>,
    manifest: &Manifest,
    catalog: &mut Catalog,
) -> Result<(), PgError> {
    // After those of the same table that were made.
    let mut position = i64::MAX / 2;
    for table in &manifest.tables {
        for decl in &table.constraints {
            let ConstraintDef::ForeignKey(key) = &decl.definition else { continue };
            let TableRef::External { schema, table: referenced } = &key.references else {
                continue;
            };
            let names = [schema, referenced].into_iter();
            let names = names.chain(&key.columns).chain(&key.referenced_columns);
            let names: Vec<&Ident> = names.chain(&key.on_delete_columns).collect();
            let quoted = scratch.texts(&query(&names)).await?;
            let quoted: BTreeMap<&Ident, String> = names.into_iter().zip(quoted).collect();
            position += 1;
            for mut fact in facts(&table.name, decl, key, &quoted) {
                fact.position = position;
                catalog.insert(fact);
            }
        }
    }
    Ok(())
}

fn query(names: &[&Ident]) -> String {
    let literals: Vec<String> = names.iter().map(|name| Text::from(*name).literal()).collect();
    format!(
        "SELECT quote_ident(n.name) AS text FROM unnest(ARRAY[{}]::text[]) WITH ORDINALITY \
         AS n(name, place) ORDER BY n.place",
        literals.join(", ")
    )
}

/// The constraint, and the comment on it.
fn facts(
    table: &Ident,
    decl: &ConstraintDecl,
    key: &ForeignKeyDecl,
    quoted: &BTreeMap<&Ident, String>,
) -> Vec<Fact> {
    let quote = |name: &Ident| quoted.get(name).cloned().unwrap_or_default();
    let list = |names: &[Ident]| names.iter().map(&quote).collect::<Vec<_>>().join(", ");
    let TableRef::External { schema, table: referenced } = &key.references else {
        return Vec::new();
    };
    let (columns, referenced_columns) = (list(&key.columns), list(&key.referenced_columns));
    let referenced = format!("{}.{}", quote(schema), quote(referenced));
    let mut definition =
        format!("FOREIGN KEY ({columns}) REFERENCES {referenced}({referenced_columns})");
    if key.match_full {
        definition.push_str(" MATCH FULL");
    }
    if key.on_update != ReferentialAction::NoAction {
        definition.push_str(&format!(" ON UPDATE {}", action(key.on_update)));
    }
    if key.on_delete != ReferentialAction::NoAction {
        definition.push_str(&format!(" ON DELETE {}", action(key.on_delete)));
        if !key.on_delete_columns.is_empty() {
            definition.push_str(&format!(" ({})", list(&key.on_delete_columns)));
        }
    }
    let role = format!("({columns}) references {referenced} ({referenced_columns})");
    let external = key.references.external().unwrap_or_default();
    let mut attributes = vec![
        ("definition", definition),
        ("sort", "f".to_owned()),
        ("role", role),
        ("external", external),
    ];
    let deferral = deferral(key.deferral).trim_start();
    if !deferral.is_empty() {
        attributes.push(("deferrable", deferral.to_owned()));
    }
    let fact = |object: Object, attributes: Vec<(&'static str, String)>| Fact {
        object,
        attributes: attributes
            .into_iter()
            .map(|(key, text)| (key, Value { text, sql: None }))
            .collect(),
        position: 0,
        dependencies: BTreeSet::new(),
    };
    let mut constraint =
        fact(Object::on_table(Kind::Constraint, table, &decl.name.ident), attributes);
    constraint.dependencies = key.columns.iter().map(|name| Object::column(table, name)).collect();
    let comment = decl
        .comment
        .as_ref()
        .map(|text| fact(constraint.object.comment(), vec![("comment", text.as_str().to_owned())]));
    std::iter::once(constraint).chain(comment).collect()
}
