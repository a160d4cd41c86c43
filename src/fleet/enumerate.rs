//! Finds out which tenants there should be, and on which servers.

use std::collections::BTreeSet;

use super::Fleet;
use super::placement::{Answers, Home, Question};
use super::roster::{Member, Orphan, PassedOver, Roster, Source, Unreachable};
use super::selection::Selection;
use crate::manifest::Registry;
use crate::name::{TenantId, printable};
use crate::reconcile::{ReconcileError, Tenant};
use crate::words::counted;

/// Finds out which tenants there should be. A server is asked if it knows which tenants there are, or
/// if one of those chosen belongs on it or is not where it belongs.
pub async fn enumerate(fleet: &Fleet, source: &Source, selection: &Selection) -> Roster {
    let question = Question { fleet, source, only: None };
    let all = 0..fleet.servers.len();
    let is_whole = selection.is_everything() && matches!(source, Source::Registry);
    let mut answers = Answers::default();
    answers.ask(question, all.clone().filter(|at| is_whole || question.is_told_by(*at))).await;

    let mut entries = question.entries(&answers);
    let away = answers.away().map(|(server, _)| server);
    let silent: BTreeSet<usize> = away.filter(|at| question.is_told_by(*at)).collect();
    let ids: Vec<&str> = entries.iter().map(|entry| &*entry.id).collect();
    let mut unmatched = selection.unmatched(&ids, |pattern| {
        let alone = Selection { include: vec![pattern.clone()], ..Selection::default() };
        silent.iter().any(|at| question.may_know(*at, &alone))
    });
    if silent.is_empty() {
        let unlisted = entries.extract_if(.., |entry| entry.home == Home::Unlisted);
        unmatched.ids = unlisted.map(|entry| entry.id).collect();
    }
    entries.retain(|entry| selection.takes(&entry.id));

    let mut needed: BTreeSet<usize> = BTreeSet::new();
    for entry in &entries {
        match entry.home {
            Home::Known(server) => {
                needed.insert(server);
            }
            Home::Wherever => needed.extend(all.clone()),
            Home::Unlisted => needed.extend(&silent),
            Home::Nowhere(_) => {}
        }
    }
    needed.extend(silent.iter().filter(|at| question.may_know(**at, selection)));
    answers.ask(question, needed.iter().copied()).await;
    // One that is not where it belongs may be elsewhere; then it must not be made anew.
    if entries.iter().any(|entry| question.is_astray(entry, &answers)) {
        answers.ask(question, all).await;
    }

    let (mut members, refused) = question.place(entries, &answers);
    members.truncate(selection.limit.unwrap_or(usize::MAX));
    let mut roster = Roster { is_whole, members, refused, unmatched, ..Roster::default() };
    for (at, error) in answers.away() {
        let (server, error) = (fleet.name_of(at).map(str::to_owned), error.clone());
        if is_whole || needed.contains(&at) {
            roster.unreachable.push(Unreachable { server, error });
        } else {
            tracing::warn!(server, error = error.message, "a server is away that is not needed");
        }
    }
    if is_whole {
        roster.orphans = orphans(fleet, &answers, &roster);
    }
    roster.passed_over = passed_over(question, selection, &answers, &roster);
    tell_passed_over(&roster.passed_over);
    roster
}

/// Finds the server that one tenant lives on. Where there is only one, nothing is asked, and the
/// tenant need not be listed. With `anybody`, an id that the registry does not list is taken too.
///
/// # Errors
/// When the id cannot name a schema, is on none or several servers, or a server cannot be asked.
pub async fn locate(fleet: &Fleet, id: &TenantId, anybody: bool) -> Result<Member, ReconcileError> {
    let tenant = Tenant { id: id.clone(), schema: fleet.manifest.tenants.schema.schema_of(id)? };
    if fleet.servers.len() == 1 {
        return Ok(Member { tenant, server: 0 });
    }
    let source = if anybody {
        Source::Ids { ids: vec![id.to_string()], unregistered: true }
    } else {
        Source::Registry
    };
    let question = Question { fleet, source: &source, only: Some(&tenant) };
    let mut answers = Answers::default();
    answers.ask(question, 0..fleet.servers.len()).await;
    let mut entries = question.entries(&answers);
    // The registry may spell an id in capitals.
    entries.retain(|entry| TenantId::new(&entry.id).is_ok_and(|other| other == *id));
    let is_known = !entries.iter().any(|entry| entry.home == Home::Wherever);
    let (members, refused) = question.place(entries, &answers);
    if let Some(member) = members.into_iter().next() {
        return Ok(member);
    }
    let away = answers.away().next();
    match (refused.into_iter().next(), away) {
        (Some(refused), away) if is_known || away.is_none() => {
            Err(ReconcileError::Misplaced { tenant: id.clone(), reason: refused.reason })
        }
        (_, Some((server, error))) => Err(ReconcileError::HomeUnknown {
            tenant: id.clone(),
            server: fleet.name_of(server).unwrap_or_default().to_owned(),
            reason: error.message.clone(),
        }),
        (_, None) => Err(ReconcileError::Unregistered { tenant: id.clone() }),
    }
}

/// Whether a registry tells of each schema whether it is a tenant's.
fn has_registry(fleet: &Fleet, roster: &Roster) -> bool {
    match &fleet.manifest.tenants.registry {
        Some(Registry::Query(_)) => roster.unreachable.is_empty(),
        Some(Registry::List(_)) => true,
        None | Some(Registry::Discovered) => false,
    }
}

fn orphans(fleet: &Fleet, answers: &Answers, roster: &Roster) -> Vec<Orphan> {
    if !has_registry(fleet, roster) {
        return Vec::new();
    }
    let known: BTreeSet<&str> = roster.members.iter().map(|m| m.tenant.schema.as_str()).collect();
    let refused: BTreeSet<&str> = roster.refused.iter().map(|refused| &*refused.id).collect();
    let unknown = answers.provisioned().filter(|(_, schema)| {
        let id = fleet.manifest.tenants.schema.id_of(schema);
        !known.contains(schema) && !id.is_some_and(|id| refused.contains(id.as_str()))
    });
    let orphans = unknown.map(|(server, schema)| Orphan {
        schema: schema.to_owned(),
        server: fleet.name_of(server).map(str::to_owned),
    });
    orphans.collect()
}

/// What would be a tenant or an orphan if its record belonged to somebody trusted.
fn passed_over(
    question: Question<'_>,
    selection: &Selection,
    answers: &Answers,
    roster: &Roster,
) -> Vec<PassedOver> {
    let Question { fleet, source, .. } = question;
    let tenants = &fleet.manifest.tenants;
    let is_discovered = matches!(source, Source::Registry)
        && matches!(tenants.registry, None | Some(Registry::Discovered));
    let is_registered = roster.is_whole && has_registry(fleet, roster);
    let known: BTreeSet<(usize, &str)> =
        roster.members.iter().map(|m| (m.server, m.tenant.schema.as_str())).collect();
    let refused: BTreeSet<&str> = roster.refused.iter().map(|refused| &*refused.id).collect();
    let would_be = answers.planted().filter(|(server, schema, _)| {
        let id = tenants.schema.id_of(schema);
        let id = id.as_ref().map(TenantId::as_str);
        if is_discovered {
            return id.is_some_and(|id| selection.takes(id));
        }
        is_registered
            && !known.contains(&(*server, *schema))
            && !id.is_some_and(|id| refused.contains(id))
    });
    let passed_over = would_be.map(|(server, schema, owner)| PassedOver {
        schema: schema.to_owned(),
        owner: owner.to_owned(),
        server: fleet.name_of(server).map(str::to_owned),
    });
    passed_over.collect()
}

/// Schemas that are named before the rest is counted.
const NAMED: usize = 10;

fn tell_passed_over(passed_over: &[PassedOver]) {
    if passed_over.is_empty() {
        return;
    }
    let mut names: Vec<String> = passed_over
        .iter()
        .take(NAMED)
        .map(|PassedOver { schema, owner, .. }| {
            format!("{} (of {})", printable(schema), printable(owner))
        })
        .collect();
    if passed_over.len() > NAMED {
        names.push(format!("… and {} more", passed_over.len() - NAMED));
    }
    tracing::warn!(
        schemas = names.join(", "),
        "{} passed over, since the record there (_provision_state) belongs to nobody trusted; \
         roles of yours are named in [trust] owners of the manifest",
        counted(passed_over.len(), "schema")
    );
}
