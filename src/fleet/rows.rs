//! The rows in the way of steps, over many tenants: those of many are counted in one message.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use serde::Serialize;

use super::difference::Compared;
use super::planned::plan_of;
use super::{Fleet, Member, Seen, Survey};
use crate::causes;
use crate::checksum::Checksum;
use crate::explain::Failure;
use crate::name::TenantId;
use crate::pg::{self, Session, TenantSnapshot};
use crate::plan::Plan;
use crate::precondition::{InTheWay, Need, NotCounted, Precondition, RowsFound};
use crate::reconcile::{self, ApplyOptions, Context, NOT_ASKED};

/// So many tenants are counted in one transaction.
const TOGETHER: usize = 50;

/// Of so many tenants it is told which rows are in the way of a step, of the others how many.
const EXAMPLES: usize = 3;

/// A tenant with steps that rows can make fail.
#[derive(Debug)]
pub(super) struct Due<'m> {
    pub(super) member: &'m Member,
    /// Its position among all.
    pub(super) at: usize,
    pub(super) preconditions: Vec<Precondition>,
    /// Of its plan.
    pub(super) digest: Checksum,
    pub(super) is_exposed: bool,
}

impl<'m> Due<'m> {
    /// The tenant, if the steps of its plan meet rows.
    pub(super) fn of(
        (at, member): (usize, &'m Member),
        snapshot: &TenantSnapshot<'_>,
        plan: Plan,
    ) -> Option<Self> {
        let (digest, is_exposed) = (plan.digest(), snapshot.is_exposed);
        let preconditions = plan.preconditions;
        let is_due = !preconditions.is_empty();
        is_due.then_some(Self { member, at, preconditions, digest, is_exposed })
    }
}

/// The tenants whose rows are to be counted, of those for whose position `is_open` holds. Plans of one shape have steps of the
/// same kinds, so that where those of one meet no rows, no other is made.
pub(super) fn due<'m>(
    fleet: &Fleet,
    members: &'m [Member],
    (survey, compared): (&Survey<'_>, &[Option<Compared>]),
    is_open: impl Fn(usize) -> bool,
) -> Vec<Due<'m>> {
    // By the address of the shape's difference.
    let mut meet_no_rows: HashSet<usize> = HashSet::new();
    let mut due = Vec::new();
    let all = members.iter().enumerate().zip(&survey.seen).zip(compared);
    for (((at, member), seen), compared) in all {
        let (Seen::At(snapshot), Some(compared)) = (seen, compared) else { continue };
        let shape = Arc::as_ptr(&compared.difference).addr();
        // A new tenant has none.
        if !is_open(at) || snapshot.present.is_none() || meet_no_rows.contains(&shape) {
            continue;
        }
        if let Ok(plan) = plan_of(fleet, member, &member.tenant, snapshot) {
            let found = Due::of((at, member), snapshot, plan);
            if found.is_none() {
                meet_no_rows.insert(shape);
            }
            due.extend(found);
        }
    }
    due
}

/// Looks for rows in the way of what is to be done; returns the tenants that have such rows, by their position. The others get to know
/// that theirs have been counted.
pub(super) async fn unclean(
    fleet: &Fleet,
    due: &[Due<'_>],
    jobs: usize,
    options: &mut [ApplyOptions],
) -> HashMap<usize, Failure> {
    let mut unclean = HashMap::new();
    for (due, found) in due.iter().zip(count(fleet, due, jobs).await) {
        let Some(server) = fleet.servers.get(due.member.server) else { continue };
        match server.context.row_checks.check(&due.member.tenant, found) {
            Ok(()) => {
                if let Some(options) = options.get_mut(due.at) {
                    options.checked = Some(due.digest);
                }
            }
            Err(error) => _ = unclean.insert(due.at, Failure::from(&error)),
        }
    }
    unclean
}

/// Counts, on `jobs` connections to each server. The results are in the order of `due`.
pub(super) async fn count(fleet: &Fleet, due: &[Due<'_>], jobs: usize) -> Vec<RowsFound> {
    let mut found: Vec<RowsFound> = due.iter().map(|_| RowsFound::default()).collect();
    let servers = fleet.servers.iter().enumerate().map(|(at, server)| {
        let own: Vec<(usize, &Due<'_>)> =
            due.iter().enumerate().filter(|(_, due)| due.member.server == at).collect();
        async move { count_on(&server.context, own, jobs).await }
    });
    for (at, rows) in join_all(servers).await.into_iter().flatten() {
        if let Some(place) = found.get_mut(at) {
            *place = rows;
        }
    }
    found
}

async fn count_on(
    context: &Context,
    due: Vec<(usize, &Due<'_>)>,
    jobs: usize,
) -> Vec<(usize, RowsFound)> {
    let parts: Mutex<VecDeque<&[(usize, &Due<'_>)]>> = Mutex::new(due.chunks(TOGETHER).collect());
    let workers = (0..jobs.max(1)).map(|_| async {
        let mut connection: Option<Session> = None;
        let mut all: Vec<(usize, RowsFound)> = Vec::new();
        loop {
            let next = parts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(part) = next else { break };
            all.extend(count_part(&mut connection, context, part).await);
        }
        if let Some(session) = connection {
            session.close().await;
        }
        all
    });
    join_all(workers).await.into_iter().flatten().collect()
}

async fn count_part(
    connection: &mut Option<Session>,
    context: &Context,
    part: &[(usize, &Due<'_>)],
) -> Vec<(usize, RowsFound)> {
    let uncounted = |due: &Due<'_>, why: &str| RowsFound::uncounted(&due.preconditions, why);
    let Some(within) = context.row_checks.limit else {
        return part.iter().map(|(at, due)| (*at, uncounted(due, NOT_ASKED))).collect();
    };
    let (alone, together): (Vec<_>, Vec<_>) = part.iter().partition(|(_, due)| due.is_exposed);
    let mut all = Vec::new();
    // Where others could change what is read, it is read again, and locked.
    for &(at, due) in alone {
        let found = match reconcile::count_rows(context, &due.member.tenant).await {
            Ok(found) => found,
            Err(error) => uncounted(due, &causes::chain(&error)),
        };
        all.push((at, found));
    }
    if together.is_empty() {
        return all;
    }
    let session = match connection {
        Some(session) => Ok(session),
        None => Session::open(&context.target).await.map(|session| connection.insert(session)),
    };
    let preconditions: Vec<&[Precondition]> =
        together.iter().map(|(_, due)| due.preconditions.as_slice()).collect();
    let counted = match session {
        Ok(session) => pg::count_rows(session, &preconditions, context.limits, within).await,
        Err(error) => Err(error),
    };
    match counted {
        Ok(found) => all.extend(together.iter().map(|(at, _)| *at).zip(found)),
        Err(error) => {
            *connection = None;
            let why = causes::chain(&error);
            all.extend(together.iter().map(|(at, due)| (*at, uncounted(due, &why))));
        }
    }
    all
}

/// Rows in the way of the same step in a number of tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowsInTheWay {
    #[serde(flatten)]
    pub need: Need,
    pub tenants: Vec<TenantId>,
    /// In the tenant with the fewest of them.
    pub fewest: u64,
    pub most: u64,
    /// A few of the tenants.
    pub examples: Vec<Example>,
}

/// The rows in the way in one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    pub tenant: TenantId,
    pub count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// That rows were not counted, for the same reason in a number of tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowsNotCounted {
    #[serde(flatten)]
    pub what: NotCounted,
    pub tenants: Vec<TenantId>,
}

/// What was found, by step, first what concerns most tenants.
pub(super) async fn by_step(
    fleet: &Fleet,
    due: &[Due<'_>],
    mut found: Vec<RowsFound>,
) -> (Vec<RowsInTheWay>, Vec<RowsNotCounted>) {
    identify(fleet, due, &mut found).await;
    let mut ways: BTreeMap<Need, RowsInTheWay> = BTreeMap::new();
    let mut uncounted: BTreeMap<NotCounted, Vec<TenantId>> = BTreeMap::new();
    for (due, found) in due.iter().zip(found) {
        let tenant = &due.member.tenant.id;
        for InTheWay { need, count, keys, query } in found.rows_in_the_way {
            let new = || RowsInTheWay {
                need: need.clone(),
                tenants: Vec::new(),
                fewest: count,
                most: count,
                examples: Vec::new(),
            };
            let way = ways.entry(need.clone()).or_insert_with(new);
            way.tenants.push(tenant.clone());
            way.fewest = way.fewest.min(count);
            way.most = way.most.max(count);
            if way.examples.len() < EXAMPLES {
                way.examples.push(Example { tenant: tenant.clone(), count, keys, query });
            }
        }
        for what in found.not_counted {
            uncounted.entry(what).or_default().push(tenant.clone());
        }
    }
    let mut ways: Vec<RowsInTheWay> = ways.into_values().collect();
    ways.sort_by_key(|way| std::cmp::Reverse(way.tenants.len()));
    let uncounted = uncounted.into_iter();
    let uncounted = uncounted.map(|(what, tenants)| RowsNotCounted { what, tenants });
    (ways, uncounted.collect())
}

/// Finds out which rows these are in the first few tenants for each step.
async fn identify(fleet: &Fleet, due: &[Due<'_>], found: &mut [RowsFound]) {
    let mut shown: HashMap<Need, usize> = HashMap::new();
    let mut sessions: HashMap<usize, Session> = HashMap::new();
    for (due, found) in due.iter().zip(found) {
        let mut is_example = false;
        for way in &found.rows_in_the_way {
            let count = shown.entry(way.need.clone()).or_default();
            *count += 1;
            is_example |= *count <= EXAMPLES;
        }
        if !is_example || due.is_exposed {
            continue;
        }
        let Some(server) = fleet.servers.get(due.member.server) else { continue };
        let session = match sessions.remove(&due.member.server) {
            Some(session) => Ok(session),
            None => Session::open(&server.context.target).await,
        };
        if let Ok(mut session) = session {
            let limits = server.context.limits;
            // Without it, only the keys are not told.
            let done = pg::identify_rows(&mut session, &due.preconditions, found, limits).await;
            if done.is_ok() {
                sessions.insert(due.member.server, session);
            }
        }
    }
    for session in sessions.into_values() {
        session.close().await;
    }
}
