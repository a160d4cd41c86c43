//! What had another name before.

use crate::catalog::{Kind, Object};
use crate::manifest::checking::Checking;
use crate::manifest::model::RenameDecl;
use crate::manifest::raw::{self, KeyForm, Name, Short};
use crate::name::Ident;

/// An old name, and the names of what is declared beside it.
type From<'r> = (Option<&'r Name>, &'r [&'r str]);

/// All that has been renamed, wholes before their parts.
pub(super) fn renames(checking: &mut Checking<'_>, raw: &raw::Manifest) -> Vec<RenameDecl> {
    let (mut members, mut parts) = (Vec::new(), Vec::new());
    let relations: Vec<&str> = raw
        .tables
        .keys()
        .chain(raw.views.keys())
        .chain(raw.materialized_views.keys())
        .chain(raw.sequences.keys())
        .map(|name| name.value.as_str())
        .collect();
    let types: Vec<&str> = raw.types.keys().map(|name| name.value.as_str()).collect();
    let mut member = |checking: &mut Checking<'_>, kind: Kind, name: &Name, from: Option<&Name>| {
        // Others may have the name of a function, with other arguments.
        let others = match kind {
            kind if kind.is_type() => types.as_slice(),
            kind if kind.is_routine() => &[],
            _ => relations.as_slice(),
        };
        let object = |name: Ident| {
            if kind.is_routine() {
                Object::Routine { kind, name, arguments: String::new() }
            } else {
                Object::Member(kind, name)
            }
        };
        members.extend(rename(checking, name, (from, others), object));
    };
    for (name, decl) in &raw.types {
        let kind = match decl {
            _ if decl.labels.is_some() => Kind::Enum,
            _ if decl.domain.is_some() => Kind::Domain,
            _ if decl.attributes.is_some() => Kind::CompositeType,
            _ => Kind::RangeType,
        };
        member(checking, kind, name, decl.renamed_from.as_ref());
    }
    for (name, decl) in &raw.sequences {
        member(checking, Kind::Sequence, name, decl.renamed_from.as_ref());
    }
    for (name, decl) in &raw.tables {
        member(checking, Kind::Table, name, decl.renamed_from.as_ref());
    }
    for (name, decl) in &raw.views {
        member(checking, Kind::View, name, decl.renamed_from.as_ref());
    }
    for (name, decl) in &raw.materialized_views {
        member(checking, Kind::MaterializedView, name, decl.renamed_from.as_ref());
    }
    for (name, decl) in &raw.functions {
        let from = decl.all().into_iter().find_map(|one| one.renamed_from.as_ref());
        member(checking, Kind::Function, name, from);
    }
    for (name, decl) in &raw.procedures {
        let from = decl.all().into_iter().find_map(|one| one.renamed_from.as_ref());
        member(checking, Kind::Procedure, name, from);
    }
    for (name, decl) in &raw.aggregates {
        let from = decl.all().into_iter().find_map(|one| one.renamed_from.as_ref());
        member(checking, Kind::Aggregate, name, from);
    }
    for (of, decl) in &raw.types {
        parts.extend(of_type(checking, of, decl));
    }
    for (of, decl) in &raw.tables {
        parts.extend(of_table(checking, of, decl));
    }
    for (of, decl) in &raw.views {
        let triggers = names(decl.triggers.iter().map(|trigger| &trigger.value.name));
        let rules = names(decl.rules.iter().map(|rule| &rule.value.name));
        for trigger in &decl.triggers {
            let from = (trigger.value.renamed_from.as_ref(), triggers.as_slice());
            parts.extend(part(
                checking,
                (Kind::View, of),
                Kind::Trigger,
                &trigger.value.name,
                from,
            ));
        }
        for rule in &decl.rules {
            let from = (rule.value.renamed_from.as_ref(), rules.as_slice());
            parts.extend(part(checking, (Kind::View, of), Kind::Rule, &rule.value.name, from));
        }
    }
    for (of, decl) in &raw.materialized_views {
        let indexes = names(decl.indexes.iter().filter_map(|index| index.value.name.as_ref()));
        for index in &decl.indexes {
            let index = &index.value;
            let from = (index.renamed_from.as_ref(), indexes.as_slice());
            let name = index.name.as_ref();
            parts.extend(named(checking, (Kind::MaterializedView, of), Kind::Index, name, from));
        }
    }
    members.extend(parts);
    members
}

fn of_type(checking: &mut Checking<'_>, of: &Name, decl: &raw::UserType) -> Vec<RenameDecl> {
    let mut renames = Vec::new();
    for (label, from) in &decl.renamed_labels {
        let labels = decl.labels.as_ref().map(|labels| labels.value.as_slice());
        if !labels.unwrap_or_default().iter().any(|known| known.value == label.value) {
            checking.note(&label.span, format!("the enum has no label {:?}", label.value));
        }
        let labels = names(labels.unwrap_or_default().iter());
        let from = (Some(from), labels.as_slice());
        renames.extend(part(checking, (Kind::Enum, of), Kind::Label, label, from));
    }
    let attributes = names(decl.attributes.iter().flatten().map(|(name, _)| name));
    for (name, attribute) in decl.attributes.iter().flatten() {
        let from = match &attribute.value {
            Short::Full(full) => full.renamed_from.as_ref(),
            Short::Text(_) => None,
        };
        let from = (from, attributes.as_slice());
        renames.extend(part(checking, (Kind::CompositeType, of), Kind::Attribute, name, from));
    }
    for check in decl.checks.iter().flat_map(|checks| &checks.value) {
        if let Short::Full(full) = &check.value {
            let (name, from) = (full.name.as_ref(), (full.renamed_from.as_ref(), &[][..]));
            let kind = Kind::DomainConstraint;
            renames.extend(named(checking, (Kind::Domain, of), kind, name, from));
        }
    }
    renames
}

fn of_table(checking: &mut Checking<'_>, of: &Name, decl: &raw::Table) -> Vec<RenameDecl> {
    let whole = (Kind::Table, of);
    let mut renames = Vec::new();
    let columns = names(decl.columns.keys());
    for (name, column) in &decl.columns {
        if let Short::Full(full) = &column.value {
            let from = (full.renamed_from.as_ref(), columns.as_slice());
            renames.extend(part(checking, whole, Kind::Column, name, from));
        }
    }
    let mut constraints: Vec<(Option<&Name>, Option<&Name>)> = Vec::new();
    for key in decl.primary_key.iter().chain(&decl.unique) {
        if let KeyForm::Full(full) = &key.value {
            constraints.push((full.name.as_ref(), full.renamed_from.as_ref()));
        }
    }
    for check in &decl.checks {
        if let Short::Full(full) = &check.value {
            constraints.push((full.name.as_ref(), full.renamed_from.as_ref()));
        }
    }
    let keys = decl.foreign_keys.iter().map(|key| &key.value);
    constraints.extend(keys.map(|key| (key.name.as_ref(), key.renamed_from.as_ref())));
    let exclusions = decl.exclusions.iter().map(|exclusion| &exclusion.value);
    constraints.extend(exclusions.map(|one| (one.name.as_ref(), one.renamed_from.as_ref())));
    let others = names(constraints.iter().filter_map(|(name, _)| *name));
    for (name, from) in constraints {
        let from = (from, others.as_slice());
        renames.extend(named(checking, whole, Kind::Constraint, name, from));
    }
    let indexes = names(decl.indexes.iter().filter_map(|index| index.value.name.as_ref()));
    for index in &decl.indexes {
        let from = (index.value.renamed_from.as_ref(), indexes.as_slice());
        let name = index.value.name.as_ref();
        renames.extend(named(checking, whole, Kind::Index, name, from));
    }
    let statistics = names(decl.statistics.iter().map(|one| &one.value.name));
    for one in &decl.statistics {
        let from = (one.value.renamed_from.as_ref(), statistics.as_slice());
        renames.extend(part(checking, whole, Kind::Statistics, &one.value.name, from));
    }
    let triggers = names(decl.triggers.iter().map(|trigger| &trigger.value.name));
    for trigger in &decl.triggers {
        let from = (trigger.value.renamed_from.as_ref(), triggers.as_slice());
        renames.extend(part(checking, whole, Kind::Trigger, &trigger.value.name, from));
    }
    let rules = names(decl.rules.iter().map(|rule| &rule.value.name));
    for rule in &decl.rules {
        let from = (rule.value.renamed_from.as_ref(), rules.as_slice());
        renames.extend(part(checking, whole, Kind::Rule, &rule.value.name, from));
    }
    let policies = names(decl.policies.iter().map(|policy| &policy.value.name));
    for policy in &decl.policies {
        let from = (policy.value.renamed_from.as_ref(), policies.as_slice());
        renames.extend(part(checking, whole, Kind::Policy, &policy.value.name, from));
    }
    renames
}

fn names<'r>(all: impl Iterator<Item = &'r Name>) -> Vec<&'r str> {
    all.map(|name| name.value.as_str()).collect()
}

/// A part that need not have a name.
fn named(
    checking: &mut Checking<'_>,
    whole: (Kind, &Name),
    kind: Kind,
    name: Option<&Name>,
    (from, others): From<'_>,
) -> Option<RenameDecl> {
    if let (None, Some(from)) = (name, from) {
        checking.note(
            &from.span,
            "renamed_from needs a name; without one, it is found by its structure",
        );
    }
    part(checking, whole, kind, name?, (from, others))
}

fn part(
    checking: &mut Checking<'_>,
    (whole, of): (Kind, &Name),
    kind: Kind,
    name: &Name,
    from: From<'_>,
) -> Option<RenameDecl> {
    let of = Ident::new(of.value.clone()).ok()?;
    rename(checking, name, from, |name| Object::part(whole, &of, kind, &name))
}

fn rename(
    checking: &mut Checking<'_>,
    name: &Name,
    (from, others): From<'_>,
    object: impl FnOnce(Ident) -> Object,
) -> Option<RenameDecl> {
    let raw = from?;
    let from = checking.ident(raw)?;
    if raw.value == name.value {
        checking.note(&raw.span, "that is the name that it has");
        return None;
    }
    if others.contains(&raw.value.as_str()) {
        let message = format!(
            "{:?} is declared, too; names are exchanged, or used again, in two steps, each in all tenants",
            raw.value
        );
        checking.note(&raw.span, message);
        return None;
    }
    let object = object(Ident::new(name.value.clone()).ok()?);
    Some(RenameDecl { position: checking.position(&raw.span), object, from })
}
