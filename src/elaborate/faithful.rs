//! Whether what the server created is what was declared, no more and no less: an SQL fragment that smuggles
//! something in is detected here.

use super::{ElaborateError, user_type};
use crate::catalog::{Catalog, Kind, Object, UNKNOWN_OPTION};
use crate::manifest::{ColumnValue, Manifest, Position, TableDecl, ViewDecl};
use crate::name::Ident;

/// # Errors
/// [`ElaborateError::Unfaithful`].
pub(super) fn check(manifest: &Manifest, catalog: &Catalog) -> Result<(), ElaborateError> {
    if let Some(other) = catalog.unmodelled.iter().find(|other| other.kind != UNKNOWN_OPTION) {
        if !manifest.sql.is_empty() {
            let cause = manifest.sql.cause(&other.kind, &other.name);
            let created = || other.name.split('.').find_map(|name| manifest.sql.position(name));
            let at = cause.or_else(created).cloned();
            return Err(ElaborateError::Unmodelled { at, object: other.to_string() });
        }
        return Err(unfaithful(None, "nothing of the kind", &format!("{other} appeared")));
    }
    for decl in &manifest.tables {
        if !catalog.has_table(&decl.name) {
            let object = format!("table {}", decl.name);
            return Err(unfaithful(Some(&decl.position), &object, "it was not created"));
        }
        check_table(decl, catalog, manifest.sql.is_empty())?;
    }
    for decl in &manifest.partitions {
        let created = catalog.get(&Object::table(&decl.name));
        if created.is_none_or(|created| created.text("partition_of").is_none()) {
            let object = format!("table {}", decl.name);
            return Err(unfaithful(Some(&decl.position), &object, "it is no partition"));
        }
    }
    for decl in &manifest.unmanaged {
        let table = catalog.get(&Object::table(&decl.table));
        if table.is_none_or(|table| table.text("partition_by").is_none()) {
            let object = format!("table {}", decl.table);
            return Err(unfaithful(Some(&decl.position), &object, "it is not partitioned"));
        }
    }
    let kind = |is_procedure| if is_procedure { Kind::Procedure } else { Kind::Function };
    let routines = manifest.routines.iter().map(|decl| (kind(decl.is_procedure), &decl.name));
    let aggregates = manifest.aggregates.iter().map(|decl| (Kind::Aggregate, &decl.name));
    let mut declared: Vec<(Kind, &Ident)> = routines.chain(aggregates).collect();
    declared.sort();
    let sequence = |name: &Ident| Object::Member(Kind::Sequence, name.clone());
    let materialized = |name: &Ident| Object::Member(Kind::MaterializedView, name.clone());
    let view = |name: &Ident| Object::Member(Kind::View, name.clone());
    let of_view = |view: &Ident, kind: Kind, name: &Ident| {
        catalog.has(&Object::part(Kind::View, view, kind, name))
    };
    let is_whole = |decl: &ViewDecl| {
        catalog.has(&view(&decl.name))
            && decl.triggers.iter().all(|t| of_view(&decl.name, Kind::Trigger, &t.name))
            && decl.rules.iter().all(|r| of_view(&decl.name, Kind::Rule, &r.name))
    };
    let has_others = catalog.of_kind(Kind::Table).count()
        != manifest.tables.len() + manifest.partitions.len()
        || catalog.of_kind(Kind::Enum).count() != manifest.enums.len()
        || types(catalog) != manifest.types.len()
        || catalog.of_kind(Kind::View).count() != manifest.views.len()
        || catalog.of_kind(Kind::MaterializedView).count() != manifest.materialized_views.len()
        || routines_in(catalog) != declared;
    // They may be those of SQL files.
    if has_others && manifest.sql.is_empty()
        || manifest.views.iter().any(|decl| !is_whole(decl))
        || manifest.materialized_views.iter().any(|decl| !catalog.has(&materialized(&decl.name)))
        || manifest.types.iter().any(|decl| !catalog.has(&user_type::object(decl)))
        || manifest.sequences.iter().any(|decl| !catalog.has(&sequence(&decl.name)))
    {
        return Err(unfaithful(None, "its tables, types and functions", "others were created"));
    }
    Ok(())
}

/// How many types there are besides enums.
fn types(catalog: &Catalog) -> usize {
    let all = catalog.facts().filter(|fact| fact.object.kind().is_type());
    all.filter(|fact| fact.object.kind() != Kind::Enum).count()
}

/// The functions, procedures and aggregates, sorted.
fn routines_in(catalog: &Catalog) -> Vec<(Kind, &Ident)> {
    let all = catalog.facts().filter(|fact| fact.object.kind().is_routine());
    let all = all.filter_map(|fact| Some((fact.object.kind(), fact.object.name()?)));
    let mut all: Vec<(Kind, &Ident)> = all.collect();
    all.sort();
    all
}

/// `is_all`: nothing else declares parts of it.
fn check_table(decl: &TableDecl, catalog: &Catalog, is_all: bool) -> Result<(), ElaborateError> {
    let object = format!("table {}", decl.name);
    let of_table = |key| catalog.get(&Object::table(&decl.name)).and_then(|t| t.text(key));
    if of_table("partition_by").is_some() != decl.partition_by.is_some()
        || of_table("inherits").is_some() == decl.inherits.is_empty()
    {
        let reason = "its partitioning or what it inherits does not agree";
        return Err(unfaithful(Some(&decl.position), &object, reason));
    }
    for column in &decl.columns {
        let object = format!("column {}.{}", decl.name, column.name);
        let Some(created) = catalog.get(&Object::column(&decl.name, &column.name)) else {
            return Err(unfaithful(Some(&column.position), &object, "it was not created"));
        };
        let is_generated = created.text("stored").or_else(|| created.text("virtual")).is_some();
        let identity = created.text("identity");
        let agrees = match &column.value {
            // `serial` creates a default.
            ColumnValue::None | ColumnValue::Default(_) => !is_generated && identity.is_none(),
            ColumnValue::Identity { always, .. } => {
                identity == Some(if *always { "always" } else { "by default" })
            }
            ColumnValue::Generated(_) => is_generated,
        };
        if !agrees || (!column.nullable && created.text("nullability") == Some("null")) {
            let at = Some(&column.position);
            return Err(unfaithful(at, &object, "its value or its null does not agree"));
        }
    }
    let count = |kind: Kind| {
        let of_table = catalog.of_kind(kind);
        of_table.filter(|fact| fact.object.table_name().as_ref() == Some(&decl.name)).count()
    };
    if is_all && count(Kind::Column) != decl.columns.len() {
        return Err(unfaithful(Some(&decl.position), &object, "it has other columns"));
    }
    let options = catalog.get(&Object::table(&decl.name)).and_then(|fact| fact.text("options"));
    let of_toast = |text: &str| text.starts_with("toast.");
    let has_toast = options.is_some_and(|text| text.split(", ").any(of_toast));
    if !has_toast && decl.with.iter().any(|(name, _)| of_toast(name.as_str())) {
        let reason = "it has no TOAST table, since no column can have long values";
        return Err(unfaithful(Some(&decl.position), &object, reason));
    }
    let has = |kind, name| catalog.has(&Object::on_table(kind, &decl.name, name));
    let has_all = decl.constraints.iter().all(|c| has(Kind::Constraint, &c.name.ident))
        && decl.indexes.iter().all(|i| has(Kind::Index, &i.name.ident))
        && decl.statistics.iter().all(|s| has(Kind::Statistics, &s.name))
        && decl.triggers.iter().all(|t| has(Kind::Trigger, &t.name))
        && decl.rules.iter().all(|r| has(Kind::Rule, &r.name))
        && decl.policies.iter().all(|p| has(Kind::Policy, &p.name));
    let has_others = count(Kind::Constraint) != decl.constraints.len()
        || count(Kind::Index) != decl.indexes.len()
        || count(Kind::Statistics) != decl.statistics.len()
        || count(Kind::Trigger) != decl.triggers.len()
        || count(Kind::Rule) != decl.rules.len()
        || count(Kind::Policy) != decl.policies.len();
    if !has_all || is_all && has_others {
        let at = Some(&decl.position);
        return Err(unfaithful(
            at,
            &object,
            "it has other constraints, indexes, statistics, triggers, rules or policies",
        ));
    }
    Ok(())
}

fn unfaithful(at: Option<&Position>, object: &str, reason: &str) -> ElaborateError {
    let (at, object, reason) = (at.cloned(), object.to_owned(), reason.to_owned());
    ElaborateError::Unfaithful { at, object, reason }
}
