//! Whether tenants can be provisioned: a server is available and accepts the manifest.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::acceptance::{Acceptance, NotAccepted, check_manifest, check_server};
use super::current::Current;

/// How long a result is used again.
const CACHED: Duration = Duration::from_secs(1);

/// How long a server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether tenants can be provisioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    Ready,
    /// No server is known to accept the manifest; why the first one is not.
    NotReady(Option<NotAccepted>),
}

/// The last result, when it was found, and for which manifest.
#[derive(Default)]
pub(super) struct ReadinessCache(Mutex<Option<(Instant, Weak<Current>, Readiness)>>);

/// Checks the servers, at most once a second, however many probes come.
pub(super) async fn readiness(cache: &ReadinessCache, current: &Arc<Current>) -> Readiness {
    let mut cached = cache.0.lock().await;
    let of_current = cached.as_ref().filter(|(_, of, _)| of.as_ptr() == Arc::as_ptr(current));
    let before = of_current.map(|(_, _, readiness)| readiness.clone());
    if let Some((at, _, readiness)) = of_current
        && at.elapsed() < CACHED
    {
        return readiness.clone();
    }
    let mut readiness = Readiness::NotReady(None);
    for server in &current.fleet.servers {
        match (check_server(server, TIMEOUT).await, &readiness) {
            (Ok(()), _) => {
                readiness = Readiness::Ready;
                break;
            }
            (Err(refusal), Readiness::NotReady(None)) => {
                readiness = Readiness::NotReady(Some(refusal));
            }
            (Err(_), _) => {}
        }
    }
    // Probes come every few seconds; the same result is logged once.
    if before.as_ref() != Some(&readiness)
        && let Readiness::NotReady(Some(refusal)) = &readiness
    {
        tracing::warn!(
            server = refusal.server,
            code = refusal.error.code,
            error = refusal.error.message,
            hint = refusal.error.hint,
            "not ready"
        );
    }
    *cached = Some((Instant::now(), Arc::downgrade(current), readiness.clone()));
    readiness
}

/// Logs at once what is wrong with the manifest that the service started with.
pub(super) async fn log_manifest_check(current: &Current) {
    let log = |refusal: &NotAccepted| {
        let NotAccepted { server, error, .. } = refusal;
        if refusal.is_unavailable {
            tracing::warn!(
                server,
                code = error.code,
                error = error.message,
                hint = error.hint,
                "a server is unavailable; whether it accepts the manifest is not known"
            );
        } else {
            tracing::error!(
                server,
                code = error.code,
                error = error.message,
                hint = error.hint,
                "the server rejects the manifest: no tenant can be provisioned there"
            );
        }
    };
    match check_manifest(&current.fleet).await {
        Acceptance::Accepted { unavailable } => unavailable.iter().for_each(log),
        Acceptance::Rejected(refusal) => log(&refusal),
        Acceptance::Unknown(refusals) => refusals.iter().for_each(log),
    }
}
