//! What is found in each tenant: many are read by a few statements.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;

use super::{Fleet, Member, Server};
use crate::explain::{Explain as _, Failure};
use crate::manifest::Manifest;
use crate::obstacle::Obstacle;
use crate::pg::{self, PgError, Session, Subject, TenantSnapshot};
use crate::reconcile::{Context, ReconcileError};

/// So many tenants are read in one transaction. Larger parts are hardly faster, and one tenant's
/// failure affects more others.
const TOGETHER: usize = 200;

/// So many relations may be locked in one transaction. To print a query, the server locks what it reads, and keeps the locks
/// until the transaction ends; in the default configuration, all sessions together can hold 6,400.
const LOCKED: usize = 1_000;

/// How many tenants of this manifest are read in one transaction.
fn together(manifest: &Manifest) -> usize {
    let locked = manifest.relations_locked_for_printing();
    LOCKED.checked_div(locked).map_or(TOGETHER, |count| count.clamp(1, TOGETHER))
}

/// A backend caches the tables that it has opened; after so many tenants its connection is replaced.
const PER_CONNECTION: usize = 1_000;

/// What was found of one tenant.
#[derive(Debug)]
pub enum Seen<'f> {
    At(Box<TenantSnapshot<'f>>),
    /// It could not be read or compared.
    Failed(Failure),
}

/// What was found of all members of a roster, in their order.
#[derive(Debug, Default)]
pub struct Survey<'f> {
    pub seen: Vec<Seen<'f>>,
}

/// Surveys all `members`, on `jobs` connections to each server, all servers concurrently. `progress`
/// is called with how many more have been surveyed.
pub async fn survey<'f>(
    fleet: &'f Fleet,
    members: &[Member],
    jobs: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Survey<'f> {
    let of_server = |at: usize| -> Vec<&Member> {
        members.iter().filter(|member| member.server == at).collect()
    };
    let surveys = fleet.servers.iter().enumerate().map(|(at, server)| {
        let members = of_server(at);
        async move { survey_server(server, &members, jobs, progress).await }
    });
    let mut by_server: Vec<_> = join_all(surveys).await.into_iter().map(Vec::into_iter).collect();
    let in_order = members.iter().map(|member| {
        let next = by_server.get_mut(member.server).and_then(Iterator::next);
        next.unwrap_or_else(|| Seen::Failed(unknown_server()))
    });
    Survey { seen: in_order.collect() }
}

fn unknown_server() -> Failure {
    let message = "the tenant's server is none of the fleet".to_owned();
    Failure { code: "unreachable", message, hint: None, sqlstate: None }
}

async fn survey_server<'f>(
    server: &'f Server,
    members: &[&Member],
    jobs: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Seen<'f>> {
    let context = &server.context;
    let parts: Mutex<VecDeque<(usize, &[&Member])>> =
        Mutex::new(members.chunks(together(&context.manifest)).enumerate().collect());
    let lost: Mutex<Option<Failure>> = Mutex::new(None);
    let workers = (0..jobs.max(1)).map(|_| async {
        let mut seen: Vec<(usize, Vec<Seen<'f>>)> = Vec::new();
        let mut connection: Option<Session> = None;
        let mut on_connection = 0;
        loop {
            let next = parts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((at, part)) = next else { break };
            if on_connection >= PER_CONNECTION
                && let Some(session) = connection.take()
            {
                session.close().await;
                on_connection = 0;
            }
            on_connection += part.len();
            // Without the server, the others cannot be read either.
            let known = lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let failure = match known {
                Some(failure) => failure,
                None => match survey_part(&mut connection, context, part).await {
                    Ok(found) => {
                        seen.push((at, found));
                        progress(part.len());
                        continue;
                    }
                    Err(error) => Failure::from(&error),
                },
            };
            *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
            seen.push((at, part.iter().map(|_| Seen::Failed(failure.clone())).collect()));
            progress(part.len());
        }
        if let Some(session) = connection {
            session.close().await;
        }
        seen
    });
    let mut seen: Vec<_> = join_all(workers).await.into_iter().flatten().collect();
    seen.sort_by_key(|(at, _)| *at);
    seen.into_iter().flat_map(|(_, part)| part).collect()
}

/// Surveys some; when that fails because of one of them, one half after the other.
///
/// # Errors
/// When the server cannot be reached, or refuses the manifest.
async fn survey_part<'f>(
    connection: &mut Option<Session>,
    context: &'f Context,
    members: &[&Member],
) -> Result<Vec<Seen<'f>>, ReconcileError> {
    let mut attempts = 0;
    let error = loop {
        attempts += 1;
        match try_survey(connection, context, members).await {
            Ok(found) => return Ok(found),
            Err(ReconcileError::Pg(error)) => {
                let is_lost = error.is_lost();
                if is_lost {
                    *connection = None;
                }
                let may_succeed = is_lost || is_short_lived(&error);
                if !may_succeed || attempts >= context.retry.attempts.min(3) {
                    break error;
                }
                tracing::warn!(error = crate::causes::chain(&error), "surveying again");
                tokio::time::sleep(context.retry.pause(attempts)).await;
            }
            Err(error) => return Err(error),
        }
    };
    if error.is_lost() || matches!(error, PgError::Connect { .. } | PgError::Setting { .. }) {
        return Err(error.into());
    }
    if let [_] = members {
        return Ok(vec![Seen::Failed(Failure::from(&ReconcileError::from(error)))]);
    }
    let (first, second) = members.split_at(members.len() / 2);
    let mut seen = Box::pin(survey_part(connection, context, first)).await?;
    seen.extend(Box::pin(survey_part(connection, context, second)).await?);
    Ok(seen)
}

/// Whether trying again soon may succeed: a schema was changed or dropped while it was read. That does
/// not hold for a lock of another session, for which the other tenants should not wait again.
fn is_short_lived(error: &PgError) -> bool {
    matches!(error, PgError::Answer { .. })
        || error.is_transient() && error.sqlstate() != Some("55P03")
}

async fn try_survey<'f>(
    connection: &mut Option<Session>,
    context: &'f Context,
    members: &[&Member],
) -> Result<Vec<Seen<'f>>, ReconcileError> {
    let session = match connection {
        Some(session) => session,
        None => connection.insert(Session::open(&context.target).await?),
    };
    context.desired(session).await?;
    let subjects: Vec<Subject<'_>> =
        members.iter().map(|member| (&member.tenant.id, &member.tenant.schema)).collect();
    let (declared, shapes) = (context.declared(), &context.shapes);
    let avoid = |found: &[Obstacle]| context.reasons_not_to_read(found);
    let found = pg::survey(
        session,
        declared,
        shapes,
        &subjects,
        context.limits,
        &context.untrusted_query(),
        &avoid,
    )
    .await?;
    let mut seen = Vec::new();
    for (found, member) in found.into_iter().zip(members) {
        let mut found = context.check_name(&member.tenant).and(found.map_err(Into::into));
        if let Ok(TenantSnapshot { present: Some(present), .. }) = &found {
            let live = (Some(present.fingerprint), Some(&*present.schema));
            match context.find_renames(live).await {
                Err(error @ ReconcileError::BothNames(_)) => found = Err(error),
                other => other?,
            }
        }
        seen.push(match found {
            Ok(snapshot) => Seen::At(Box::new(snapshot)),
            Err(error) => Seen::Failed(Failure::from(&error)),
        });
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    #[test]
    fn few_tenants_with_views_are_read_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schema.toml");
        let tables: String =
            (0..50).map(|n| format!("[tables.t{n}]\ncolumns = {{ id = \"int\" }}\n")).collect();
        let view = "[views.v]\nquery = \"SELECT id FROM t0\"\n";
        let body = "[functions.f]\nreturns = \"int\"\nsql_body = \"RETURN 1\"\n";
        for (more, count) in [("", TOGETHER), (view, 19), (body, 20)] {
            std::fs::write(&path, format!("version = 1\n{tables}{more}")).unwrap();
            assert_eq!(together(&manifest::load(&path).unwrap()), count, "{more}");
        }
        let many: String =
            (0..2_000).map(|n| format!("[views.v{n}]\nquery = \"SELECT 1\"\n")).collect();
        std::fs::write(&path, format!("version = 1\n{many}")).unwrap();
        assert_eq!(together(&manifest::load(&path).unwrap()), 1);
    }
}
