//! Which tenants there should be, and on which servers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::join_all;
use globset::GlobMatcher;
use serde::Serialize;

use super::{Failure, Fleet};
use crate::manifest::{Registry, ServerDecl};
use crate::name::TenantId;
use crate::pg::{self, PgError, Session};
use crate::reconcile::{ReconcileError, Tenant};

/// Where the tenants' ids come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The registry of the manifest; without one, the schemas that hold this tool's record.
    Registry,
    /// Ids that the caller has, as they are written there.
    Ids(Vec<String>),
}

/// Which of the tenants.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Those whose id matches one of these; empty: all.
    pub include: Vec<GlobMatcher>,
    /// But not those whose id matches one of these.
    pub exclude: Vec<GlobMatcher>,
    /// The first so many of them.
    pub limit: Option<usize>,
}

/// A tenant and the server that it lives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub tenant: Tenant,
    /// Position in [`Fleet::servers`].
    pub server: usize,
}

/// An entry of the registry that names no tenant, or not one place for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// As it is written there.
    pub id: String,
    pub reason: String,
}

/// A schema that this tool made, for which there is no tenant any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphan {
    pub schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// A server that could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub error: Failure,
}

/// All tenants that there should be.
#[derive(Debug, Default)]
pub struct Roster {
    /// In the order of the registry, by server.
    pub members: Vec<Member>,
    pub refused: Vec<Refused>,
    /// Only looked for when all tenants were asked for.
    pub orphans: Vec<Orphan>,
    pub unreachable: Vec<Unreachable>,
}

impl Selection {
    fn takes(&self, id: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|glob| glob.is_match(id)))
            && !self.exclude.iter().any(|glob| glob.is_match(id))
    }

    fn is_everything(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty() && self.limit.is_none()
    }
}

/// What one server told.
#[derive(Default)]
struct Told {
    /// Ids as they are written, with the server that they are placed on.
    listed: Vec<pg::Listed>,
    /// Schemas that hold this tool's record.
    provisioned: BTreeSet<String>,
}

/// Finds out which tenants there should be. A server that cannot be asked is told in the roster.
pub async fn enumerate(fleet: &Fleet, source: &Source, selection: &Selection) -> Roster {
    gather(fleet, source, selection, None).await
}

/// The same; with `only`, the servers are asked about nobody else.
async fn gather(
    fleet: &Fleet,
    source: &Source,
    selection: &Selection,
    only: Option<&Tenant>,
) -> Roster {
    let asked = (0..fleet.servers.len()).map(|server| ask(fleet, server, source, only));
    let mut roster = Roster::default();
    let mut told: Vec<Told> = Vec::new();
    for (server, answer) in join_all(asked).await.into_iter().enumerate() {
        told.push(answer.unwrap_or_else(|error| {
            let name = fleet.name_of(server).map(str::to_owned);
            let error = Failure::from(&ReconcileError::from(error));
            roster.unreachable.push(Unreachable { server: name, error });
            Told::default()
        }));
    }
    let mut entries = entries(fleet, source, &told);
    if let Some(only) = only {
        // The registry may spell an id in capitals.
        entries.retain(|entry| TenantId::new(&entry.id).is_ok_and(|id| id == only.id));
    }
    place(fleet, entries, &told, selection, &mut roster);
    if only.is_none() && selection.is_everything() && matches!(source, Source::Registry) {
        roster.orphans = orphans(fleet, &told, &roster);
    }
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
    let source = if anybody { Source::Ids(vec![id.to_string()]) } else { Source::Registry };
    let roster = gather(fleet, &source, &Selection::default(), Some(&tenant)).await;
    if let Some(member) = roster.members.into_iter().find(|member| member.tenant.id == *id) {
        return Ok(member);
    }
    if let Some(refused) = roster.refused.into_iter().next() {
        return Err(ReconcileError::Misplaced { tenant: id.clone(), reason: refused.reason });
    }
    match roster.unreachable.into_iter().next() {
        Some(away) => Err(ReconcileError::HomeUnknown {
            tenant: id.clone(),
            server: away.server.unwrap_or_default(),
            reason: away.error.message,
        }),
        None => Err(ReconcileError::Unregistered { tenant: id.clone() }),
    }
}

/// An id as it is written, and where it was listed or is placed.
struct Entry {
    id: String,
    server: Result<usize, String>,
}

async fn ask(
    fleet: &Fleet,
    server: usize,
    source: &Source,
    only: Option<&Tenant>,
) -> Result<Told, PgError> {
    let Some(server) = fleet.servers.get(server) else {
        return Ok(Told::default());
    };
    let context = &server.context;
    let mut session = Session::open(&context.target).await?;
    let tenants = &fleet.manifest.tenants;
    let is_asked = tenants.registry_server.is_none() || tenants.registry_server == server.name;
    let listed = match (source, &tenants.registry) {
        (Source::Registry, Some(Registry::Query(query))) if is_asked => {
            let only = only.map(|tenant| &tenant.id);
            pg::listed(&mut session, query, only, context.limits).await?
        }
        _ => Vec::new(),
    };
    let only = only.map(|tenant| &tenant.schema);
    let provisioned = pg::provisioned(&mut session, only, context.limits).await?;
    session.close().await;
    Ok(Told { listed, provisioned: provisioned.into_iter().collect() })
}

/// Without a word on its server in the registry, a tenant belongs on the first whose patterns match
/// its id; where none does, it is where its schema is, and a new one belongs on the first server.
fn home(fleet: &Fleet, id: &str, told: &[Told]) -> usize {
    if let Some(server) = by_pattern(fleet, id) {
        return server;
    }
    let schema = TenantId::new(id)
        .and_then(|id| fleet.manifest.tenants.schema.schema_of(&id))
        .map(|schema| schema.to_string());
    let holds = |told: &Told| schema.as_ref().is_ok_and(|name| told.provisioned.contains(name));
    told.iter().position(holds).unwrap_or(0)
}

fn by_pattern(fleet: &Fleet, id: &str) -> Option<usize> {
    let matching = |decl: &&ServerDecl| decl.tenants.iter().any(|glob| glob.is_match(id));
    let name = &fleet.manifest.servers.iter().find(matching)?.name;
    fleet.servers.iter().position(|server| server.name.as_ref() == Some(name))
}

fn entries(fleet: &Fleet, source: &Source, told: &[Told]) -> Vec<Entry> {
    let tenants = &fleet.manifest.tenants;
    let anywhere = |id: &String| Entry { id: id.clone(), server: Ok(home(fleet, id, told)) };
    match (source, &tenants.registry) {
        (Source::Ids(ids), _) => ids.iter().map(anywhere).collect(),
        (Source::Registry, Some(Registry::List(ids))) => {
            ids.iter().map(|id| anywhere(&id.to_string())).collect()
        }
        (Source::Registry, Some(Registry::Query(_))) => {
            let listed = told.iter().enumerate().flat_map(|(server, told)| {
                told.listed.iter().map(move |(id, name)| (server, id, name))
            });
            let placed = listed.map(|(server, id, name)| {
                let server = match (&tenants.registry_server, name) {
                    (None, _) => Ok(server),
                    (Some(_), None) => by_pattern(fleet, id).ok_or_else(|| {
                        "neither the registry nor a pattern of [servers] names a server for the \
                         tenant"
                            .to_owned()
                    }),
                    (Some(_), Some(name)) => fleet
                        .servers
                        .iter()
                        .position(|server| server.name.as_ref() == Some(name))
                        .ok_or_else(|| format!("server {name:?} is none of [servers]")),
                };
                Entry { id: id.clone(), server }
            });
            placed.collect()
        }
        (Source::Registry, None | Some(Registry::Discovered)) => {
            let found = told.iter().enumerate().flat_map(|(server, told)| {
                told.provisioned.iter().map(move |schema| (server, schema))
            });
            let entries = found.filter_map(|(server, schema)| {
                let id = tenants.schema.id_of(schema)?;
                Some(Entry { id: id.to_string(), server: Ok(server) })
            });
            entries.collect()
        }
    }
}

/// Turns entries into members. A tenant that two servers claim is refused: which of the two is the
/// true one is for people to say.
fn place(
    fleet: &Fleet,
    entries: Vec<Entry>,
    told: &[Told],
    selection: &Selection,
    roster: &mut Roster,
) {
    let mut places: BTreeMap<TenantId, BTreeSet<usize>> = BTreeMap::new();
    let mut members: Vec<Member> = Vec::new();
    for Entry { id, server } in entries {
        if !selection.takes(&id) {
            continue;
        }
        let named = TenantId::new(&id).map_err(|error| error.to_string());
        let tenant = named.and_then(|id| match fleet.manifest.tenants.schema.schema_of(&id) {
            Ok(schema) => Ok(Tenant { id, schema }),
            Err(error) => Err(error.to_string()),
        });
        match (tenant, server) {
            (Ok(tenant), Ok(server)) => {
                let servers = places.entry(tenant.id.clone()).or_default();
                let is_first = servers.is_empty();
                servers.insert(server);
                if is_first {
                    members.push(Member { tenant, server });
                }
            }
            (Err(reason), _) | (_, Err(reason)) => roster.refused.push(Refused { id, reason }),
        }
    }
    let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
    for (server, told) in told.iter().enumerate() {
        for schema in &told.provisioned {
            holders.entry(schema).or_default().push(server);
        }
    }
    for member in members {
        let mut servers = places.remove(&member.tenant.id).unwrap_or_default();
        servers.extend(holders.get(member.tenant.schema.as_str()).into_iter().flatten());
        if servers.len() > 1 {
            let names: Vec<&str> =
                servers.iter().map(|at| fleet.name_of(*at).unwrap_or("?")).collect();
            let reason = format!("it is found on several servers: {}", names.join(", "));
            roster.refused.push(Refused { id: member.tenant.id.to_string(), reason });
        } else {
            roster.members.push(member);
        }
    }
    roster.members.sort_by_key(|member| member.server);
    if let Some(limit) = selection.limit {
        roster.members.truncate(limit);
    }
}

fn orphans(fleet: &Fleet, told: &[Told], roster: &Roster) -> Vec<Orphan> {
    let has_registry = match &fleet.manifest.tenants.registry {
        Some(Registry::Query(_)) => roster.unreachable.is_empty(),
        Some(Registry::List(_)) => true,
        None | Some(Registry::Discovered) => false,
    };
    if !has_registry {
        return Vec::new();
    }
    let known: BTreeSet<&str> = roster.members.iter().map(|m| m.tenant.schema.as_str()).collect();
    let refused: BTreeSet<&str> = roster.refused.iter().map(|refused| &*refused.id).collect();
    let mut orphans = Vec::new();
    for (server, told) in told.iter().enumerate() {
        for schema in &told.provisioned {
            let id = fleet.manifest.tenants.schema.id_of(schema);
            let is_refused = id.is_some_and(|id| refused.contains(id.as_str()));
            if !known.contains(schema.as_str()) && !is_refused {
                let server = fleet.name_of(server).map(str::to_owned);
                orphans.push(Orphan { schema: schema.clone(), server });
            }
        }
    }
    orphans
}
