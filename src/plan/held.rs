//! What is missing and held back: something that it needs is not as desired, something is in the way, or what
//! it needs is held back itself.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::casts;
use super::comparison::Comparison;
use super::mentions::{namesakes, reasons_met};
use super::needs::{Blocked, needed};
use super::removed::{Intent, Removal};
use super::renaming::{Renaming, reasons_not_to};
use super::row_needs;
use super::step::{Action, Step};
use super::structure::misplaced;
use super::type_limits;
use super::untouched::Held;
use crate::catalog::{Fact, Kind, Object};
use crate::consent::Class;
use crate::grants::{AbsentGrant, GrantOn, Whose};
use crate::kinds;
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};
use crate::words::{article, counted};

/// Determines which of the missing objects cannot be created; `taken` are those whose name something else has.
pub(super) fn blocked<'a>(
    comparison: &Comparison<'a>,
    taken: &BTreeMap<&'a Object, String>,
    (reasons, renaming): (&Reasons, &Renaming<'_>),
) -> Blocked<'a> {
    let mut blocked = Blocked::new();
    for object in renaming.waiting() {
        if let Some(fact) = comparison.desired.catalog.get(object) {
            blocked.entry(&fact.object).or_default().extend(renaming.obstructs(object));
        }
    }
    for (object, holder) in taken {
        blocked
            .entry(object)
            .or_default()
            .insert(format!("the name of {object} is taken by {} {holder}", article(holder)));
    }
    let unfit = unfit(comparison);
    let namesakes = namesakes(comparison, reasons);
    for fact in comparison.touched() {
        let is_changed = comparison.changing.contains_key(&fact.object);
        let mut why: BTreeSet<String> = BTreeSet::new();
        // A comment can be created whatever state its object is in, except for one on a column that a view may not have.
        if fact.object.kind() != Kind::Comment || is_on_view_column(&fact.object) {
            let forms = needed_form(fact).filter_map(|object| unfit.get(&object));
            why.extend(forms.map(|actual| format!("{actual} is not as declared")));
            why.extend(obstructed(comparison, fact, reasons, &namesakes));
            why.extend(casts::refused(comparison, fact));
            why.extend(needed(fact).find_map(|object| renaming.obstructs(&object)));
            if !is_changed {
                why.extend(hides_rows(comparison, fact));
                why.extend(misplaced(comparison, fact));
                why.extend(type_limits::refused(comparison, fact));
            }
        }
        if !why.is_empty() {
            blocked.entry(&fact.object).or_default().extend(why);
        }
    }
    spread(comparison, &mut blocked);
    blocked
}

/// The objects that have to be as desired so that this one can be created. What it is a part of need not be, except for a
/// materialized view that is to be filled: its query is run.
fn needed_form(fact: &Fact) -> impl Iterator<Item = Object> + use<'_> {
    let whole = fact.object.group();
    let wholes = fact.dependencies.iter().map(Object::group);
    // A foreign key also needs the table that it points to.
    let tables = wholes.filter(|_| kinds::is_foreign_key(fact));
    let is_of_columns = fact.object.kind() == Kind::Population || is_on_view_column(&fact.object);
    let filled = is_of_columns.then(|| whole.clone());
    let all = fact.dependencies.iter().cloned().chain(tables);
    all.filter(move |object| *object != whole).chain(filled)
}

fn is_on_view_column(object: &Object) -> bool {
    let Object::Comment(on) = object else { return false };
    on.kind() == Kind::Column && on.table_name().is_none()
}

/// Objects that exist in another form than what depends on them needs, by the desired object.
fn unfit(comparison: &Comparison<'_>) -> BTreeMap<Object, Object> {
    let altered = comparison.withheld.altered.iter().filter(|altered| {
        let attributes = kinds::rules(altered.desired.object.kind()).attributes;
        let is_needed = |key| attributes.iter().any(|a| a.key == key && a.is_needed);
        altered.keys().any(is_needed)
    });
    let altered = altered.map(|a| (a.desired.object.clone(), a.live.object.clone()));
    // A unique index enforces what a unique constraint does; other counterparts are something else.
    let others = comparison.matching.counterparts.iter().filter(|counterpart| {
        let (desired, live) = (counterpart.desired, counterpart.live);
        desired.object.kind() == live.object.kind() || live.text("validity").is_some()
    });
    let others = others.map(|c| (c.desired.object.clone(), c.live.object.clone()));
    altered.chain(others).collect()
}

/// What needs something that cannot be created cannot be created either, nor can a whole without an indispensable
/// part: for the same reasons.
fn spread<'a>(comparison: &Comparison<'a>, blocked: &mut Blocked<'a>) {
    let order = type_limits::order(comparison);
    loop {
        let mut more: Vec<(&'a Object, String)> = Vec::new();
        for fact in comparison.touched() {
            if !blocked.contains_key(&fact.object) {
                let before = order.get(&fact.object).into_iter().flatten();
                // A check that is not added hinders nothing.
                let before = before.filter(|object| object.kind() != Kind::DomainConstraint);
                let needed = needed(fact).chain(before.map(|object| (*object).clone()));
                let held = needed.filter_map(|object| blocked.get(&object));
                more.extend(held.flatten().map(|reason| (&fact.object, reason.clone())));
            } else if let Some(whole) = indispensable_to(fact)
                && let Some((whole, _)) = comparison.added.get_key_value(&whole)
                && !blocked.contains_key(whole)
            {
                let own = blocked.get(&fact.object).into_iter().flatten();
                more.extend(own.map(|reason| (*whole, reason.clone())));
            }
        }
        if more.is_empty() {
            return;
        }
        for (object, reason) in more {
            blocked.entry(object).or_default().insert(reason);
        }
    }
}

/// What cannot be created without this part of it: a table without a column, a column without its default, a type
/// without a label or an attribute.
fn indispensable_to(fact: &Fact) -> Option<Object> {
    kinds::comes_with(fact).or_else(|| match fact.object.kind() {
        Kind::Column | Kind::Label | Kind::Attribute => fact.object.parent(),
        _ => None,
    })
}

/// Why the statement that creates the object must not be run.
fn obstructed(
    comparison: &Comparison<'_>,
    fact: &Fact,
    reasons: &Reasons,
    namesakes: &BTreeSet<Subject>,
) -> BTreeSet<String> {
    if reasons.keys().all(Subject::is_only_of_drops) {
        return BTreeSet::new();
    }
    if fact.object.kind() == Kind::Population {
        let why = "its query could run code of owners who are not trusted: refresh it by hand";
        return BTreeSet::from([why.to_owned()]);
    }
    let of = |table: &Ident| table.as_str().to_owned();
    let exists = |table: &Ident| comparison.live.has_table(table);
    let own = fact.object.table_name().filter(|table| exists(table));
    let referenced = fact.dependencies.iter().filter_map(Object::table_name);
    let is_key = kinds::is_foreign_key(fact);
    let mut tables: Vec<Ident> = referenced.filter(|table| is_key && exists(table)).collect();
    tables.extend(own);
    // The tables whose columns are converted to a type that is made anew.
    let remade = comparison.remade.get(&fact.object);
    let converted = remade.into_iter().flat_map(|remade| &remade.columns);
    tables.extend(converted.filter_map(|column| column.object.table_name()));
    // A view or a function that is replaced.
    let replaced = comparison.changing.contains_key(&fact.object).then_some(&fact.object);
    tables.extend(replaced.and_then(|object| match object.group() {
        Object::Member(kind, name) if !kind.is_type() => Some(name),
        _ => None,
    }));
    tables.extend(rewritten_to(comparison, fact));
    let mut subjects: BTreeSet<Subject> =
        tables.iter().map(|table| Subject::Relation(of(table))).collect();
    // To validate a foreign key, the rows of both tables are read.
    if is_key && fact.object.table_name().is_some_and(|table| exists(&table)) {
        subjects.extend(tables.iter().map(|table| Subject::Rows(of(table))));
    }
    let backfill = backfill(comparison, fact);
    if backfill.is_some() {
        subjects.extend(tables.iter().map(|table| Subject::Rows(of(table))));
    }
    subjects.extend(fact.text("external").map(|table| Subject::External(table.to_owned())));
    for object in fact.dependencies.iter().chain(replaced) {
        match object {
            Object::Member(kind, name) if kind.is_type() => {
                subjects.insert(Subject::Type(of(name)));
            }
            Object::Routine { name, arguments, .. } => {
                subjects.insert(Subject::Function(format!("{}({arguments})", name.as_str())));
                subjects.extend(namesakes.iter().cloned());
            }
            _ => {}
        }
    }
    let mut expressions = vec!["expressions", "default", "stored", "virtual"];
    // Rows that are inserted later make the server evaluate these.
    if matches!(fact.object.kind(), Kind::Trigger | Kind::Rule) {
        expressions.push("definition");
    }
    let expressions = expressions.iter().filter_map(|key| fact.text(key));
    let expressions: Vec<&str> = expressions.chain(backfill).collect();
    reasons_met(reasons, &subjects, &tables, &expressions)
}

/// The expression that gives a column that is added or becomes NOT NULL its values in rows that exist already.
fn backfill<'a>(comparison: &Comparison<'a>, fact: &Fact) -> Option<&'a str> {
    let backfill = comparison.column(&fact.object)?.backfill.as_ref()?;
    comparison.live.has(&fact.object.group()).then(|| backfill.as_written())
}

/// What a rule reads and writes, as far as it exists: once there is the rule, rows that are inserted lead there.
fn rewritten_to(comparison: &Comparison<'_>, fact: &Fact) -> Vec<Ident> {
    if fact.object.kind() != Kind::Rule {
        return Vec::new();
    }
    let relations = fact.dependencies.iter().map(Object::group);
    let relations = relations.filter(|object| {
        matches!(object, Object::Member(Kind::Table | Kind::View | Kind::MaterializedView, _))
            && comparison.live.has(object)
    });
    relations.filter_map(|object| object.name().cloned()).collect()
}

/// Why row-level security is not enabled on a table that exists: that adds nothing, but takes away.
fn hides_rows(comparison: &Comparison<'_>, fact: &Fact) -> Option<String> {
    let table = fact.object.table_name().filter(|_| fact.object.kind() == Kind::RowSecurity)?;
    let is_allowed = comparison.consent.allows(Class::Alter, &fact.object);
    (comparison.live.has_table(&table) && !is_allowed).then(|| {
        format!(
            "table {table} exists, and its rows could become invisible: enable it by hand, or with \
             --allow alter"
        )
    })
}

/// Separates the steps, which are in order, into those that may be run and those that are held back.
pub(super) fn part<'a>(
    comparison: &Comparison<'a>,
    missing: Vec<Step<'a>>,
    (blocked, removal): (&Blocked<'a>, &Removal),
    reasons: &Reasons,
) -> (Vec<Step<'a>>, Vec<Held>) {
    let mut rows = row_needs::HeldRows::new(comparison, blocked, reasons);
    let refused = removal.refused.iter().map(|(object, refusal)| {
        let action = match refusal.intent {
            Intent::Drop => Action::Drop,
            Intent::Rebuild | Intent::Remake => Action::Rebuild,
            Intent::Alter => Action::Alter,
        };
        (action, object.clone(), refusal.reasons.clone())
    });
    let (mut steps, mut held) = (Vec::new(), refused.collect::<Vec<_>>());
    for step in missing {
        let why = match &step {
            Step::Create(creation) | Step::Recreate(creation) => {
                blocked.get(&creation.fact.object).cloned().unwrap_or_default()
            }
            Step::Change(alteration) => {
                blocked.get(&alteration.desired.object).cloned().unwrap_or_default()
            }
            // What is in the way was found before; see `removal`.
            Step::Drop { .. } => BTreeSet::new(),
            Step::Rename { rename, .. } => reasons_not_to(rename, reasons),
            Step::Grant { absent, whose } => not_granted(comparison, absent, *whose, blocked),
            Step::Insert { seed, row } => rows.why(seed, row),
            Step::Update { different } | Step::Free { different, .. } => {
                rows.why_not_update(different)
            }
            Step::Delete { seed, followers, .. } => rows.why_not_delete(seed, followers),
        };
        if why.is_empty() {
            steps.push(step);
        } else {
            held.push((step.action(), step.object(), why));
        }
    }
    (steps, grouped(&held))
}

/// Why privileges are not granted: they cannot be, or what they are on cannot be created.
fn not_granted(
    comparison: &Comparison<'_>,
    absent: &AbsentGrant<'_>,
    whose: Whose<'_>,
    blocked: &Blocked<'_>,
) -> BTreeSet<String> {
    let mut why: BTreeSet<String> = absent.reason(whose).into_iter().collect();
    let on = match &absent.grant.on {
        GrantOn::Object { object, columns, .. } => Some((object, columns.as_slice())),
        GrantOn::Ownership { object, .. } => Some((object, &[][..])),
        GrantOn::Later { .. } => None,
    };
    if let Some((object, columns)) = on {
        let table = object.name();
        let columns = columns.iter().zip(std::iter::repeat(table));
        let columns = columns.filter_map(|(column, table)| Some(Object::column(table?, column)));
        let needed = columns.chain([object.clone()]);
        let reasons = needed.filter_map(|object| blocked.get(&object));
        why.extend(reasons.flatten().cloned());
        why.extend(not_made(comparison, object));
    }
    why
}

/// Why a sequence will not exist: it comes with a column that exists without it.
fn not_made(comparison: &Comparison<'_>, object: &Object) -> Option<String> {
    let column = comparison.desired.catalog.get(object).and_then(kinds::comes_with)?;
    let is_there = comparison.live.has(&comparison.name_of(object));
    let is_made = comparison.added.contains_key(object);
    (!is_there && !is_made).then(|| format!("{column} is not as declared"))
}

/// A table, and why steps on it are held back.
type Why<'w> = (Object, &'w BTreeSet<String>);

/// By table and reasons; rows are counted. What would be created with or in a table that is held back itself is not
/// listed.
fn grouped(held: &[(Action, Object, BTreeSet<String>)]) -> Vec<Held> {
    let wholes: BTreeSet<&Object> = held.iter().map(|(_, object, _)| object).collect();
    let mut groups: IndexMap<Why<'_>, (Vec<String>, usize, usize)> = IndexMap::new();
    for (action, object, why) in held {
        let whole = object.group();
        if !action.is_of_row() && whole != *object && wholes.contains(&whole) {
            continue;
        }
        let (steps, rows, updated) = groups.entry((whole, why)).or_default();
        match action {
            Action::Insert => *rows += 1,
            Action::Update => *updated += 1,
            _ => steps.push(format!("{action} {object}")),
        }
    }
    let grouped = groups.into_iter().map(|((on, reasons), (mut steps, rows, updated))| {
        if updated > 0 {
            steps.push(format!("update {} of {on}", counted(updated, "row")));
        }
        if rows > 0 {
            steps.push(format!("insert {} into {on}", counted(rows, "row")));
        }
        Held { on, steps, reasons: reasons.iter().cloned().collect() }
    });
    grouped.collect()
}
