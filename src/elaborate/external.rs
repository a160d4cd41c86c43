//! Foreign keys to tables outside of the tenant's schema. They are not created in the scratch schema, since that
//! would lock those tables. They consist of names and keywords only; the server quotes the names.

use std::collections::{BTreeMap, BTreeSet};

use super::constraint::{actions, deferral};
use crate::catalog::{Catalog, Fact, Kind, Object};
use crate::manifest::{ConstraintDecl, ConstraintDef, ForeignKeyDecl, Manifest, TableRef};
use crate::name::{Ident, Text};
use crate::pg::{PgError, Scratch};

/// Adds them to what was created, as the server would print them (`pg_get_constraintdef_worker` in
/// PostgreSQL's `ruleutils.c`).
///
/// # Errors
/// When the query fails.
pub(super) async fn add(
    scratch: &mut Scratch<'_>,
    manifest: &Manifest,
    catalog: &mut Catalog,
) -> Result<(), PgError> {
    let keys = external_keys(manifest);
    if keys.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<&Ident> = keys.iter().flat_map(|(.., key)| names(key)).collect();
    let quoted = scratch.texts(&query(&names)).await?;
    let quoted: BTreeMap<&Ident, String> = names.into_iter().zip(quoted).collect();
    // After those of the same table that were created.
    for (position, (table, decl, key)) in (i64::MAX / 2..).zip(keys) {
        for fact in facts(table, decl, key, &quoted) {
            catalog.insert(Fact { position, ..fact });
        }
    }
    Ok(())
}

type ExternalKey<'m> = (&'m Ident, &'m ConstraintDecl, &'m ForeignKeyDecl);

/// Each with its table.
fn external_keys(manifest: &Manifest) -> Vec<ExternalKey<'_>> {
    let mut keys = Vec::new();
    for table in &manifest.tables {
        for decl in &table.constraints {
            if let ConstraintDef::ForeignKey(key) = &decl.definition
                && let TableRef::External { .. } = key.references
            {
                keys.push((&table.name, decl, key));
            }
        }
    }
    keys
}

/// All names that it consists of.
fn names(key: &ForeignKeyDecl) -> Vec<&Ident> {
    let target = match &key.references {
        TableRef::External { schema, table } => vec![schema, table],
        TableRef::Tenant(_) => Vec::new(),
    };
    let columns = key.columns.iter().chain(&key.referenced_columns).chain(&key.on_delete_columns);
    target.into_iter().chain(columns).collect()
}

fn query(names: &BTreeSet<&Ident>) -> String {
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
    let list =
        |names: &[Ident]| format!("({})", names.iter().map(&quote).collect::<Vec<_>>().join(", "));
    let TableRef::External { schema, table: referenced } = &key.references else {
        return Vec::new();
    };
    let (columns, referenced_columns) = (list(&key.columns), list(&key.referenced_columns));
    let referenced = format!("{}.{}", quote(schema), quote(referenced));
    let actions = actions(key, list);
    let definition =
        format!("FOREIGN KEY {columns} REFERENCES {referenced}{referenced_columns}{actions}");
    let role = format!("{columns} references {referenced} {referenced_columns}");
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
    if decl.not_valid {
        attributes.push(("validity", "NOT VALID".to_owned()));
    }
    let mut constraint =
        Fact::new(Object::on_table(Kind::Constraint, table, &decl.name.ident), attributes);
    constraint.dependencies = key.columns.iter().map(|name| Object::column(table, name)).collect();
    let comment = decl.comment.as_ref().map(|text| {
        Fact::new(constraint.object.comment(), [("comment", text.as_str().to_owned())])
    });
    std::iter::once(constraint).chain(comment).collect()
}
