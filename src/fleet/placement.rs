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

/// What one server told.
#[derive(Default)]
struct Told {
    /// Ids as they are written, with the server that they are placed on.
    listed: Vec<pg::Listed>,
    /// Schemas that hold this tool's record.
    provisioned: BTreeSet<String>,
    /// Schemas with a record that belongs to somebody who is not trusted: to whom.
    planted: BTreeMap<String, String>,
}

/// What is asked.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) source: &'a Source,
    /// The servers are asked about nobody else.
    pub(super) only: Option<&'a Tenant>,
}

/// What the servers answered, by their positions, as far as they were asked.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<usize, Result<Told, Failure>>);

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
    /// Nothing says so: where its schema is, wherever that may be.
    Wherever,
    /// On no server of the fleet, and why.
    Nowhere(String),
    /// The registry does not list it.
    Unlisted,
}

impl Question<'_> {
    /// Whether `server` is needed to know which tenants there are.
    pub(super) fn is_told_by(self, server: usize) -> bool {
        let tenants = &self.fleet.manifest.tenants;
        match (self.source, &tenants.registry) {
            (_, Some(Registry::Query(_))) => {
                let name = self.fleet.name_of(server);
                let is_asked =
                    tenants.registry_server.is_none() || tenants.registry_server.as_deref() == name;
                is_asked && (self.must_be_listed() || self.fleet.servers.len() > 1)
            }
            (Source::Registry, registry) => !matches!(registry, Some(Registry::List(_))),
            (Source::Ids { .. }, _) => false,
        }
    }

    /// Whether only what the registry lists is taken.
    pub(super) fn must_be_listed(self) -> bool {
        let registry = &self.fleet.manifest.tenants.registry;
        match self.source {
            Source::Registry => true,
            Source::Ids { unregistered, .. } => {
                !unregistered && matches!(registry, Some(Registry::Query(_) | Registry::List(_)))
            }
        }
    }

    async fn ask(self, server: usize) -> Result<Told, PgError> {
        let Some(asked) = self.fleet.servers.get(server) else {
            return Ok(Told::default());
        };
        let context = &asked.context;
        let mut session = Session::open(&context.target).await?;
        let listed = match &self.fleet.manifest.tenants.registry {
            Some(Registry::Query(query)) if self.is_told_by(server) => {
                let only = self.only.map(|tenant| &tenant.id);
                pg::listed(&mut session, query, only, context.limits).await?
            }
            _ => Vec::new(),
        };
        let only = self.only.map(|tenant| &tenant.schema);
        let provisioned = pg::provisioned(&mut session, only, context.limits).await?;
        session.close().await;
        let mut told = Told { listed, ..Told::default() };
        for pg::Provisioned { schema, foreign_owner } in provisioned {
            match foreign_owner {
                None => _ = told.provisioned.insert(schema),
                Some(owner) => _ = told.planted.insert(schema, owner),
            }
        }
        Ok(told)
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
                let listed = answers.told().flat_map(|(server, told)| {
                    told.listed.iter().map(move |(id, name)| (server, id, name.as_deref()))
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
                let found = answers.told().flat_map(|(server, told)| {
                    told.provisioned.iter().map(move |schema| (server, schema))
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

    /// Where an id belongs without a word of the registry.
    fn home(self, id: &str) -> Home {
        if self.fleet.servers.len() == 1 {
            return Home::Known(0);
        }
        by_pattern(self.fleet, id).map_or(Home::Wherever, Home::Known)
    }

    /// Turns entries into members. A tenant that two servers claim is refused: which of the two is
    /// the true one is for people to say.
    pub(super) fn place(
        self,
        entries: Vec<Entry>,
        answers: &Answers,
    ) -> (Vec<Member>, Vec<Refused>) {
        let mut places: BTreeMap<TenantId, BTreeSet<usize>> = BTreeMap::new();
        let mut claimed: Vec<Member> = Vec::new();
        let mut refused: Vec<Refused> = Vec::new();
        let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
        for (server, told) in answers.told() {
            for schema in &told.provisioned {
                holders.entry(schema).or_default().push(server);
            }
        }
        // Somebody who is not trusted may have made these, to be in the way of a tenant. Yet where a
        // tenant is not found otherwise, it may be one of them, and must not be made anew.
        let mut planted: HashMap<&str, Vec<usize>> = HashMap::new();
        for (server, schema, _) in answers.planted() {
            planted.entry(schema).or_default().push(server);
        }
        for Entry { id, home } in entries {
            let found = self.tenant(&id).and_then(|tenant| {
                let held = holders.get(tenant.schema.as_str()).and_then(|held| held.first());
                let planted = planted.get(tenant.schema.as_str()).map_or(&[][..], Vec::as_slice);
                let server = match home {
                    Home::Known(server) => server,
                    Home::Wherever => match (held, planted, answers.away().next()) {
                        // Whose record it has, an apply tells; it writes nothing to one like that.
                        (Some(server), ..) | (None, [server], _) => *server,
                        (None, [_, ..], _) => return Err(self.in_doubt(&tenant, answers)),
                        // A new tenant belongs on the first server, if it is new.
                        (None, [], None) => 0,
                        (None, [], Some((away, _))) => {
                            let name = self.fleet.name_of(away).unwrap_or("?");
                            return Err(format!(
                                "no pattern of [servers] says where it belongs, and server {name}, \
                                 where it may be, could not be asked"
                            ));
                        }
                    },
                    Home::Nowhere(reason) => return Err(reason),
                    Home::Unlisted => {
                        return Err("the registry could not be asked whether it lists it".into());
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
            } else if is_elsewhere(&holders, &planted, &member) {
                let reason = self.in_doubt(&member.tenant, answers);
                refused.push(Refused { id: member.tenant.id.to_string(), reason });
            } else {
                members.push(member);
            }
        }
        members.sort_by_key(|member| member.server);
        (members, refused)
    }

    /// Why a tenant must not be made: it may be there already.
    fn in_doubt(self, tenant: &Tenant, answers: &Answers) -> String {
        let schema = tenant.schema.as_str();
        let found = answers.planted().filter(|(_, planted, _)| *planted == schema);
        let found = found.map(|(server, _, owner)| {
            format!("server {} ({owner})", self.fleet.name_of(server).unwrap_or("?"))
        });
        format!(
            "it may be on a server where the record in schema {} belongs to somebody who is not \
             trusted: {}",
            tenant.schema,
            found.collect::<Vec<_>>().join(", ")
        )
    }

    fn tenant(self, id: &str) -> Result<Tenant, String> {
        let id = TenantId::new(id).map_err(|error| error.to_string())?;
        let schema = self.fleet.manifest.tenants.schema.schema_of(&id);
        schema.map(|schema| Tenant { id, schema }).map_err(|error| error.to_string())
    }

    /// Whether the tenant is not on the server where it belongs, although that could be asked.
    pub(super) fn is_astray(self, entry: &Entry, answers: &Answers) -> bool {
        let (Home::Known(server), Ok(tenant)) = (&entry.home, self.tenant(&entry.id)) else {
            return false;
        };
        let told = answers.0.get(server).and_then(|told| told.as_ref().ok());
        told.is_some_and(|told| !told.provisioned.contains(tenant.schema.as_str()))
    }

    /// Whether `server`, which could not be asked, may know of an id that the selection takes.
    pub(super) fn may_know(self, server: usize, selection: &Selection) -> bool {
        match (self.source, &self.fleet.manifest.tenants.registry) {
            (Source::Ids { .. }, _) | (_, Some(Registry::List(_))) => false,
            // Whatever belongs where: a registry of its own may list any tenant.
            (_, Some(Registry::Query(_))) => true,
            (_, None | Some(Registry::Discovered)) => {
                let name = self.fleet.name_of(server);
                let mut servers = self.fleet.manifest.servers.iter();
                let own = servers.find(|own| Some(own.name.as_str()) == name);
                own.is_none_or(|own| selection.may_take_from(own))
            }
        }
    }
}

/// Whether there is a record for the tenant, but only on other servers.
fn is_elsewhere(
    holders: &HashMap<&str, Vec<usize>>,
    planted: &HashMap<&str, Vec<usize>>,
    member: &Member,
) -> bool {
    let on = |found: &HashMap<&str, Vec<usize>>| found.get(member.tenant.schema.as_str()).cloned();
    let (held, planted) = (on(holders).unwrap_or_default(), on(planted).unwrap_or_default());
    !planted.is_empty() && !held.contains(&member.server) && !planted.contains(&member.server)
}

/// The first server whose patterns match the id.
fn by_pattern(fleet: &Fleet, id: &str) -> Option<usize> {
    let matching = |decl: &&ServerDecl| decl.tenants.iter().any(|glob| glob.is_match(id));
    let name = &fleet.manifest.servers.iter().find(matching)?.name;
    fleet.servers.iter().position(|server| server.name.as_ref() == Some(name))
}

impl Answers {
    /// Asks those of `servers` that were not asked yet, side by side.
    pub(super) async fn ask(
        &mut self,
        question: Question<'_>,
        servers: impl IntoIterator<Item = usize>,
    ) {
        let new = servers.into_iter().filter(|server| !self.0.contains_key(server));
        let asked = new.map(async |server| {
            let told = question.ask(server).await;
            (server, told.map_err(|error| Failure::from(&ReconcileError::from(error))))
        });
        let answered = join_all(asked).await;
        self.0.extend(answered);
    }

    fn told(&self) -> impl Iterator<Item = (usize, &Told)> {
        self.0.iter().filter_map(|(server, told)| Some((*server, told.as_ref().ok()?)))
    }

    /// The schemas that hold this tool's record, each with its server.
    pub(super) fn provisioned(&self) -> impl Iterator<Item = (usize, &str)> {
        self.told().flat_map(|(server, told)| {
            told.provisioned.iter().map(move |schema| (server, schema.as_str()))
        })
    }

    /// The schemas with a record that belongs to somebody who is not trusted, each with its server
    /// and that owner.
    pub(super) fn planted(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        self.told().flat_map(|(server, told)| {
            told.planted
                .iter()
                .map(move |(schema, owner)| (server, schema.as_str(), owner.as_str()))
        })
    }

    /// Servers that were asked and could not be.
    pub(super) fn away(&self) -> impl Iterator<Item = (usize, &Failure)> {
        self.0.iter().filter_map(|(server, told)| Some((*server, told.as_ref().err()?)))
    }
}
