//! What had another name before.

use crate::catalog::{Kind, Object};
use crate::manifest::checking::Checking;
use crate::manifest::model::RenameDecl;
use crate::manifest::raw::{self, KeyForm, Name, Short, Spanned};
use crate::name::Ident;

/// The name of a part, if it has one, and its old name.
type Part<'r> = (Option<&'r Name>, Option<&'r Name>);

/// An old name, and the names of what is declared beside it.
type Old<'r> = (Option<&'r Name>, &'r [&'r str]);

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
    let (mut old_types, mut old_relations) = (Vec::new(), Vec::new());
    let mut member = |checking: &mut Checking<'_>, kind: Kind, name: &Name, from: Option<&Name>| {
        match kind {
            kind if kind.is_type() => note_if_claimed(checking, &mut old_types, from),
            kind if kind.is_routine() => {}
            _ => note_if_claimed(checking, &mut old_relations, from),
        }
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
        parts.extend(triggers_and_rules(checking, (Kind::View, of), &decl.triggers, &decl.rules));
    }
    for (of, decl) in &raw.materialized_views {
        let whole = (Kind::MaterializedView, of);
        parts.extend(parts_of(checking, whole, Kind::Index, indexes(&decl.indexes)));
    }
    members.extend(parts);
    members
}

fn of_type(checking: &mut Checking<'_>, of: &Name, decl: &raw::UserType) -> Vec<RenameDecl> {
    let (mut renames, mut old) = (Vec::new(), Vec::new());
    for (label, from) in &decl.renamed_labels {
        note_if_claimed(checking, &mut old, Some(from));
        let labels = decl.labels.as_ref().map(|labels| labels.value.as_slice());
        if !labels.unwrap_or_default().iter().any(|known| known.value == label.value) {
            checking.note(&label.span, format!("the enum has no label {:?}", label.value));
        }
        let labels = names(labels.unwrap_or_default().iter());
        let from = (Some(from), labels.as_slice());
        renames.extend(part(checking, (Kind::Enum, of), Kind::Label, label, from));
    }
    let attributes = decl.attributes.iter().flatten().map(|(name, attribute)| {
        let from = match &attribute.value {
            Short::Full(full) => full.renamed_from.as_ref(),
            Short::Text(_) => None,
        };
        (Some(name), from)
    });
    let whole = (Kind::CompositeType, of);
    renames.extend(parts_of(checking, whole, Kind::Attribute, attributes));
    for check in decl.checks.iter().flat_map(|checks| &checks.value) {
        if let Short::Full(full) = &check.value {
            let from = (full.renamed_from.as_ref(), &[][..]);
            let (whole, kind) = ((Kind::Domain, of), Kind::DomainConstraint);
            renames.extend(named(checking, whole, kind, full.name.as_ref(), from));
        }
    }
    renames
}

fn of_table(checking: &mut Checking<'_>, of: &Name, decl: &raw::Table) -> Vec<RenameDecl> {
    let whole = (Kind::Table, of);
    let columns = decl.columns.iter().map(|(name, column)| {
        let from = match &column.value {
            Short::Full(full) => full.renamed_from.as_ref(),
            Short::Text(_) => None,
        };
        (Some(name), from)
    });
    let keys = decl.primary_key.iter().chain(&decl.unique).filter_map(|key| match &key.value {
        KeyForm::Full(full) => Some((full.name.as_ref(), full.renamed_from.as_ref())),
        KeyForm::Column(_) | KeyForm::Columns(_) => None,
    });
    let checks = decl.checks.iter().filter_map(|check| match &check.value {
        Short::Full(full) => Some((full.name.as_ref(), full.renamed_from.as_ref())),
        Short::Text(_) => None,
    });
    let foreign_keys = decl.foreign_keys.iter().map(|key| &key.value);
    let foreign_keys = foreign_keys.map(|key| (key.name.as_ref(), key.renamed_from.as_ref()));
    let exclusions = decl.exclusions.iter().map(|exclusion| &exclusion.value);
    let exclusions = exclusions.map(|one| (one.name.as_ref(), one.renamed_from.as_ref()));
    let constraints = keys.chain(checks).chain(foreign_keys).chain(exclusions);
    let statistics = decl.statistics.iter().map(|one| &one.value);
    let statistics = statistics.map(|one| (Some(&one.name), one.renamed_from.as_ref()));
    let policies = decl.policies.iter().map(|policy| &policy.value);
    let policies = policies.map(|policy| (Some(&policy.name), policy.renamed_from.as_ref()));
    let mut renames = parts_of(checking, whole, Kind::Column, columns);
    renames.extend(parts_of(checking, whole, Kind::Constraint, constraints));
    renames.extend(parts_of(checking, whole, Kind::Index, indexes(&decl.indexes)));
    renames.extend(parts_of(checking, whole, Kind::Statistics, statistics));
    renames.extend(triggers_and_rules(checking, whole, &decl.triggers, &decl.rules));
    renames.extend(parts_of(checking, whole, Kind::Policy, policies));
    renames
}

fn indexes(all: &[Spanned<raw::Index>]) -> impl Iterator<Item = Part<'_>> {
    let all = all.iter().map(|index| &index.value);
    all.map(|index| (index.name.as_ref(), index.renamed_from.as_ref()))
}

fn triggers_and_rules(
    checking: &mut Checking<'_>,
    whole: (Kind, &Name),
    triggers: &[Spanned<raw::Trigger>],
    rules: &[Spanned<raw::Rule>],
) -> Vec<RenameDecl> {
    let triggers = triggers.iter().map(|trigger| &trigger.value);
    let triggers = triggers.map(|trigger| (Some(&trigger.name), trigger.renamed_from.as_ref()));
    let rules = rules.iter().map(|rule| &rule.value);
    let rules = rules.map(|rule| (Some(&rule.name), rule.renamed_from.as_ref()));
    let mut renames = parts_of(checking, whole, Kind::Trigger, triggers);
    renames.extend(parts_of(checking, whole, Kind::Rule, rules));
    renames
}

/// The parts of one kind.
fn parts_of<'r>(
    checking: &mut Checking<'_>,
    whole: (Kind, &Name),
    kind: Kind,
    parts: impl Iterator<Item = Part<'r>>,
) -> Vec<RenameDecl> {
    let parts: Vec<Part<'r>> = parts.collect();
    let mut old = Vec::new();
    for (_, from) in &parts {
        note_if_claimed(checking, &mut old, *from);
    }
    let others = names(parts.iter().filter_map(|(name, _)| *name));
    let renames = parts
        .into_iter()
        .filter_map(|(name, from)| named(checking, whole, kind, name, (from, others.as_slice())));
    renames.collect()
}

/// Notes that two things cannot have had one name.
fn note_if_claimed(checking: &mut Checking<'_>, old: &mut Vec<String>, from: Option<&Name>) {
    let Some(from) = from else { return };
    if old.contains(&from.value) {
        let message = format!("{:?} is already the old name of something else", from.value);
        checking.note(&from.span, message);
    }
    old.push(from.value.clone());
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
    (from, others): Old<'_>,
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
    from: Old<'_>,
) -> Option<RenameDecl> {
    let of = Ident::new(of.value.clone()).ok()?;
    rename(checking, name, from, |name| Object::part(whole, &of, kind, &name))
}

fn rename(
    checking: &mut Checking<'_>,
    name: &Name,
    (from, others): Old<'_>,
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
