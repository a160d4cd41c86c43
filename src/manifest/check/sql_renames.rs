//! What objects of SQL files were called before. Whether the files declare them, only the server knows.

use std::collections::BTreeSet;

use crate::catalog::{Kind, Object};
use crate::manifest::checking::Checking;
use crate::manifest::model::{IndexDecl, Manifest, RuleDecl, SqlRename, TriggerDecl, UserTypeDef};
use crate::manifest::raw;
use crate::name::Ident;

/// Those that the manifest says of what it does not declare itself.
pub(super) fn renames(
    checking: &mut Checking<'_>,
    raw: Option<&raw::Sql>,
    manifest: &Manifest,
) -> Vec<SqlRename> {
    let Some(raw) = raw.filter(|raw| !raw.renamed_from.is_empty()) else { return Vec::new() };
    let in_toml = declared(manifest);
    let mut renames = Vec::new();
    for (object, from) in &raw.renamed_from {
        let name = object.value.as_str();
        if let Some(message) = refusal(name, &in_toml) {
            checking.note(&object.span, message);
        } else if let Some(from) = checking.ident(from) {
            let position = checking.position(&object.span);
            renames.push(SqlRename { position, object: name.to_owned(), from });
        }
    }
    renames
}

/// Why this is no object of SQL files that can be renamed, as far as that is known without a server.
fn refusal(name: &str, in_toml: &BTreeSet<String>) -> Option<String> {
    let is_of = |kind: &Kind| {
        let name = name.strip_prefix(&kind.to_string()).and_then(|rest| rest.strip_prefix(' '));
        name.is_some_and(|name| !name.trim().is_empty())
    };
    let mut kinds = Kind::ALL.into_iter().filter(|kind| kind.has_name());
    let Some(kind) = kinds.find(is_of) else {
        return Some(format!(
            "{name:?} is nothing that can be renamed: write the kind and the name of an object as plans do, such as \
             \"table customers\", \"column customers.mobile\" or \"index by_mobile on customers\""
        ));
    };
    // All functions of a name are declared there, or none.
    let known = match name.split_once('(') {
        Some((name, _)) if kind.is_routine() => name,
        _ => name,
    };
    in_toml.contains(known).then(|| {
        let key = if kind == Kind::Label { "renamed_labels" } else { "renamed_from" };
        format!(
            "{name} is declared in the manifest, not in an SQL file: write {key} with the object"
        )
    })
}

/// The objects that can be renamed where they are declared, as plans name them; functions without arguments.
fn declared(manifest: &Manifest) -> BTreeSet<String> {
    let mut all: Vec<Object> = Vec::new();
    for decl in &manifest.enums {
        all.push(Object::Member(Kind::Enum, decl.name.clone()));
        let labels = decl.labels.iter();
        all.extend(labels.map(|label| Object::part(Kind::Enum, &decl.name, Kind::Label, label)));
    }
    for decl in &manifest.types {
        let (kind, part, parts): (_, _, Vec<&Ident>) = match &decl.definition {
            UserTypeDef::Domain(domain) => {
                let constraints = domain.constraints.iter().map(|one| &one.name.ident);
                (Kind::Domain, Kind::DomainConstraint, constraints.collect())
            }
            UserTypeDef::Composite(attributes) => {
                let names = attributes.iter().map(|attribute| &attribute.name);
                (Kind::CompositeType, Kind::Attribute, names.collect())
            }
            UserTypeDef::Range(_) => (Kind::RangeType, Kind::Attribute, Vec::new()),
        };
        all.push(Object::Member(kind, decl.name.clone()));
        all.extend(parts.into_iter().map(|name| Object::part(kind, &decl.name, part, name)));
    }
    let sequences = manifest.sequences.iter();
    all.extend(sequences.map(|decl| Object::Member(Kind::Sequence, decl.name.clone())));
    for decl in &manifest.tables {
        let part = |kind: Kind, name: &Ident| Object::on_table(kind, &decl.name, name);
        all.push(Object::table(&decl.name));
        all.extend(decl.columns.iter().map(|one| part(Kind::Column, &one.name)));
        all.extend(decl.constraints.iter().map(|one| part(Kind::Constraint, &one.name.ident)));
        all.extend(decl.statistics.iter().map(|one| part(Kind::Statistics, &one.name)));
        all.extend(decl.policies.iter().map(|one| part(Kind::Policy, &one.name)));
        all.extend(indexes((Kind::Table, &decl.name), &decl.indexes));
        all.extend(triggers_and_rules((Kind::Table, &decl.name), &decl.triggers, &decl.rules));
    }
    for decl in &manifest.views {
        all.push(Object::Member(Kind::View, decl.name.clone()));
        all.extend(triggers_and_rules((Kind::View, &decl.name), &decl.triggers, &decl.rules));
    }
    for decl in &manifest.materialized_views {
        all.push(Object::Member(Kind::MaterializedView, decl.name.clone()));
        all.extend(indexes((Kind::MaterializedView, &decl.name), &decl.indexes));
    }
    let routines = manifest.routines.iter().map(|decl| {
        let kind = if decl.is_procedure { Kind::Procedure } else { Kind::Function };
        format!("{kind} {}", decl.name)
    });
    let aggregates = manifest.aggregates.iter();
    let aggregates = aggregates.map(|decl| format!("{} {}", Kind::Aggregate, decl.name));
    all.iter().map(ToString::to_string).chain(routines).chain(aggregates).collect()
}

fn indexes((whole, of): (Kind, &Ident), all: &[IndexDecl]) -> impl Iterator<Item = Object> {
    all.iter().map(move |decl| Object::part(whole, of, Kind::Index, &decl.name.ident))
}

fn triggers_and_rules(
    (whole, of): (Kind, &Ident),
    triggers: &[TriggerDecl],
    rules: &[RuleDecl],
) -> impl Iterator<Item = Object> {
    let rules = rules.iter().map(move |decl| Object::part(whole, of, Kind::Rule, &decl.name));
    let triggers = triggers.iter();
    triggers.map(move |decl| Object::part(whole, of, Kind::Trigger, &decl.name)).chain(rules)
}
