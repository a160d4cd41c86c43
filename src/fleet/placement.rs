//! What the servers say about their tenants, and on which of them each tenant belongs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::join_all;

use super::Fleet;
use super::roster::{Member, Refused, Source};
use super::selection::Selection;
use crate::explain::Failure;
use crate::manifest::{Registry, ServerDecl};
use crate::name::TenantId;
use crate::pg::{self, PgError, Session};
use crate::reconcile::{ReconcileError, Tenant};

/// What one server answered.
#[derive(Default)]
struct Answer {
    /// Ids as they are written, with the server that they are placed on.
    listed: Vec<pg::Listed>,
    /// Schemas that hold this tool's record.
    provisioned: BTreeSet<String>,
    /// Schemas with a record whose owner is not trusted, with that owner.
    untrusted: BTreeMap<String, String>,
}

/// What the servers are queried for.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) source: &'a Source,
    /// If set, the servers are queried for this tenant only.
    pub(super) only: Option<&'a Tenant>,
}

/// What the servers answered, by their positions, as far as they were queried.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<usize, Result<Answer, Failure>>);

/// An id as it is written, and where it is listed or belongs.
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) home: Home,
}

/// Where a tenant belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Home {
    /// The registry or a pattern says so.
    Known(usize),
    /// Nothing says so: where its schema is, on whichever server that may be.
    Unspecified,
    /// On no server of the fleet, and why.
    Nowhere(String),
    /// The registry does not list it.
    Unlisted,
}

impl Query<'_> {
    /// Whether `server` is needed to know which tenants there are.
    pub(super) fn depends_on(self, server: usize) -> bool {
        let tenants = &self.fleet.manifest.tenants;
        match (self.source, &tenants.registry) {
            (_, Some(Registry::Query(_))) => {
                let name = self.fleet.name_of(server);
                let is_queried =
                    tenants.registry_server.is_none() || tenants.registry_server.as_deref() == name;
                is_queried && (self.must_be_listed() || self.fleet.servers.len() > 1)
            }
            (Source::Registry, registry) => !matches!(registry, Some(Registry::List(_))),
            (Source::Ids { .. }, _) => false,
        }
    }

    /// Whether only what the registry lists is accepted.
    pub(super) fn must_be_listed(self) -> bool {
        let registry = &self.fleet.manifest.tenants.registry;
        match self.source {
            Source::Registry => true,
            Source::Ids { unregistered, .. } => {
                !unregistered && matches!(registry, Some(Registry::Query(_) | Registry::List(_)))
            }
        }
    }

    async fn run(self, server: usize) -> Result<Answer, PgError> {
        let Some(queried) = self.fleet.servers.get(server) else {
            return Ok(Answer::default());
        };
        let context = &queried.context;
        let mut session = Session::open(&context.target).await?;
        let listed = match &self.fleet.manifest.tenants.registry {
            Some(Registry::Query(query)) if self.depends_on(server) => {
                let only = self.only.map(|tenant| &tenant.id);
                pg::listed(&mut session, query, only, context.limits).await?
            }
            _ => Vec::new(),
        };
        let only = self.only.map(|tenant| &tenant.schema);
        let provisioned = pg::provisioned(&mut session, only, context.limits).await?;
        session.close().await;
        let mut answer = Answer { listed, ..Answer::default() };
        for pg::Provisioned { schema, foreign_owner } in provisioned {
            match foreign_owner {
                None => _ = answer.provisioned.insert(schema),
                Some(owner) => _ = answer.untrusted.insert(schema, owner),
            }
        }
        Ok(answer)
    }

    /// All ids of the source, chosen or not, in its order.
    pub(super) fn entries(self, answers: &Answers) -> Vec<Entry> {
        let registered = self.registered(answers);
        let Source::Ids { ids, .. } = self.source else {
            return registered;
        };
        let mut homes: HashMap<TenantId, Vec<Home>> = HashMap::new();
        for Entry { id, home } in registered {
            if let Ok(id) = TenantId::new(&id) {
                homes.entry(id).or_default().push(home);
            }
        }
        let entries = ids.iter().flat_map(|id| {
            let homes = match TenantId::new(id).ok().and_then(|id| homes.get(&id)) {
                Some(homes) => homes.clone(),
                None if self.must_be_listed() => vec![Home::Unlisted],
                None => vec![self.home(id)],
            };
            homes.into_iter().map(|home| Entry { id: id.clone(), home })
        });
        entries.collect()
    }

    /// What the registry lists; without one, what was found.
    fn registered(self, answers: &Answers) -> Vec<Entry> {
        let tenants = &self.fleet.manifest.tenants;
        match &tenants.registry {
            Some(Registry::List(ids)) => {
                let ids = ids.iter().map(ToString::to_string);
                ids.map(|id| Entry { home: self.home(&id), id }).collect()
            }
            Some(Registry::Query(_)) => {
                let listed = answers.received().flat_map(|(server, answer)| {
                    answer.listed.iter().map(move |(id, name)| (server, id, name.as_deref()))
                });
                let entries = listed.map(|(server, id, name)| {
                    let home = match &tenants.registry_server {
                        None => Home::Known(server),
                        Some(_) => self.home_by_registry(id, name),
                    };
                    Entry { id: id.clone(), home }
                });
                entries.collect()
            }
            None | Some(Registry::Discovered) => {
                let found = answers.received().flat_map(|(server, answer)| {
                    answer.provisioned.iter().map(move |schema| (server, schema))
                });
                let entries = found.filter_map(|(server, schema)| {
                    let id = tenants.schema.id_of(schema)?;
                    Some(Entry { id: id.to_string(), home: Home::Known(server) })
                });
                entries.collect()
            }
        }
    }

    fn home_by_registry(self, id: &str, name: Option<&str>) -> Home {
        let Some(name) = name else {
            return by_pattern(self.fleet, id).map_or_else(
                || {
                    let reason = "neither the registry nor a pattern of [servers] names a server \
                                  for the tenant";
                    Home::Nowhere(reason.to_owned())
                },
                Home::Known,
            );
        };
        let mut servers = self.fleet.servers.iter();
        match servers.position(|server| server.name.as_deref() == Some(name)) {
            Some(server) => Home::Known(server),
            None => Home::Nowhere(format!("server {name:?} is none of [servers]")),
        }
    }

    /// Where an id belongs if the registry does not say so.
    fn home(self, id: &str) -> Home {
        if self.fleet.servers.len() == 1 {
            return Home::Known(0);
        }
        by_pattern(self.fleet, id).map_or(Home::Unspecified, Home::Known)
    }

    /// Turns entries into members. A tenant that is found on two servers is refused: only the operator
    /// can decide which one is right.
    pub(super) fn place(
        self,
        entries: Vec<Entry>,
        answers: &Answers,
    ) -> (Vec<Member>, Vec<Refused>) {
        let mut places: BTreeMap<TenantId, BTreeSet<usize>> = BTreeMap::new();
        let mut claimed: Vec<Member> = Vec::new();
        let mut refused: Vec<Refused> = Vec::new();
        let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
        for (server, answer) in answers.received() {
            for schema in &answer.provisioned {
                holders.entry(schema).or_default().push(server);
            }
        }
        // These may have been created to be in the way of a tenant. Yet where a tenant is not found
        // otherwise, it may be one of them, and must not be created again.
        let mut untrusted: HashMap<&str, Vec<usize>> = HashMap::new();
        for (server, schema, _) in answers.untrusted() {
            untrusted.entry(schema).or_default().push(server);
        }
        for Entry { id, home } in entries {
            let found = self.tenant(&id).and_then(|tenant| {
                let held = holders.get(tenant.schema.as_str()).and_then(|held| held.first());
                let untrusted =
                    untrusted.get(tenant.schema.as_str()).map_or(&[][..], Vec::as_slice);
                let server = match home {
                    Home::Known(server) => server,
                    Home::Unspecified => match (held, untrusted, answers.unreachable().next()) {
                        // An apply reports who owns the record, and writes nothing to such a tenant.
                        (Some(server), ..) | (None, [server], _) => *server,
                        (None, [_, ..], _) => return Err(self.in_doubt(&tenant, answers)),
                        // A new tenant belongs on the first server, if it is new.
                        (None, [], None) => 0,
                        (None, [], Some((server, _))) => {
                            let name = self.fleet.name_of(server).unwrap_or("?");
                            return Err(format!(
                                "no pattern of [servers] says where it belongs, and server {name}, \
                                 where it may be, could not be queried"
                            ));
                        }
                    },
                    Home::Nowhere(reason) => return Err(reason),
                    Home::Unlisted => {
                        return Err("the registry could not be queried whether it lists it".into());
                    }
                };
                Ok((tenant, server))
            });
            match found {
                Ok((tenant, server)) => {
                    let servers = places.entry(tenant.id.clone()).or_default();
                    let is_first = servers.is_empty();
                    servers.insert(server);
                    if is_first {
                        claimed.push(Member { tenant, server });
                    }
                }
                Err(_) if id.is_empty() => {
                    let reason = "the query returned an id that is NULL or empty".to_owned();
                    refused.push(Refused { id, reason });
                }
                Err(reason) => refused.push(Refused { id, reason }),
            }
        }
        let mut members = Vec::new();
        for member in claimed {
            let mut servers = places.remove(&member.tenant.id).unwrap_or_default();
            servers.extend(holders.get(member.tenant.schema.as_str()).into_iter().flatten());
            if servers.len() > 1 {
                let names: Vec<&str> =
                    servers.iter().map(|at| self.fleet.name_of(*at).unwrap_or("?")).collect();
                let reason = format!("it is found on several servers: {}", names.join(", "));
                refused.push(Refused { id: member.tenant.id.to_string(), reason });
            } else if is_elsewhere(&holders, &untrusted, &member) {
                let reason = self.in_doubt(&member.tenant, answers);
                refused.push(Refused { id: member.tenant.id.to_string(), reason });
            } else {
                members.push(member);
            }
        }
        members.sort_by_key(|member| member.server);
        (members, refused)
    }

    /// Why a tenant must not be created: it may exist already.
    fn in_doubt(self, tenant: &Tenant, answers: &Answers) -> String {
        let schema = tenant.schema.as_str();
        let found = answers.untrusted().filter(|(_, untrusted, _)| *untrusted == schema);
        let found = found.map(|(server, _, owner)| {
            format!("server {} ({owner})", self.fleet.name_of(server).unwrap_or("?"))
        });
        format!(
            "it may be on a server where the owner of the record in schema {} is not trusted: {}",
            tenant.schema,
            found.collect::<Vec<_>>().join(", ")
        )
    }

    fn tenant(self, id: &str) -> Result<Tenant, String> {
        let id = TenantId::new(id).map_err(|error| error.to_string())?;
        let schema = self.fleet.manifest.tenants.schema.schema_of(&id);
        schema.map(|schema| Tenant { id, schema }).map_err(|error| error.to_string())
    }

    /// Whether the tenant is not on the server where it belongs, although that could be queried.
    pub(super) fn is_misplaced(self, entry: &Entry, answers: &Answers) -> bool {
        let (Home::Known(server), Ok(tenant)) = (&entry.home, self.tenant(&entry.id)) else {
            return false;
        };
        let answer = answers.0.get(server).and_then(|answer| answer.as_ref().ok());
        answer.is_some_and(|answer| !answer.provisioned.contains(tenant.schema.as_str()))
    }

    /// Whether `server`, which could not be queried, may know of an id that is selected.
    pub(super) fn may_know(self, server: usize, selection: &Selection) -> bool {
        match (self.source, &self.fleet.manifest.tenants.registry) {
            (Source::Ids { .. }, _) | (_, Some(Registry::List(_))) => false,
            // Whatever the patterns say: a registry of its own may list any tenant.
            (_, Some(Registry::Query(_))) => true,
            (_, None | Some(Registry::Discovered)) => {
                let name = self.fleet.name_of(server);
                let mut servers = self.fleet.manifest.servers.iter();
                let own = servers.find(|own| Some(own.name.as_str()) == name);
                own.is_none_or(|own| selection.may_select_from(own))
            }
        }
    }
}

/// Whether there is a record for the tenant, but only on other servers.
fn is_elsewhere(
    holders: &HashMap<&str, Vec<usize>>,
    untrusted: &HashMap<&str, Vec<usize>>,
    member: &Member,
) -> bool {
    let on = |found: &HashMap<&str, Vec<usize>>| found.get(member.tenant.schema.as_str()).cloned();
    let (held, untrusted) = (on(holders).unwrap_or_default(), on(untrusted).unwrap_or_default());
    !untrusted.is_empty() && !held.contains(&member.server) && !untrusted.contains(&member.server)
}

/// The first server whose patterns match the id.
fn by_pattern(fleet: &Fleet, id: &str) -> Option<usize> {
    let matching = |decl: &&ServerDecl| decl.tenants.iter().any(|glob| glob.is_match(id));
    let name = &fleet.manifest.servers.iter().find(matching)?.name;
    fleet.servers.iter().position(|server| server.name.as_ref() == Some(name))
}

impl Answers {
    /// Queries those of `servers` that were not queried yet, concurrently.
    pub(super) async fn collect(
        &mut self,
        query: Query<'_>,
        servers: impl IntoIterator<Item = usize>,
    ) {
        let new = servers.into_iter().filter(|server| !self.0.contains_key(server));
        let queried = new.map(async |server| {
            let answer = query.run(server).await;
            (server, answer.map_err(|error| Failure::from(&ReconcileError::from(error))))
        });
        let answered = join_all(queried).await;
        self.0.extend(answered);
    }

    fn received(&self) -> impl Iterator<Item = (usize, &Answer)> {
        self.0.iter().filter_map(|(server, answer)| Some((*server, answer.as_ref().ok()?)))
    }

    /// The schemas that hold this tool's record, each with its server.
    pub(super) fn provisioned(&self) -> impl Iterator<Item = (usize, &str)> {
        self.received().flat_map(|(server, answer)| {
            answer.provisioned.iter().map(move |schema| (server, schema.as_str()))
        })
    }

    /// The schemas with a record whose owner is not trusted, each with its server and that owner.
    pub(super) fn untrusted(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        self.received().flat_map(|(server, answer)| {
            answer
                .untrusted
                .iter()
                .map(move |(schema, owner)| (server, schema.as_str(), owner.as_str()))
        })
    }

    /// Servers that could not be queried.
    pub(super) fn unreachable(&self) -> impl Iterator<Item = (usize, &Failure)> {
        self.0.iter().filter_map(|(server, answer)| Some((*server, answer.as_ref().err()?)))
    }
}
