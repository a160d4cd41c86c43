//! Finds out which tenants there should be, and on which servers.

use std::collections::BTreeSet;

use super::Fleet;
use super::placement::{Answers, Home, Query};
use super::roster::{Member, Orphan, PassedOver, Roster, Source, Unreachable};
use super::selection::Selection;
use crate::manifest::Registry;
use crate::name::{TenantId, printable};
use crate::reconcile::{ReconcileError, Tenant};
use crate::words::counted;

/// Finds out which tenants there should be. A server is queried if it knows which tenants there are,
/// or if a chosen tenant belongs on it or is not where it belongs.
pub async fn enumerate(fleet: &Fleet, source: &Source, selection: &Selection) -> Roster {
    let query = Query { fleet, source, only: None };
    let all = 0..fleet.servers.len();
    let is_whole = selection.is_everything() && matches!(source, Source::Registry);
    let mut answers = Answers::default();
    answers.collect(query, all.clone().filter(|at| is_whole || query.depends_on(*at))).await;

    let mut entries = query.entries(&answers);
    let unreachable = answers.unreachable().map(|(server, _)| server);
    let silent: BTreeSet<usize> = unreachable.filter(|at| query.depends_on(*at)).collect();
    let ids: Vec<&str> = entries.iter().map(|entry| &*entry.id).collect();
    let mut unmatched = selection.unmatched(&ids, |pattern| {
        let alone = Selection { include: vec![pattern.clone()], ..Selection::default() };
        silent.iter().any(|at| query.may_know(*at, &alone))
    });
    if silent.is_empty() {
        let unlisted = entries.extract_if(.., |entry| entry.home == Home::Unlisted);
        unmatched.ids = unlisted.map(|entry| entry.id).collect();
    }
    entries.retain(|entry| selection.selects(&entry.id));

    let mut needed: BTreeSet<usize> = BTreeSet::new();
    for entry in &entries {
        match entry.home {
            Home::Known(server) => {
                needed.insert(server);
            }
            Home::Unspecified => needed.extend(all.clone()),
            Home::Unlisted => needed.extend(&silent),
            Home::Nowhere(_) => {}
        }
    }
    needed.extend(silent.iter().filter(|at| query.may_know(**at, selection)));
    answers.collect(query, needed.iter().copied()).await;
    // One that is not where it belongs may be elsewhere; then it must not be created again.
    if entries.iter().any(|entry| query.is_misplaced(entry, &answers)) {
        answers.collect(query, all).await;
    }

    let (mut members, refused) = query.place(entries, &answers);
    members.truncate(selection.limit.unwrap_or(usize::MAX));
    let mut roster = Roster { is_whole, members, refused, unmatched, ..Roster::default() };
    for (at, error) in answers.unreachable() {
        let (server, error) = (fleet.name_of(at).map(str::to_owned), error.clone());
        if is_whole || needed.contains(&at) {
            roster.unreachable.push(Unreachable { server, error });
        } else {
            tracing::warn!(
                server,
                error = error.message,
                "a server that is not needed is unavailable"
            );
        }
    }
    if is_whole {
        roster.orphans = orphans(fleet, &answers, &roster);
    }
    roster.passed_over = passed_over(query, selection, &answers, &roster);
    log_passed_over(&roster.passed_over);
    roster
}

/// Finds the server that one tenant lives on. Where there is only one, nothing is queried, and the
/// tenant need not be listed. With `unregistered`, an id that the registry does not list is accepted.
///
/// # Errors
/// When the id cannot name a schema, is on none or several servers, or a server cannot be queried.
pub async fn locate(
    fleet: &Fleet,
    id: &TenantId,
    unregistered: bool,
) -> Result<Member, ReconcileError> {
    let tenant = Tenant { id: id.clone(), schema: fleet.manifest.tenants.schema.schema_of(id)? };
    if fleet.servers.len() == 1 {
        return Ok(Member { tenant, server: 0 });
    }
    let source = if unregistered {
        Source::Ids { ids: vec![id.to_string()], unregistered: true }
    } else {
        Source::Registry
    };
    let query = Query { fleet, source: &source, only: Some(&tenant) };
    let mut answers = Answers::default();
    answers.collect(query, 0..fleet.servers.len()).await;
    let mut entries = query.entries(&answers);
    // The registry may spell an id in capitals.
    entries.retain(|entry| TenantId::new(&entry.id).is_ok_and(|other| other == *id));
    let is_known = !entries.iter().any(|entry| entry.home == Home::Unspecified);
    let (members, refused) = query.place(entries, &answers);
    if let Some(member) = members.into_iter().next() {
        return Ok(member);
    }
    let unreachable = answers.unreachable().next();
    match (refused.into_iter().next(), unreachable) {
        (Some(refused), unreachable) if is_known || unreachable.is_none() => {
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

/// Whether a registry decides which schemas are tenants'.
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

/// What would be a tenant or an orphan if the owner of its record were trusted.
fn passed_over(
    query: Query<'_>,
    selection: &Selection,
    answers: &Answers,
    roster: &Roster,
) -> Vec<PassedOver> {
    let Query { fleet, source, .. } = query;
    let tenants = &fleet.manifest.tenants;
    let is_discovered = matches!(source, Source::Registry)
        && matches!(tenants.registry, None | Some(Registry::Discovered));
    let is_registered = roster.is_whole && has_registry(fleet, roster);
    let known: BTreeSet<(usize, &str)> =
        roster.members.iter().map(|m| (m.server, m.tenant.schema.as_str())).collect();
    let refused: BTreeSet<&str> = roster.refused.iter().map(|refused| &*refused.id).collect();
    let would_be = answers.untrusted().filter(|(server, schema, _)| {
        let id = tenants.schema.id_of(schema);
        let id = id.as_ref().map(TenantId::as_str);
        if is_discovered {
            return id.is_some_and(|id| selection.selects(id));
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

/// Schemas that are listed before the rest is counted.
const SCHEMAS_SHOWN: usize = 10;

fn log_passed_over(passed_over: &[PassedOver]) {
    if passed_over.is_empty() {
        return;
    }
    let mut names: Vec<String> = passed_over
        .iter()
        .take(SCHEMAS_SHOWN)
        .map(|PassedOver { schema, owner, .. }| {
            format!("{} (of {})", printable(schema), printable(owner))
        })
        .collect();
    if passed_over.len() > SCHEMAS_SHOWN {
        names.push(format!("… and {} more", passed_over.len() - SCHEMAS_SHOWN));
    }
    tracing::warn!(
        schemas = names.join(", "),
        "{} ignored, since the owner of the record there (_provision_state) is not trusted; \
         name roles of yours in [trust] owners of the manifest",
        counted(passed_over.len(), "schema")
    );
}
