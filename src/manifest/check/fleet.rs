//! Where the tenants are, and whose code in their schemas is trusted.

use globset::{Glob, GlobMatcher};
use indexmap::IndexMap;

use crate::manifest::checking::Checking;
use crate::manifest::model::{Registry, ServerDecl, Tenants, Trust};
use crate::manifest::raw::{self, Name};
use crate::name::{SchemaTemplate, TenantId};

pub(super) fn servers(
    checking: &mut Checking<'_>,
    raw: &IndexMap<Name, raw::Server>,
) -> Vec<ServerDecl> {
    let mut servers = Vec::new();
    for (name, server) in raw {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || !name.chars().all(is_plain) {
            checking.note(&name.span, "a server's name consists of letters, digits, '_', '-', '.'");
        }
        if server.url_env.is_empty() || server.url_env.contains(['=', '\0']) {
            checking.note(&server.url_env.span, "this is no name of an environment variable");
        }
        let (name, url_env) = (name.value.clone(), server.url_env.value.clone());
        let tenants = server.tenants.iter().filter_map(|glob| pattern(checking, glob)).collect();
        servers.push(ServerDecl { name, url_env, tenants });
    }
    servers
}

pub(super) fn tenants(
    checking: &mut Checking<'_>,
    raw: raw::Tenants,
    servers: &[ServerDecl],
) -> Tenants {
    let schema = raw.schema.and_then(|template| {
        let read = SchemaTemplate::new(&template.value);
        checking.noted(&template.span, read)
    });
    let discover = raw.discover.filter(|discover| discover.value);
    let given = [
        raw.query.as_ref().map(|query| &query.span),
        raw.list.as_ref().map(|list| &list.span),
        discover.as_ref().map(|discover| &discover.span),
    ];
    if let Some(second) = given.into_iter().flatten().nth(1) {
        checking.note(second, "give one of query, list and discover");
    }
    if let Some(server) = &raw.registry {
        if !servers.iter().any(|known| known.name == server.value) {
            checking.note(&server.span, format!("{:?} is none of [servers]", server.value));
        }
        if raw.query.is_none() {
            checking.note(&server.span, "only a query can be run on one server for all");
        }
    }
    let registry = if let Some(query) = raw.query {
        if query.trim().is_empty() || query.contains('\0') {
            checking.note(&query.span, "the query is missing");
        }
        Some(Registry::Query(query.value))
    } else if let Some(list) = raw.list {
        let mut ids: Vec<TenantId> = Vec::new();
        for id in &list.value {
            if let Some(read) = checking.noted(&id.span, TenantId::new(&id.value)) {
                if ids.contains(&read) {
                    checking.note(&id.span, format!("tenant {read} is listed twice"));
                }
                ids.push(read);
            }
        }
        Some(Registry::List(ids))
    } else {
        discover.map(|_| Registry::Discovered)
    };
    let registry_server = raw.registry.map(|server| server.value);
    Tenants { registry, registry_server, schema: schema.unwrap_or_default() }
}

pub(super) fn trust(checking: &mut Checking<'_>, raw: &raw::Trust) -> Trust {
    let owners = raw.owners.iter().filter_map(|pattern| self::pattern(checking, pattern));
    Trust { owners: owners.collect() }
}

pub(super) fn pattern(checking: &mut Checking<'_>, pattern: &Name) -> Option<GlobMatcher> {
    match Glob::new(pattern) {
        Ok(glob) => Some(glob.compile_matcher()),
        Err(error) => {
            checking.note(&pattern.span, format!("not a pattern: {}", error.kind()));
            None
        }
    }
}
